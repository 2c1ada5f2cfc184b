"""The plots of a report, as SVG."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from models.evaluation.figures import MODEL, REAL, RECONSTRUCTION, UNRELATED, Section, Speed

COLORS = {MODEL: "#d6336c", RECONSTRUCTION: "#f2a65a", REAL: "#3d5a80", UNRELATED: "#b8bcc6"}
LABELS = {
    MODEL: "this model",
    RECONSTRUCTION: "tokenizer's reconstruction",
    REAL: "renderer",
    UNRELATED: "renderer, other caption",
}


def share_bars(section: Section) -> str:
    """Draw one group of bars per figure, one bar per source."""
    figures = section.figures
    canvas = Canvas(figsize=(9, 3.4), layout="constrained")
    axes = canvas.subplots()
    names = [name for name in LABELS if any(name in figure.values for figure in figures)]
    width, places = 0.8 / len(names), np.arange(len(figures))
    for index, name in enumerate(names):
        heights = [figure.values.get(name, 0.0) for figure in figures]
        axes.bar(places + width * index, heights, width * 0.92, color=COLORS[name], label=LABELS[name])
    titles = [figure.title.replace(" ", "\n") for figure in figures]
    axes.set_xticks(places + 0.4 - width / 2, titles, fontsize=7)
    axes.set(ylim=(0, 1.02))
    canvas.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return _svg(canvas, axes)


def speed_curve(speed: Sequence[Speed]) -> str:
    """Draw images per second by batch size."""
    canvas = Canvas(figsize=(4.4, 3), layout="constrained")
    axes = canvas.subplots()
    sizes = [each.batch_size for each in speed]
    axes.plot(sizes, [each.images_per_second for each in speed], "o-", color=COLORS[MODEL])
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set(xlabel="batch size", ylabel="images/s")
    axes.set_ylim(bottom=0)
    return _svg(canvas, axes)


def feature_scatter(points: Mapping[str, np.ndarray]) -> str:
    """Draw pictures as points (N, 2) in the plane where drawings differ most."""
    canvas = Canvas(figsize=(4.4, 3), layout="constrained")
    axes = canvas.subplots()
    for name, places in points.items():
        axes.scatter(places[:, 0], places[:, 1], s=7, alpha=0.55, linewidths=0, color=COLORS[name], label=LABELS[name])
    axes.set(xticks=[], yticks=[])
    canvas.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=7)
    return _svg(canvas, axes)


def _svg(canvas: Canvas, axes: Axes) -> str:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    buffer = io.StringIO()
    # Without a date the same figures give the same file.
    canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
