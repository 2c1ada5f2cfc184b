"""Estimates in answers: in a job, and in Retry-After, whether it tells when to look or when to try again."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import Response

from app.api.answers import Job, LinkSigner, job_answer
from app.api.dependencies import Gateway
from app.errors import BudgetSpent, QueueFull, RateLimited, RateUsedUp
from app.estimates import whole_seconds
from app.forecasts import Forecasts
from app.messages import JobRecord


async def job_with_estimate(gateway: Gateway, record: JobRecord, links: LinkSigner, response: Response) -> Job:
    """Show a record to its owner with its estimate, and say in Retry-After when it is worth looking again."""
    estimate = await gateway.forecasts.of_job(record)
    if estimate:
        response.headers["Retry-After"] = str(whole_seconds(estimate.seconds_to_finish.p50))
    return job_answer(record, links, estimate)


@contextlib.asynccontextmanager
async def telling_when_to_return(forecasts: Forecasts, model: str) -> AsyncIterator[None]:
    """Let a refusal for want of room say when there will be some, if that can be told."""
    try:
        yield
    except (RateUsedUp, BudgetSpent):
        raise  # they know by themselves
    except (QueueFull, RateLimited) as error:
        error.retry_after_seconds = await forecasts.retry_after(model) or error.retry_after_seconds
        raise
