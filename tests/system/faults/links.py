"""A TCP link to a server that somebody can cut, freeze, slow down, or make lose an answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

_CHUNK_BYTES = 65536
_LOOK_AGAIN_SECONDS = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER


@dataclass(eq=False)
class _Connection:
    """One client's connection through the link."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    answer_is_lost: bool = False

    def cut(self) -> None:
        """Reset it, as a router does that has forgotten it."""
        if not self.client.is_closing():
            client: socket.socket = self.client.get_extra_info("socket")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        for end in (self.client, self.server):
            end.transport.abort()


class FaultyLink:
    """Listens on a port of its own and passes on what comes, both ways, until told otherwise."""

    def __init__(self, connect: Connect) -> None:
        self.port = 0
        self.delay_seconds = 0.0  # of every chunk, each way
        self._connect = connect
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lose_answer_to: bytes | None = None
        self._answer_lost = asyncio.Event()
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Start to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything and listen no more."""
        if self._server:
            self._server.close()
        self.thaw()
        while self._tasks:
            self.cut()
            await asyncio.wait(self._tasks, timeout=_LOOK_AGAIN_SECONDS)

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        for connection in list(self._open):
            connection.cut()

    def freeze(self) -> None:
        """Let nothing through, and say so to nobody; what is sent meanwhile arrives after the thaw."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self._flowing.set()

    async def lose_answer_to(self, words: bytes, within_seconds: float) -> bool:
        """Pass on the next request that holds these words, but not its answer; tell whether one came in time."""
        self._lose_answer_to = words
        self._answer_lost.clear()
        try:
            await asyncio.wait_for(self._answer_lost.wait(), within_seconds)
        except TimeoutError:
            return False
        finally:
            self._lose_answer_to = None
        return True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._flowing.wait()
            server_reader, server_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, server_writer)
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._carry_requests(reader, connection), self._carry_answers(server_reader, connection)
            )
        finally:
            connection.cut()
            self._open.discard(connection)

    async def _carry_requests(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self._lose_answer_to and self._lose_answer_to in data:
                    connection.answer_is_lost = True
                await self._pass_on(data, connection.server)
        connection.cut()

    async def _carry_answers(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if connection.answer_is_lost:
                    self._answer_lost.set()
                    break
                await self._pass_on(data, connection.client)
        connection.cut()

    async def _pass_on(self, data: bytes, to: asyncio.StreamWriter) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        await self._flowing.wait()
        to.write(data)
        await to.drain()
