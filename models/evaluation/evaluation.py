"""Evaluate one model: draw, judge, and put the floors beside."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.evaluation import sections
from models.evaluation.alignment import named_attributes, wrong_answers
from models.evaluation.distances import Inception
from models.evaluation.drawing import in_batches
from models.evaluation.figures import MODEL, REAL, RECONSTRUCTION, Evaluation, Example
from models.evaluation.judge import Judge
from models.evaluation.matcher import Matcher
from models.evaluation.material import (
    Painter,
    Scope,
    Sets,
    heldout_pages,
    page_sets,
    question_sets,
    reference_images,
    seed_sets,
)
from models.evaluation.speed import measure_speed
from models.picturebook import Picture
from models.transformer.tokenizer import ImageTokenizer

_EXAMPLES = 48
_MAPPED = 400


@dataclass(frozen=True)
class Referees:
    """The networks that judge, none of which a generator was trained against.

    `tokenizer` gives the floor of reconstruction; without `inception` there are no standard FID,
    KID and Inception Score.
    """

    judge: Judge
    matcher: Matcher
    tokenizer: ImageTokenizer | None = None
    inception: Inception | None = None


def evaluate(painter: Painter, referees: Referees, scope: Scope, *, model: str, command: str) -> Evaluation:
    """Return all figures of a model; it draws `scope.num_drawn()` pictures, and some more for speed.

    `model` and `command` are noted with the figures: what was evaluated, and how to do it again.
    """
    judge, tokenizer = referees.judge, referees.tokenizer
    pages, reference = heldout_pages(scope.num_images, scope.seed), reference_images(scope)
    asked = [named_attributes(page) for page in pages]
    # First, so that the peak of memory is the model's and not that of all pictures.
    speed = list(measure_speed(painter.generator, [page.caption for page in pages[:64]], painter.side))
    sets = page_sets(painter, pages, tokenizer, scope.seed)
    seeds = list(seed_sets(painter, pages, scope))
    found = [
        sections.attributes_section(judge, sets, asked),
        sections.questions_section(judge, question_sets(painter, tokenizer, scope)),
        sections.matching_section(referees.matcher, sets, pages, scope.seed),
        sections.distances_section(judge, sets, reference),
        sections.realism_section(judge, sets, reference),
        sections.perception_section(judge, sets, [each for _, each in seeds]),
    ]
    if referees.inception is not None:
        found.append(sections.standard_distances_section(referees.inception, sets, reference))
    return Evaluation(
        setting={"model": model, "command": command, **_setting(painter, scope)},
        sections=found,
        speed=speed,
        examples=_examples(judge, pages, sets, asked),
        seeds_of_one=[(caption, each[MODEL]) for caption, each in seeds],
        feature_map=feature_map(judge, sets),
    )


def feature_map(judge: Judge, sets: Sets) -> dict[str, np.ndarray]:
    """Return the features of some pictures of each source in the plane where drawings differ most (N, 2)."""
    names = [name for name in (REAL, RECONSTRUCTION, MODEL) if name in sets]
    features = {name: in_batches(sets[name][:_MAPPED], judge.features) for name in names}
    center = features[REAL].mean(dim=0)
    axes = torch.linalg.svd(features[REAL] - center, full_matrices=False).Vh[:2]
    return {name: ((each - center) @ axes.T).numpy() for name, each in features.items()}


def hardware() -> str:
    """Name the processor, how many threads PyTorch uses, and the accelerator."""
    threads = f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{torch.cuda.get_device_name()}; {threads}" if torch.cuda.is_available() else threads


def _setting(painter: Painter, scope: Scope) -> dict[str, Any]:
    generator = painter.generator
    return {
        "revision": generator.revision,
        "runs_as": generator.description,
        "hardware": hardware(),
        "side": painter.side,
        **asdict(scope),
    }


def _examples(judge: Judge, pages: Sequence[Picture], sets: Sets, asked: Sequence[dict[str, str]]) -> list[Example]:
    shown = range(min(_EXAMPLES, len(pages)))
    wrong = wrong_answers(judge, sets[MODEL][: len(shown)], asked[: len(shown)])
    return [Example(caption=pages[i].caption, model=sets[MODEL][i], real=sets[REAL][i], wrong=wrong[i]) for i in shown]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
