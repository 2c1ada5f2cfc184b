"""The seed's handwriting: a mosaic of circles, slices, stripes and dots in the card's inks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from models.testcard.press import SCREEN_ANGLES, Plate, Point

Tile: TypeAlias = Callable[[Plate, Point, float, random.Random], None]


def lay_tiles(plates: Sequence[Plate], origin: Point, side: float, columns: int, rows: int, rng: random.Random) -> None:
    """Fill a grid of cells, each with a ground of one ink and a figure of another printed over it."""
    first_more_often = [1.6**-n for n in range(len(plates))]
    for row in range(rows):
        for column in range(columns):
            corner = (origin[0] + column * side, origin[1] + row * side)
            ground, figure = rng.choices(plates, first_more_often, k=2)
            if ground is not figure:
                ground.rectangle((*corner, corner[0] + side, corner[1] + side))
            rng.choice(FIGURES)(figure, corner, side, rng)


def _quarter(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    turn = rng.randrange(4)
    x = corner[0] + side * (turn in {1, 2})
    y = corner[1] + side * (turn in {2, 3})
    plate.slice((x, y), side, turn * 90, turn * 90 + 90)


def _half(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    turn = rng.randrange(4)
    x = corner[0] + side * (0.5, 1, 0.5, 0)[turn]
    y = corner[1] + side * (0, 0.5, 1, 0.5)[turn]
    plate.slice((x, y), side / 2, turn * 90, turn * 90 + 180)


def _disc(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    plate.disc((corner[0] + side / 2, corner[1] + side / 2), side * rng.choice((0.5, 0.36)))


def _ring(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    plate.ring((corner[0] + side / 2, corner[1] + side / 2), side / 2, side * rng.choice((0.12, 0.2)))


def _triangle(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    x, y = corner
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    corners.pop(rng.randrange(4))
    plate.polygon(corners)


def _stripes(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    x, y = corner
    upright, width = rng.random() < 0.5, side / 8
    for n in range(4):
        start = n * 2 * width
        if upright:
            plate.rectangle((x + start, y, x + start + width, y + side))
        else:
            plate.rectangle((x, y + start, x + side, y + start + width))


def _dots(plate: Plate, corner: Point, side: float, rng: random.Random) -> None:
    start, end = rng.choice(((0.1, 0.8), (0.8, 0.1)))
    plate.halftone((*corner, corner[0] + side, corner[1] + side), start, end, side / 6, rng.choice(SCREEN_ANGLES))


FIGURES: tuple[Tile, ...] = (_quarter, _quarter, _half, _disc, _ring, _triangle, _stripes, _dots)
