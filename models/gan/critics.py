"""Networks that judge pictures by their weights of compositions; used in training only.

`Discriminator` tells drawn from generated, given a caption. `DualEncoder` puts captions and
pictures into one space, for guidance. `Posterior` finds the noise that explains a picture.

Shapes: B batch, K compositions, F features, E embedding, T text tokens, Z noise.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.gan.networks import GanConfig, TextEncoder


class Perceptron(nn.Sequential):
    """Residual layers without normalisation, whose slopes the penalties can see (as in R3GAN)."""

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__(nn.Linear(inputs, width), *(ResidualLayer(width) for _ in range(layers)), nn.LeakyReLU(0.2))


class ResidualLayer(nn.Module):
    """Two dense layers beside a straight path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, F) from (B, F)."""
        activated = functional.leaky_relu(x, 0.2)
        return x + self.second(functional.leaky_relu(self.first(activated), 0.2))


class Discriminator(nn.Module):
    """Scores pictures by themselves and by their projection on the caption.

    After Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637. The caption comes as the
    embedding of a frozen text encoder, and the layers see it too.
    """

    def __init__(self, num_compositions: int, width: int, embedding_size: int) -> None:
        super().__init__()
        self.trunk = Perceptron(num_compositions + embedding_size, width, layers=3)
        self.unconditional = nn.Linear(width, 1)
        self.projection = nn.Linear(width, embedding_size)

    def forward(self, weights: Tensor, embeddings: Tensor) -> Tensor:
        """Return scores (B,), higher for drawn pictures that fit their caption."""
        caption = embeddings * embeddings.shape[1] ** 0.5  # unit vectors to entries of about one
        features = self.trunk(torch.cat([weights, caption], dim=1))
        fit = (self.projection(features) * caption).mean(dim=1)
        return self.unconditional(features).squeeze(1) + fit


class DualEncoder(nn.Module):
    """Embeds captions and pictures so that those that belong together are close (CLIP)."""

    def __init__(self, config: GanConfig, width: int, embedding_size: int) -> None:
        super().__init__()
        self.text_encoder = TextEncoder(config)
        self.text_head = nn.Linear(config.text_queries * config.text_width, embedding_size)
        self.image_encoder = Perceptron(config.num_compositions, width, layers=2)
        self.image_head = nn.Linear(width, embedding_size)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    def embed_text(self, text_tokens: Tensor) -> Tensor:
        """Return unit vectors (B, E) from integers (B, T)."""
        return functional.normalize(self.text_head(self.text_encoder(text_tokens)), dim=1)

    def embed_image(self, weights: Tensor) -> Tensor:
        """Return unit vectors (B, E) from weights of compositions (B, K)."""
        return functional.normalize(self.image_head(self.image_encoder(weights)), dim=1)


class Posterior(nn.Module):
    """Guesses the noise that would have led to a picture, as a Gaussian."""

    def __init__(self, config: GanConfig, width: int) -> None:
        super().__init__()
        self.trunk = Perceptron(config.num_compositions, width, layers=1)
        self.head = nn.Linear(width, 2 * config.z_size)

    def forward(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (B, Z), from weights of compositions (B, K)."""
        mean, log_variance = self.head(self.trunk(weights)).chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)
