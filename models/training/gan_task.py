"""One step of the GAN's training; `models.training.gan` says what it is for and holds its presets.

Shapes: B batch, K compositions, T text tokens, E embedding, Z noise.
"""

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from models.checkpoints import WEIGHTS as WEIGHTS_FILE
from models.checkpoints import load_network, save_network
from models.gan.critics import Discriminator, DualEncoder, Posterior
from models.gan.generator import NETWORK, TOKENIZER
from models.gan.generator import VOCABULARY as VOCABULARY_FILE
from models.gan.networks import GanConfig, Generator
from models.picturebook import VOCABULARY
from models.text import WordTokenizer
from models.training import gan_losses, parallel
from models.training.averaging import average_of, update_average
from models.training.captioned_compositions import Captioned, CaptionedCompositions
from models.training.plots import as_bytes, tile
from models.training.schedule import set_learning_rate, warmup_stable_decay
from models.transformer.tokenizer import ImageTokenizer

if TYPE_CHECKING:
    from models.training.gan import GanTraining

SHOWPIECES = (
    "A two-story pink house shaped like a shoe.",
    "A futuristic city skyline at sunset with flying cars.",
    "A futuristic robot with neon lights in a city at night.",
    "A serene mountain landscape with a river flowing through it.",
)
CRITICS = "critics"
OPPONENT_BETAS = (0.0, 0.99)
"""Adam's where the other side moves too: no momentum."""


class GanTask:
    """Generator and posterior, discriminator, and dual encoder, each with its own optimizer."""

    def __init__(self, config: "GanTraining") -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self.tokenizer = ImageTokenizer.from_pretrained(config.tokenizer).to(self.device)
        self.words = WordTokenizer(VOCABULARY, config.text_length)
        sizes = _network_config(config, self.words.size, self.tokenizer.config.latent_channels)
        width = config.critic_width
        self.generator = Generator(sizes)
        self.posterior = Posterior(sizes, width)
        self.discriminator = Discriminator(sizes.num_compositions, width, config.embedding_size)
        self.dual_encoder = DualEncoder(replace(sizes, text_layers=1), width, config.embedding_size)
        self.critics: dict[str, nn.Module] = {
            "posterior": self.posterior,
            "discriminator": self.discriminator,
            "dual_encoder": self.dual_encoder,
        }
        self.networks: dict[str, nn.Module] = {"generator": self.generator, **self.critics}
        if config.start_from:
            self._start_from(Path(config.start_from))
        for network in self.networks.values():
            network.to(self.device)
        self.average = average_of(self.generator)
        self.average.compositions = self.generator.compositions
        self.ema: dict[str, nn.Module] = {"generator": self.average}
        self.optimizers = self._optimizers()
        compositions = self.generator.compositions
        self.pages = CaptionedCompositions(config.pages, self.tokenizer, compositions, self.words, config.seed)

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        redrawing = [*self.generator.parameters(), *self.posterior.parameters()]
        judging, dual = self.discriminator.parameters(), self.dual_encoder.parameters()
        return {
            "generator": torch.optim.AdamW(redrawing, betas=(0.9, 0.99), weight_decay=0.01, fused=True),
            "discriminator": torch.optim.Adam(judging, betas=OPPONENT_BETAS, fused=True),
            "dual_encoder": torch.optim.AdamW(dual, betas=(0.9, 0.99), weight_decay=0.05, fused=True),
        }

    def batch(self, step: int, rank: int, world: int) -> Captioned:
        """Return this process's pages."""
        if not self.generator.compositions.fitted:
            self.pages.fit(self.config.fitting_pages)
        seeds = [(self.config.seed, step, index) for index in range(rank, self.config.batch_size, world)]
        return self.pages.batch(seeds, self.config.word_dropout)

    def step(self, batch: Captioned, step: int) -> dict[str, float]:
        """Warm up without an opponent, then play against the discriminator."""
        self._set_rates(step)
        if step < self.config.warm_up_steps:
            losses = self._redraw(batch, step)
            if step % 2 == 0:
                losses |= self._teach_dual_encoder(batch)
        else:
            losses = self._play(batch, step)
        update_average(self.average, self.generator, self.config.average_decay, step)
        return {name: loss.item() for name, loss in losses.items()}

    def _teach_dual_encoder(self, batch: Captioned) -> dict[str, Tensor]:
        encoder = self.dual_encoder
        with self._half_precision():
            images = encoder.embed_image(batch.weights)
            texts, near_misses = encoder.embed_text(batch.text_tokens), encoder.embed_text(batch.near_misses)
        loss = gan_losses.contrast(images.float(), texts.float(), near_misses.float(), encoder.log_scale.exp())
        self._descend(loss, "dual_encoder")
        return {"contrast": loss}

    def _redraw(self, batch: Captioned, step: int) -> dict[str, Tensor]:
        with self._half_precision():
            mean, log_variance = self.posterior(batch.weights)
            z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            redrawn = self.generator(self.generator.text_encoder(batch.text_tokens), z)
        losses = self._redraw_losses(batch.weights, redrawn, mean, log_variance)
        # Noise must be worth something to the generator before it costs.
        weight = self.config.divergence_weight * min(1.0, step / self.config.divergence_steps)
        loss = losses["redraw"] + weight * losses["divergence"]
        self._descend(loss, "generator")
        return losses

    def _play(self, batch: Captioned, step: int) -> dict[str, Tensor]:
        """Redraw the first half of the batch; draw the second half from fresh noise."""
        half = len(batch.weights) // 2
        with self._half_precision():
            mean, log_variance = self.posterior(batch.weights[:half])
            redraw_z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            z = torch.cat([redraw_z, torch.randn_like(redraw_z)])
            drawn = self.generator(self.generator.text_encoder(batch.text_tokens), z).float()
        with torch.no_grad():
            texts = self.dual_encoder.embed_text(batch.text_tokens)
            near_misses = self.dual_encoder.embed_text(batch.near_misses)
        judged = self._teach_discriminator(batch.weights, drawn.detach(), texts, near_misses, step)
        losses = self._redraw_losses(batch.weights[:half], drawn[:half], mean, log_variance)
        losses |= self._opponents_losses(batch.weights, drawn, texts, near_misses)
        config = self.config
        loss = losses["redraw"] + config.divergence_weight * losses["divergence"]
        loss = loss + config.adversarial_weight * losses["generator"] + config.guidance_weight * losses["guidance"]
        self._descend(loss, "generator")
        return losses | judged

    def _redraw_losses(self, weights: Tensor, redrawn: Tensor, mean: Tensor, log_variance: Tensor) -> dict[str, Tensor]:
        return {
            "redraw": (redrawn.float() - weights).square().mean(),
            "divergence": gan_losses.divergence(mean.float(), log_variance.float()),
        }

    def _teach_discriminator(
        self, real: Tensor, drawn: Tensor, texts: Tensor, near_misses: Tensor, step: int
    ) -> dict[str, Tensor]:
        """Real above drawn, right caption above near miss; the scores' slopes are kept small."""
        with self._half_precision():
            scores = self.discriminator(torch.cat([real, drawn, real]), torch.cat([texts, texts, near_misses]))
        right, generated, wrong = scores.float().chunk(3)
        losses = {
            "discriminator": gan_losses.relativistic(right, generated),
            "matching": gan_losses.relativistic(right, wrong),
        }
        loss = losses["discriminator"] + losses["matching"]
        if step % self.config.penalty_every == 0:
            penalty = self._penalty(real, texts) + self._penalty(drawn, texts)
            losses["penalty"] = penalty
            loss = loss + 0.5 * self._penalty_weight(step) * self.config.penalty_every * penalty
        self._descend(loss, "discriminator")
        return losses

    def _opponents_losses(self, real: Tensor, drawn: Tensor, texts: Tensor, near_misses: Tensor) -> dict[str, Tensor]:
        """What the frozen critics say of the drawn latents, with gradients."""
        self.discriminator.requires_grad_(requires_grad=False)
        with self._half_precision():
            with torch.no_grad():
                right = self.discriminator(real, texts)
            generated = self.discriminator(drawn, texts)
            images = self.dual_encoder.embed_image(drawn)
        self.discriminator.requires_grad_(requires_grad=True)
        scale = self.dual_encoder.log_scale.exp().detach()
        return {
            "generator": gan_losses.relativistic(generated.float(), right.float()),
            "guidance": gan_losses.contrast(images.float(), texts, near_misses, scale),
        }

    def _penalty(self, weights: Tensor, texts: Tensor) -> Tensor:
        return gan_losses.gradient_penalty(lambda x: self.discriminator(x, texts), weights)

    def _penalty_weight(self, step: int) -> float:
        """Fall from gamma to a tenth of it over the game."""
        config = self.config
        played = (step - config.warm_up_steps) / (config.steps - config.warm_up_steps)
        return float(config.penalty * (1 - 0.9 * played))

    def _descend(self, loss: Tensor, *names: str) -> None:
        optimizers = [self.optimizers[name] for name in names]
        for optimizer in optimizers:
            optimizer.zero_grad()
        torch.autograd.backward(loss)
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        parallel.clip_gradients([p for group in groups for p in group["params"]], 1.0)
        for optimizer in optimizers:
            optimizer.step()

    def _set_rates(self, step: int) -> None:
        config = self.config
        factor = warmup_stable_decay(step, config.steps, 100, config.decay_share)
        set_learning_rate(self.optimizers["generator"], config.learning_rate * factor)
        set_learning_rate(self.optimizers["discriminator"], config.discriminator_rate * factor)
        alone = warmup_stable_decay(step, config.warm_up_steps, 100, 0.5)
        set_learning_rate(self.optimizers["dual_encoder"], config.dual_encoder_rate * max(0.0, alone))

    def _half_precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16)

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show eight pictures of each showpiece prompt."""
        generator, columns = self.average, 8
        z = torch.randn(columns, self.config.z_size, generator=torch.Generator().manual_seed(0)).to(self.device)
        rows = []
        for prompt in SHOWPIECES:
            tokens = torch.tensor([self.words.encode(prompt)], device=self.device)
            text = generator.text_encoder(tokens).expand(columns, -1)
            rows.append(self.tokenizer.decode(generator.draw(text, z)))
        return tile(as_bytes(torch.cat(rows)), columns)

    def export(self, folder: Path) -> None:
        """Write the averaged generator with all it needs, and the critics, which `start_from` needs too."""
        save_network(self.average, self.generator.config, folder / NETWORK)
        save_network(nn.ModuleDict(self.critics), self.config, folder / CRITICS)
        self.tokenizer.save_pretrained(folder / TOKENIZER)
        (folder / VOCABULARY_FILE).write_text(json.dumps(VOCABULARY) + "\n", encoding="utf-8")

    def _start_from(self, folder: Path) -> None:
        exported = load_network(Generator, GanConfig, folder / NETWORK)
        self.generator.load_state_dict(exported.state_dict())
        critics = load_file(folder / CRITICS / WEIGHTS_FILE)
        nn.ModuleDict(self.critics).load_state_dict({name: tensor.float() for name, tensor in critics.items()})


def _network_config(config: "GanTraining", vocabulary_size: int, latent_channels: int) -> GanConfig:
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
