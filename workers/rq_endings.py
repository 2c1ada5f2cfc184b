"""Ends a job through RQ's own code: for retries, callbacks, webhooks, repeats, rate limits and dependents."""

from __future__ import annotations

from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from app.job_watch import ENDED_CHANNEL
from workers.claims import Ending


class JobFailed(Exception):
    """What RQ's code is told of a failure; the outcome holds the reason."""


def end_with_rq(worker: BaseWorker, ending: Ending) -> None:
    """Record an outcome that `commit.lua` left to RQ.

    Raises:
        rq.exceptions.NoSuchJobError: the job is gone.
        redis.exceptions.RedisError: Redis does not answer.
    """
    job_id, execution_id = ending.job.execution.split(":")
    job = Job.fetch(job_id, connection=worker.connection, serializer=JSONSerializer)
    queue = next(queue for queue in worker.queues if queue.name == ending.job.queue)
    execution = Execution(execution_id, job_id, worker.connection, worker_name=worker.name)
    worker.connection.hset(job.key, "outcome", ending.outcome.model_dump_json())
    if ending.outcome.error:
        error = JobFailed(ending.outcome.error.code)
        worker._finalize_failure(job, queue, execution, (JobFailed, error, None))  # noqa: SLF001 - there is no other door
    else:
        worker._finalize_success(job, queue, execution, ending.outcome.model_dump(mode="json"))  # noqa: SLF001
    worker.connection.publish(ENDED_CHANNEL, job_id)
