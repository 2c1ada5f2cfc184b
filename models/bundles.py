"""A generator's folder: its network, and with it the tokenizer, vocabulary and upscaler that it works with.

Tokenizer and upscaler lie in the folder, which is then complete in itself, or are shared with other generators:
`parts.json` names the folders beside it that hold them, `{"tokenizer": "../easel-tokenizer"}`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.catalog_entries import WEIGHTS
from models.checkpoints import CONFIG, CheckpointError
from models.checkpoints import WEIGHTS as WEIGHTS_FILE
from models.text import WordTokenizer
from models.transformer.tokenizer import ImageTokenizer
from models.upscaler.network import Upscaler

TOKENIZER = "tokenizer"
UPSCALER = "upscaler"
VOCABULARY = "vocabulary.json"
SHARED_PARTS = "parts.json"
_DOUBLINGS = 3

_Sibling: TypeAlias = Annotated[str, Field(pattern=r"^\.\./[A-Za-z0-9][A-Za-z0-9._-]*$")]


class _SharedParts(BaseModel):
    """Folders beside the generator's that hold its parts; nothing farther away can be named."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokenizer: _Sibling | None = None
    upscaler: _Sibling | None = None


@dataclass(frozen=True)
class Companions:
    """What turns words into tokens and latents into pictures; without an upscaler, pictures have one size only."""

    tokenizer: ImageTokenizer
    words: WordTokenizer
    upscaler: Upscaler | None


def bundle_folder(path_or_id: Path | str) -> Path:
    """Return the folder, or that of the bundled generator of this id."""
    folder = Path(path_or_id)
    return folder if folder.exists() else WEIGHTS / str(path_or_id)


def load_companions(folder: Path, text_length: int) -> Companions:
    """Load what a generator's network works with; its prompts have ``text_length`` tokens.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    parts = part_folders(folder)
    upscaler = Upscaler.from_pretrained(parts[UPSCALER]) if UPSCALER in parts else None
    words = WordTokenizer(read_vocabulary(folder / VOCABULARY), text_length)
    return Companions(ImageTokenizer.from_pretrained(parts[TOKENIZER]), words, upscaler)


def read_vocabulary(path: Path) -> list[str]:
    """Return the words that a generator knows, in the order of their tokens.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        vocabulary: list[str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    return vocabulary


def part_folders(folder: Path) -> dict[str, Path]:
    """Return where the tokenizer lies, and the upscaler if there is one.

    Raises:
        CheckpointError: `parts.json` cannot be used, or names a folder that is missing or a part that is here too.
    """
    file = folder / SHARED_PARTS
    shared = _read_shared_parts(file).model_dump(exclude_none=True) if file.exists() else {}
    for part, place in shared.items():
        if not (folder / place).is_dir():
            raise CheckpointError(f"{file}: {part}: there is no folder {place}")
        if (folder / part).exists():
            raise CheckpointError(f"{file}: {part}: {place} is named, but there is one in {folder / part} too")
    own = {part: part for part in (TOKENIZER, UPSCALER) if part == TOKENIZER or (folder / part).exists()}
    return {part: folder / place for part, place in (own | shared).items()}


def revision(folder: Path, network: str, method: str) -> str:
    """Return a digest of the method and of all files that a picture depends on.

    Raises:
        CheckpointError: as from `part_folders`.
    """
    digest = hashlib.sha256(method.encode() + (folder / VOCABULARY).read_bytes())
    for part in (folder / network, *part_folders(folder).values()):
        digest.update((part / CONFIG).read_bytes())
        digest.update((part / WEIGHTS_FILE).read_bytes())
    return digest.hexdigest()[:12]


def square_sizes(side: int, *, upscales: bool) -> tuple[tuple[int, int], ...]:
    """Return the sizes on offer: the network's own, and what doubling makes of it."""
    sides = [side << doublings for doublings in range(_DOUBLINGS + 1 if upscales else 1)]
    return tuple((side, side) for side in sides)


def _read_shared_parts(path: Path) -> _SharedParts:
    try:
        return _SharedParts.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError(f"{path}: {error}") from error
