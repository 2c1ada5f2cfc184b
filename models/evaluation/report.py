"""One HTML page for an evaluation, self-contained: figures, plots and pictures."""

import base64
import io
import json
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from models.evaluation.figures import MODEL, REAL, SOURCES, Evaluation, Figure, Section
from models.evaluation.plots import COLORS, LABELS, feature_scatter, share_bars, speed_curve

_LARGEST_SHOWN = 256


def write_report(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write ``evaluation.json`` and ``report.html`` to the folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, page = folder / "evaluation.json", folder / "report.html"
    figures.write_text(json.dumps(evaluation.as_json(), indent=2) + "\n", encoding="utf-8")
    page.write_text(render_page(evaluation), encoding="utf-8")
    return figures, page


def render_page(evaluation: Evaluation) -> str:
    """Return the page; prompts and names are escaped."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"number": _number, "picture": data_uri}
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        labels=LABELS,
        colors=COLORS,
        sources=SOURCES,
        against_floor=_against_floor,
        bars={section.key: Markup(share_bars(section)) for section in evaluation.sections if _are_shares(section)},  # noqa: S704 - our own plot
        speed_plot=Markup(speed_curve(evaluation.speed)),  # noqa: S704
        map_plot=Markup(feature_scatter(evaluation.feature_map)),  # noqa: S704
    )


def data_uri(image: np.ndarray) -> str:
    """Return the image, uint8 (H, W, 3), as a link that holds it, reduced where it is large."""
    picture = Image.fromarray(image)
    picture.thumbnail((_LARGEST_SHOWN, _LARGEST_SHOWN))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 0.01 or abs(value) >= 100 else f"{value:.3f}"


def _against_floor(figure: Figure) -> str:
    """Say how many times the renderer's value the model's is, where the renderer's is above zero."""
    model, real = figure.values.get(MODEL), figure.values.get(REAL)
    if model is None or not real or real < 0:
        return ""
    return f"{model / real:.3g}"


def _are_shares(section: Section) -> bool:
    return len(section.figures) > 2 and all(0 <= value <= 1 for f in section.figures for value in f.values.values())
