"""Strike from the command line and print the ledger: `python -m tests.system.faults kill --jobs 500 --seed 3`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

from tests.system.faults.run import KINDS, possible, run_faults
from tests.system.faults.service import Plan


def main() -> None:
    """Run once for each seed; the exit code is 1 if a ledger does not hold."""
    options = parse()
    plan = Plan(
        num_gateways=options.gateways,
        storage=options.storage,
        lease_seconds=options.lease,
        redis_executable=options.redis,
        small_disk=options.small_disk,
    )
    kinds = possible(plan) if options.faults == ["all"] else options.faults
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {plan}")  # noqa: T201
    ledgers = []
    for seed in options.seed:
        started = time.monotonic()
        ledger = asyncio.run(
            run_faults(
                kinds,
                num_jobs=options.jobs,
                seed=seed,
                jobs_per_second=options.rate,
                strike_every_seconds=options.every,
                plan=plan,
                keep=options.keep,
            )
        )
        print(f"{' '.join(kinds)}, {time.monotonic() - started:.0f} s, {ledger}", flush=True)  # noqa: T201
        ledgers.append(ledger)
    sys.exit(not all(ledger.holds for ledger in ledgers))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("faults", nargs="+", choices=["all", *KINDS], metavar="FAULT", help=", ".join(["all", *KINDS]))
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--rate", type=float, default=25, help="jobs per second")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between strikes")
    parser.add_argument("--lease", type=float, default=2.0, help="seconds")
    parser.add_argument("--gateways", type=int, default=0, help="0: straight into the queue")
    parser.add_argument("--storage", choices=["file", "s3"], default="file", help="s3: a real one, Ceph's radosgw")
    parser.add_argument("--small-disk", action="store_true", help="a disk for the images alone; needs root")
    parser.add_argument("--redis", default=None, help="another redis-server")
    parser.add_argument("--keep", action="store_true", help="keep the folder with everybody's logs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
