"""Does the picture show what the prompt asks for? The judge answers, attribute by attribute.

The judge can be fooled: a picture that it calls right may look wrong. The figures here are to be
read beside those on realism, and beside the pictures.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from models.evaluation.drawing import as_tensor
from models.evaluation.figures import Figure
from models.evaluation.judge import Judge
from models.picturebook import Picture

Wrong = dict[str, tuple[str, str]]
"""Attributes that were not found, as (asked for, seen instead)."""

_OVERALL = {
    "mean": "mean over attributes",
    "named": "share of everything named",
    "all_right": "pictures with none wrong",
}
_TITLES = {
    "subject": "subject", "color": "colour", "shape": "shape", "storeys": "storeys", "style": "style",
    "time": "time of day", "setting": "setting", "extra": "extra", "accent": "colour of the extra",
    "size": "size", "count": "count", "relation": "relation", "second": "second object",
    "second_color": "colour of the second",
}  # fmt: skip


def named_attributes(page: Picture) -> dict[str, str]:
    """Return the attributes that the page's caption names."""
    return {name: value for name, value in page.scene.attributes().items() if name in page.named}


def wrong_answers(judge: Judge, images: np.ndarray, asked: Sequence[Mapping[str, str]]) -> list[Wrong]:
    """Return for each image, uint8 (N, H, W, 3), the attributes asked for that the judge doesn't see."""
    seen = [answer for i in range(0, len(images), 64) for answer in judge.answer(as_tensor(images[i : i + 64]))]
    return [
        {name: (value, answer[name]) for name, value in wanted.items() if answer[name] != value}
        for wanted, answer in zip(asked, seen, strict=True)
    ]


def attribute_figures(judge: Judge, sets: Mapping[str, np.ndarray], asked: Sequence[Mapping[str, str]]) -> list[Figure]:
    """Return accuracy for every attribute, their mean, and the share of pictures with none wrong."""
    shares = {source: _shares(wrong_answers(judge, images, asked), asked) for source, images in sets.items()}
    counts = _counts(asked)
    return [
        Figure(
            key=name,
            title=title,
            better="higher",
            values={source: share[name] for source, share in shares.items()},
            n=counts.get(name, len(asked)),
        )
        for name, title in (_OVERALL | {name: _TITLES[name] for name in counts}).items()
    ]


def _shares(wrong: Sequence[Wrong], asked: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return shares of right answers; `mean` weighs attributes alike, `named` by how often they occur."""
    faults, counts = _counts(wrong), _counts(asked)
    shares = {name: 1 - faults.get(name, 0) / count for name, count in counts.items()}
    overall = {
        "mean": sum(shares.values()) / len(shares),
        "named": 1 - sum(faults.values()) / sum(counts.values()),
        "all_right": sum(not fault for fault in wrong) / len(wrong),
    }
    return overall | shares


def _counts(attributes: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Count how often each attribute occurs, in the book's order."""
    counts: dict[str, int] = defaultdict(int)
    for each in attributes:
        for name in each:
            counts[name] += 1
    return {name: counts[name] for name in _TITLES if name in counts}
