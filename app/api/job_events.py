"""The stream of one job: its place, its steps, its unfinished pictures and its end, as server-sent events."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from app.api.answers import Job, LinkSigner, job_answer
from app.api.dependencies import Caller, Gateway, GatewayParts, Links
from app.api.documentation import errors
from app.api.event_streams import event_stream
from app.api.openapi import event_content
from app.errors import InvalidRequest, JobNotFound, QueueUnavailable
from app.estimates import Estimate
from app.job_events import Ended, JobEvent, Preview, Queued
from app.messages import JobRecord, JobStatus
from app.tenants.tenant import Tenant

LastEventId = Annotated[
    str | None, Header(description="`id` of the last event that arrived: goes on from there, after a cut.")
]


class FollowQuery(BaseModel):
    """What to be told."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    previews: Annotated[bool, Field(description="Have unfinished pictures drawn, at most eight of each image.")] = False


class QueuedData(BaseModel):
    """Data of the event `queued`."""

    position: Annotated[int, Field(description="Jobs ahead of it; looked at once a second.")]
    estimate: Estimate | None


class RunningData(BaseModel):
    """Data of the event `running`."""

    step: Annotated[int, Field(description="Steps done, of the slowest image.")]
    num_steps: int | None


class PreviewData(BaseModel):
    """Data of the event `preview`: an unfinished picture, its longer side at most 256 pixels."""

    image: Annotated[int, Field(description="Which of the job's images, from 0.")]
    number: Annotated[int, Field(description="Which look at this image, from 0; some may be left out.")]
    content_type: str
    b64_json: str


EventData = QueuedData | RunningData | PreviewData | Job
_DATA: dict[str, type[BaseModel]] = {"queued": QueuedData, "running": RunningData, "preview": PreviewData, "ended": Job}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `queued`, `running` and `preview` as things change, then `ended` with the job.",
        "content": event_content(_DATA),
    },
    204: {"description": "All has been told: nothing follows the event that `Last-Event-ID` names."},
}

router = APIRouter(tags=["jobs"])


@router.get(
    "/v1/jobs/{job_id}/events",
    response_class=Response,
    responses=_STREAM | errors(InvalidRequest, JobNotFound, QueueUnavailable),
)
async def follow_job(
    job_id: str,
    gateway: GatewayParts,
    caller: Caller,
    links: Links,
    query: Annotated[FollowQuery, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Follow a job: server-sent events, the present first; the end of one that has ended comes at once."""
    events = gateway.queue.follow(job_id, tenant=caller.name, after=last_event_id, previews=query.previews)
    first = await anext(events, None)  # here an error still gets a proper answer
    if first is None:
        return Response(status_code=204)
    structlog.contextvars.bind_contextvars(job_id=job_id)
    stream = _JobStream(gateway, links, job_id, caller)
    return event_stream(stream.frames(first, events), at_end=events.aclose)


class _JobStream:
    """Tells one client of one job's events."""

    def __init__(self, gateway: Gateway, links: LinkSigner, job_id: str, caller: Tenant) -> None:
        self._gateway = gateway
        self._links = links
        self._job_id = job_id
        self._caller = caller
        self._queued: JobRecord | None = None

    async def frames(self, first: JobEvent, others: AsyncIterator[JobEvent]) -> AsyncIterator[bytes]:
        """Write the events as the stream's text."""
        yield await self._frame(first)
        async for event in others:
            yield await self._frame(event)

    async def _frame(self, event: JobEvent) -> bytes:
        name, data = await self._data(event)
        return format_sse_event(event=name, id=event.id, data_str=data.model_dump_json())

    async def _data(self, event: JobEvent) -> tuple[str, EventData]:
        match event:
            case Queued():
                return "queued", QueuedData(position=event.position, estimate=await self._estimate(event.position))
            case Preview():
                picture = base64.b64encode(event.picture).decode()
                shown = {"image": event.image, "number": event.number, "content_type": event.content_type}
                return "preview", PreviewData(**shown, b64_json=picture)
            case Ended():
                return "ended", job_answer(event.record, self._links)
        return "running", RunningData(step=event.step, num_steps=event.num_steps)

    async def _estimate(self, position: int) -> Estimate | None:
        if self._queued is None:  # what it asks for does not change
            self._queued = await self._gateway.queue.get(self._job_id, tenant=self._caller.name)
        now = {"status": JobStatus.QUEUED, "position": position}
        return await self._gateway.forecasts.of_job(self._queued.model_copy(update=now))
