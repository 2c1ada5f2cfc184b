"""The networks that play in the GAN's training, and how they are written to a folder and read back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from models.bundles import TOKENIZER, VOCABULARY, read_vocabulary
from models.checkpoints import WEIGHTS, load_network, save_network
from models.gan.critics import Discriminator, DualEncoder, Posterior
from models.gan.generator import NETWORK
from models.gan.networks import GanConfig, Generator
from models.text import WordTokenizer
from models.training.averaging import average_of
from models.training.gan_config import GanTraining
from models.transformer.tokenizer import ImageTokenizer

CRITICS = "critics"


class GanNetworks:
    """A generator and its average, three critics, and the frozen tokenizer."""

    def __init__(self, config: GanTraining, vocabulary: Sequence[str]) -> None:
        """Make them for captions of this vocabulary; what starts from an export keeps the export's."""
        start = Path(config.start_from) / VOCABULARY
        self.vocabulary = read_vocabulary(start) if config.start_from else list(vocabulary)
        self.config = config
        self.tokenizer = ImageTokenizer.from_pretrained(config.tokenizer)
        self.words = WordTokenizer(self.vocabulary, config.text_length)
        sizes = _sizes(config, self.words.size, self.tokenizer.config.latent_channels)
        width, embedding_size = config.critic_width, config.embedding_size
        self.generator = Generator(sizes)
        self.posterior = Posterior(sizes, width)
        self.discriminator = Discriminator(sizes.num_compositions, width, embedding_size)
        self.dual_encoder = DualEncoder(replace(sizes, text_layers=1), width, embedding_size)
        self.critics = nn.ModuleDict(
            {"posterior": self.posterior, "discriminator": self.discriminator, "dual_encoder": self.dual_encoder}
        )
        if config.start_from:
            self._load(Path(config.start_from))
        self.average = average_of(self.generator)
        # Never trained, large, and the same in both.
        self.average.compositions = self.generator.compositions

    def save(self, folder: Path) -> None:
        """Write the averaged generator with all it needs to draw, and the critics, to go on training with."""
        save_network(self.average, self.average.config, folder / NETWORK)
        save_network(self.critics, self.config, folder / CRITICS)
        self.tokenizer.save_pretrained(folder / TOKENIZER)
        (folder / VOCABULARY).write_text(json.dumps(self.vocabulary) + "\n", encoding="utf-8")

    def _load(self, folder: Path) -> None:
        """Read what `save` wrote; critics that are not there start afresh.

        Raises:
            CheckpointError: the generator is missing or damaged.
            ConfigError: critics start afresh, but nothing would warm them up.
            RuntimeError: the networks have other sizes.
        """
        exported = load_network(Generator, GanConfig, folder / NETWORK)
        self.generator.load_state_dict(exported.state_dict())
        if not (folder / CRITICS).exists():
            self.config.require(
                "warm_up_steps", self.config.warm_up_steps > 0, f"must be positive, as {folder} has no {CRITICS}"
            )
            return
        critics = load_file(folder / CRITICS / WEIGHTS)
        self.critics.load_state_dict({name: tensor.float() for name, tensor in critics.items()})


def _sizes(config: GanTraining, vocabulary_size: int, latent_channels: int) -> GanConfig:
    return GanConfig(
        vocabulary_size=vocabulary_size,
        latent_channels=latent_channels,
        text_length=config.text_length,
        text_width=config.text_width,
        z_size=config.z_size,
        style_width=config.style_width,
        style_layers=config.style_layers,
        num_compositions=config.num_compositions,
    )
