"""Pictures: determinism, resolution, and that every attribute can be seen."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from models.picturebook import KINDS, Scene, draw, picture, sample_scene
from models.picturebook.kinds import NONE
from models.picturebook.sheet import contact_sheet

VISIBLE_PIXELS = 200
VISIBLE_CHANGE = 24


def changed_pixels(first: Scene, second: Scene) -> int:
    difference = np.abs(draw(first).astype(int) - draw(second).astype(int)).max(axis=2)
    return int((difference > VISIBLE_CHANGE).sum())


def examples(kind: str, n: int) -> list[Scene]:
    rng = np.random.default_rng(6)
    found: list[Scene] = []
    while len(found) < n:
        scene = sample_scene(rng, split="train")
        if scene.kind == kind and scene.subject not in ("fish", "island") and scene.setting != "space":
            found.append(scene)
    return found


CHOICES = [(kind, name) for kind in KINDS for name, values in KINDS[kind].choices.items() if len(values) > 1]


@pytest.mark.parametrize(("kind", "name"), CHOICES)
def test_every_attribute_can_be_seen(kind: str, name: str):
    """Changing one attribute to any other value visibly changes the picture."""
    for example in examples(kind, 3):
        scene = _holding_something(example) if name in ("accent", "extra") else example
        for value in KINDS[kind].choices[name]:
            if value not in (getattr(scene, name), "fish", "island", "space"):
                assert changed_pixels(scene, scene.having(name, value)) > VISIBLE_PIXELS, (scene, value)


def _holding_something(scene: Scene) -> Scene:
    """Give a robot or an animal that holds nothing a red balloon."""
    if scene.extra == NONE and "accent" in KINDS[scene.kind].choices:
        return scene.having("extra", "balloon").having("accent", "red")
    return scene


def test_a_page_follows_from_its_seed():
    """The same integer gives the same picture, caption and scene; another integer gives another."""
    first, again, other = picture(11), picture(11), picture(12)
    assert np.array_equal(first.image, again.image)
    assert (first.caption, first.named, first.scene) == (again.caption, again.named, again.scene)
    assert not np.array_equal(first.image, other.image)


def test_both_splits_have_their_own_pages():
    """Page 3 of the held-out split is held out, page 3 of the training split is not."""
    assert picture(3, split="heldout").scene.is_held_out()
    assert not picture(3, split="train").scene.is_held_out()


@pytest.mark.parametrize("size", [64, 128, 256])
def test_pictures_are_uint8_rgb(size: int):
    """A picture is a contiguous uint8 array, (size, size, 3)."""
    image = picture(1, size=size).image
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_composition_is_the_same_at_every_size(kind: str):
    """A picture drawn at four times the size and scaled down is the same picture."""
    for scene in examples(kind, 2):
        large = Image.fromarray(draw(scene, 512)).resize((128, 128), Image.Resampling.BOX)
        difference = np.abs(np.asarray(large).astype(int) - draw(scene, 128).astype(int))
        assert difference.mean() < 2.5


def test_equal_things_give_equal_patches():
    """The two things of a count are the same pixels, a whole number of patches apart."""
    image = draw(Scene("count", "cat", color="orange", count="two"))
    assert np.array_equal(image[48:104, 8:56], image[48:104, 72:120])


def test_the_contact_sheet_has_a_row_per_kind():
    """The contact sheet shows every kind of scene."""
    sheet = contact_sheet(columns=1)
    assert sheet.height > 192 * len(KINDS)


def test_nothing_but_drawing_needs_skia():
    """Scenes, captions and questions work where skia is not installed."""
    code = "import sys; sys.modules['skia'] = None; import models.picturebook as book\n"
    code += "print(book.questions('colors', 1, seed=0)[0].prompt)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
