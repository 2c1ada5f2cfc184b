"""The judge knows the book, and is loaded strictly."""

import dataclasses

import numpy as np
import pytest

from models.checkpoints import CheckpointError
from models.evaluation.alignment import attribute_figures, named_attributes, wrong_answers
from models.evaluation.drawing import as_tensor
from models.evaluation.figures import REAL
from models.evaluation.judge import Judge
from models.training.degradation import ruined
from models.training.judge import UNRECOGNISABLE


def test_it_reads_the_book(judge, pages, drawings):
    """Of the attributes of real drawings it sees at least 97 in 100."""
    asked = [page.scene.attributes() for page in pages]
    faults = sum(map(len, wrong_answers(judge, drawings, asked)))
    assert faults <= 0.03 * sum(map(len, asked))


def test_it_is_not_fooled_by_ruins(judge, drawings):
    """It recognises nothing in most pictures that were warped, smeared, shuffled or mixed."""
    rng = np.random.default_rng(5)
    ruins = np.stack([ruined(one, other, rng) for one, other in zip(drawings, drawings[::-1], strict=True)])
    faults = wrong_answers(judge, ruins, [{"subject": UNRECOGNISABLE}] * len(ruins))
    assert sum(map(bool, faults)) <= 0.2 * len(ruins)


def test_another_caption_is_wrong(judge, pages, drawings):
    """A drawing seldom shows what another page's caption names."""
    asked = [named_attributes(page) for page in pages[1:] + pages[:1]]
    faults = sum(map(len, wrong_answers(judge, drawings, asked)))
    assert faults >= 0.6 * sum(map(len, asked))


def test_saved_and_loaded_it_answers_alike(judge, drawings, tmp_path):
    """Half-precision weights on disk give the judge that was loaded from half precision."""
    judge.save_pretrained(tmp_path)
    pixels = as_tensor(drawings[:8])
    assert Judge.from_pretrained(tmp_path).answer(pixels) == judge.answer(pixels)


def test_weights_of_another_shape_are_refused(judge, tmp_path):
    """Weights that don't fit their config are an error that names the file."""
    judge.save_pretrained(tmp_path)
    narrow = Judge(dataclasses.replace(judge.config, feature_size=8))
    config = (tmp_path / "config.json").read_bytes()
    narrow.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Judge.from_pretrained(tmp_path)


def test_shares_weigh_attributes_as_they_say(judge, drawings):
    """`mean` weighs a rare attribute like a common one; `named` counts every attribute that was named."""
    asked = [answer["subject"] for answer in judge.answer(as_tensor(drawings[:4]))]
    wanted = [{"subject": subject} for subject in asked]
    wanted[0] |= {"time": "never"}
    figures = {each.key: each.values[REAL] for each in attribute_figures(judge, {REAL: drawings[:4]}, wanted)}
    assert figures == {"mean": 0.5, "named": 0.8, "all_right": 0.75, "subject": 1.0, "time": 0.0}
