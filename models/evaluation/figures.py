"""What an evaluation consists of: figures, each given for the model and for its floors.

`real` is the renderer itself, `reconstruction` is the renderer through the image tokenizer (the
best that our own generators can reach), `unrelated` is the renderer asked for something else.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

MODEL = "model"
REAL = "real"
RECONSTRUCTION = "reconstruction"
UNRELATED = "unrelated"
SOURCES = (MODEL, RECONSTRUCTION, REAL, UNRELATED)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One quantity, for each source that it was measured on; ``n`` pictures, prompts or pairs each."""

    key: str
    title: str
    better: Literal["lower", "higher", "near"]
    values: dict[str, float]
    n: int
    unit: str = ""

    def __post_init__(self) -> None:
        unknown = self.values.keys() - set(SOURCES)
        if unknown:
            raise ValueError(f"values: unknown source {', '.join(sorted(unknown))}")


@dataclass(frozen=True, kw_only=True)
class Section:
    """Figures that are read together, with how they are made."""

    key: str
    title: str
    text: str
    figures: list[Figure]

    def as_json(self) -> dict[str, Any]:
        """Return the section by keys, with numbers of four significant digits."""
        return {
            figure.key: {name: _short(value) for name, value in figure.values.items()} | {"n": figure.n}
            for figure in self.figures
        }


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a batch of one size takes; memory is the process's or the accelerator's peak so far."""

    batch_size: int
    seconds: float
    images_per_second: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Example:
    """A generated picture beside what the renderer drew for the same caption."""

    caption: str
    model: np.ndarray
    real: np.ndarray
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was found out about one model."""

    setting: dict[str, Any]
    sections: list[Section]
    speed: list[Speed]
    examples: list[Example]
    seeds_of_one: list[tuple[str, np.ndarray]]
    feature_map: dict[str, np.ndarray]

    def as_json(self) -> dict[str, Any]:
        """Return the setting and the figures, without pictures."""
        sections = {section.key: section.as_json() for section in self.sections}
        return {**self.setting, **sections, "speed": [asdict(speed) for speed in self.speed]}


def _short(value: float) -> float:
    return float(f"{value:.4g}")
