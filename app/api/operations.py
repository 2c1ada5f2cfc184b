"""For operators: is the process alive, can it serve, what has it measured."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Response, Security, status
from pydantic import BaseModel

from app.announcements import ModelState
from app.api.dependencies import Gateway, GatewayParts, api_key
from app.api.documentation import OPERATORS_ERRORS
from app.errors import EaselError
from app.metrics import CONTENT_TYPE, ModelBacklog

STORAGE_CHECK_SECONDS = 3.0
RETRY_AFTER_SECONDS = 5

router = APIRouter(tags=["operations"])


class Check(BaseModel):
    """One thing the service needs."""

    ok: bool
    detail: str = ""


class Readiness(BaseModel):
    """Whether a request can be served now, and if not, what is missing."""

    status: Literal["ready", "not_ready"]
    queue: Check
    storage: Check
    clock: Check
    models: dict[str, Check]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def health() -> Health:
    """Tell that the process is alive; restart it when this fails."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready; the checks tell why."}})
async def readiness(gateway: GatewayParts, response: Response) -> Readiness:
    """Tell whether queue, storage and at least one live worker for each model are there, and the clock is right."""
    (queue, models), storage, clock = await asyncio.gather(
        _check_models(gateway), _check_storage(gateway), _check_clock(gateway)
    )
    ready = queue.ok and storage.ok and clock.ok and all(check.ok for check in models.values())
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    state: Literal["ready", "not_ready"] = "ready" if ready else "not_ready"
    return Readiness(status=state, queue=queue, storage=storage, clock=clock, models=models)


@router.get(
    "/metrics",
    response_class=Response,
    responses=OPERATORS_ERRORS | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    dependencies=[Security(api_key)],
)
async def metrics(gateway: GatewayParts) -> Response:
    """Serve the numbers in Prometheus' text format."""
    return Response(gateway.metrics.render(await _backlog(gateway)), headers={"Content-Type": CONTENT_TYPE})


async def _check_models(gateway: Gateway) -> tuple[Check, dict[str, Check]]:
    """Check the queue and, by what it knows, the models."""
    try:
        states = await gateway.fleet.states()
    except EaselError as error:
        unknown = Check(ok=False, detail="not known while the queue is away")
        return Check(ok=False, detail=error.detail), dict.fromkeys(gateway.catalog.models, unknown)
    return Check(ok=True), {model: _check_model(states.get(model)) for model in gateway.catalog.models}


def _check_model(state: ModelState | None) -> Check:
    if state is None or not state.ready:
        return Check(ok=False, detail="no live worker")
    if not state.loaded_by:
        return Check(ok=True, detail=f"not loaded now: its next job waits {state.seconds_to_load:.1f} s for that")
    return Check(ok=True)


async def _check_storage(gateway: Gateway) -> Check:
    try:
        await asyncio.wait_for(asyncio.to_thread(gateway.store.check), STORAGE_CHECK_SECONDS)
    except EaselError as error:
        return Check(ok=False, detail=error.detail)
    except TimeoutError:
        return Check(ok=False, detail=f"no answer in {STORAGE_CHECK_SECONDS:g} s")
    return Check(ok=True)


async def _check_clock(gateway: Gateway) -> Check:
    """Compare with Redis' clock: links signed by a wrong one expire early or late. Leases need no clock of ours."""
    try:
        skew = await gateway.fleet.clock_skew()
    except EaselError:
        return Check(ok=False, detail="not known while the queue is away")
    return Check(ok=skew.is_small, detail="" if skew.is_small else str(skew))


async def _backlog(gateway: Gateway) -> dict[str, ModelBacklog] | None:
    try:
        states = await gateway.fleet.states()
        backlogs = await gateway.queue.backlogs(list(gateway.catalog.models))
    except EaselError:
        return None
    return {
        model: ModelBacklog(
            queued_jobs=backlog.queued_jobs,
            oldest_age_seconds=backlog.oldest_age_seconds,
            workers=states[model].workers if model in states else 0,
        )
        for model, backlog in backlogs.items()
    }
