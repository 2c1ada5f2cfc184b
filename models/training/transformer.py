"""Train the transformer to continue captions with their pictures' tokens.

Shapes: N pictures, T text tokens, S blocks of K tokens.
"""

import json
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.bundles import TOKENIZER, VOCABULARY, read_vocabulary
from models.checkpoints import load_network, save_network
from models.seeding import image_rng
from models.text import PAD, UNKNOWN, WordTokenizer
from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.config import PictureTraining
from models.training.data import normalized
from models.training.muon import Muon
from models.training.pages import Pages, open_pages
from models.training.plots import as_bytes, tile
from models.training.schedule import set_learning_rate, warmup_stable_decay
from models.transformer.blocks import from_blocks, to_blocks
from models.transformer.config import TransformerConfig
from models.transformer.engine import Engine, SamplingOptions, Sequence
from models.transformer.generator import NETWORK
from models.transformer.network import Transformer
from models.transformer.tokenizer import ImageTokenizer


@dataclass(frozen=True, kw_only=True)
class TransformerTraining(PictureTraining):
    """``tokenizer`` is a folder, and so is ``start``, a transformer to go on from, with the vocabulary beside it.

    ``decay_share`` of the steps bring the learning rate down to nothing. ``text_dropout`` is the
    share of captions left out, for guidance; ``word_dropout`` that of words replaced by the unknown
    one, so that unknown words in prompts do little harm. ``token_noise`` is the largest share of a
    picture's tokens that the network reads wrongly, so that it learns to go on after its own mistakes.
    ``hard_share`` of the picture book's pages show what is learned last (`is_hard`).
    """

    tokenizer: str
    start: str = ""
    width: int = 256
    image_layers: int = 8
    text_layers: int = 2
    text_length: int = 24
    text_dropout: float = 0.1
    word_dropout: float = 0.03
    token_noise: float = 0.15
    hard_share: float = 0.2
    average_decay: float = 0.998
    warmup: int = 100
    decay_share: float = 0.25
    compiled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("text_dropout", "word_dropout", "token_noise", "hard_share"):
            self.require(name, 0 <= getattr(self, name) < 1, "must be at least 0 and below 1")
        self.require("decay_share", 0 < self.decay_share <= 1, "must be above 0 and at most 1")


_TOKENIZER = "models/weights/easel-tokenizer"
PRESETS = {
    "cpu": TransformerTraining(steps=4000, batch_size=48, learning_rate=2e-3, tokenizer=_TOKENIZER),
    "gpu": TransformerTraining(
        steps=40000, batch_size=256, learning_rate=2e-3, tokenizer=_TOKENIZER,
        width=384, image_layers=12, device="cuda",
    ),
}  # fmt: skip


def create_task(config: TransformerTraining) -> "TransformerTask":
    """Return the training of a transformer, fresh or going on from ``config.start``.

    Raises:
        CheckpointError: the tokenizer, or what to start from, cannot be loaded.
        DataError: the pictures or captions cannot be used, or are too few.
    """
    return TransformerTask(config)


class TransformerTask:
    """Cross-entropy of the image tokens; Muon for hidden matrices, AdamW for everything else."""

    def __init__(self, config: TransformerTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self.tokenizer = ImageTokenizer.from_pretrained(config.tokenizer).to(self.device)
        self._pages = _open_pages(config)
        self.data = self._pages.digest
        start = Path(config.start).parent / VOCABULARY
        self.vocabulary = read_vocabulary(start) if config.start else list(self._pages.vocabulary)
        self.words = WordTokenizer(self.vocabulary, config.text_length)
        self.transformer = self._start().to(self.device)
        self.average = average_of(self.transformer)
        self.networks: dict[str, nn.Module] = {"transformer": self.transformer}
        self.ema: dict[str, nn.Module] = {"transformer": self.average}
        self.optimizers = _optimizers(self.transformer)
        self._losses = torch.compile(self._cross_entropies) if config.compiled else self._cross_entropies

    def batch(self, step: int, rank: int, world: int) -> tuple[Tensor, Tensor]:
        """Return this process's captions (N, T) and pictures as blocks of tokens (N, S, K)."""
        seed, size = self.config.seed, self.config.batch_size
        numbers = range(step * size + rank, (step + 1) * size, world)
        pages = [self._pages.page(number) for number in numbers]
        rngs = [np.random.default_rng((seed, number, 1)) for number in numbers]
        texts = torch.tensor([self._tokens(page.caption(rng), rng) for page, rng in zip(pages, rngs, strict=True)])
        images = normalized([page.image() for page in pages]).to(self.device)
        with torch.no_grad():
            tokens = self.tokenizer.images_to_tokens(images)
        return texts.to(self.device), to_blocks(tokens, self.transformer.config.block)

    def step(self, batch: tuple[Tensor, Tensor], step: int) -> dict[str, float]:
        """Update the transformer and its average once."""
        config, (texts, blocks) = self.config, batch
        factor = warmup_stable_decay(step, config.steps, config.warmup, config.decay_share)
        with torch.autocast(self.device.type, torch.bfloat16):
            losses = self._losses(texts, _disturbed(blocks, config.token_noise), blocks)
        loss = torch.stack(losses).mean()
        self.transformer.zero_grad()
        loss.backward()
        norm = parallel.clip_gradients(self.transformer.parameters(), 1.0)
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, config.learning_rate * factor)
            optimizer.step()
        update_average(self.average, self.transformer, config.average_decay, step)
        levels = {f"loss_{level}": part.item() for level, part in enumerate(losses, start=1)}
        return {"loss": loss.item(), **levels, "gradient_norm": norm}

    @torch.inference_mode()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show what the averaged transformer draws for a few prompts, two pictures of each."""
        prompts = [prompt for prompt in self._pages.prompts for _ in range(2)]
        engine: Engine[int] = Engine(self.average, capacity=len(prompts))
        texts = torch.tensor([self.words.encode(text) for text in (*prompts, "")], device=self.device)
        *encodings, nothing = self.average.encode_text(texts)
        for seed, encoding in enumerate(encodings):
            engine.admit(seed, (encoding, nothing), SamplingOptions(), image_rng(seed, 0))
        finished: list[Sequence[int]] = []
        while engine.running:
            finished = engine.step()
        blocks = torch.stack([sequence.tokens for sequence in sorted(finished, key=attrgetter("key"))])
        grids = from_blocks(blocks.to(self.device), self.average.config.block)
        return tile(as_bytes(self.tokenizer.tokens_to_images(grids)), columns=4)

    def export(self, folder: Path) -> None:
        """Write the averaged transformer, its tokenizer and its vocabulary, as the generator reads them."""
        save_network(self.average, self.transformer.config, folder / NETWORK)
        self.tokenizer.save_pretrained(folder / TOKENIZER)
        (folder / VOCABULARY).write_text(json.dumps(self.vocabulary), encoding="utf-8")

    def _start(self) -> Transformer:
        if not self.config.start:
            return Transformer(self._network_config())
        transformer = load_network(Transformer, TransformerConfig, Path(self.config.start))
        return transformer.train().requires_grad_()

    def _network_config(self) -> TransformerConfig:
        config = self.config
        return TransformerConfig(
            vocabulary_size=self.words.size,
            text_length=config.text_length,
            codebook_size=self.tokenizer.codebook_size,
            levels=self.tokenizer.config.levels,
            width=config.width,
            hidden=3 * config.width,
            text_layers=config.text_layers,
            image_layers=config.image_layers,
        )

    def _cross_entropies(self, texts: Tensor, read: Tensor, blocks: Tensor) -> list[Tensor]:
        """Return the mean loss of each level's tokens, in nats, when the network reads ``read``."""
        logits = self.transformer.level_logits(texts, read)
        targets = blocks.chunk(len(logits), dim=2)
        pairs = zip(logits, targets, strict=True)
        return [functional.cross_entropy(level.flatten(0, 2), target.flatten()) for level, target in pairs]

    def _tokens(self, text: str, rng: np.random.Generator) -> list[int]:
        """Return a caption's tokens, some of them unknown, or none at all."""
        if rng.random() < self.config.text_dropout:
            return [PAD] * self.config.text_length
        unknown = rng.random(self.config.text_length) < self.config.word_dropout
        tokens = self.words.encode(text)
        return [UNKNOWN if lost and token != PAD else token for token, lost in zip(tokens, unknown, strict=True)]


def _open_pages(config: TransformerTraining) -> Pages:
    return open_pages(
        config.data,
        config.seed,
        at_least=config.batch_size,
        max_words=config.text_length,
        hard_share=config.hard_share,
    )


def _disturbed(blocks: Tensor, most: float) -> Tensor:
    """Return blocks (N, S, K) with up to a share ``most`` of each picture's tokens from its neighbour."""
    shares = most * torch.rand(len(blocks), 1, 1, device=blocks.device)
    wrong = torch.rand(blocks.shape, device=blocks.device) < shares
    return torch.where(wrong, blocks.roll(1, dims=0), blocks)


def _optimizers(network: nn.Module) -> dict[str, torch.optim.Optimizer]:
    """Give matrices inside layers to Muon; embeddings, norms and the logits' matrix to AdamW."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        hidden = parameter.ndim == 2 and ("layers" in name or "mlp" in name)
        (matrices if hidden else others).append(parameter)
    adam = torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return {"muon": Muon(matrices), "adam": adam}
