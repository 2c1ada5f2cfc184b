"""A generator's folder: its network, and beside it the tokenizer, vocabulary and upscaler that it works with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from models.catalog_entries import WEIGHTS
from models.checkpoints import WEIGHTS as WEIGHTS_FILE
from models.checkpoints import CheckpointError
from models.text import WordTokenizer
from models.transformer.tokenizer import ImageTokenizer
from models.upscaler.network import Upscaler

TOKENIZER = "tokenizer"
UPSCALER = "upscaler"
VOCABULARY = "vocabulary.json"
_DOUBLINGS = 3


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
    """Load what lies beside a generator's network; its prompts have ``text_length`` tokens.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    upscaler = Upscaler.from_pretrained(folder / UPSCALER) if (folder / UPSCALER).exists() else None
    words = WordTokenizer(_read_vocabulary(folder / VOCABULARY), text_length)
    return Companions(ImageTokenizer.from_pretrained(folder / TOKENIZER), words, upscaler)


def revision(folder: Path, network: str, method: str) -> str:
    """Return a digest of the method and of all weights that a picture depends on."""
    digest = hashlib.sha256(method.encode())
    for part in (network, TOKENIZER, UPSCALER):
        if (folder / part).exists():
            digest.update((folder / part / WEIGHTS_FILE).read_bytes())
    return digest.hexdigest()[:12]


def square_sizes(side: int, *, upscales: bool) -> tuple[tuple[int, int], ...]:
    """Return the sizes on offer: the network's own, and what doubling makes of it."""
    sides = [side << doublings for doublings in range(_DOUBLINGS + 1 if upscales else 1)]
    return tuple((side, side) for side in sides)


def _read_vocabulary(path: Path) -> list[str]:
    try:
        vocabulary: list[str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    return vocabulary
