"""A seed is a promise, whoever shares the batch and whichever worker draws."""

from tests.system.same_images import compare


async def test_company_and_worker_change_nothing():
    """One request among random others, in any place of any batch on two workers, gives the same bytes each time."""
    comparison = await compare("card", mixes=40, seed=1)
    assert len(comparison.files) == 1
    assert len(comparison.batch_sizes) > 2
