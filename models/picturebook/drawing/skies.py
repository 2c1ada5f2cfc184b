"""Skies: the hour shows in their colours, in sun or moon, clouds or stars."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import RGB, WHITE, Light, mix
from models.picturebook.scenes import Scene

_CLOUDS = (((32, 16, 1), (96, 32, 1)), ((48, 24, 1), (112, 16, 1)), ((16, 40, 1), (80, 16, 1)), ())
_STARS = (
    ((12, 12), (36, 28), (60, 8), (84, 36), (116, 12), (20, 52), (108, 56), (44, 44)),
    ((8, 28), (28, 8), (52, 20), (76, 12), (92, 28), (120, 36), (36, 52), (100, 60)),
    ((16, 36), (44, 12), (68, 28), (100, 8), (116, 28), (12, 60), (84, 52), (56, 48)),
)
_CRESCENT_LEFT = "M28,12 C10,12 10,36 28,36 C20,30 20,18 28,12 Z"
_CRESCENT_RIGHT = "M100,12 C118,12 118,36 100,36 C108,30 108,18 100,12 Z"


def sky(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the sky of the scene's hour: sun or moon on its side, clouds by day, stars by night."""
    canvas.gradient(light.top, light.bottom, 0, 104)
    if scene.time == "night":
        stars(canvas, scene.layout)
    _orb(canvas, scene.time, 24 if scene.mirrored else 104)
    if scene.time != "night":
        for x, y, scale in _CLOUDS[scene.layout % 4]:
            cloud(canvas, x, y, scale, mix(WHITE, light.bottom, 0.15))


def stars(canvas: Canvas, layout: int) -> None:
    """Scatter one of three fixed patterns of stars."""
    for index, (x, y) in enumerate(_STARS[layout % 3]):
        canvas.dot(x, y, 1.4 if index % 2 else 1, (255, 248, 214))


def _orb(canvas: Canvas, time: str, x: float) -> None:
    if time == "night":
        canvas.glow(x, 24, 24, (255, 246, 200), 80)
        canvas.path(_CRESCENT_LEFT if x < 64 else _CRESCENT_RIGHT, (255, 244, 196), outline=0)
    elif time == "sunset":
        canvas.glow(x, 72, 44, (255, 214, 120), 190)
        canvas.dot(x, 72, 17, (255, 216, 96))
    elif time == "dawn":
        canvas.glow(x, 48, 30, (255, 250, 224), 190)
        canvas.dot(x, 48, 11, (255, 246, 214))
    else:
        canvas.glow(x, 24, 24, (255, 244, 170), 200)
        canvas.dot(x, 24, 12, (255, 222, 64))


def cloud(canvas: Canvas, x: float, y: float, scale: float, color: RGB) -> None:
    """Draw a flat-bottomed cloud, 28 units wide."""
    with canvas.at(x, y, scale):
        canvas.path("M-12,5 C-20,5 -18,-4 -10,-3 C-9,-11 4,-11 5,-4 C14,-7 19,5 11,5 Z", color, outline=0)
