"""The picture itself: a broadcast test card, printed like a poster in the prompt's own inks."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from models.interface import Image, Row
from models.testcard.inks import KEY, PAPER, RGB, choose_inks
from models.testcard.lettering import letter
from models.testcard.press import FULL, SCREEN_ANGLES, Box, Plate, Point, Sheet, grain
from models.testcard.tiles import lay_tiles

GRID = 44  # coverage of the grid's lines
GRAINY = 160  # pixels; on a smaller sheet the paper's grain would be as large as the figures
TILES_ACROSS = 8
GRATINGS = (1, 2, 3, 4, 6)  # lines per field; the last field has one for each step


@dataclass(frozen=True)
class Layout:
    """Where the parts of a card are, in pixels."""

    width: int
    height: int

    @property
    def unit(self) -> float:
        """The side that everything is measured by."""
        return min(self.width, self.height)

    @property
    def center(self) -> Point:
        """The middle of the sheet."""
        return (self.width / 2, self.height / 2)

    @property
    def radius(self) -> float:
        """Radius of the large circle."""
        return self.unit * 0.425

    def band(self, top: float, bottom: float, left: float = -1, right: float = 1) -> Box:
        """A box in the circle's own coordinates, from -1 to 1."""
        x, y = self.center
        r = self.radius
        return (x + left * r, y + top * r, x + right * r, y + bottom * r)


def draw_card(row: Row, num_steps: int) -> Image:
    """Draw the card of one row; the same row always gives the same pixels."""
    request = row.request
    rng = random.Random(f"{request.prompt}/{request.seed}/{row.index}")
    layout = Layout(request.width, request.height)
    inks = choose_inks(request.prompt, request.negative_prompt, rng)
    key, colors = _engrave(layout, len(inks), num_steps, rng)
    sheet = Sheet(layout.width, layout.height)
    paper = grain(layout.width, layout.height, request.seed + row.index) if layout.unit >= GRAINY else None
    for plate, ink in zip(colors, inks, strict=True):
        slip = max(1, round(layout.unit / 200))
        sheet.print(plate, ink, (rng.randint(-slip, slip), rng.randint(-slip, slip)), paper)
    sheet.print(key, KEY, grain=paper)
    _write(sheet.canvas, layout, row, num_steps)
    return np.asarray(sheet.canvas)


def _engrave(layout: Layout, num_inks: int, num_steps: int, rng: random.Random) -> tuple[Plate, list[Plate]]:
    """Make the plate of the dark ink and those of the colours: a scene in a round window, the rest around it."""
    window, key, dark, *plates = (Plate(layout.width, layout.height) for _ in range(3 + 2 * num_inks))
    window.disc(layout.center, layout.radius)
    colors, scene = plates[:num_inks], plates[num_inks:]
    _discs(colors, layout, rng)
    _scene(scene, layout, rng)
    _gratings(dark, layout.band(0.66, 0.79), (*GRATINGS, num_steps))
    _caps(dark, layout)
    _grid(key, layout)
    for outside, inside in zip([key, *colors], [dark, *scene], strict=True):
        outside.inlay(inside, window)
    key.ring(layout.center, layout.radius * 1.02, layout.unit * 0.012)
    _frame(key, layout)
    return key, colors


def _scene(colors: list[Plate], layout: Layout, rng: random.Random) -> None:
    side = 2 * layout.radius / TILES_ACROSS
    x, y = layout.center
    lay_tiles(colors, (x - layout.radius, y - 2.64 * side), side, TILES_ACROSS, 5, rng)
    _bars(colors, layout.band(-0.84, -0.66))
    ramp = layout.band(0.79, 0.88)
    colors[0].halftone(ramp, 1, 0, layout.unit / 60, SCREEN_ANGLES[0])
    colors[-1].halftone(ramp, 0, 1, layout.unit / 60, SCREEN_ANGLES[1])


def _bars(colors: list[Plate], box: Box) -> None:
    """Print every ink, and every two neighbours over each other, side by side."""
    left, top, right, bottom = box
    width = (right - left) / (2 * len(colors))
    for n, color in enumerate(colors):
        color.rectangle((left + 2 * n * width, top, left + (2 * n + 2) * width, bottom))
        colors[n - 1].rectangle((left + 2 * n * width, top, left + (2 * n + 1) * width, bottom))


def _gratings(plate: Plate, box: Box, gratings: Sequence[int]) -> None:
    """Rule ever finer lines, by which a screen's sharpness is judged."""
    left, top, right, bottom = box
    field = (right - left) / len(gratings)
    for n, lines in enumerate(gratings):
        width = field / (2 * lines)
        for line in range(lines):
            x = left + n * field + 2 * line * width
            plate.rectangle((x, top, x + width, bottom))


def _caps(plate: Plate, layout: Layout) -> None:
    plate.rectangle(layout.band(-1, -0.84))
    plate.rectangle(layout.band(0.88, 1))


def _discs(colors: list[Plate], layout: Layout, rng: random.Random) -> None:
    """Put a disc into each corner, which shows whether a circle is round everywhere."""
    radius, inset = layout.unit * 0.105, layout.unit * 0.165
    corners = [(x, y) for x in (inset, layout.width - inset) for y in (inset, layout.height - inset)]
    rng.shuffle(corners)
    for n, corner in enumerate(corners):
        colors[n % len(colors)].disc(corner, radius)
        colors[(n + 1) % len(colors)].ring(corner, radius * 0.72, radius * 0.3)


def _grid(key: Plate, layout: Layout) -> None:
    pitch, half = layout.unit / 14, max(0.25, layout.unit / 800)
    x, y = layout.center
    for n in range(math.ceil(max(layout.width, layout.height) / pitch / 2)):
        for away in (-(n + 0.5) * pitch, (n + 0.5) * pitch):
            key.rectangle((x + away - half, 0, x + away + half, layout.height), GRID)
            key.rectangle((0, y + away - half, layout.width, y + away + half), GRID)


def _frame(key: Plate, layout: Layout) -> None:
    """Set battlements around the edge, by which a cropped picture is found out."""
    depth = layout.unit * 0.032
    for length, across in ((layout.width, True), (layout.height, False)):
        far = (layout.height if across else layout.width) - depth
        count = 2 * round(length / (layout.unit / 14) / 2) + 1
        for n in range(count):
            start, end = length * n / count, length * (n + 1) / count
            for near in (0, far):
                box = (start, near, end, near + depth) if across else (near, start, near + depth, end)
                key.rectangle(box, 0 if n % 2 else FULL)


def _write(canvas: PillowImage.Image, layout: Layout, row: Row, num_steps: int) -> None:
    """Letter the prompt on a plate across the middle, and seed, index, size and steps at its foot."""
    request, (x, y) = row.request, layout.center
    half_width = max(layout.radius, layout.width * 0.36)
    half_height = min(max(layout.unit * 0.14, 17), layout.unit / 3)
    left, top, right, bottom = x - half_width, y - half_height, x + half_width, y + half_height
    foot = bottom - max(layout.unit * 0.055, 9)
    border = max(1, layout.unit * 0.008)
    margin = layout.unit * 0.02
    _fill(canvas, (left, top, right, bottom), KEY)
    _fill(canvas, (left + border, top + border, right - border, foot), PAPER)
    inner = (left + margin, top + margin, right - margin, foot - margin)
    letter(canvas, inner, request.prompt, KEY, largest=layout.unit * 0.105, bold=True)
    facts = f"seed {request.seed} · image {row.index} · {request.width}x{request.height} · {num_steps} steps"
    letter(canvas, (left + border, foot, right - border, bottom), facts, PAPER, largest=layout.unit * 0.036)
    letter(canvas, layout.band(-0.98, -0.84, -0.4, 0.4), "EASEL", PAPER, largest=layout.unit * 0.04, bold=True)


def _fill(canvas: PillowImage.Image, box: Box, color: RGB) -> None:
    left, top, right, bottom = map(round, box)
    canvas.paste(color, (left, top, right, bottom))
