"""Which scenes the book holds, and which it holds out."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from models.picturebook import ATTRIBUTES, KINDS, Scene, sample_scene

SHOWPIECES = [
    Scene("house", "house", color="pink", shape="shoe", storeys="two"),
    Scene("city", "city", style="futuristic", extra="flying cars"),
    Scene("robot", "robot", color="gray", style="futuristic", extra="neon lights", accent="blue"),
    Scene("landscape", "mountains", style="serene", extra="river"),
]


def scenes(n: int, split: str, seed: int = 0) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [sample_scene(rng, split=split) for _ in range(n)]


def test_every_value_of_every_attribute_is_drawn():
    """No attribute value exists only on paper."""
    seen = {(name, getattr(scene, name)) for scene in scenes(6000, "train") for name in ATTRIBUTES}
    assert seen == {(name, value) for name, values in ATTRIBUTES.items() for value in values}


def test_held_out_combinations_never_appear_in_training():
    """The two splits share no combination of main attributes."""
    assert not any(scene.is_held_out() for scene in scenes(3000, "train"))
    assert all(scene.is_held_out() for scene in scenes(500, "heldout"))


def test_when_where_and_layout_do_not_decide_the_split():
    """A combination is held out in all its settings, hours and layouts."""
    for scene in scenes(200, "heldout"):
        assert replace(scene, time="night", setting="meadow", layout=3, mirrored=True).is_held_out()


@pytest.mark.parametrize("scene", SHOWPIECES, ids=lambda scene: scene.subject)
def test_showpieces_are_trained_on(scene: Scene):
    """The four showpiece combinations are in the training split, as the documentation says."""
    assert not scene.is_held_out()


def test_every_kind_has_held_out_combinations():
    """Generalisation can be measured on each kind of scene."""
    assert {scene.kind for scene in scenes(1500, "heldout")} == set(KINDS)


def test_half_of_the_training_pictures_are_of_the_showpiece_kinds():
    """Houses, cities, robots and landscapes make up half of the training split."""
    kinds = [scene.kind for scene in scenes(4000, "train")]
    share = sum(kind in ("house", "city", "robot", "landscape") for kind in kinds) / len(kinds)
    assert 0.48 < share < 0.60


def test_a_scene_lists_only_the_attributes_that_apply():
    """Attributes that do not apply to a scene are absent from its dictionary."""
    assert SHOWPIECES[0].attributes() == {"subject": "house", "color": "pink", "shape": "shoe", "storeys": "two"}


def test_scenes_are_the_same_in_another_process():
    """Sampling and splitting do not depend on the process, nor on its hash seed."""
    code = "import numpy as np; from models.picturebook import sample_scene as s; r = np.random.default_rng(7)\n"
    code += "print([s(r, split='heldout') for _ in range(20)])"
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(scenes(20, "heldout", seed=7))
