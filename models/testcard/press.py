"""A small printing press: plates say where ink goes, and each print multiplies its ink over what is there.

Coordinates are pixels of the finished sheet; plates are drawn larger and reduced, which smooths their edges.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageChops, ImageDraw

from models.interface import Image
from models.testcard.inks import PAPER, RGB

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom
Point: TypeAlias = tuple[float, float]

SCALE = 2
FULL = 255
SCREEN_ANGLES = (15, 75, 45)  # degrees, far apart so that dots of two inks make no moire


class Plate:
    """Where and how densely one ink covers the sheet: 0 nothing, 255 solid."""

    def __init__(self, width: int, height: int) -> None:
        self.coverage = PillowImage.new("L", (width * SCALE, height * SCALE))
        self._draw = ImageDraw.Draw(self.coverage)

    def rectangle(self, box: Box, ink: int = FULL) -> None:
        """Fill a rectangle."""
        left, top, right, bottom = _larger(box)
        if right - left >= 1 and bottom - top >= 1:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=ink)

    def disc(self, center: Point, radius: float, ink: int = FULL) -> None:
        """Fill a circle."""
        self._draw.ellipse(_larger(_around(center, radius)), fill=ink)

    def ring(self, center: Point, radius: float, thickness: float) -> None:
        """Draw a circle's outline, inwards from its radius."""
        self._draw.ellipse(_larger(_around(center, radius)), outline=FULL, width=max(1, round(thickness * SCALE)))

    def slice(self, center: Point, radius: float, start: float, end: float) -> None:
        """Fill a slice of a circle between two angles in degrees, clockwise from three o'clock."""
        self._draw.pieslice(_larger(_around(center, radius)), start, end, fill=FULL)

    def polygon(self, points: list[Point]) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=FULL)

    def halftone(self, box: Box, start: float, end: float, pitch: float, degrees: float) -> None:
        """Fill a rectangle with dots whose size goes from share `start` at the left to `end` at the right."""
        left, top, right, bottom = (round(side) for side in _larger(box))
        x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
        level = np.linspace(start, end, max(right - left, 1))[None, : right - left]
        c, s, frequency = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), math.tau / (pitch * SCALE)
        screen = 0.5 + 0.25 * (np.cos((c * x + s * y) * frequency) + np.cos((c * y - s * x) * frequency))
        ink = np.clip((level - screen) * pitch * SCALE + 0.5, 0, 1) * FULL
        self.coverage.paste(PillowImage.fromarray(ink.astype(np.uint8)), (left, top))

    def inlay(self, other: Plate, window: Plate) -> None:
        """Replace what is in a window, another plate's inked part, by what `other` has there."""
        self.coverage.paste(other.coverage, mask=window.coverage)


class Sheet:
    """A sheet of paper on its way through the press."""

    def __init__(self, width: int, height: int) -> None:
        self._sheet = PillowImage.new("RGB", (width, height), PAPER)

    def print(self, plate: Plate, ink: RGB, offset: tuple[int, int] = (0, 0), grain: Image | None = None) -> None:
        """Print one ink over the others, `offset` pixels beside its place, thinner where the paper's grain says so."""
        coverage = ImageChops.offset(plate.coverage.reduce(SCALE), *offset)
        if grain is not None:
            coverage = ImageChops.multiply(coverage, PillowImage.fromarray(grain))
        if ink == (FULL, FULL, FULL):  # white ink is opaque
            self._sheet.paste(ink, mask=coverage)
            return
        coat = PillowImage.composite(_solid(ink, self._sheet.size), _solid((FULL,) * 3, self._sheet.size), coverage)
        self._sheet = ImageChops.multiply(self._sheet, coat)

    @property
    def canvas(self) -> PillowImage.Image:
        """The paper, for lettering."""
        return self._sheet


def grain(width: int, height: int, seed: int) -> Image:
    """Make the speckle of rough paper: most grains take all the ink, a few take less."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    return np.where(noise < 8, np.uint8(176), np.where(noise < 48, np.uint8(232), np.uint8(FULL)))


def _around(center: Point, radius: float) -> Box:
    return (center[0] - radius, center[1] - radius, center[0] + radius, center[1] + radius)


def _larger(box: Box) -> Box:
    left, top, right, bottom = box
    return (left * SCALE, top * SCALE, right * SCALE, bottom * SCALE)


def _solid(ink: RGB, size: tuple[int, int]) -> PillowImage.Image:
    return PillowImage.new("RGB", size, ink)
