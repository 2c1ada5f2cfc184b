"""The page holds what was found, and escapes what others wrote."""

import json

import numpy as np
import pytest

from models.evaluation.figures import Evaluation, Example, Figure, Section, Speed
from models.evaluation.report import render_page, write_report

PICTURE = np.full((128, 128, 3), 90, dtype=np.uint8)


def small_evaluation(caption: str = "A red car.") -> Evaluation:
    figure = Figure(key="subject", title="subject", better="higher", values={"model": 0.91234, "real": 1.0}, n=20)
    return Evaluation(
        setting={"model": "tiny", "hardware": "none", "runs_as": {"device": "cpu"}, "num_images": 20},
        sections=[Section(key="attributes", title="Attributes", text="Seen.", figures=[figure])],
        speed=[Speed(batch_size=1, seconds=0.5, images_per_second=2.0, peak_memory_bytes=10**8)],
        examples=[Example(caption=caption, model=PICTURE, real=PICTURE, wrong={"color": ("red", "blue")})],
        seeds_of_one=[(caption, PICTURE[None])],
        feature_map={"real": np.zeros((3, 2)), "model": np.ones((3, 2))},
    )


def test_figures_are_written_with_their_number(tmp_path):
    """The JSON holds setting, figures of four digits, n and speed, and no pictures."""
    path, _ = write_report(small_evaluation(), tmp_path)
    written = json.loads(path.read_text())
    assert written["attributes"]["subject"] == {"model": 0.9123, "real": 1.0, "n": 20}
    assert written["speed"][0]["images_per_second"] == 2.0
    assert written["num_images"] == 20


def test_a_prompt_is_text_on_the_page():
    """Markup in a prompt is shown, never run."""
    page = render_page(small_evaluation("<script>alert(1)</script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_source_that_has_no_name_is_refused():
    """A figure may only be given for the known sources."""
    with pytest.raises(ValueError, match="values: unknown source guess"):
        Figure(key="x", title="x", better="lower", values={"guess": 1.0}, n=1)
