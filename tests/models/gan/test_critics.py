"""The networks that judge: what they look at, and that penalties reach their weights."""

import torch

from models.gan.critics import Discriminator, DualEncoder, Posterior
from models.gan.networks import GanConfig
from models.training.gan_losses import contrast, divergence, gradient_penalty, relativistic

SMALL = GanConfig(
    vocabulary_size=20, latent_channels=4, text_length=6, text_width=32, text_layers=1, z_size=8, num_compositions=10
)  # fmt: skip


def random_pictures(rows: int) -> torch.Tensor:
    return torch.randn(rows, 10, generator=torch.Generator().manual_seed(0))


def small_discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(10, width=16, embedding_size=32)


def test_discriminator_heeds_picture_and_caption() -> None:
    """Another picture or another caption gets another score."""
    discriminator, pictures = small_discriminator(), random_pictures(2)
    captions = torch.eye(2, 32)
    scores = discriminator(pictures, captions)
    assert scores.shape == (2,)
    assert not torch.allclose(scores, discriminator(pictures, captions.flip(0)))
    assert not torch.allclose(scores, discriminator(pictures.flip(0), captions))


def test_penalty_is_the_squared_slope_of_the_score() -> None:
    """For a linear score the penalty is the squared norm of its slope, whatever the pictures."""
    slope = torch.randn(10, generator=torch.Generator().manual_seed(1))
    penalty = gradient_penalty(lambda x: x @ slope, random_pictures(3))
    torch.testing.assert_close(penalty, slope.square().sum())


def test_penalty_reaches_the_discriminators_weights() -> None:
    """The penalty is of second order: descending it changes the discriminator."""
    discriminator, captions = small_discriminator(), torch.eye(2, 32)
    gradient_penalty(lambda x: discriminator(x, captions), random_pictures(2)).backward()
    assert discriminator.trunk[0].weight.grad.abs().max() > 0


def test_relativistic_loss_rewards_the_right_order() -> None:
    """Only the difference of the scores counts, and the right order costs less."""
    high, low = torch.tensor([3.0]), torch.tensor([1.0])
    assert relativistic(high, low) < relativistic(low, high)
    torch.testing.assert_close(relativistic(high, low), relativistic(high + 5, low + 5))


def test_divergence_of_the_prior_is_zero() -> None:
    """A posterior that knows nothing costs nothing; every other costs."""
    unknown = torch.zeros(2, 8)
    assert divergence(unknown, unknown) == 0
    assert divergence(unknown + 1, unknown) == 4


def test_contrast_falls_when_captions_fit() -> None:
    """Pictures that embed like their captions cost less than pictures that embed like near misses."""
    vectors = torch.eye(4)
    texts, near_misses = vectors[:2], vectors[2:]
    assert contrast(texts, texts, near_misses, 10.0) < contrast(near_misses, texts, near_misses, 10.0)


def test_embeddings_have_unit_length() -> None:
    """Captions and pictures are compared by angle alone."""
    torch.manual_seed(0)
    encoder = DualEncoder(SMALL, width=16, embedding_size=16)
    texts = encoder.embed_text(torch.ones(2, 6, dtype=torch.long))
    images = encoder.embed_image(random_pictures(2))
    for vectors in (texts, images):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_posterior_guesses_noise_of_the_generators_size() -> None:
    """Mean and log-variance, one of each per number of noise."""
    mean, log_variance = Posterior(SMALL, width=16)(random_pictures(3))
    assert mean.shape == log_variance.shape == (3, 8)
