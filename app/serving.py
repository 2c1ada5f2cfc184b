"""Serve the gateway with uvicorn, on an address of its own or on a socket that a supervisor has bound."""

from __future__ import annotations

import asyncio
import socket
import sys
from functools import partial
from types import FrameType

import uvicorn

from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings
from app.tenants.access import check_access
from app.terminal import reload_on_hangup
from app.tracing import configure_tracing

DRAIN_SECONDS = 5  # for answers under way
KEEP_ALIVE_SECONDS = 75  # longer than clients and load balancers keep theirs, or a request meets a closing connection
START_FAILED = 3


class _Server(uvicorn.Server):
    """Passes signals on: SIGHUP, and at once that it is to stop, so that whoever waits for a job is answered."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        reloading: asyncio.Event = self.config.app.state.reloading  # type: ignore[union-attr]  # as below
        reload_on_hangup(partial(asyncio.get_running_loop().call_soon_threadsafe, reloading.set))
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.stopping.set()  # type: ignore[union-attr]  # it is our own application
        super().handle_exit(sig, frame)


def serve(settings: Settings, *, fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; logs go through the service's own structured log.

    Raises:
        UnguardedError: other machines could come in, and nobody has said that they may.
    """
    configure_logs(settings)
    if fd is None:  # the supervisor has asked before it bound the socket
        asyncio.run(check_access(settings))
    configure_tracing(settings, "gateway")
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)
    server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])  # uvicorn takes `fd` for a Unix socket
    if not server.started:
        sys.exit(START_FAILED)
