"""Before every route, and before a body is read: who is calling, and may they come in.

Whatever is not named here needs a tenant's key, so a route that is added later does, too.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.origins import check_origin
from app.api.problems import problem_response
from app.errors import EaselError, InvalidRequest
from app.tenants.authentication import Authentication
from app.tenants.keys import PATTERN
from app.tenants.tenant import PUBLIC, Tenant

FOR_EVERYBODY = re.compile(r"/|/(healthz|readyz|openapi\.json|docs|docs/.*|static-offline-docs/.*)")
SIGNED = re.compile(r"/files/.*")  # the link itself is the permission
FOR_OPERATORS = re.compile(r"/metrics|/operations(/.*)?")


class Gate:
    """Pure ASGI; leaves the caller in `request.state.caller`, and writes its rates into the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = await _recognise(scope)
        except EaselError as error:
            await problem_response(error, scope)(scope, receive, send)
            return
        scope["state"]["caller"] = caller

        async def send_with_rates(message: Message) -> None:
            if message["type"] == "http.response.start" and caller.rates:
                MutableHeaders(scope=message).update(rate_headers(caller))
            await send(message)

        await self._app(scope, receive, send_with_rates)


def rate_headers(caller: Tenant) -> dict[str, str]:
    """Write the rates as OpenAI does: `x-ratelimit-{limit,remaining,reset}-{requests,images}`."""
    return {
        f"x-ratelimit-{fact}-{name}": value
        for name, rate in (caller.rates or {}).items()
        for fact, value in (
            ("limit", str(rate.limit)),
            ("remaining", str(rate.remaining)),
            ("reset", f"{rate.reset_seconds:.3f}s"),
        )
    }


async def _recognise(scope: Scope) -> Tenant:
    """Find out who is calling.

    Raises:
        EaselError: somebody who may not come in.
    """
    if PATTERN.search(unquote(scope["query_string"].decode("latin-1"))):
        raise InvalidRequest(
            "an API key in an address ends up in logs: revoke this one, and send keys as `Authorization: Bearer ek_…`"
        )
    path = scope["path"]
    if FOR_EVERYBODY.fullmatch(path) or SIGNED.fullmatch(path):
        return Tenant(name=PUBLIC)
    headers, gateway = Headers(scope=scope), scope["app"].state.gateway
    check_origin(scope["method"], headers, gateway.settings.cors_origins or ())
    authentication: Authentication = gateway.authentication
    authorization = headers.get("authorization")
    address = scope["client"][0] if scope.get("client") else ""
    if FOR_OPERATORS.fullmatch(path):
        return authentication.operator(authorization, address)
    return await authentication.tenant(authorization, address)
