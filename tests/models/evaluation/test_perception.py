"""Perceptual distance and diversity behave as their names say."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from models.evaluation.perception import diversity, paired_distance


def test_a_picture_is_no_distance_from_itself(judge, drawings):
    """The distance of equal pictures is zero."""
    assert paired_distance(judge, drawings[:4], drawings[:4]) == pytest.approx(0.0, abs=1e-6)


def test_a_soft_picture_is_nearer_than_another(judge, drawings):
    """Blur changes a picture less than drawing something else."""
    soft = np.stack([np.asarray(Image.fromarray(each).filter(ImageFilter.GaussianBlur(1))) for each in drawings[:8]])
    another = np.roll(drawings[:8], 1, axis=0)
    assert paired_distance(judge, drawings[:8], soft) < paired_distance(judge, drawings[:8], another)


def test_repeated_pictures_have_no_diversity(judge, drawings):
    """A collapsed generator is seen: equal pictures have none, different ones have some."""
    assert diversity(judge, drawings[[0, 0, 0]]) == pytest.approx(0.0, abs=1e-6)
    assert diversity(judge, drawings[:3]) > 0.1
