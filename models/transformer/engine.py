"""Continuous batching: pictures join and leave the running batch between steps of one block.

Each picture uses two rows of the decoder, one that reads its prompt and one that reads its
negative prompt (usually nothing), whose difference is what guidance strengthens.

Shapes: P pictures in the batch, S blocks, N tokens per block, V codebook size, W width.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor

from models.transformer.decoding import CachedDecoder
from models.transformer.likeness import Likeness
from models.transformer.network import Transformer
from models.transformer.sampling import choose, guide, gumbel_noise, keep_likely

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are drawn for one picture; ``top_k`` 0 keeps the whole codebook."""

    guidance_scale: float = 1.5
    temperature: float = 0.5
    top_k: int = 0
    top_p: float = 1.0


@dataclass
class Sequence(Generic[Key]):
    """One picture in the making: ``tokens`` (S, N) are valid up to ``position``."""

    key: Key
    options: SamplingOptions
    rng: torch.Generator
    tokens: Tensor
    likeness: Likeness | None
    position: int = field(default=0, init=False)

    @property
    def is_finished(self) -> bool:
        """Tell whether every block is drawn."""
        return self.position == len(self.tokens)


class Engine(Generic[Key]):
    """Draw up to ``capacity`` pictures at a time, a block of each per step."""

    def __init__(self, network: Transformer, capacity: int) -> None:
        self._network = network
        self._decoder = CachedDecoder(network, num_rows=2 * capacity)
        self._capacity = capacity
        self._running: list[Sequence[Key]] = []

    @property
    def running(self) -> tuple[Sequence[Key], ...]:
        """The pictures in the making."""
        return tuple(self._running)

    @property
    def room(self) -> int:
        """How many more pictures may be admitted now."""
        return self._capacity - len(self._running)

    @torch.inference_mode()
    def admit(
        self,
        key: Key,
        encodings: tuple[Tensor, Tensor],
        options: SamplingOptions,
        rng: torch.Generator,
        likeness: Likeness | None = None,
    ) -> None:
        """Take in a picture of the encoded prompt and negative prompt, each (T, W), and of an input picture.

        Raises:
            RuntimeError: there is no room.
        """
        if not self.room:
            raise RuntimeError(f"the engine already draws {self._capacity} pictures")
        for offset, encoding in enumerate(encodings):
            self._decoder.read_text(2 * len(self._running) + offset, encoding)
        config = self._network.config
        tokens = torch.zeros(config.num_blocks, config.block_tokens, dtype=torch.long)
        self._running.append(Sequence(key, options, rng, tokens, likeness))

    def release(self, key: Key) -> None:
        """Drop a picture; the last one takes its place in the batch."""
        index = next(i for i, sequence in enumerate(self._running) if sequence.key == key)
        last = len(self._running) - 1
        if index != last:
            for offset in (0, 1):
                self._decoder.move(2 * last + offset, 2 * index + offset)
            self._running[index] = self._running[last]
        self._running.pop()

    @torch.inference_mode()
    def step(self) -> list[Sequence[Key]]:
        """Draw one more block of every picture, and return and release those that are finished."""
        positions = self._positions()
        blocks = self._sample(self._decoder.advance(positions, int(positions.max())))
        self._decoder.put(positions, blocks.repeat_interleave(2, dim=0))
        return self._advance(blocks.cpu())

    def _positions(self) -> Tensor:
        positions = torch.tensor([sequence.position for sequence in self._running])
        return positions.repeat_interleave(2).to(self._network.block_positions.device)

    def _sample(self, hidden: Tensor) -> Tensor:
        """Return the next block's tokens (P, N) from the decoder's output (2P, W)."""
        head, config = self._network.depth_head, self._network.config
        noise = self._noise().to(hidden.device)  # (P, N, V)
        guidance, temperature, top_k, top_p = self._options(hidden.device)
        block: list[Tensor] = []
        for slot in range(config.block_tokens):
            logits = head.read(hidden, slot)  # (2P, V)
            logits = self._liken(guide(logits[0::2], logits[1::2], guidance), slot, block)
            if self._filters:
                logits = keep_likely(logits, temperature, top_k, top_p)
            block.append(choose(logits, temperature, noise[:, slot]))
            if slot < len(head.earlier):
                embedded = self._network.tokens(block[-1] + self._network.offsets[slot])  # (P, E)
                hidden = hidden + head.earlier[slot](embedded).repeat_interleave(2, dim=0)
        return torch.stack(block, dim=1)

    def _liken(self, logits: Tensor, slot: int, block: list[Tensor]) -> Tensor:
        """Add to logits (P, V) what input pictures say; ``block`` holds the tokens (P,) of earlier slots."""
        for index, sequence in enumerate(self._running):
            if sequence.likeness is not None:
                earlier = [tokens[index] for tokens in block]
                logits[index] += sequence.likeness.logits(sequence.position, slot, earlier)
        return logits

    def _noise(self) -> Tensor:
        config = self._network.config
        size = (config.block_tokens, config.codebook_size)
        return torch.stack([gumbel_noise(sequence.rng, *size) for sequence in self._running])

    @property
    def _filters(self) -> bool:
        codebook_size = self._network.config.codebook_size
        return any(0 < s.options.top_k < codebook_size or s.options.top_p < 1 for s in self._running)

    def _options(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return guidance scale, temperature, top_k and top_p, each (P,)."""
        options = [sequence.options for sequence in self._running]
        everything = self._network.config.codebook_size
        return (
            torch.tensor([option.guidance_scale for option in options], device=device),
            torch.tensor([option.temperature for option in options], device=device),
            torch.tensor([option.top_k or everything for option in options], device=device),
            torch.tensor([option.top_p for option in options], device=device),
        )

    def _advance(self, blocks: Tensor) -> list[Sequence[Key]]:
        for sequence, block in zip(self._running, blocks, strict=True):
            sequence.tokens[sequence.position] = block
            sequence.position += 1
        finished = [sequence for sequence in self._running if sequence.is_finished]
        for sequence in finished:
            self.release(sequence.key)
        return finished
