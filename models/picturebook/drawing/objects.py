"""Toys on a shelf: the eight things of the pairs and counts, each 48 units wide and tall."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, GLASS, INK, RGB, WHITE, WOOD, Light, darker, lighter
from models.picturebook.scenes import Scene

_WALL: RGB = (250, 240, 218)
_STRIPE: RGB = (246, 230, 204)
_TRUNK: RGB = (124, 82, 52)
_TYRE: RGB = (52, 48, 62)


def draw_pair(canvas: Canvas, scene: Scene, _light: Light) -> None:
    """Draw the subject left of, or above, the second thing."""
    places = {"left of": ((32, 104), (96, 104)), "above": ((64, 56), (64, 120))}[scene.relation]
    _shelves(canvas, {y for _, y in places})
    for place, name, color in zip(
        places, (scene.subject, scene.second), (scene.color, scene.second_color), strict=True
    ):
        _toy(canvas, place, name, color)


_COUNT_PLACES = {
    "one": ((64, 104),),
    "two": ((32, 104), (96, 104)),
    "three": ((64, 56), (32, 120), (96, 120)),
    "four": ((32, 56), (96, 56), (32, 120), (96, 120)),
}


def draw_count(canvas: Canvas, scene: Scene, _light: Light) -> None:
    """Draw one to four equal things."""
    places = _COUNT_PLACES[scene.count]
    _shelves(canvas, {y for _, y in places})
    for place in places:
        _toy(canvas, place, scene.subject, scene.color)


def _shelves(canvas: Canvas, heights: set[int]) -> None:
    canvas.rect(0, 0, 128, 128, _WALL, outline=0)
    for x in range(0, 128, 16):
        canvas.rect(x, 0, 8, 128, _STRIPE, outline=0)
    for y in heights:
        canvas.rect(-4, y, 136, 6, WOOD, outline=1.5)
        canvas.rect(0, y + 6, 128, 3, (226, 208, 180), outline=0)


def _toy(canvas: Canvas, place: tuple[int, int], name: str, color: str) -> None:
    with canvas.at(*place, 1.15):
        _TOYS[name](canvas, COLORS[color])


def _ball(canvas: Canvas, color: RGB) -> None:
    canvas.dot(0, -22, 21, color, outline=2)
    canvas.path("M-20,-28 C-8,-20 8,-20 20,-28 L20.5,-18 C8,-10 -8,-10 -20.5,-18 Z", lighter(color, 0.6), outline=1.5)
    canvas.oval(-8, -35, 5, 3, WHITE, outline=0)


def _box(canvas: Canvas, color: RGB) -> None:
    canvas.rect(-20, -32, 40, 32, color, outline=2)
    canvas.rect(-22, -40, 44, 11, lighter(color, 0.3), outline=2)
    canvas.rect(-4, -40, 8, 40, lighter(color, 0.7), outline=1.2)


def _star(canvas: Canvas, color: RGB) -> None:
    points = [(0, -46), (7, -30), (23, -28), (11, -17), (15, -1), (0, -9), (-15, -1), (-11, -17), (-23, -28), (-7, -30)]
    canvas.polygon(points, color, outline=2)
    canvas.polygon([(0, -38), (4, -28), (0, -18), (-4, -28)], lighter(color, 0.5), outline=0)


def _tree(canvas: Canvas, color: RGB) -> None:
    canvas.path("M-4,0 L-3,-20 L3,-20 L4,0 Z", _TRUNK, outline=2)
    canvas.path("M-12,-14 C-24,-16 -22,-32 -12,-33 C-12,-50 12,-50 12,-33 C22,-32 24,-16 12,-14 Z", color, outline=2)
    canvas.oval(-5, -34, 5, 4, lighter(color, 0.4), outline=0)


def _car(canvas: Canvas, color: RGB) -> None:
    canvas.path("M-14,-20 C-12,-34 10,-34 14,-20 Z", GLASS, outline=2)
    canvas.line("M0,-30 L0,-20", INK, 2)
    canvas.rect(-24, -21, 48, 15, color, corner=6, outline=2)
    canvas.dot(20, -14, 2.5, (255, 240, 170), outline=1)
    for x in (-13, 13):
        canvas.dot(x, -6, 6, _TYRE, outline=1.5)
        canvas.dot(x, -6, 2.5, (206, 208, 216))


def _house(canvas: Canvas, color: RGB) -> None:
    canvas.rect(-19, -26, 38, 26, color, outline=2)
    canvas.polygon([(-24, -26), (0, -46), (24, -26)], darker(color, 0.4), outline=2)
    canvas.rect(-12, -16, 10, 16, (116, 70, 44), outline=1.5)
    canvas.rect(3, -20, 11, 10, GLASS, outline=1.5)


def _cat(canvas: Canvas, color: RGB) -> None:
    canvas.tube("M12,-5 C24,-2 24,-16 20,-20", color, 4)
    canvas.path("M-11,0 C-18,-8 -12,-24 0,-24 C12,-24 18,-8 11,0 Z", color, outline=2)
    canvas.oval(0, -7, 6, 7, lighter(color, 0.6), outline=0)
    canvas.path("M-15,-44 L-6,-40 L6,-40 L15,-44 L16,-29 C14,-18 -14,-18 -16,-29 Z", color, outline=2)
    for x in (-6, 6):
        canvas.oval(x, -31, 2, 2.6, INK, outline=0)
    canvas.path("M-2,-27 L2,-27 L0,-25 Z", (250, 130, 150), outline=0)
    canvas.line("M0,-25 L0,-23 M-3,-22 Q0,-21 3,-22 M-8,-26 L-18,-28 M8,-26 L18,-28", INK, 1)


def balloon(canvas: Canvas, color: RGB, scale: float = 1) -> None:
    """Draw a toy balloon whose string ends at the origin, 46 units above it."""
    with canvas.at(0, 0, scale):
        canvas.line("M0,0 C-4,-5 4,-8 0,-13", INK, 1.5)
        canvas.polygon([(-4, -11), (0, -16), (4, -11)], darker(color, 0.2))
        canvas.path("M0,-14 C-20,-20 -22,-47 0,-47 C22,-47 20,-20 0,-14 Z", color, outline=2)
        canvas.oval(-6, -36, 3, 5, lighter(color, 0.7), outline=0)


def blossom(canvas: Canvas, color: RGB) -> None:
    """Draw a five-petalled flower head, 32 units wide, around the origin."""
    for x, y in ((0, -9), (9, -3), (6, 8), (-6, 8), (-9, -3)):
        canvas.dot(x, y, 7, color, outline=1.5)
    canvas.dot(0, 0, 5.5, (255, 220, 80) if color[2] > 60 or color[0] < 200 else (255, 246, 214), outline=1.5)


_TOYS = {
    "ball": _ball,
    "box": _box,
    "star": _star,
    "tree": _tree,
    "car": _car,
    "house": _house,
    "cat": _cat,
    "balloon": balloon,
}
