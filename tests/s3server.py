"""A real S3 server for tests: Ceph's radosgw over one monitor and one OSD in memory, on loopback.

It checks signatures, expiry and clock as AWS does, which the usual imitations do not.
"""

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.processes import make_certificate

PROGRAMS = (
    "ceph-mon",
    "ceph-osd",
    "radosgw",
    "radosgw-admin",
    "ceph-authtool",
    "monmaptool",
    "ceph",
    "setpriv",
    "openssl",
)
START_SECONDS = 20
MEMORY_BYTES = 1 << 30

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
ms bind port min = {osd_port}
ms bind port max = {last_osd_port}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
paxos propose interval = 0.02
paxos min wait = 0.01
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
crash dir = {folder}
keyring = {folder}/keyring
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = {memory_bytes}
[client.rgw]
rgw frontends = beast endpoint={address}:{s3_port} ssl_endpoint={address}:{tls_port} ssl_certificate={folder}/tls.pem
rgw data = {folder}/rgw
rgw thread pool size = 32
rgw num rados handles = 1
rgw run sync thread = false
rgw num control oids = 1
rgw gc max objs = 1
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = test-key=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
rgw lc debug interval = 1
rgw lc max objs = 1
rgw override bucket index max shards = 1
"""


@dataclass(frozen=True)
class S3Server:
    """Where the server is, who may use it, and the processes behind it by name (`mon`, `osd`, `rgw`)."""

    folder: Path
    endpoint_url: str
    tls_url: str
    access_key_id: str = "test-access-key"
    secret_access_key: str = "test-secret-key"
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def client(self) -> Any:
        """Reach the server past the code under test."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def make_user(self, *, max_objects: int) -> str:
        """Make a user who may store so many objects; the name is access key and secret, too."""
        name = f"user-{uuid.uuid4().hex}"
        self.administer("user", "create", "--display-name=user", *_credentials(name, name, name))
        self.administer("quota", "set", "--quota-scope=user", f"--uid={name}", f"--max-objects={max_objects}")
        self.administer("quota", "enable", "--quota-scope=user", f"--uid={name}")
        return name

    def start_gateway(self) -> None:
        """Start the process that speaks S3, for the first time or after it was killed."""
        command = ["radosgw", *_configured(self.folder), "-n", "client.rgw", "-f"]
        self.processes["rgw"] = _spawn(self.folder, *command)
        _wait_for_answer(self.endpoint_url)

    def administer(self, *arguments: str) -> None:
        """Run one of the server's own administrative commands."""
        _run("radosgw-admin", *_configured(self.folder), "-n", "client.rgw", *arguments)


def missing_programs() -> list[str]:
    """Name the programs that would have to be installed first."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextlib.contextmanager
def running_s3_server(folder: Path, address: str = "127.0.0.1") -> Iterator[S3Server]:
    """Start a server that keeps nothing on disk but its logs, and stop it at the end, whatever happens."""
    mon_port, osd_port, s3_port, tls_port = _free_ports()
    _write_configuration(folder, address, mon_port=mon_port, osd_port=osd_port, s3_port=s3_port, tls_port=tls_port)
    make_certificate(address, folder / "tls.pem", folder / "tls.pem")
    server = S3Server(folder, f"http://{address}:{s3_port}", f"https://{address}:{tls_port}")
    try:
        _start_monitor(server, mon_port)
        _start_osd(server)
        server.start_gateway()
        credentials = _credentials("test", server.access_key_id, server.secret_access_key)
        server.administer("user", "create", "--display-name=test", *credentials)
        yield server
    finally:
        for process in reversed(server.processes.values()):  # the gateway first: it waits for the others
            process.kill()
            process.wait()


def _start_monitor(server: S3Server, port: int) -> None:
    folder = server.folder
    keyring, monmap = f"{folder}/keyring", f"{folder}/monmap"
    allow = ["--cap", "mon", "allow *"]
    _run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", *allow)
    _run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *allow, "--cap", "osd", "allow *")
    fsid = _fsid(folder)
    _run("monmaptool", "--create", "--clobber", "--addv", "a", f"v1:127.0.0.1:{port}", "--fsid", fsid, monmap)
    mon = ["ceph-mon", *_configured(folder), "-i", "a"]
    _run(*mon, "--mkfs", "--monmap", monmap, "--keyring", keyring)
    server.processes["mon"] = _spawn(folder, *mon, "-f")


def _start_osd(server: S3Server) -> None:
    """Place the OSD by hand: doing so itself, it sometimes asks before it knows the cluster's id, and gives up."""
    folder, identity = server.folder, str(uuid.uuid4())
    command = ["ceph", *_configured(folder), "--connect-timeout", str(START_SECONDS), "osd"]
    _run(*command, "new", identity)
    _run(*command, "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
    osd = ["ceph-osd", *_configured(folder), "-i", "0"]
    _run(*osd, "--mkfs", "--osd-uuid", identity)
    server.processes["osd"] = _spawn(folder, *osd, "-f")


def _credentials(user: str, access_key_id: str, secret_access_key: str) -> list[str]:
    return [f"--uid={user}", f"--access-key={access_key_id}", f"--secret-key={secret_access_key}"]


def _write_configuration(folder: Path, address: str, **ports: int) -> None:
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    text = CONFIGURATION.format(
        fsid=uuid.uuid4(),
        folder=folder,
        address=address,
        memory_bytes=MEMORY_BYTES,
        last_osd_port=ports["osd_port"] + 20,
        **ports,
    )
    (folder / "ceph.conf").write_text(text)


def _fsid(folder: Path) -> str:
    lines = (folder / "ceph.conf").read_text().splitlines()
    return next(line.removeprefix("fsid = ") for line in lines if line.startswith("fsid"))


def _configured(folder: Path) -> list[str]:
    return ["-c", f"{folder}/ceph.conf"]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def _spawn(folder: Path, *command: str) -> subprocess.Popen:
    """Start a daemon that the kernel kills when this process ends, even by SIGKILL."""
    with (folder / f"{command[0]}.out").open("wb") as output:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=output, stderr=output)


def _wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"no answer from {url} within {START_SECONDS} s")


def _free_ports() -> tuple[int, ...]:
    """Find four ports that nobody listens on; the OSD takes a few above its own."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        return tuple(s.getsockname()[1] for s in sockets)
