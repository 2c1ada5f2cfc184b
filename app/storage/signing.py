"""Signed, expiring URLs for stored files: HMAC-SHA256 over key and expiry, under a secret kept in the data folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from app.errors import InvalidSignature

SECRET_FILE = "url-secret"  # noqa: S105  a file's name


class UrlSigner:
    """Signs a key together with its expiry, and knows its own signatures again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, key: str, expires: int) -> str:
        """Sign the key until `expires` (Unix seconds), in characters that need no escaping in a query."""
        digest = hmac.digest(self._secret, f"{expires}\n{key}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def verify(self, key: str, expires: str, signature: str, *, now: float) -> None:
        """Check the parameters as they came in the query, in constant time.

        Raises:
            InvalidSignature: key, expiry or signature were changed, or `now` is past the expiry.
        """
        if not _is_plain_number(expires):
            raise InvalidSignature("the URL has no valid expiry")
        if not hmac.compare_digest(self.sign(key, int(expires)).encode(), signature.encode()):
            raise InvalidSignature("the signature does not belong to this URL")
        if now > int(expires):
            raise InvalidSignature("the URL has expired; read the job again for a fresh one")


def load_secret(data_dir: Path, given: SecretStr | None) -> bytes:
    """Take the given secret; where it is unset or empty, the one in the data folder, made on first use with mode 0600.

    Raises:
        OSError: the file can be neither read nor made.
    """
    if given:
        return given.get_secret_value().encode()
    path = data_dir / SECRET_FILE
    if not path.exists():
        _create_once(path, secrets.token_bytes(32))
    return path.read_bytes()


def _create_once(path: Path, content: bytes) -> None:
    """Let the first of several processes win: a link appears whole, or fails because it is there."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        Path(partial).unlink()


def _is_plain_number(text: str) -> bool:
    """Tell whether the text is how `sign` writes a time: ASCII digits, no sign, no leading zero, no excess."""
    return text.isascii() and text.isdigit() and len(text) <= 12 and not text.startswith("0")
