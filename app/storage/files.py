"""Objects as plain files under the data folder, readable by anyone who holds a URL signed by the gateway."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import SecretStr

from app.errors import ObjectNotFound, StorageUnavailable
from app.storage.contract import check_key, check_object
from app.storage.signing import UrlSigner, load_secret

RETRY_AFTER_SECONDS = 5
_PARTIAL = ".partial"  # no key segment starts with a dot
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FileStore:
    """An `ObjectStore` in one folder; several processes may share it.

    Every object is written to a temporary file, synced, and renamed into place, so a reader never meets half
    of one. Symbolic links below the folder are not followed.
    """

    def __init__(self, root: Path, signer: UrlSigner, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root.resolve()
        self._signer = signer
        self._clock = clock

    @classmethod
    def open(cls, data_dir: Path, url_secret: SecretStr | None) -> FileStore:
        """Make the folders and, unless given, the secret.

        Raises:
            StorageUnavailable: the data folder cannot be used.
        """
        with _translated("open", data_dir):
            data_dir.mkdir(parents=True, exist_ok=True)
            signer = UrlSigner(load_secret(data_dir, url_secret))
        return cls.at(data_dir / "objects", signer)

    @classmethod
    def at(cls, root: Path, signer: UrlSigner) -> FileStore:
        """Make the folder.

        Raises:
            StorageUnavailable: it cannot be made.
        """
        with _translated("open", root):
            (root / _PARTIAL).mkdir(parents=True, exist_ok=True)
            return cls(root, signer)

    def put(self, key: str, data: bytes, content_type: str, *, kept_seconds: int | None = None) -> None:  # noqa: ARG002  the sweeper ends files
        """See `ObjectStore.put`."""
        check_object(key, content_type)
        with _translated("write", self._root):
            partial = self._write_partial(data)
            try:
                self._move_into_place(partial, self._path(key))
            finally:
                partial.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        with _translated("read", self._root):
            try:
                check_key(key)
                return self._path(key).read_bytes()
            except (*_ABSENT, ValueError) as error:
                raise ObjectNotFound("there is no object under this key") from error

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        check_key(key)
        with _translated("delete", self._root), contextlib.suppress(*_ABSENT):
            self._path(key).unlink()

    def delete_under(self, folder: str) -> None:
        """See `ObjectStore.delete_under`."""
        check_key(folder)
        with _translated("delete", self._root), contextlib.suppress(*_ABSENT):
            for path, _, names in os.walk(self._path(folder), topdown=False):
                for name in names:
                    Path(path, name).unlink(missing_ok=True)
                self._remove_if_empty(Path(path))

    def presigned_url(self, key: str, *, expires_seconds: int, base_url: str) -> str:
        """See `ObjectStore.presigned_url`; the gateway answers at `/files/{key}`."""
        check_key(key)
        expires = int(self._clock()) + expires_seconds
        return f"{base_url.rstrip('/')}/files/{key}?expires={expires}&signature={self._signer.sign(key, expires)}"

    def verify(self, key: str, expires: str, signature: str) -> None:
        """Check the two query parameters of a presigned URL, as they came.

        Raises:
            InvalidSignature: the URL was changed, or has expired.
        """
        self._signer.verify(key, expires, signature, now=self._clock())

    def check(self) -> None:
        """See `ObjectStore.check`; writes a small file and removes it."""
        with _translated("write", self._root):
            self._write_partial(b"probe").unlink()

    def sweep(self, older_than_seconds: float) -> int:
        """Remove objects and leftovers of killed processes that are older than this; return how many.

        Raises:
            StorageUnavailable: a file could not be removed.
        """
        horizon = self._clock() - older_than_seconds
        removed = 0
        with _translated("sweep", self._root):
            for folder, _, names in os.walk(self._root, topdown=False):
                removed += sum(_remove_if_old(Path(folder, name), horizon) for name in names)
                self._remove_if_empty(Path(folder))
        return removed

    def _path(self, key: str) -> Path:
        """Locate the key's file.

        Raises:
            FileNotFoundError: a symbolic link is on the way.
        """
        path = self._root
        for segment in key.split("/"):
            path /= segment
            if path.is_symlink():
                raise FileNotFoundError(path)
        return path

    def _write_partial(self, data: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self._root / _PARTIAL)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, not a path
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            Path(name).unlink()
            raise
        return Path(name)

    def _move_into_place(self, partial: Path, path: Path) -> None:
        with self._locked(fcntl.LOCK_SH):
            self._make_folder(path.parent)
            partial.replace(path)
            _sync_folder(path.parent)

    @contextlib.contextmanager
    def _locked(self, operation: int) -> Iterator[None]:
        """Keep writers, who share the lock, and the sweeper, who does not, off each other's folders."""
        descriptor = os.open(self._root / _PARTIAL, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, operation)
            yield
        finally:
            os.close(descriptor)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)

    def _remove_if_empty(self, folder: Path) -> None:
        if folder not in {self._root, self._root / _PARTIAL}:
            with self._locked(fcntl.LOCK_EX), contextlib.suppress(OSError):  # not empty, or gone
                folder.rmdir()


def _remove_if_old(path: Path, horizon: float) -> bool:
    try:
        if path.lstat().st_mtime >= horizon:
            return False
        path.unlink()
    except FileNotFoundError:  # another sweep was faster
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated(action: str, folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into `StorageUnavailable`."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"cannot {action} in {folder}: {error.strerror or error}", retry_after_seconds=RETRY_AFTER_SECONDS
        ) from error
