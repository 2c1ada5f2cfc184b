"""Gateway and Redis on one host, two workers on another, S3 on a third; hosts are cut off for a while and come back.

Usage, as root: python -m benchmarks.separate_hosts [--jobs 400] [--cut-seconds 30]

Hosts are network namespaces on a bridge, so nothing but packets can fail, and loopback reaches nobody else. Every job
that was accepted must end with an image that can be fetched and has the recorded digest.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.processes import ROOT, wait_until
from tests.s3server import running_s3_server

BRIDGE, CLIENT = "easel-br", "10.231.0.254"
ADDRESSES = {"front": "10.231.0.1", "draw": "10.231.0.2", "store": "10.231.0.3"}
REDIS_PORT, GATEWAY_PORT = 6379, 8000
WORKERS = 2
CATALOG = 'default = "card"\n[models.card]\nfamily = "testcard"\nmax_batch_size = 4\nseconds_per_batch = 0.3\n'


def main() -> None:
    """Set the hosts up, cut each of the last two off in turn, and say what became of the jobs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--cut-seconds", type=float, default=30)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.store:
        serve_s3(wanted.store)
        return
    with tempfile.TemporaryDirectory(prefix="easel-hosts-") as folder, hosts(), service(Path(folder)) as url:
        for name in ("draw", "store"):
            report(name, url, wanted.jobs, wanted.cut_seconds)


def report(name: str, url: str, count: int, cut_seconds: float) -> None:
    """Submit jobs, cut a host off while they are drawn, and check each of them."""
    with httpx.Client(base_url=url, timeout=90) as client:
        started = time.monotonic()
        ids = [
            client.post("/v1/jobs", json={"prompt": f"fox {seed}", "seed": seed}).json()["id"] for seed in range(count)
        ]
        time.sleep(2)
        on_host(None, "ip", "link", "set", f"easel-{name}", "down")
        time.sleep(cut_seconds)
        on_host(None, "ip", "link", "set", f"easel-{name}", "up")
        back = time.monotonic()
        jobs = [ended(client, job_id) for job_id in ids]
    good = sum(is_whole(job) for job in jobs)
    print(
        f"host `{name}` cut off for {cut_seconds:.0f} s: {count} accepted, "
        f"{sum(job['status'] == 'succeeded' for job in jobs)} succeeded, {good} images whole, "
        f"{sum(job['attempts'] > 1 for job in jobs)} drawn again, "
        f"all ended {time.monotonic() - back:.1f} s after its return, {time.monotonic() - started:.1f} s in all",
        flush=True,
    )


def ended(client: httpx.Client, job_id: str) -> dict:
    """Wait for a job's end."""
    while True:
        job = client.get(f"/v1/jobs/{job_id}", headers={"prefer": "wait=60"}).json()
        if job["status"] not in {"queued", "running"}:
            return job


def is_whole(job: dict) -> bool:
    """Whether the job's image is there and is the recorded one."""
    return all(hashlib.sha256(httpx.get(i["url"]).content).hexdigest() == i["sha256"] for i in job["images"])


@contextlib.contextmanager
def hosts() -> Iterator[None]:
    """Make a namespace for each host, joined by a bridge on which this process has an address too."""
    on_host(None, "ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        on_host(None, "ip", "address", "add", f"{CLIENT}/24", "dev", BRIDGE)
        on_host(None, "ip", "link", "set", BRIDGE, "up")
        for name, address in ADDRESSES.items():
            outside = f"easel-{name}"
            on_host(None, "ip", "netns", "add", outside)
            on_host(None, "ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", outside)
            on_host(None, "ip", "link", "set", outside, "master", BRIDGE, "up")
            on_host(name, "ip", "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                on_host(name, "ip", "link", "set", device, "up")
        yield
    finally:
        for name in ADDRESSES:
            subprocess.run(["ip", "netns", "delete", f"easel-{name}"], check=False, stderr=subprocess.DEVNULL)
        on_host(None, "ip", "link", "delete", BRIDGE)


@contextlib.contextmanager
def service(folder: Path) -> Iterator[str]:
    """Run everything on its host and give the gateway's address."""
    (folder / "models.toml").write_text(CATALOG)
    (folder / "s3").mkdir()
    with contextlib.ExitStack() as stack:
        run = lambda host, *command, **more: stack.enter_context(running(host, command, folder, **more))  # noqa: E731
        store = run("store", sys.executable, "-m", "benchmarks.separate_hosts", "--store", str(folder / "s3"))
        s3_url = store.stdout.readline().strip()
        redis = ["redis-server", "--bind", ADDRESSES["front"], "--port", str(REDIS_PORT), "--protected-mode", "no"]
        run("front", *redis, "--appendonly", "yes", "--dir", str(folder))
        settings = {
            "EASEL_REDIS_URL": f"redis://{ADDRESSES['front']}:{REDIS_PORT}/0",
            "EASEL_MODELS_FILE": str(folder / "models.toml"),
            "EASEL_STORAGE": "s3",
            "EASEL_S3_BUCKET": "images",
            "EASEL_S3_CREATE_BUCKET": "true",
            "EASEL_S3_ENDPOINT_URL": s3_url,
            "EASEL_S3_PATH_STYLE": "true",
            "EASEL_S3_ACCESS_KEY_ID": "test-access-key",
            "EASEL_S3_SECRET_ACCESS_KEY": "test-secret-key",
            "EASEL_ACCESS": "open",
            "EASEL_HOST": ADDRESSES["front"],
        }
        run("front", sys.executable, "-m", "app", "gateway", **settings, EASEL_DATA_DIR=str(folder / "front"))
        for index in range(WORKERS):
            run("draw", sys.executable, "-m", "workers", **settings, EASEL_DATA_DIR=str(folder / f"draw-{index}"))
        url = f"http://{ADDRESSES['front']}:{GATEWAY_PORT}"
        wait_until(lambda: is_ready(url), 90)
        yield url


@contextlib.contextmanager
def running(host: str, command: tuple[str, ...], folder: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """Run a process on a host; it ends when its standard input does, or by a signal."""
    inside = ["ip", "netns", "exec", f"easel-{host}", *command]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            inside,
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(90)


def is_ready(url: str) -> bool:
    """Whether the service can draw."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz").is_success
    return False


def serve_s3(folder: Path) -> None:
    """Run the S3 server on this host until standard input ends; print its address first."""
    with running_s3_server(folder, ADDRESSES["store"]) as server:
        print(server.endpoint_url, flush=True)
        sys.stdin.read()


def on_host(name: str | None, *command: str) -> None:
    """Run a command on a host, or outside of all."""
    subprocess.run([*(["ip", "netns", "exec", f"easel-{name}"] if name else []), *command], check=True)


if __name__ == "__main__":
    main()
