"""Where captioned pictures lie: a folder, a .zip or a .tar archive, read by name.

Archives are read in place and never unpacked. A name that leads outside is refused all the same:
whoever wrote it meant harm, or will do some with another tool.
"""

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

MAX_FILE_BYTES = 256 * 2**20


class DataError(ValueError):
    """Training data is missing, broken or unsafe; the message names the file."""


class Files(Protocol):
    """Named files: their relative names, with forward slashes, and the bytes of each."""

    source: Path

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """Return the content of one of them."""
        ...


class FolderFiles:
    """The files of a folder and of the folders in it, but hidden ones."""

    def __init__(self, source: Path) -> None:
        """List the folder.

        Raises:
            DataError: a symbolic link leads out of the folder.
        """
        self.source = source
        self._root = source.resolve()
        self._names = sorted(self._listed())

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return self._names

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self.source / name).read_bytes()

    def _listed(self) -> Iterator[str]:
        for folder, _, files in os.walk(self.source):
            yield from filter(_visible, (self._inside(Path(folder, name)) for name in files))

    def _inside(self, path: Path) -> str:
        if path.is_symlink() and not path.resolve().is_relative_to(self._root):
            raise DataError(f"{path}: this link leads out of {self.source}")
        return path.relative_to(self.source).as_posix()


class ZipFiles:
    """The members of a .zip archive; each process that reads opens the archive for itself."""

    def __init__(self, source: Path) -> None:
        """List the archive.

        Raises:
            DataError: it is no zip archive, or holds an unsafe name or an oversized file.
        """
        self.source = source
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        try:
            members = [member for member in self._archive().infolist() if not member.is_dir()]
        except zipfile.BadZipFile as error:
            raise DataError(f"{source}: not a zip archive: {error}") from error
        self._members = {_checked(source, member.filename, member.file_size): member for member in members}

    def names(self) -> list[str]:
        """Return the names of all files but hidden ones, sorted."""
        return sorted(filter(_visible, self._members))

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            DataError: the member is damaged or encrypted.
        """
        try:
            return self._archive().read(self._members[name])
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{self.source}: {name}: {error}") from error

    def _archive(self) -> zipfile.ZipFile:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), zipfile.ZipFile(self.source))
        return self._opened[1]


class TarFiles:
    """The members of an uncompressed .tar archive: only such a one can be read in any order."""

    def __init__(self, source: Path) -> None:
        """List the archive.

        Raises:
            DataError: it is no uncompressed tar archive, or holds an unsafe name or an oversized file.
        """
        self.source = source
        try:
            with tarfile.open(source, "r:") as archive:
                members = [member for member in archive if member.isreg() and not member.issparse()]
        except tarfile.TarError as error:
            raise DataError(f"{source}: not an uncompressed tar archive: {error}") from error
        self._places = {
            _checked(source, member.name, member.size): (member.offset_data, member.size) for member in members
        }

    def names(self) -> list[str]:
        """Return the names of all files but hidden ones, sorted."""
        return sorted(filter(_visible, self._places))

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            DataError: the archive ends before the member does.
        """
        offset, size = self._places[name]
        with self.source.open("rb") as archive:
            archive.seek(offset)
            content = archive.read(size)
        if len(content) < size:
            raise DataError(f"{self.source}: {name}: the archive is cut off")
        return content


def open_files(path: Path) -> Files:
    """Open a folder, a .zip or a .tar.

    Raises:
        DataError: nothing is there, or it is of another kind.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        return FolderFiles(path)
    if path.suffix.lower() == ".zip":
        return ZipFiles(path)
    if path.suffix.lower() == ".tar":
        return TarFiles(path)
    raise DataError(f"{path}: expected a folder, a .zip or an uncompressed .tar")


def _visible(name: str) -> bool:
    return not any(part.startswith(".") for part in PurePosixPath(name).parts)


def _checked(source: Path, name: str, size: int) -> str:
    """Return a member's name without a leading "./"; refuse one that leads outside or is too large."""
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or ".." in windows.parts:
        raise DataError(f"{source}: {name!r} leads out of the archive")
    if size > MAX_FILE_BYTES:
        raise DataError(f"{source}: {name}: {size} bytes, more than {MAX_FILE_BYTES}")
    return str(PurePosixPath(name))
