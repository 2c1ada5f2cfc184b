"""The worker's share of a job's trace: waiting, drawing and storing, recorded when the job has ended."""

from __future__ import annotations

import time

from app.tracing import context_of, record_span, unix_time
from workers.claims import Ending


def record_job(ending: Ending) -> None:
    """Record a job from its submission until now, as a part of its request's trace."""
    job, outcome = ending.job, ending.outcome
    if job.message.traceparent is None:
        return
    claimed, now = unix_time(job.claimed_at), time.time()
    submitted = claimed - job.waited_seconds
    whole = record_span(
        "job",
        submitted,
        now,
        context_of({"traceparent": job.message.traceparent}),
        **{
            "easel.job_id": job.id,
            "easel.model": job.model,
            "easel.error": outcome.error.code if outcome.error else "",
        },
    )
    record_span("wait", submitted, claimed, whole)
    if outcome.timings:
        drawn = min(claimed + outcome.timings.generation_seconds, now)
        record_span("draw", claimed, drawn, whole, **{"easel.batch_size": outcome.timings.batch_size})
        record_span("store", drawn, now, whole, **{"easel.images": len(outcome.images)})
