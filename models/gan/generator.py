"""The GAN as an image generator, and as a Python API of three calls.

model = GanGenerator.from_pretrained("easel-gan")
encoding = model.encode_text("A two-story pink house shaped like a shoe.")
image = model.generate_image(encoding, seed=7)

Rows of one batch are drawn together on a GPU. On a CPU, where a batch saves nothing, each row is
drawn alone, so that not even the last bit depends on who shares the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from models.bundles import bundle_folder, load_companions, revision, square_sizes
from models.checkpoints import CheckpointError, load_network
from models.gan.networks import GanConfig, Generator
from models.interface import Capabilities, Feed, Image, Range, Row
from models.seeding import image_rng
from models.text import WordTokenizer
from models.transformer.tokenizer import PATCH, ImageTokenizer
from models.upscaler.network import Upscaler, enlarge

NETWORK = "generator"
_METHOD = "1"
"""Goes up when the same weights and seed give another picture."""
_TRUNCATION = Range(minimum=0, maximum=1, default=1)


class GanGenerator:
    """Draw pictures in one pass: words and noise to latents, latents to pixels, pixels doubled."""

    def __init__(
        self,
        network: Generator,
        tokenizer: ImageTokenizer,
        words: WordTokenizer,
        upscaler: Upscaler | None,
        revision: str,
    ) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._words = words
        self._upscaler = upscaler
        self.revision = revision
        config = network.config
        self.capabilities = _capabilities(PATCH * config.grid, config.text_length, upscales=upscaler is not None)

    @classmethod
    def from_pretrained(
        cls,
        path_or_id: Path | str,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Load the generator from a folder, or a bundled one by its id.

        Without an upscaler in the folder, pictures have one size only.

        Raises:
            CheckpointError: a file is missing or damaged, or the parts do not fit each other.
        """
        folder = bundle_folder(path_or_id)
        network = load_network(Generator, GanConfig, folder / NETWORK)
        beside = load_companions(folder, network.config.text_length)
        _require_fit(network.config, beside.tokenizer, beside.words, folder)
        upscaler = None if beside.upscaler is None else beside.upscaler.to(device)
        drawn_by = revision(folder, NETWORK, _METHOD)
        return cls(network.to(device, dtype), beside.tokenizer.to(device), beside.words, upscaler, drawn_by)

    @property
    def description(self) -> dict[str, str]:
        """Where and how it runs."""
        parts = [part for part in (self._network, self._tokenizer, self._upscaler) if part is not None]
        parameters = sum(p.numel() for part in parts for p in part.parameters())
        dtype = str(self._dtype).removeprefix("torch.")
        return {"device": str(self._device), "dtype": dtype, "parameters": str(parameters)}

    @torch.inference_mode()
    def encode_text(self, text: str) -> Tensor:
        """Return the encoding of a prompt, a vector.

        Raises:
            ValueError: the prompt has more words than the network reads.
        """
        tokens = torch.tensor([self._words.encode(text)], device=self._device)
        encoding: Tensor = self._network.text_encoder(tokens)[0]
        return encoding

    def generate_image(
        self,
        text_or_encoding: str | Tensor,
        *,
        seed: int = 0,
        size: int | None = None,
        truncation_psi: float = _TRUNCATION.default,
    ) -> Image:
        """Draw one square picture, uint8 (H, W, 3); the same seed gives the same picture.

        Raises:
            ValueError: the prompt has more words than the network reads, or the size is not to be had.
        """
        given = text_or_encoding
        encoding = self.encode_text(given) if isinstance(given, str) else given
        images = self._draw(encoding[None], self._noise(seed, 0)[None], truncation_psi)
        return self._enlarge(images, size or images.shape[-1])

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw the rows.

        Raises:
            ValueError: a prompt has more words than the network reads.
        """
        rows = [row for row in rows if not feed.cancelled(row)]
        self._warn_of_unknown_words(rows, feed)
        group = len(rows) if self._device.type == "cuda" else 1
        for start in range(0, len(rows), max(1, group)):
            self._generate_group(rows[start : start + group], feed)

    def _generate_group(self, rows: Sequence[Row], feed: Feed) -> None:
        encodings = torch.stack([self.encode_text(row.request.prompt) for row in rows])
        z = torch.stack([self._noise(row.request.seed, row.index) for row in rows])
        psi = torch.tensor([[_truncation_psi(row)] for row in rows], device=self._device, dtype=self._dtype)
        images = self._draw(encodings, z, psi)
        for row, image in zip(rows, images.split(1), strict=True):
            finished = self._enlarge(image, row.request.width)
            feed.progress(row, 1, 1)
            feed.done(row, finished)

    def _warn_of_unknown_words(self, rows: Sequence[Row], feed: Feed) -> None:
        for row in rows:
            unknown = self._words.unknown_words(row.request.prompt)
            if unknown:
                feed.warn(row, f"these words are unknown to the model: {', '.join(unknown)}")

    def _noise(self, seed: int, index: int) -> Tensor:
        """Return the noise (Z,) of one image."""
        z = torch.randn(self._network.config.z_size, generator=image_rng(seed, index))
        return z.to(self._device, self._dtype)

    @torch.inference_mode()
    def _draw(self, encodings: Tensor, z: Tensor, truncation_psi: Tensor | float) -> Tensor:
        """Return images (B, 3, H, W) of text encodings and noise (B, Z)."""
        latents = self._network.draw(encodings, z, truncation_psi)
        return self._tokenizer.decode(latents.float()).clamp(-1, 1)

    @torch.inference_mode()
    def _enlarge(self, image: Tensor, side: int) -> Image:
        """Return one image (1, 3, H, W) at the side asked for, uint8 (side, side, 3)."""
        if self._upscaler is not None:
            image = enlarge(self._upscaler, image, side)
        elif side != image.shape[-1]:
            raise ValueError(f"size must be {image.shape[-1]} without an upscaler, got {side}")
        levels = ((image[0] + 1) * 127.5).round().byte()
        return levels.movedim(0, -1).contiguous().cpu().numpy()

    @property
    def _device(self) -> torch.device:
        return self._network.head.weight.device

    @property
    def _dtype(self) -> torch.dtype:
        return self._network.head.weight.dtype


def _capabilities(side: int, max_words: int, *, upscales: bool) -> Capabilities:
    return Capabilities(
        sizes=square_sizes(side, upscales=upscales),
        default_size=(side, side),
        max_prompt_words=max_words,
        options={"truncation_psi": _TRUNCATION},
    )


def _truncation_psi(row: Row) -> float:
    asked = row.request.truncation_psi
    return _TRUNCATION.default if asked is None else asked


def _require_fit(config: GanConfig, tokenizer: ImageTokenizer, words: WordTokenizer, folder: Path) -> None:
    if (config.latent_channels, config.vocabulary_size) != (tokenizer.config.latent_channels, words.size):
        raise CheckpointError(f"{folder}: generator, tokenizer and vocabulary do not belong together")
