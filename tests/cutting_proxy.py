"""A TCP proxy that cuts connections after so many bytes, as a failing network does."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CHUNK_BYTES = 65536


@dataclass(frozen=True)
class Limit:
    """How many bytes a connection carries each way before it is cut; None: any number."""

    request_bytes: int | None = None
    reply_bytes: int | None = None


class _Proxy(socketserver.ThreadingTCPServer):
    def __init__(self, target: tuple[str, int], limits: Iterable[Limit]) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target = target
        self.limits = iter(limits)
        self.open: list[socket.socket] = []

    def server_close(self) -> None:
        """Cut what is open, so that the threads end, and wait for them."""
        for connection in self.open:
            _cut(connection)
        super().server_close()


class _Relay(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        limit = next(self.server.limits, Limit())
        with socket.create_connection(self.server.target) as upstream:
            self.server.open += [self.request, upstream]
            back = threading.Thread(target=_carry, args=(upstream, self.request, limit.reply_bytes))
            back.start()
            _carry(self.request, upstream, limit.request_bytes)
            back.join()


@contextlib.contextmanager
def cutting_proxy(host: str, port: int, limits: Iterable[Limit]) -> Iterator[int]:
    """Give the port of a proxy to the server; each connection takes the next limit, later ones have none."""
    with _Proxy((host, port), limits) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()
            thread.join()


def _carry(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    """Copy until one side ends or the limit is reached, then cut both."""
    left = most
    with contextlib.suppress(OSError):
        while left != 0 and (data := source.recv(CHUNK_BYTES)):
            sink.sendall(data if left is None else data[:left])
            left = None if left is None else max(0, left - len(data))
    _cut(source)
    _cut(sink)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # cut already
        connection.shutdown(socket.SHUT_RDWR)
