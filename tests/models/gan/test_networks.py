"""The generator's shapes and what its inputs may and may not change."""

import torch

from models.gan.networks import Compositions, GanConfig, Generator

SMALL = GanConfig(
    vocabulary_size=20, latent_channels=4, text_length=6, text_width=32, text_layers=1, text_queries=2,
    grid=4, z_size=8, style_width=32, style_layers=1, num_compositions=5,
)  # fmt: skip


def small_generator() -> Generator:
    torch.manual_seed(0)
    generator = Generator(SMALL).eval()
    generator.compositions.fit(torch.randn(30, 4, 4, 4))
    return generator


def text_and_noise(generator: Generator, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    text_tokens = torch.randint(0, SMALL.vocabulary_size, (rows, SMALL.text_length), generator=rng)
    return generator.text_encoder(text_tokens), torch.randn(rows, SMALL.z_size, generator=rng)


def test_latents_have_the_grid_of_the_tokenizer() -> None:
    """Whatever the batch, each row becomes one grid of latents."""
    generator = small_generator()
    assert generator.draw(*text_and_noise(generator, 3)).shape == (3, 4, 4, 4)


def test_rows_do_not_influence_each_other() -> None:
    """A batch of N gives the latents of N batches of one."""
    generator = small_generator()
    text, z = text_and_noise(generator, 3)
    alone = torch.cat([generator.draw(text[i : i + 1], z[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(generator.draw(text, z), alone, rtol=1e-4, atol=1e-5)


def test_words_their_order_and_noise_matter() -> None:
    """Other words, the same words in another order, and other noise give other pictures."""
    generator = small_generator()
    z = torch.zeros(1, SMALL.z_size)
    texts = [torch.tensor([tokens]) for tokens in ([2, 3, 4, 0, 0, 0], [3, 2, 4, 0, 0, 0], [2, 5, 4, 0, 0, 0])]
    first, reordered, other = (generator(generator.text_encoder(tokens), z) for tokens in texts)
    shaken = generator(generator.text_encoder(texts[0]), z + 1)
    assert all((first - weights).abs().max() > 1e-4 for weights in (reordered, other, shaken))


def test_full_truncation_forgets_the_noise() -> None:
    """With truncation_psi 0 every seed draws the most typical picture; rows may differ in it."""
    generator = small_generator()
    text, z = text_and_noise(generator, 2)
    mixed = generator(text, z, torch.tensor([[0.0], [1.0]]))
    torch.testing.assert_close(mixed[0], generator(text, torch.zeros_like(z))[0])
    torch.testing.assert_close(mixed[1], generator(text, z)[1])


def test_compositions_rebuild_what_they_were_fitted_to() -> None:
    """Latents that lie in few dimensions come back exactly from that many weights."""
    torch.manual_seed(0)
    latents = (torch.randn(40, 5) @ torch.randn(5, 64)).unflatten(1, (4, 4, 4)) + 3
    compositions = Compositions(SMALL)
    assert not compositions.fitted
    compositions.fit(latents)
    assert compositions.fitted
    torch.testing.assert_close(compositions.compose(compositions.weigh(latents)), latents, rtol=1e-3, atol=1e-3)


def test_weights_of_the_fitted_pictures_are_of_unit_size() -> None:
    """Their mean is zero and their mean square one, so that losses are shares of all variation."""
    torch.manual_seed(0)
    latents = torch.randn(500, 4, 4, 4) * torch.tensor([9.0, 1.0, 0.5, 0.1])[:, None, None]
    compositions = Compositions(SMALL)
    compositions.fit(latents)
    weights = compositions.weigh(latents)
    torch.testing.assert_close(weights.mean(dim=0), torch.zeros(5), atol=1e-3, rtol=0)
    torch.testing.assert_close(weights.square().mean(), torch.tensor(1.0), atol=0.1, rtol=0)
