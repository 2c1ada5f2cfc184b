"""A thin drawing vocabulary over skia: flat fills, dark outlines, a unit of 1/128 of the picture."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import skia

from models.picturebook.palette import INK, RGB

UNITS = 128
Point = tuple[float, float]


@lru_cache(maxsize=4096)
def _fill(color: RGB, alpha: int = 255) -> skia.Paint:
    return skia.Paint(Color=skia.Color(*color, alpha), AntiAlias=True)


@lru_cache(maxsize=4096)
def _stroke(color: RGB, width: float, alpha: int = 255) -> skia.Paint:
    return skia.Paint(
        Color=skia.Color(*color, alpha),
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


@lru_cache(maxsize=4096)
def _gradient(top: RGB, bottom: RGB, y0: float, y1: float) -> skia.Paint:
    colors = [skia.Color(*top), skia.Color(*bottom)]
    shader = skia.GradientShader.MakeLinear([(0, y0), (0, y1)], colors)
    return skia.Paint(Shader=shader)


@lru_cache(maxsize=1024)
def _glow(color: RGB, x: float, y: float, radius: float, alpha: int) -> skia.Paint:
    colors = [skia.Color(*color, alpha), skia.Color(*color, 0)]
    return skia.Paint(Shader=skia.GradientShader.MakeRadial((x, y), radius, colors))


_VERBS = {"M": "moveTo", "L": "lineTo", "Q": "quadTo", "C": "cubicTo", "Z": "close"}


@lru_cache(maxsize=4096)
def _svg(text: str) -> skia.Path:
    """Read SVG path data of absolute M, L, Q, C and Z commands."""
    path = skia.Path()
    for verb, numbers in re.findall(r"([MLQCZ])([^MLQCZ]*)", text):
        getattr(path, _VERBS[verb])(*map(float, numbers.replace(",", " ").split()))
    return path


class Canvas:
    """A square picture being drawn; all lengths are in 1/128 of its side, y downwards."""

    def __init__(self, size: int) -> None:
        """Start an empty picture of ``size`` by ``size`` pixels."""
        self._surface = skia.Surface(size, size)
        self._canvas = self._surface.getCanvas()
        self._canvas.scale(size / UNITS, size / UNITS)
        self._neon: RGB | None = None

    def pixels(self) -> np.ndarray:
        """Return the picture as uint8 RGB, (size, size, 3)."""
        rgba = self._surface.toarray(colorType=skia.kRGBA_8888_ColorType)
        return np.ascontiguousarray(rgba[:, :, :3])

    @contextmanager
    def at(self, x: float, y: float, scale: float = 1, *, flip: bool = False) -> Iterator[None]:
        """Draw with the origin at (x, y), scaled, and mirrored left to right if ``flip``."""
        self._canvas.save()
        self._canvas.translate(x, y)
        self._canvas.scale(-scale if flip else scale, scale)
        yield
        self._canvas.restore()

    @contextmanager
    def neon(self, color: RGB | None) -> Iterator[None]:
        """Draw outlines as glowing tubes of ``color`` instead of ink (unchanged for None)."""
        self._neon = color
        yield
        self._neon = None

    def gradient(self, top: RGB, bottom: RGB, y0: float = 0, y1: float = UNITS) -> None:
        """Fill the band from y0 to y1 across the picture, fading from top to bottom."""
        self._canvas.drawRect(skia.Rect.MakeLTRB(0, y0, UNITS, y1), _gradient(top, bottom, y0, y1))

    def glow(self, x: float, y: float, radius: float, color: RGB, alpha: int = 150) -> None:
        """Add a soft disc of light that fades to nothing at ``radius``."""
        self._canvas.drawCircle(x, y, radius, _glow(color, x, y, radius, alpha))

    def path(self, svg: str, fill: RGB | None, *, outline: float = 1.5, ink: RGB = INK, alpha: int = 255) -> None:
        """Draw an SVG path; ``outline`` 0 draws none."""
        self._shape(_svg(svg), fill, outline, ink, alpha)

    def rect(
        self, x: float, y: float, w: float, h: float, fill: RGB,
        *, corner: float = 0, outline: float = 1.5, alpha: int = 255,
    ) -> None:  # fmt: skip
        """Draw a rectangle by its upper left corner and size, with rounded corners."""
        shape = skia.Path()
        shape.addRoundRect(skia.Rect.MakeXYWH(x, y, w, h), corner, corner)
        self._shape(shape, fill, outline, INK, alpha)

    def oval(
        self, x: float, y: float, rx: float, ry: float, fill: RGB,
        *, outline: float = 1.5, alpha: int = 255,
    ) -> None:  # fmt: skip
        """Draw an ellipse by its centre and radii."""
        shape = skia.Path()
        shape.addOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))
        self._shape(shape, fill, outline, INK, alpha)

    def dot(self, x: float, y: float, radius: float, fill: RGB, *, outline: float = 0) -> None:
        """Draw a disc."""
        self.oval(x, y, radius, radius, fill, outline=outline)

    def polygon(self, points: Sequence[Point], fill: RGB, *, outline: float = 1.5) -> None:
        """Draw a closed polygon."""
        shape = skia.Path()
        shape.addPoly([skia.Point(*point) for point in points], True)
        self._shape(shape, fill, outline, INK, 255)

    def line(self, svg: str, color: RGB, width: float = 1.5, *, alpha: int = 255) -> None:
        """Stroke an SVG path with round ends."""
        self._canvas.drawPath(_svg(svg), _stroke(color, width, alpha))

    def tube(self, svg: str, color: RGB, width: float) -> None:
        """Draw a path as a thick outlined limb, ``width`` wide inside its outline."""
        if self._neon:
            self.line(svg, self._neon, width + 9, alpha=90)
        self.line(svg, self._neon or INK, width + 4)
        self.line(svg, color, width)

    def _shape(self, shape: skia.Path, fill: RGB | None, outline: float, ink: RGB, alpha: int) -> None:
        if self._neon and outline:
            self._canvas.drawPath(shape, _stroke(self._neon, 7, 90))
        if fill:
            self._canvas.drawPath(shape, _fill(fill, alpha))
        if self._neon and outline:
            self._canvas.drawPath(shape, _stroke(self._neon, 2.2))
        elif outline:
            self._canvas.drawPath(shape, _stroke(ink, outline, alpha))
