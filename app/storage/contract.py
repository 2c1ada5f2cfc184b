"""What both stores promise, and which keys and types of objects they accept."""

from __future__ import annotations

import re
from typing import Protocol

from app.messages import CONTENT_TYPES

MAX_KEY_LENGTH = 1024  # characters, S3's own limit in bytes: keys are ASCII
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")  # a file name: no dot first, at most 255 bytes
_TYPE_BY_SUFFIX = {"jpg": "image/jpeg"} | {str(suffix): name for suffix, name in CONTENT_TYPES.items()}


class ObjectStore(Protocol):
    """Keeps objects under keys; blocks while it does, and may be used from several threads.

    An object is whole or absent, whatever is killed on the way, and a second put of a key replaces the first.
    """

    def put(self, key: str, data: bytes, content_type: str, *, kept_seconds: int | None = None) -> None:
        """Store the object; once this returns, it is durable.

        `kept_seconds` is how long its job will be kept: a hint for a store that can end objects by itself.

        Raises:
            ValueError: the key is not allowed, or its suffix does not stand for the content type.
            StorageUnavailable: the store did not confirm the object.
        """

    def get(self, key: str) -> bytes:
        """Read the object.

        Raises:
            ObjectNotFound: there is none under this key.
            StorageUnavailable: the store does not answer.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object, if it is there.

        Raises:
            ValueError: the key is not allowed.
            StorageUnavailable: the store does not answer.
        """

    def delete_under(self, folder: str) -> None:
        """Remove all objects whose keys begin with `folder` and a slash.

        Raises:
            ValueError: it is not the beginning of an allowed key.
            StorageUnavailable: the store does not answer; some may be gone.
        """

    def presigned_url(self, key: str, *, expires_seconds: int, base_url: str) -> str:
        """Sign an address from which anyone can read the object until it expires; no I/O, no look-up.

        `base_url` is the gateway's address as the client knows it; a store with a server of its own ignores it.

        Raises:
            ValueError: the key is not allowed.
        """
        ...

    def check(self) -> None:
        """Find out within seconds whether objects can be stored now.

        Raises:
            StorageUnavailable: they cannot; the message tells an operator why.
        """


def folder_of_job(job_id: str) -> str:
    """Name the folder under which all images of a job lie."""
    return f"images/{job_id}"


def check_key(key: str) -> None:
    """Allow only plain relative paths: letters, digits, dot, dash, underscore, no segment that starts with a dot.

    Raises:
        ValueError: the key is something else, or too long.
    """
    if len(key) > MAX_KEY_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"object key not allowed: {key[:80]!r}")


def content_type_of(key: str) -> str:
    """Name the content type that the key's suffix stands for.

    Raises:
        ValueError: no type is known for this suffix.
    """
    content_type = _TYPE_BY_SUFFIX.get(key.rpartition(".")[2])
    if content_type is None:
        raise ValueError(f"object key without a known suffix: {key[:80]!r}")
    return content_type


def check_object(key: str, content_type: str) -> None:
    """Refuse an object whose key would lie about its type, since files keep no other record of it.

    Raises:
        ValueError: key not allowed, or not of this content type.
    """
    check_key(key)
    if content_type_of(key) != content_type:
        raise ValueError(f"object key {key[:80]!r} does not stand for {content_type}")
