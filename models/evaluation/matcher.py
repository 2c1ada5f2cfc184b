"""The matcher: a dual encoder that puts captions and pictures into one space (after CLIP).

Used for R-precision only. Its image side starts from the judge's trunk and goes its own way in
training; no generator was ever trained with it.

Source: Radford et al. 2021, https://arxiv.org/abs/2103.00020.
Shapes: B batch, T words, E embedding; images are (B, 3, 128, 128) in [-1, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import load_network, save_network
from models.evaluation.judge import image_trunk
from models.picturebook import words

PADDING, UNKNOWN = 0, 1
_SPECIAL = 2


@dataclass(frozen=True)
class MatcherConfig:
    """Sizes, and the words that the text side knows."""

    vocabulary: tuple[str, ...]
    widths: tuple[int, ...] = (64, 96, 128, 128)
    feature_size: int = 256
    text_width: int = 128
    embedding_size: int = 128
    max_words: int = 24


class Matcher(nn.Module):
    """Embeds captions and images so that those that belong together are close."""

    def __init__(self, config: MatcherConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = image_trunk(config.widths, config.feature_size)
        self.image_head = nn.Linear(config.feature_size, config.embedding_size)
        self.words = nn.Embedding(len(config.vocabulary) + _SPECIAL, config.text_width)
        self.reader = nn.GRU(config.text_width, config.text_width, batch_first=True, bidirectional=True)
        self.text_head = nn.Linear(2 * config.text_width, config.embedding_size)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """Load the matcher saved in ``folder``.

        Raises:
            CheckpointError: a file is missing or does not fit this code.
        """
        return load_network(cls, MatcherConfig, Path(folder))

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the weights in half precision and the config to ``folder``."""
        save_network(self, self.config, Path(folder))

    def embed_images(self, images: Tensor) -> Tensor:
        """Return unit vectors (B, E)."""
        return functional.normalize(self.image_head(self.trunk(images)), dim=1)

    def embed_captions(self, captions: Sequence[str]) -> Tensor:
        """Return unit vectors (B, E)."""
        return self.embed_tokens(self.tokens(captions))

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Return unit vectors (B, E) for words (B, T), T being always `max_words`."""
        states, _ = self.reader(self.words(tokens))  # (B, T, 2 · text_width)
        read = states.masked_fill((tokens == PADDING)[..., None], -torch.inf).amax(dim=1)
        return functional.normalize(self.text_head(read), dim=1)

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """Return integers (B, T), captions cut or padded to `max_words`."""
        numbers = {word: index + _SPECIAL for index, word in enumerate(self.config.vocabulary)}
        length = self.config.max_words
        rows = [[numbers.get(word, UNKNOWN) for word in words(caption)][:length] for caption in captions]
        padded = [row + [PADDING] * (length - len(row)) for row in rows]
        return torch.tensor(padded, device=self.log_scale.device)
