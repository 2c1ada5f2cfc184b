"""A worker whose bucket hangs goes on drawing, stores all when the bucket is back, and draws nothing again."""

import asyncio
import hashlib
import signal

import pytest

from tests.processes import wait_until
from tests.workers.test_worker import ended, statuses, submit

pytestmark = [pytest.mark.s3, pytest.mark.timeout(180)]


async def test_images_outlive_a_bucket_that_hangs(job_queue, start_worker, s3_server, s3_settings, tmp_path):
    """Three batches wait on disk meanwhile; then each object is in the bucket as its job says."""
    changes = {name: getattr(s3_settings, name) for name in s3_settings.model_fields_set if "key" not in name}
    start_worker(
        **changes,
        s3_timeout_seconds=1.0,
        environment={
            "EASEL_S3_ACCESS_KEY_ID": s3_server.access_key_id,
            "EASEL_S3_SECRET_ACCESS_KEY": s3_server.secret_access_key,
            "TEST_BATCHES": str(tmp_path / "batches"),
        },
    )
    s3_server.processes["rgw"].send_signal(signal.SIGSTOP)
    try:
        jobs = await submit(job_queue, *["fox"] * 24)
        await asyncio.to_thread(wait_until, lambda: len(list((tmp_path / "spool").glob("job_*"))) == 24, 60)
    finally:
        s3_server.processes["rgw"].send_signal(signal.SIGCONT)
    done = await ended(job_queue, jobs, 60)
    assert set(statuses(done)) == {"succeeded"}
    drawn = [word for line in (tmp_path / "batches").read_text().splitlines() for word in line.split()[1:]]
    assert sorted(drawn) == sorted(job.id for job in jobs)
    for (image,) in (job.outcome.images for job in done):
        stored = s3_server.client().get_object(Bucket=s3_settings.s3_bucket, Key=image.key)["Body"].read()
        assert hashlib.sha256(stored).hexdigest() == image.sha256
