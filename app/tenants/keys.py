"""API keys as text: `ek_`, 160 random bits and a checksum, so that a mistyped key is refused without a look-up."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib

RANDOM_BYTES = 20  # too many for guessing and for dictionaries, so that a plain SHA-256 guards them
PATTERN = re.compile(r"ek_([0-9a-v]{32})([0-9a-v]{7})")


def new_key() -> str:
    """Make a key that nobody can guess."""
    body = _base32(secrets.token_bytes(RANDOM_BYTES))
    return f"ek_{body}{_checksum(body)}"


def is_well_formed(text: str) -> bool:
    """Whether somebody may have made this key: it has the right form, and its checksum fits."""
    parts = PATTERN.fullmatch(text)
    return parts is not None and _checksum(parts[1]) == parts[2]


def digest_of(key: str) -> str:
    """Return what is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def id_of(digest: str) -> str:
    """Name a key for people and counters, without a hint at the key itself."""
    return f"key_{digest[:12]}"


def _checksum(body: str) -> str:
    return _base32(zlib.crc32(body.encode()).to_bytes(4, "big"))


def _base32(data: bytes) -> str:
    return base64.b32hexencode(data).decode().rstrip("=").lower()
