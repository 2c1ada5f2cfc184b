"""Delivers events: one signed POST for each attempt, bounded in time and size, never redirected."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable

import httpx
import structlog

from app.api.answers import LinkSigner, job_answer
from app.errors import EaselError, JobNotFound, UrlNotAllowed
from app.jobs import JobQueue
from app.messages import JobRecord
from app.metrics import GatewayMetrics
from app.outbound import outbound_client
from app.settings import Settings
from app.storage import ObjectStore
from app.webhooks.notice import JobEnded
from app.webhooks.outbox import Event, Outbox
from app.webhooks.schedule import Verdict, pause_before_next, verdict_of
from app.webhooks.secrets import WebhookSecrets

log = structlog.get_logger()

ATTEMPT_SECONDS = 15.0
AT_ONCE = 32  # attempts of one gateway: a slow receiver holds up few others
PAUSE_SECONDS = 0.5


async def deliver_webhooks(
    outbox: Outbox,
    queue: JobQueue,
    store: ObjectStore,
    secrets: WebhookSecrets,
    settings: Settings,
    metrics: GatewayMetrics,
) -> None:
    """Deliver events until cancelled, if this service has a secret to sign them with."""
    if settings.webhook_secret is None:
        return

    def links(base_url: str) -> LinkSigner:
        base_url = settings.public_url or base_url
        return LinkSigner(store=store, base_url=base_url, expires_seconds=settings.url_expiry_seconds)

    async with outbound_client(settings.outbound_private_networks or ()) as client:
        await Deliveries(outbox, queue, client, secrets, links, metrics).run()


class Deliveries:
    """One gateway's part in delivering what waits in the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        queue: JobQueue,
        client: httpx.AsyncClient,
        secrets: WebhookSecrets,
        links: Callable[[str], LinkSigner],
        metrics: GatewayMetrics,
        *,
        attempt_seconds: float = ATTEMPT_SECONDS,
        rnd: random.Random | None = None,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._client = client
        self._secrets = secrets
        self._links = links  # for the base address at which the job was submitted
        self._metrics = metrics
        self._attempt_seconds = attempt_seconds
        self._rnd = rnd or random.Random()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver until cancelled; attempts cut off by that are repeated when their lease has run out."""
        try:
            while True:
                if not await self._start_some():
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for task in self._running:
                task.cancel()

    async def _start_some(self) -> int:
        room = AT_ONCE - len(self._running)
        if room == 0:
            return 0
        try:
            events = await self._outbox.take(room)
        except EaselError as error:
            log.warning("webhooks_put_off", reason=error.detail)
            return 0
        for event in events:
            task = asyncio.create_task(self.deliver(event))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(events)

    async def deliver(self, event: Event) -> None:
        """Make one attempt and record what it came to; what cannot be recorded is attempted again."""
        try:
            verdict = await self._attempt(event)
            pause = pause_before_next(event.attempts, verdict, self._rnd)
            counts = await self._outbox.settle(event, verdict, pause)
        except EaselError as error:
            log.warning("webhook_not_settled", event_id=event.id, reason=error.detail)
            return
        outcome = "failed" if pause else verdict.outcome if verdict.outcome == "delivered" else "dead"
        self._metrics.webhook_attempted(outcome)
        write = log.info if outcome == "delivered" else log.warning
        write("webhook", event_id=event.id, job_id=event.job_id, outcome=outcome, reason=verdict.reason, counts=counts)

    async def _attempt(self, event: Event) -> Verdict:
        """Send the event once; the answer's body is not read.

        Raises:
            QueueUnavailable: the job cannot be read now.
        """
        try:
            body = self._body(event, await self._queue.get(event.job_id))
            headers = await self._headers(event, body)
            async with (
                asyncio.timeout(self._attempt_seconds),
                self._client.stream("POST", event.url, content=body.encode(), headers=headers) as answer,
            ):
                return verdict_of(answer.status_code, answer.headers.get("retry-after", ""), dt.datetime.now(dt.UTC))
        except JobNotFound:
            return Verdict("refused", "the job is no longer kept")
        except (UrlNotAllowed, httpx.InvalidURL) as error:
            return Verdict("refused", f"url_not_allowed: {error}")
        except TimeoutError:
            return Verdict("failed", f"no answer in {self._attempt_seconds:g} s")
        except httpx.TransportError as error:
            return Verdict("failed", type(error).__name__)

    def _body(self, event: Event, record: JobRecord) -> str:
        job = job_answer(record, self._links(event.base_url))
        told = {"id": event.id, "type": f"job.{record.status}", "timestamp": event.created_at, "data": job}
        return JobEnded.model_validate(told).model_dump_json()

    async def _headers(self, event: Event, body: str) -> dict[str, str]:
        now = dt.datetime.now(dt.UTC)
        return {
            "content-type": "application/json",
            "user-agent": "Easel",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": await self._secrets.sign(event.tenant, event.id, now, body),
        }
