"""`SHA256SUMS`: what a folder held when it was complete, in the form that `sha256sum --check` reads too."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

SUMS = "SHA256SUMS"


class NoChecksums(Exception):
    """The folder has no list of checksums that could be read; the message names it."""


def sha256_of(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path, digests: Mapping[str, str]) -> None:
    """Write the list; once this returns, it survives a loss of power."""
    with (folder / SUMS).open("w", encoding="utf-8") as file:
        file.writelines(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
        file.flush()
        os.fsync(file.fileno())


def differences(folder: Path) -> Iterator[str]:
    """Compare the folder with its list: each file that is missing, changed or not listed, as one line.

    Raises:
        NoChecksums: there is no list.
    """
    listed = _read(folder / SUMS)
    for path, digest in listed.items():
        if not (folder / path).is_file():
            yield f"{path}: is missing"
        elif sha256_of(folder / path) != digest:
            yield f"{path}: has changed"
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    yield from (f"{path}: is not in {SUMS}" for path in sorted(present - set(listed) - {SUMS}))


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoChecksums(f"{path}: {error}") from error
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
