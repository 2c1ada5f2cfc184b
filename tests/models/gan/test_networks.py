"""The generator's shapes and what its inputs may and may not change."""

import torch

from models.gan.networks import GanConfig, Generator

SMALL = GanConfig(
    vocabulary_size=20, latent_channels=4, text_length=6, text_width=32, text_layers=1, text_queries=2,
    z_size=8, style_width=32, style_layers=1, coarse_width=16, coarse_blocks=1, fine_width=8, fine_blocks=1,
)  # fmt: skip


def small_generator() -> Generator:
    torch.manual_seed(0)
    generator = Generator(SMALL).eval()
    for block in [*generator.coarse, *generator.fine]:
        torch.nn.init.normal_(block.second.weight, std=0.1)
    return generator


def text_and_noise(generator: Generator, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    text_tokens = torch.randint(0, SMALL.vocabulary_size, (rows, SMALL.text_length), generator=rng)
    return generator.text_encoder(text_tokens), torch.randn(rows, SMALL.z_size, generator=rng)


def test_latents_have_the_grid_of_the_tokenizer() -> None:
    """Whatever the batch, each row becomes one grid of latents."""
    generator = small_generator()
    assert generator(*text_and_noise(generator, 3)).shape == (3, 4, 16, 16)


def test_rows_do_not_influence_each_other() -> None:
    """A batch of N gives the latents of N batches of one."""
    generator = small_generator()
    text, z = text_and_noise(generator, 3)
    alone = torch.cat([generator(text[i : i + 1], z[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(generator(text, z), alone, rtol=1e-4, atol=1e-5)


def test_words_noise_and_their_order_matter() -> None:
    """Other words, the same words in another order, and other noise give other latents."""
    generator = small_generator()
    z = torch.zeros(1, SMALL.z_size)
    texts = [torch.tensor([tokens]) for tokens in ([2, 3, 4, 0, 0, 0], [3, 2, 4, 0, 0, 0], [2, 5, 4, 0, 0, 0])]
    first, reordered, other = (generator(generator.text_encoder(tokens), z) for tokens in texts)
    shaken = generator(generator.text_encoder(texts[0]), z + 1)
    assert all((first - latents).abs().max() > 1e-4 for latents in (reordered, other, shaken))


def test_full_truncation_forgets_the_noise() -> None:
    """With truncation_psi 0 every seed draws the most typical picture; rows may differ in it."""
    generator = small_generator()
    text, z = text_and_noise(generator, 2)
    psi = torch.tensor([[0.0], [1.0]])
    typical = generator(text, torch.zeros_like(z))
    mixed = generator(text, z, psi)
    torch.testing.assert_close(mixed[0], typical[0])
    torch.testing.assert_close(mixed[1], generator(text, z)[1])


def test_scaling_latents_is_undone() -> None:
    """Scaled latents come back as the tokenizer's, and their channels are of like size."""
    generator = small_generator()
    spread = torch.tensor([9.0, 1.0, 0.25, 0.04])[:, None, None]
    latents = torch.randn(8, 4, 16, 16, generator=torch.Generator().manual_seed(2)) * spread
    generator.measure_latents(latents)
    scaled = generator.to_scaled(latents)
    torch.testing.assert_close(generator.to_latents(scaled), latents)
    assert scaled.std(dim=(0, 2, 3)).max() / scaled.std(dim=(0, 2, 3)).min() < 20
