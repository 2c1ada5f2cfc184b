"""Skies, suns, clouds and grounds: what stands behind every subject."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import CREAM, INK, RGB, WHITE, Light, darker, lighter, mix
from models.picturebook.scenes import Scene

GRASS: RGB = (116, 190, 88)
SAND: RGB = (244, 216, 150)
SNOW: RGB = (238, 244, 252)
WATER: RGB = (58, 140, 214)
ROAD: RGB = (92, 92, 108)
TRUNK: RGB = (124, 82, 52)
LEAVES: RGB = (62, 150, 78)
PINE: RGB = (40, 116, 84)

_CLOUDS = (((32, 16, 1), (96, 32, 1)), ((48, 24, 1), (112, 16, 1)), ((16, 40, 1), (80, 16, 1)), ())
_STARS = (
    ((12, 12), (36, 28), (60, 8), (84, 36), (116, 12), (20, 52), (108, 56), (44, 44)),
    ((8, 28), (28, 8), (52, 20), (76, 12), (92, 28), (120, 36), (36, 52), (100, 60)),
    ((16, 36), (44, 12), (68, 28), (100, 8), (116, 28), (12, 60), (84, 52), (56, 48)),
)


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


_CRESCENT_RIGHT = "M100,12 C118,12 118,36 100,36 C108,30 108,18 100,12 Z"
_CRESCENT_LEFT = "M28,12 C10,12 10,36 28,36 C20,30 20,18 28,12 Z"


def cloud(canvas: Canvas, x: float, y: float, scale: float, color: RGB) -> None:
    """Draw a flat-bottomed cloud, 28 units wide."""
    with canvas.at(x, y, scale):
        canvas.path(
            "M-12,5 C-20,5 -18,-4 -10,-3 C-9,-11 4,-11 5,-4 C14,-7 19,5 11,5 Z", color, outline=0
        )


def ground(canvas: Canvas, setting: str, light: Light, horizon: float = 96) -> None:
    """Draw the land of a setting from the horizon down."""
    _GROUNDS[setting](canvas, light, horizon)


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


def room(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw a room whose window shows the hour."""
    wall = mix(CREAM, light.veil, light.scenery_veil * 0.7)
    canvas.rect(0, 0, 128, 104, wall, outline=0)
    for x in range(0, 128, 16):
        canvas.rect(x, 0, 8, 104, mix(wall, (240, 190, 160), 0.25), outline=0)
    canvas.rect(0, 104, 128, 24, light.scenery((176, 116, 74)), outline=0)
    canvas.rect(0, 102, 128, 4, light.scenery((120, 76, 52)), outline=0)
    x = 4
    canvas.rect(x, 16, 32, 40, light.top, outline=0)
    canvas.rect(x, 36, 32, 20, light.bottom, outline=0)
    orb = (255, 244, 196) if scene.time == "night" else (255, 222, 80)
    canvas.dot(x + 22, 44 if scene.time == "sunset" else 28, 6, orb)
    canvas.line(f"M{x + 16},16 L{x + 16},56 M{x},36 L{x + 32},36", WHITE, 2)
    canvas.line(f"M{x},16 L{x + 32},16 L{x + 32},56 L{x},56 Z", darker((150, 98, 60), 0.1), 3)


def space(canvas: Canvas, scene: Scene) -> None:
    """Draw black space with a ringed planet and a grey moon underfoot."""
    canvas.gradient((12, 8, 36), (44, 20, 78))
    stars(canvas, scene.layout)
    with canvas.at(24, 24):
        canvas.dot(0, 0, 13, (238, 150, 70), outline=1.5)
        canvas.line("M-20,6 C-10,10 12,2 20,-7", (255, 226, 170), 3)
    canvas.path("M0,112 Q64,96 128,112 L128,128 L0,128 Z", (160, 158, 176), outline=0)
    for x, y in ((16, 118), (104, 116), (88, 124), (36, 124)):
        canvas.oval(x, y, 6, 2, (128, 126, 148), outline=0)


def tree(canvas: Canvas, x: float, y: float, light: Light, color: RGB = LEAVES, scale: float = 1) -> None:
    """Draw a round tree standing at (x, y), 40 units tall."""
    with canvas.at(x, y, scale):
        canvas.path("M-3,0 L-2,-18 L2,-18 L3,0 Z", light.scenery(TRUNK))
        leaves = light.scenery(color)
        canvas.path(
            "M-10,-12 C-20,-14 -18,-28 -10,-28 C-10,-42 10,-42 10,-28 C18,-28 20,-14 10,-12 Z", leaves
        )
        canvas.oval(-5, -27, 4, 3, lighter(leaves, 0.25), outline=0)


def pine(canvas: Canvas, x: float, y: float, light: Light, scale: float = 1) -> None:
    """Draw a fir standing at (x, y), 40 units tall."""
    with canvas.at(x, y, scale):
        canvas.rect(-2, -6, 4, 6, light.scenery(TRUNK))
        canvas.path(
            "M-12,-5 L-6,-16 L-10,-16 L-4,-27 L-7,-27 L0,-40 L7,-27 L4,-27 L10,-16 L6,-16 L12,-5 Z",
            light.scenery(PINE), ink=darker(light.scenery(PINE), 0.5),
        )  # fmt: skip


def shadow(canvas: Canvas, x: float, y: float, rx: float) -> None:
    """Draw the soft shadow of something standing at (x, y)."""
    canvas.oval(x, y, rx, 3, INK, outline=0, alpha=60)
