"""Rates, budgets and open jobs of a key, counted by a real Redis in the step that queues the job."""

import asyncio
import datetime as dt

import pytest

from app.errors import BudgetSpent, RateLimited, RateUsedUp
from app.messages import JobMessage, JobRecord
from app.tenants.allowance import spent_key
from app.tenants.tenant import Limits, Tenant
from models.interface import GenerationRequest

COST = 64.0


def message(num_images=1, tenant="acme"):
    """A job of so many images."""
    request = GenerationRequest(prompt="a fox", width=8, height=8, num_images=num_images, seed=1)
    return JobMessage(model="card", request=request, tenant=tenant)


def caller(**limits):
    """A tenant whose key has limits."""
    return Tenant(name="acme", key_id="key_1", limits=Limits(**limits))


async def submit(job_queue, by, num_images=1, **options):
    """Queue a job in the name of a caller."""
    return await job_queue.submit(
        message(num_images), batch_key="x", cost=COST, caller=by, max_open=by.limits.max_open_jobs, **options
    )


async def outcomes(job_queue, by, count):
    """Submit at once, and tell how many were accepted."""
    asked = (submit(job_queue, by) for _ in range(count))
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, JobRecord | RateLimited) for result in results)
    return sum(isinstance(result, JobRecord) for result in results)


async def test_a_minute_of_requests_and_no_more(job_queue):
    """The allowance of a minute may be used at once; then one more fits when its share of the minute has passed."""
    by = caller(requests_per_minute=3)
    assert await outcomes(job_queue, by, 10) == 3
    with pytest.raises(RateUsedUp, match="3 requests a minute") as refused:
        await submit(job_queue, by)
    assert 18 <= refused.value.retry_after_seconds <= 20
    assert (by.rates["requests"].remaining, 55 < by.rates["requests"].reset_seconds <= 60) == (0, True)


async def test_the_allowance_comes_back_evenly(job_queue, async_client):
    """Half a minute gives half of it."""
    by = caller(requests_per_minute=60)
    await submit(job_queue, by)
    assert by.rates["requests"].remaining == 59
    full_at = float(await async_client.get("easel:rate:key_1:requests"))
    await async_client.set("easel:rate:key_1:requests", full_at - 1 + 30)
    await submit(job_queue, by)
    assert by.rates["requests"].remaining == 29


async def test_images_are_counted_one_by_one(job_queue):
    """A job of three images takes three; what does not fit is refused and takes nothing."""
    by = caller(images_per_minute=4, requests_per_minute=10)
    await submit(job_queue, by, 3)
    with pytest.raises(RateUsedUp, match="4 images a minute"):
        await submit(job_queue, by, 2)
    assert (by.rates["images"].remaining, by.rates["requests"].remaining) == (1, 9)
    await submit(job_queue, by, 1)
    assert by.rates["images"].remaining == 0


async def test_a_rate_leaves_nothing_behind(job_queue, async_client):
    """A bucket is gone when it is full again."""
    await submit(job_queue, caller(requests_per_minute=3))
    assert 0 < await async_client.ttl("easel:rate:key_1:requests") <= 20


async def test_a_repeated_request_is_counted_once(job_queue):
    """An idempotency key that finds its job takes nothing more."""
    by = caller(requests_per_minute=2, monthly_budget=int(COST))
    first, again = [await submit(job_queue, by, idempotency_key="k") for _ in range(2)]
    assert first.id == again.id
    assert by.rates["requests"].remaining == 1


async def spent(async_client):
    """What the key has spent."""
    return float(await async_client.get(spent_key("key_1", dt.datetime.now(dt.UTC))) or 0)


async def test_a_budget_is_charged_when_a_job_is_accepted(job_queue, async_client):
    """At once or one by one, a budget for three jobs takes three, and says until when to wait."""
    by = caller(monthly_budget=int(3 * COST))
    assert await outcomes(job_queue, by, 10) == 3
    assert await spent(async_client) == 3 * COST
    with pytest.raises(BudgetSpent, match="this costs 64 pixel-steps; 192 of this month's 192 are spent") as refused:
        await submit(job_queue, by)
    assert 0 < refused.value.retry_after_seconds <= 31 * 86_400


async def test_a_canceled_job_is_given_back_once(job_queue, async_client):
    """What was not drawn is not paid for."""
    by = caller(monthly_budget=int(COST))
    job = await submit(job_queue, by)
    for _ in range(2):
        await job_queue.cancel(job.id)
    assert await spent(async_client) == 0
    await submit(job_queue, by)


async def test_a_refused_job_is_not_charged(job_queue, async_client):
    """Budget, rate and open jobs are taken together or not at all."""
    by = caller(monthly_budget=1000, max_open_jobs=1, requests_per_minute=10)
    assert await outcomes(job_queue, by, 5) == 1
    assert await spent(async_client) == COST
    assert by.rates["requests"].remaining == 9
