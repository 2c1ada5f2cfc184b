"""A small client of the jobs API: submit, follow, fetch; what `easel generate` and the first picture use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

import httpx

RECONNECT_SECONDS = 1.0
FINAL = {"succeeded", "failed", "canceled"}


class ServerError(Exception):
    """The server refused or could not be reached; the message is fit to be shown."""


class Client:
    """One server's jobs API.

    Raises (each method):
        ServerError: the server cannot be reached, or answered with an error.
    """

    def __init__(self, server: str, *, key: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=server, timeout=30.0, transport=transport)
        self._identity = {"Authorization": f"Bearer {key}"} if key else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, **fields: Any) -> dict[str, Any]:
        """Post a job; fields that are None are left to the server."""
        body = {name: value for name, value in fields.items() if value is not None}
        return self._json("POST", "/v1/jobs", json=body)

    def follow(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the job as it changes, its final state last; a stream that is cut goes on where it was."""
        yield job
        last: dict[str, str] = {}
        while job["status"] not in FINAL:
            for event in self._events(job["id"], last):
                last = {"Last-Event-ID": event["id"]}
                job = _changed(job, event["event"], json.loads(event["data"]))
                yield job
            if job["status"] not in FINAL:
                time.sleep(RECONNECT_SECONDS)

    def cancel(self, job_id: str) -> None:
        """Cancel a job that nobody waits for any more."""
        self._json("POST", f"/v1/jobs/{job_id}/cancel")

    def delete(self, job_id: str) -> None:
        """Have a job and its images forgotten at once."""
        self._request("DELETE", f"/v1/jobs/{job_id}")

    def fetch(self, url: str) -> bytes:
        """Download an image from its signed URL, which may lead to another server: it gets no API key."""
        return self._request("GET", url).content

    def models(self) -> list[dict[str, Any]]:
        """List the models."""
        models: list[dict[str, Any]] = self._json("GET", "/v1/models")["data"]
        return models

    def all_jobs(self, *, status: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        """Get a page of all tenants' jobs, as operators see them."""
        query = {"limit": 100, "status": status, "cursor": cursor}
        return self._json("GET", "/operations/jobs", params={name: value for name, value in query.items() if value})

    def requeue(self, job_id: str) -> dict[str, Any]:
        """Queue a failed job again."""
        return self._json("POST", f"/operations/jobs/{job_id}/requeue")

    def dead_letters(self) -> list[dict[str, Any]]:
        """List the webhook events that were given up."""
        letters: list[dict[str, Any]] = self._json("GET", "/v1/webhooks/dead-letters")["data"]
        return letters

    def redeliver(self, event_id: str) -> None:
        """Have a webhook event delivered again."""
        self._request("POST", f"/v1/webhooks/dead-letters/{event_id}/redeliver")

    def ready(self) -> bool:
        """Tell whether the service can draw now; a server that does not answer yet cannot."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _events(self, job_id: str, headers: dict[str, str]) -> Iterator[dict[str, str]]:
        """Yield the fields of each event until the stream ends or is cut."""
        address, headers = f"/v1/jobs/{job_id}/events", headers | self._identity
        try:
            with self._http.stream("GET", address, headers=headers) as response:
                if response.is_error:
                    response.read()
                    raise ServerError(_explain(response))
                fields: dict[str, str] = {}
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    if not line and "event" in fields:
                        yield fields
                        fields = {}
        except httpx.ConnectError as error:
            raise ServerError(self._no_answer(error)) from error
        except httpx.TransportError:
            return

    def _no_answer(self, error: httpx.TransportError) -> str:
        return f"no answer from {self._http.base_url}: {error}; start one with `easel run`"

    def _json(
        self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), **options: Any
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._request(method, path, headers={**headers, **self._identity}, **options).json()
        return answer

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ServerError(self._no_answer(error)) from error
        if response.is_error:
            raise ServerError(_explain(response))
        return response


def _changed(job: dict[str, Any], event: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the job as it stands after an event."""
    match event:
        case "queued":
            return job | {"status": "queued", **data}
        case "running":
            return job | {"status": "running", "progress": data if data["num_steps"] else None}
    return data if event == "ended" else job


def _explain(response: httpx.Response) -> str:
    """Say what an error answer says, with the field it names."""
    try:
        problem = response.json()
        where = f" ({problem['param']})" if problem.get("param") else ""
        return f"{problem['title']}{where}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {response.status_code} {response.reason_phrase}"
