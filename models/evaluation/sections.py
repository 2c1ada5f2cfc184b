"""The parts of an evaluation: which figures are read together, and what they can't say."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from torch import Tensor

from models.evaluation.alignment import attribute_figures, wrong_answers
from models.evaluation.distances import (
    Inception,
    frechet_distance,
    inception_score,
    kernel_distance,
)
from models.evaluation.drawing import in_batches
from models.evaluation.figures import MODEL, REAL, RECONSTRUCTION, Figure, Section
from models.evaluation.judge import Judge
from models.evaluation.matcher import Matcher
from models.evaluation.matching import CANDIDATES, near_miss_precision, r_precision
from models.evaluation.material import Sets
from models.evaluation.perception import diversity, paired_distance
from models.evaluation.realism import layer_statistics, share_told_apart
from models.picturebook import Picture, Question, near_miss

_VIEWS = (
    ("told_apart", "told from drawings", 1),
    # Means over squares of four pixels take away the softness of the image tokenizer.
    ("told_apart_coarse", "told apart at a quarter of the size", 4),
)


def attributes_section(judge: Judge, sets: Sets, asked: Sequence[dict[str, str]]) -> Section:
    """Return how often each attribute that a caption names is seen in the picture."""
    return Section(
        key="attributes",
        title="Attributes of held-out captions",
        text="Share of the attributes named in a caption that the judge sees in the picture. Every "
        "combination was kept out of training. A classifier can be fooled: read this beside realism.",
        figures=attribute_figures(judge, sets, asked),
    )


def questions_section(judge: Judge, kinds: Iterable[tuple[str, list[Question], Sets]]) -> Section:
    """Return the share of questions answered without a fault, by kind."""
    figures = []
    for kind, questions, sets in kinds:
        asked = [question.expected for question in questions]
        right = {name: _share_right(judge, images, asked) for name, images in sets.items()}
        title = kind.replace("_", " ").replace("colors", "colours")
        figures.append(Figure(key=kind, title=title, better="higher", values=right, n=len(asked)))
    return Section(
        key="questions",
        title="Six kinds of question",
        text="GenEval's six kinds of question about held-out combinations. An answer is right if the "
        "judge sees everything that was asked for.",
        figures=figures,
    )


def matching_section(matcher: Matcher, sets: Sets, pages: Sequence[Picture], seed: int) -> Section:
    """Return how well a text-image dual encoder finds the caption of a picture."""
    rng = np.random.default_rng(seed)
    captions = matcher.embed_captions([page.caption for page in pages])
    misses = matcher.embed_captions([near_miss(page.scene, rng) for page in pages])
    embedded = {name: in_batches(images, matcher.embed_images) for name, images in sets.items()}
    before = {name: near_miss_precision(each, captions, misses) for name, each in embedded.items()}
    title = "own caption before a near miss"
    figures = [Figure(key="near_miss", title=title, better="higher", values=before, n=len(pages))]
    if len(pages) >= CANDIDATES:
        found = {name: r_precision(each, captions, seed) for name, each in embedded.items()}
        title = f"R-precision (1 of {CANDIDATES})"
        figures.insert(0, Figure(key="r_precision", title=title, better="higher", values=found, n=len(pages)))
    return Section(
        key="matching",
        title="Finding the caption again",
        text="A dual encoder of captions and pictures, which no generator was trained with, looks for a "
        "picture's own caption among a hundred, and before one that is wrong in a single attribute. "
        "Captions leave much open, so several may be true of one picture. R-precision needs "
        f"{CANDIDATES} pictures.",
        figures=figures,
    )


def distances_section(judge: Judge, sets: Sets, reference: np.ndarray) -> Section:
    """Return FID, KID and Inception Score in the judge's features, the score over subjects."""
    unit = in_batches(reference, judge.features).var(dim=0).mean().sqrt()

    def features(images: np.ndarray) -> Tensor:
        return in_batches(images, judge.features) / unit

    def subjects(images: np.ndarray) -> Tensor:
        return in_batches(images, lambda x: judge(x)["subject"])

    return Section(
        key="picturebook_distances",
        title="Distance to the book as a whole",
        text="Fréchet and kernel distance to other held-out drawings, and Inception Score over "
        "subjects, in the features of our own judge, scaled to a mean variance of one over drawings: not "
        "comparable with published values, only with their floors. The renderer's value is drawings "
        "against other drawings.",
        figures=_distances("picture-book", sets, reference, features, subjects),
    )


def standard_distances_section(inception: Inception, sets: Sets, reference: np.ndarray) -> Section:
    """Return FID, KID and Inception Score in the features of the standard Inception network."""
    return Section(
        key="standard_distances",
        title="Standard Inception distances",
        text="As published ones are measured, but to our own drawings and at this number of pictures.",
        figures=_distances("standard", sets, reference, inception.features, inception.logits),
    )


def realism_section(judge: Judge, sets: Sets, reference: np.ndarray) -> Section:
    """Return how often classifiers trained on the spot tell pictures from drawings."""
    figures = []
    for key, title, blur in _VIEWS:
        drawn = layer_statistics(judge, reference, blur=blur)
        right = {
            name: share_told_apart(drawn, layer_statistics(judge, sets[name], blur=blur))
            for name in _without_unrelated(sets)
        }
        figures.append(Figure(key=key, title=title, better="lower", values=right, n=len(reference)))
    return Section(
        key="realism",
        title="Real or generated?",
        text="A classifier is trained on half of the pictures and asked about the other half: how often "
        "it is right. One half (0.5) means that it can't tell. It goes by statistics of the judge's "
        "layers, from edges to whole things. At a quarter of the size it can't go by sharpness any more, "
        "only by what is drawn.",
        figures=figures,
    )


def perception_section(judge: Judge, sets: Sets, seeds: Sequence[Sets]) -> Section:
    """Return the perceptual distance to the page and the diversity over seeds."""
    alike = {name: paired_distance(judge, sets[name], sets[REAL]) for name in sets if name != REAL}
    spread = {name: float(np.mean([diversity(judge, each[name]) for each in seeds])) for name in (MODEL, REAL)}
    pairs = sum(len(each[MODEL]) * (len(each[MODEL]) - 1) // 2 for each in seeds)
    return Section(
        key="perception",
        title="Perceptual distance and diversity",
        text="Distance of deep features of our own judge, position by position (as LPIPS, without its "
        "learned weights). To the page: how far a picture is from the drawing whose caption it was given. "
        "Diversity: how far pictures of one prompt from several seeds are from each other; the renderer's "
        "own is the mark.",
        figures=[
            Figure(key="to_page", title="distance to the page", better="lower", values=alike, n=len(sets[REAL])),
            Figure(key="diversity", title="diversity over seeds", better="near", values=spread, n=pairs),
        ],
    )


def _share_right(judge: Judge, images: np.ndarray, asked: Sequence[dict[str, str]]) -> float:
    return sum(not wrong for wrong in wrong_answers(judge, images, asked)) / len(asked)


def _without_unrelated(sets: Sets) -> list[str]:
    return [name for name in (MODEL, RECONSTRUCTION, REAL) if name in sets]


def _distances(
    network: str,
    sets: Sets,
    reference: np.ndarray,
    features: Callable[[np.ndarray], Tensor],
    logits: Callable[[np.ndarray], Tensor],
) -> list[Figure]:
    far, near = features(reference), {name: features(sets[name]) for name in _without_unrelated(sets)}
    fid = {name: frechet_distance(far, each) for name, each in near.items()}
    kid = {name: kernel_distance(far, each) for name, each in near.items()}
    score = {name: inception_score(logits(sets[name])) for name in near}
    n = len(reference)
    return [
        Figure(key="fid", title=f"{network} FID", better="lower", values=fid, n=n),
        Figure(key="kid", title=f"{network} KID", better="lower", values=kid, n=n),
        Figure(key="inception_score", title=f"{network} Inception Score", better="near", values=score, n=n),
    ]
