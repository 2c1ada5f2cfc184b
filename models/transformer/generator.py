"""The transformer as an image generator, and as a Python API of three calls.

model = TransformerGenerator.from_pretrained("easel-transformer")
encoding = model.encode_text("A futuristic robot with neon lights.")
image = model.generate_image(encoding, seed=7)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from models.bundles import bundle_folder, load_companions, revision, square_sizes
from models.checkpoints import CheckpointError, load_network
from models.interface import Capabilities, Feed, GenerationRequest, Image, Range, Row
from models.seeding import image_rng
from models.text import WordTokenizer
from models.transformer.blocks import from_blocks
from models.transformer.config import TransformerConfig
from models.transformer.engine import Engine, SamplingOptions
from models.transformer.engine import Sequence as Picture
from models.transformer.likeness import Likeness, observe
from models.transformer.network import Transformer
from models.transformer.tokenizer import PATCH, ImageTokenizer
from models.upscaler.network import Upscaler, enlarge

NETWORK = "transformer"
STRENGTH = Range(minimum=0, maximum=1, default=0.7)
_METHOD = "2"
"""Goes up when the same weights and seed give another picture."""


class TransformerGenerator:
    """Draw pictures block by block, taking in new ones while others are half done."""

    def __init__(
        self,
        network: Transformer,
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
        self.capabilities = _capabilities(network.config, upscales=upscaler is not None)

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
        network = load_network(Transformer, TransformerConfig, folder / NETWORK)
        beside = load_companions(folder, network.config.text_length)
        _require_fit(network.config, beside.tokenizer, beside.words, folder)
        upscaler = None if beside.upscaler is None else beside.upscaler.to(device)
        drawn_by = revision(folder, NETWORK, _METHOD)
        return cls(network.to(device, dtype), beside.tokenizer.to(device), beside.words, upscaler, drawn_by)

    @property
    def description(self) -> dict[str, str]:
        """Where and how it runs."""
        weight = self._network.words.weight
        parts = [part for part in (self._network, self._tokenizer, self._upscaler) if part is not None]
        parameters = sum(p.numel() for part in parts for p in part.parameters())
        dtype = str(weight.dtype).removeprefix("torch.")
        return {"device": str(weight.device), "dtype": dtype, "parameters": str(parameters)}

    @torch.inference_mode()
    def encode_text(self, text: str) -> Tensor:
        """Return the encoding (T, W) of a prompt.

        Raises:
            ValueError: the prompt has more words than the network reads.
        """
        tokens = torch.tensor([self._words.encode(text)], device=self._network.words.weight.device)
        return self._network.encode_text(tokens)[0]

    def generate_image(
        self,
        text_or_encoding: str | Tensor,
        *,
        seed: int = 0,
        size: int | None = None,
        options: SamplingOptions | None = None,
    ) -> Image:
        """Draw one square picture, uint8 (H, W, 3); the same seed gives the same picture.

        Raises:
            ValueError: the prompt has more words than the network reads, or the size is not to be had.
        """
        side = size or self.capabilities.default_size[0]
        if (side, side) not in self.capabilities.sizes:
            raise ValueError(f"size must be one of {[width for width, _ in self.capabilities.sizes]}, got {size}")
        encoding = self.encode_text(text_or_encoding) if isinstance(text_or_encoding, str) else text_or_encoding
        engine: Engine[int] = Engine(self._network, capacity=1)
        engine.admit(seed, (encoding, self.encode_text("")), options or SamplingOptions(), image_rng(seed, 0))
        finished: list[Picture[int]] = []
        while not finished:
            finished = engine.step()
        return self._draw(finished[0], side)

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw the rows, and those that the feed admits meanwhile.

        Raises:
            ValueError: a prompt has more words than the network reads.
        """
        engine: Engine[Row] = Engine(self._network, self.capabilities.max_batch_size)
        self._admit(engine, rows, feed)
        while engine.running:
            for picture in engine.step():
                feed.progress(picture.key, picture.position, len(picture.tokens))
                feed.done(picture.key, self._draw(picture, picture.key.request.width))
            self._report(engine, feed)
            self._admit(engine, feed.admit(engine.room) if engine.room else (), feed)

    def _admit(self, engine: Engine[Row], rows: Sequence[Row], feed: Feed) -> None:
        for row in rows:
            request = row.request
            unknown = self._words.unknown_words(request.prompt)
            if unknown:
                feed.warn(row, f"these words are unknown to the model: {', '.join(unknown)}")
            encodings = (self.encode_text(request.prompt), self.encode_text(request.negative_prompt or ""))
            engine.admit(row, encodings, _options(request), image_rng(request.seed, row.index), self._likeness(row))

    @torch.inference_mode()
    def _likeness(self, row: Row) -> Likeness | None:
        if row.source is None:
            return None
        request, config = row.request, self._network.config
        return observe(
            self._tokenizer,
            row.source,
            STRENGTH.default if request.strength is None else request.strength,
            has_prompt=bool(request.prompt.strip()),
            grid=config.grid,
            block=config.block,
        )

    def _report(self, engine: Engine[Row], feed: Feed) -> None:
        """Drop cancelled rows; tell progress of the others, and show those that somebody looks at."""
        for picture in engine.running:
            row = picture.key
            if feed.cancelled(row):
                engine.release(row)
                continue
            feed.progress(row, picture.position, len(picture.tokens))
            if feed.wants_preview(row):
                feed.preview(row, self._draw(picture, self.capabilities.default_size[0]))

    @torch.inference_mode()
    def _draw(self, picture: Picture[Any], side: int) -> Image:
        """Return the picture, uint8 (side, side, 3); what is not drawn yet is the mean colour."""
        device, block = self._network.words.weight.device, self._network.config.block
        drawn = torch.arange(len(picture.tokens)) < picture.position
        shown = from_blocks(drawn[:, None].expand_as(picture.tokens)[None], block)[:, :1]  # (1, 1, h, w)
        latents = self._tokenizer.quantizer.lookup(from_blocks(picture.tokens[None], block).to(device))
        images = self._tokenizer.decode(latents * shown.to(device)).clamp(-1, 1)
        if self._upscaler is not None:
            images = enlarge(self._upscaler, images, side)
        levels = ((images[0] + 1) * 127.5).round().byte()
        return levels.movedim(0, -1).contiguous().cpu().numpy()


def _capabilities(config: TransformerConfig, *, upscales: bool) -> Capabilities:
    sizes = square_sizes(PATCH * config.grid, upscales=upscales)
    return Capabilities(
        sizes=sizes,
        default_size=sizes[0],
        max_prompt_words=config.text_length,
        negative_prompt=True,
        options={
            "guidance_scale": Range(minimum=0, maximum=10, default=SamplingOptions.guidance_scale),
            "temperature": Range(minimum=0, maximum=2, default=SamplingOptions.temperature),
            "top_k": Range(minimum=1, maximum=config.codebook_size, default=config.codebook_size),
            "top_p": Range(minimum=0, maximum=1, default=SamplingOptions.top_p),
        },
        image_to_image=True,
        variations=True,
        inpainting=True,
        strength=STRENGTH,
        previews=True,
        cancel=True,
        admits=True,
    )


def _options(request: GenerationRequest) -> SamplingOptions:
    names = ("guidance_scale", "temperature", "top_k", "top_p")
    asked = {name: getattr(request, name) for name in names}
    return SamplingOptions(**{name: value for name, value in asked.items() if value is not None})


def _require_fit(config: TransformerConfig, tokenizer: ImageTokenizer, words: WordTokenizer, folder: Path) -> None:
    if (config.codebook_size, config.vocabulary_size) != (tokenizer.codebook_size, words.size):
        raise CheckpointError(f"{folder}: transformer, tokenizer and vocabulary do not belong together")
