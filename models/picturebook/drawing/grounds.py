"""Grounds: what the subject stands on, from the horizon down."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import INK, RGB, WHITE, Light, darker, lighter

GRASS: RGB = (116, 190, 88)
SAND: RGB = (244, 216, 150)
SNOW: RGB = (238, 244, 252)
WATER: RGB = (58, 140, 214)
ROAD: RGB = (92, 92, 108)


def ground(canvas: Canvas, setting: str, light: Light, horizon: float = 96) -> None:
    """Draw the land of a setting from the horizon down."""
    _GROUNDS[setting](canvas, light, horizon)


def shadow(canvas: Canvas, x: float, y: float, rx: float) -> None:
    """Draw the soft shadow of something standing at (x, y)."""
    canvas.oval(x, y, rx, 3, INK, outline=0, alpha=60)


def _meadow(canvas: Canvas, light: Light, y: float) -> None:
    back, front = light.scenery(lighter(GRASS, 0.2)), light.scenery(GRASS)
    canvas.path(f"M0,{y - 4} Q40,{y - 20} 80,{y} L128,{y + 8} L128,128 L0,128 Z", back, outline=0)
    canvas.path(f"M0,{y + 8} Q64,{y - 4} 128,{y - 8} L128,128 L0,128 Z", front, outline=0)
    for x, color in ((8, WHITE), (24, (255, 214, 80)), (104, WHITE), (120, (255, 150, 190))):
        canvas.dot(x, 116, 1.8, light.scenery(color))


def _beach(canvas: Canvas, light: Light, y: float) -> None:
    canvas.rect(0, y - 16, 128, 32, light.scenery(WATER), outline=0)
    for x in (12, 52, 92):
        canvas.line(f"M{x},{y - 8} L{x + 20},{y - 8}", light.scenery((170, 214, 244)), 1.5)
    canvas.path(f"M0,{y + 4} Q64,{y - 8} 128,{y + 4} L128,128 L0,128 Z", light.scenery(SAND), outline=0)


def _snow(canvas: Canvas, light: Light, y: float) -> None:
    canvas.path(
        f"M0,{y} Q32,{y - 20} 72,{y - 2} Q104,{y - 16} 128,{y - 4} L128,128 L0,128 Z",
        light.scenery((206, 222, 242)), outline=0,
    )  # fmt: skip
    canvas.path(f"M0,{y + 6} Q64,{y - 6} 128,{y + 6} L128,128 L0,128 Z", light.scenery(SNOW), outline=0)


def _sea(canvas: Canvas, light: Light, y: float) -> None:
    canvas.gradient(light.scenery(lighter(WATER, 0.25)), light.scenery(darker(WATER, 0.15)), y, 128)
    for x, dy in ((8, 8), (72, 8), (40, 16), (104, 16), (16, 24), (80, 24)):
        canvas.line(f"M{x},{y + dy} Q{x + 4},{y + dy - 4} {x + 8},{y + dy}", light.scenery(WHITE), 1.2)


def _mountains(canvas: Canvas, light: Light, y: float) -> None:
    rock, cap = light.scenery((120, 126, 158)), light.scenery(WHITE)
    for x, top in ((20, y - 40), (104, y - 48), (64, y - 32)):
        canvas.polygon([(x - 40, y + 16), (x, top), (x + 40, y + 16)], rock, outline=0)
        canvas.polygon([(x - 9, top + 12), (x, top), (x + 9, top + 12), (x, top + 8)], cap, outline=0)
    canvas.path(f"M0,{y + 6} Q64,{y - 6} 128,{y + 6} L128,128 L0,128 Z", light.scenery(GRASS), outline=0)


def _city(canvas: Canvas, light: Light, y: float) -> None:
    wall, lit = light.scenery((128, 142, 180)), light.window
    for index, height in enumerate((24, 40, 32, 48, 24, 40, 48, 32)):
        top = y - height
        canvas.rect(index * 16, top, 15, height + 8, wall, outline=0)
        for row in range(int(top) + 6, int(y), 8):
            canvas.rect(index * 16 + 3, row, 3, 3, lit, outline=0)
            canvas.rect(index * 16 + 9, row, 3, 3, lit, outline=0)
    canvas.rect(0, y, 128, 128 - y, light.scenery((150, 152, 164)), outline=0)


_GROUNDS = {
    "meadow": _meadow,
    "beach": _beach,
    "snow": _snow,
    "sea": _sea,
    "mountains": _mountains,
    "city": _city,
}
