"""What a job would be, cost and take, without making it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.admission import cost
from app.api.answers import AcceptedRequest, accepted_request
from app.api.dependencies import Gateway
from app.api.schemas import JobSubmission
from app.api.submission import moderate, prepare
from app.errors import InvalidRequest
from app.estimates import Estimate
from app.inputs import Upload
from app.tenants.tenant import Tenant


class JobEstimate(BaseModel):
    """A job that was not made."""

    object: Literal["job.estimate"] = "job.estimate"
    model: str
    request: Annotated[AcceptedRequest, Field(description="As it would be drawn: sent as it is, it draws the same.")]
    cost: Annotated[float, Field(description="Its weight among others: images times pixels times steps.")]
    estimate: Annotated[Estimate | None, Field(description="If it were queued now; null while speeds are not known.")]


async def estimate_job(
    gateway: Gateway, caller: Tenant, wanted: JobSubmission, upload: Upload | None, idempotency_key: str | None
) -> JobEstimate:
    """Check a wish as a submission is checked, and tell what would come of it.

    Raises:
        EaselError: the submission would be refused for what it asks; or it names a job that will not be.
    """
    if idempotency_key is not None:
        raise InvalidRequest("a dry run makes no job that a key could name", param="Idempotency-Key")
    message = (await prepare(gateway, caller, wanted, upload)).message
    await moderate(gateway, message)
    return JobEstimate(
        model=message.model,
        request=accepted_request(message),
        cost=cost(message.request),
        estimate=await gateway.forecasts.of_request(message),
    )
