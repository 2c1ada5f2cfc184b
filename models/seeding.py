"""Random numbers that belong to one image: they follow from its request's seed and its index.

Every generator draws an image's noise from here, on the CPU, so that an image does not depend on
its batch-mates, its slot, or the device.
"""

import torch


def image_seed(seed: int, index: int) -> int:
    """Return a 63-bit seed for the ``index``-th image of a request; neighbours don't correlate.

    The mixing is SplitMix64's (Steele et al. 2014, https://doi.org/10.1145/2714064.2660195).
    """
    mixed = (seed + (index + 1) * 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return (mixed ^ (mixed >> 31)) >> 1


def image_rng(seed: int, index: int) -> torch.Generator:
    """Return the source of all randomness of the ``index``-th image of a request."""
    return torch.Generator().manual_seed(image_seed(seed, index))
