"""What a submission takes from its key's limits, as `submit.lua` is asked for it, and what comes of its answer."""

from __future__ import annotations

import calendar
import datetime as dt
import json
import math
from collections.abc import Sequence
from typing import Any

from app.errors import BudgetSpent, RateUsedUp
from app.new_jobs import NewJob
from app.tenants.tenant import Rate, Tenant

_COUNTER_KEPT_SECONDS = 70 * 86_400  # until the month after is over, for those who want to look


def charges(caller: Tenant, jobs: Sequence[NewJob], now: dt.datetime) -> dict[str, Any]:
    """Write down what jobs take: `rates`, and `budget` if the key has one. A batch of ten is ten requests."""
    limits = caller.limits
    num_images = sum(job.message.request.num_images for job in jobs)
    wanted = {"requests": (limits.requests_per_minute, len(jobs)), "images": (limits.images_per_minute, num_images)}
    charged: dict[str, Any] = {
        "rates": [
            {
                "name": name,
                "bucket": f"easel:rate:{caller.key_id}:{name}",
                "per_minute": per_minute,
                "count": count,
            }
            for name, (per_minute, count) in wanted.items()
            if per_minute
        ]
    }
    if limits.monthly_budget:
        counter = spent_key(caller.key_id or "", now)
        charged["budget"] = {"counter": counter, "limit": limits.monthly_budget, "keep_seconds": _COUNTER_KEPT_SECONDS}
    return charged


def spent_key(key_id: str, now: dt.datetime) -> str:
    """Name the counter of what a key has spent in this month."""
    return f"easel:spent:{key_id}:{now:%Y-%m}"


def note_standing(caller: Tenant | None, told: bytes) -> None:
    """Let the caller know what `submit.lua` has told of the rates."""
    if caller is None:
        return
    per_minute = {"requests": caller.limits.requests_per_minute, "images": caller.limits.images_per_minute}
    caller.rates = {
        name: Rate(per_minute[name] or 0, int(remaining), float(reset)) for name, remaining, reset in json.loads(told)
    }


def rate_used_up(caller: Tenant, name: str, wait_seconds: float) -> RateUsedUp:
    """Make the error of a rate that is used up."""
    limit = getattr(caller.limits, f"{name}_per_minute")
    return RateUsedUp(f"your API key has {limit} {name} a minute", retry_after_seconds=math.ceil(wait_seconds))


def budget_spent(caller: Tenant, spent: float, cost: float, now: dt.datetime) -> BudgetSpent:
    """Make the error of a budget that does not suffice."""
    budget = caller.limits.monthly_budget
    detail = f"this costs {cost:.0f} pixel-steps; {spent:.0f} of this month's {budget} are spent"
    return BudgetSpent(detail, retry_after_seconds=math.ceil((_next_month(now) - now).total_seconds()))


def _next_month(now: dt.datetime) -> dt.datetime:
    days = calendar.monthrange(now.year, now.month)[1]
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=days)
