import torch

from models.seeding import image_rng, image_seed


def test_the_same_seed_and_index_give_the_same_noise():
    """An image's randomness follows from these two numbers alone."""
    assert torch.equal(torch.randn(9, generator=image_rng(5, 1)), torch.randn(9, generator=image_rng(5, 1)))


def test_neighbouring_seeds_and_indices_differ():
    """Image 1 of seed 0 is not image 0 of seed 1."""
    seeds = {image_seed(seed, index) for seed in range(50) for index in range(10)}

    assert len(seeds) == 500


def test_the_largest_seed_fits():
    """Seeds up to 63 bits are mixed into 63 bits."""
    assert 0 <= image_seed(2**63 - 1, 9) < 2**63
