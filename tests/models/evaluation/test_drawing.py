"""Any generator is asked through the seam that the service uses."""

import numpy as np
import pytest

from models.evaluation.drawing import UnusableModelError, as_tensor, draw_prompts, size_for
from models.interface import Capabilities


def test_pictures_come_in_the_order_of_the_prompts(card):
    """A picture depends on its prompt and seed, not on its batch, and all batches are told of."""
    told: list[int] = []
    prompts = ["a", "b", "c", "a"]
    together = draw_prompts(card, prompts, [1, 2, 3, 1], 128, batch_size=3, drawn=told.append)
    alone = draw_prompts(card, ["c"], [3], 128)
    assert told == [3, 1]
    assert (together[0] == together[3]).all()
    assert (together[2] == alone[0]).all()


@pytest.mark.parametrize(
    ("capabilities", "side"),
    [
        (Capabilities(options={}, sizes=((512, 512), (128, 128), (256, 128))), 128),
        (Capabilities(options={}, sizes=((1024, 1024), (512, 512))), 512),
        (Capabilities(options={}, min_side=200, size_multiple=64), 256),
    ],
)
def test_the_smallest_square_that_is_large_enough(capabilities, side):
    """A model that can't draw 128 pixels is judged on larger pictures, averaged down."""
    assert size_for(capabilities, 128) == side


def test_a_model_without_squares_is_refused():
    """A model that draws no square large enough can't be evaluated, and the error says so."""
    with pytest.raises(UnusableModelError, match="size: the model draws no square of 128 pixels or more"):
        size_for(Capabilities(options={}, sizes=((64, 64), (256, 512))), 128)


def test_large_pictures_are_averaged_down():
    """The judge sees 128 pixels: the mean of each square of a larger picture."""
    checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
    pixels = as_tensor(np.repeat(checks[None, :, :, None], 3, axis=3).astype(np.uint8))
    assert pixels.shape == (1, 3, 128, 128)
    assert pixels.abs().max() < 1e-5
