"""The classifier tells apart what differs and guesses where nothing does."""

import numpy as np
import torch
from PIL import Image, ImageFilter

from models.evaluation.realism import layer_statistics, share_told_apart


def test_it_guesses_between_samples_of_one_kind():
    """It is right about half of the time when there is nothing to see."""
    first, second = torch.randn(2, 400, 20, generator=torch.Generator().manual_seed(0))
    assert 0.4 < share_told_apart(first, second) < 0.6


def test_it_sees_a_difference():
    """It is always right about sets that lie apart."""
    first, second = torch.randn(2, 100, 20, generator=torch.Generator().manual_seed(0))
    assert share_told_apart(first, second + 6) == 1.0


def test_blur_shows_less_at_a_quarter_of_the_size(judge, drawings):
    """Blur of a pixel changes the layers' statistics, and less so at a quarter of the size."""
    soft = np.stack([np.asarray(Image.fromarray(each).filter(ImageFilter.GaussianBlur(1))) for each in drawings])

    def change(blur: int) -> float:
        before, after = (layer_statistics(judge, images, blur=blur) for images in (drawings, soft))
        return float(((after - before).abs().mean(dim=0) / (before.std(dim=0) + 1e-6)).mean())

    assert change(blur=4) < 0.75 * change(blur=1)
