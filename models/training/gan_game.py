"""The updates of the GAN's networks: three ways to learn from one batch.

Shapes: B batch, K compositions, E embedding, Z noise.
"""

import torch
from torch import Tensor

from models.training import gan_losses, parallel
from models.training.captioned_compositions import Captioned
from models.training.gan_config import GanTraining
from models.training.gan_networks import GanNetworks
from models.training.schedule import set_learning_rate, warmup_stable_decay

Losses = dict[str, Tensor]

_OPPONENT_BETAS = (0.0, 0.99)
"""Adam's where the other side moves too: no momentum."""
_WARM_UP = 100


class GanGame:
    """Holds an optimizer for each side, and makes one update with a batch."""

    def __init__(self, config: GanTraining, networks: GanNetworks) -> None:
        self._config = config
        self._networks = networks
        redrawing = [*networks.generator.parameters(), *networks.posterior.parameters()]
        judging, dual = networks.discriminator.parameters(), networks.dual_encoder.parameters()
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.AdamW(redrawing, betas=(0.9, 0.99), weight_decay=0.01, fused=True),
            "discriminator": torch.optim.Adam(judging, betas=_OPPONENT_BETAS, fused=True),
            "dual_encoder": torch.optim.AdamW(dual, betas=(0.9, 0.99), weight_decay=0.05, fused=True),
        }

    def set_rates(self, step: int) -> None:
        """Set the learning rates of a step."""
        config = self._config
        factor = warmup_stable_decay(step, config.steps, _WARM_UP, config.decay_share)
        set_learning_rate(self.optimizers["generator"], config.learning_rate * factor)
        set_learning_rate(self.optimizers["discriminator"], config.discriminator_rate * factor)
        if step < config.warm_up_steps:
            alone = warmup_stable_decay(step, config.warm_up_steps, _WARM_UP, 0.5)
            set_learning_rate(self.optimizers["dual_encoder"], config.dual_encoder_rate * alone)

    def match(self, batch: Captioned) -> Losses:
        """Teach the dual encoder which caption is whose."""
        encoder = self._networks.dual_encoder
        with _half_precision(batch.weights):
            images = encoder.embed_image(batch.weights)
            texts, near_misses = encoder.embed_text(batch.text_tokens), encoder.embed_text(batch.near_misses)
        loss = gan_losses.contrast(images.float(), texts.float(), near_misses.float(), encoder.log_scale.exp())
        self._descend("dual_encoder", loss)
        return {"contrast": loss}

    def redraw(self, batch: Captioned, step: int) -> Losses:
        """Redraw pictures from their captions and the noise that the posterior sees behind them."""
        generator = self._networks.generator
        with _half_precision(batch.weights):
            mean, log_variance = self._networks.posterior(batch.weights)
            redrawn = generator(generator.text_encoder(batch.text_tokens), _sampled(mean, log_variance))
        losses = _redraw_losses(batch.weights, redrawn, mean, log_variance)
        # Noise must be worth something to the generator before it costs.
        price = self._config.divergence_weight * min(1.0, step / self._config.divergence_steps)
        self._descend("generator", losses["redraw"] + price * losses["divergence"])
        return losses

    def play(self, batch: Captioned, step: int) -> Losses:
        """Redraw the first half of the batch, draw the second half from fresh noise; both are judged."""
        config, networks, half = self._config, self._networks, len(batch.weights) // 2
        with _half_precision(batch.weights):
            mean, log_variance = networks.posterior(batch.weights[:half])
            z = torch.cat([_sampled(mean, log_variance), torch.randn_like(mean)])
            drawn = networks.generator(networks.generator.text_encoder(batch.text_tokens), z).float()
        with torch.no_grad():
            texts = networks.dual_encoder.embed_text(batch.text_tokens)
            near_misses = networks.dual_encoder.embed_text(batch.near_misses)
        judged = self._judge(batch.weights, drawn.detach(), texts, near_misses, step)
        losses = _redraw_losses(batch.weights[:half], drawn[:half], mean, log_variance)
        losses |= self._verdict(batch.weights, drawn, texts, near_misses)
        loss = losses["redraw"] + config.divergence_weight * losses["divergence"]
        loss = loss + config.adversarial_weight * losses["generator"] + config.guidance_weight * losses["guidance"]
        self._descend("generator", loss)
        return losses | judged

    def _judge(self, real: Tensor, drawn: Tensor, texts: Tensor, near_misses: Tensor, step: int) -> Losses:
        """Teach the discriminator: real above drawn, right caption above near miss, and small slopes."""
        discriminator = self._networks.discriminator
        with _half_precision(real):
            scores = discriminator(torch.cat([real, drawn, real]), torch.cat([texts, texts, near_misses]))
        right, generated, wrong = scores.float().chunk(3)
        losses = {
            "discriminator": gan_losses.relativistic(right, generated),
            "matching": gan_losses.relativistic(right, wrong),
        }
        loss = losses["discriminator"] + losses["matching"]
        if step % self._config.penalty_every == 0:
            slopes = [gan_losses.gradient_penalty(lambda x: discriminator(x, texts), at) for at in (real, drawn)]
            losses["penalty"] = slopes[0] + slopes[1]
            loss = loss + 0.5 * self._penalty_weight(step) * losses["penalty"]
        self._descend("discriminator", loss)
        return losses

    def _verdict(self, real: Tensor, drawn: Tensor, texts: Tensor, near_misses: Tensor) -> Losses:
        """Return what discriminator and dual encoder, both standing still, say of the drawn pictures."""
        discriminator, encoder = self._networks.discriminator, self._networks.dual_encoder
        discriminator.requires_grad_(requires_grad=False)
        with _half_precision(real):
            right, generated = discriminator(real, texts), discriminator(drawn, texts)
            images = encoder.embed_image(drawn)
        discriminator.requires_grad_(requires_grad=True)
        return {
            "generator": gan_losses.relativistic(generated.float(), right.float()),
            "guidance": gan_losses.contrast(images.float(), texts, near_misses, encoder.log_scale.exp().detach()),
        }

    def _penalty_weight(self, step: int) -> float:
        """Fall from gamma to a tenth of it over the game; rare penalties count for the steps between."""
        config = self._config
        played = (step - config.warm_up_steps) / (config.steps - config.warm_up_steps)
        return config.penalty * config.penalty_every * (1 - 0.9 * played)

    def _descend(self, side: str, loss: Tensor) -> None:
        optimizer = self.optimizers[side]
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        parallel.clip_gradients([p for group in optimizer.param_groups for p in group["params"]], 1.0)
        optimizer.step()


def _half_precision(like: Tensor) -> torch.autocast:
    return torch.autocast(like.device.type, torch.bfloat16)


def _sampled(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return noise (B, Z) from Gaussians, letting gradients through."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def _redraw_losses(weights: Tensor, redrawn: Tensor, mean: Tensor, log_variance: Tensor) -> Losses:
    return {
        "redraw": (redrawn.float() - weights).square().mean(),
        "divergence": gan_losses.divergence(mean.float(), log_variance.float()),
    }
