"""Before every route, and before a body is read: who is calling."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.tenants.tenant import PUBLIC


class Gate:
    """Pure ASGI; leaves the caller in `request.state.caller`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            scope["state"]["caller"] = PUBLIC
        await self._app(scope, receive, send)
