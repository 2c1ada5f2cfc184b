"""The sea, with one large thing on it."""

from models.picturebook.drawing import grounds, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, INK, RGB, WHITE, WOOD, Light, darker, lighter, mix
from models.picturebook.scenes import Scene

_HORIZON = 72


def draw_sea(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw sky, sea and the thing in the middle; a serene sea lies still."""
    skies.sky(canvas, scene, light)
    water = light.scenery(grounds.WATER)
    canvas.gradient(lighter(water, 0.25), darker(water, 0.2), _HORIZON, 128)
    color = light.subject(COLORS.get(scene.color, WHITE))
    with canvas.at(64, 96):
        _THINGS[scene.subject](canvas, color, light)
    if scene.style == "serene":
        for x, y, w in ((16, 104, 96), (32, 112, 64), (8, 84, 24), (96, 84, 24), (24, 120, 80)):
            canvas.line(f"M{x},{y} L{x + w},{y}", mix(water, WHITE, 0.65), 2)
    else:
        _waves(canvas, lighter(water, 0.7), scene.layout)


def _waves(canvas: Canvas, color: RGB, layout: int) -> None:
    for row, y in enumerate((104, 112, 120)):
        for x in range(8 * ((row + layout) % 2), 128, 16):
            canvas.line(f"M{x},{y} Q{x + 4},{y - 6} {x + 8},{y} Q{x + 12},{y + 2} {x + 16},{y}", color, 1.8)


def _sailboat(canvas: Canvas, color: RGB, light: Light) -> None:
    canvas.line("M0,0 L0,-84", light.subject(darker(WOOD, 0.3)), 3)
    canvas.path("M4,-84 C30,-56 36,-28 36,-12 L4,-12 Z", color, outline=2)
    canvas.path("M-4,-72 C-24,-48 -28,-28 -28,-12 L-4,-12 Z", lighter(color, 0.5), outline=2)
    canvas.path("M-40,-6 L44,-6 C40,10 30,12 24,12 L-22,12 C-32,12 -38,4 -40,-6 Z", light.subject(WOOD), outline=2)


def _ship(canvas: Canvas, color: RGB, light: Light) -> None:
    for x in (-14, 10):
        canvas.rect(x, -56, 12, 24, color, outline=2)
        canvas.rect(x, -56, 12, 6, INK, outline=0)
        canvas.dot(x + 12, -64, 5, light.scenery((230, 230, 236)))
        canvas.dot(x + 20, -70, 4, light.scenery((230, 230, 236)))
    canvas.rect(-32, -32, 62, 24, light.subject(WHITE), corner=2, outline=2)
    for x in range(-24, 28, 12):
        canvas.dot(x, -22, 3.4, light.window, outline=1.5)
    canvas.path("M-56,-10 L58,-10 C52,8 44,14 36,14 L-38,14 C-48,14 -54,4 -56,-10 Z", color, outline=2)
    canvas.line("M-52,-3 L53,-3", lighter(color, 0.7), 2.5)


def _whale(canvas: Canvas, color: RGB, light: Light) -> None:
    spray = light.scenery((214, 240, 252))
    canvas.line("M-14,-36 C-14,-50 -18,-56 -28,-58 M-14,-36 C-14,-50 -10,-56 0,-58 M-14,-36 L-14,-54", spray, 3.5)
    canvas.path(
        "M32,-4 C40,-24 34,-36 26,-42 C38,-46 46,-42 48,-34 C52,-42 60,-44 66,-40 C60,-30 58,-12 44,8 Z",
        color,
        outline=2,
    )
    canvas.path(
        "M-54,2 C-56,-28 -26,-40 -4,-36 C20,-32 28,-12 44,-4 C46,8 30,16 10,16 L-34,16 C-46,16 -54,12 -54,2 Z",
        color,
        outline=2,
    )
    canvas.path("M-53,2 C-30,8 0,6 20,12 C10,16 -20,17 -34,16 C-46,16 -53,12 -53,2 Z", lighter(color, 0.65), outline=0)
    canvas.dot(-36, -10, 4, WHITE, outline=1.5)
    canvas.dot(-36, -10, 2, INK)
    canvas.path("M-10,4 C-6,18 6,20 12,16 C8,12 4,6 2,2 Z", darker(color, 0.15), outline=1.5)


def _lighthouse(canvas: Canvas, color: RGB, light: Light) -> None:
    if light.lamps:
        canvas.path("M0,-70 L64,-88 L64,-52 Z", (255, 240, 160), outline=0, alpha=130)
        canvas.path("M0,-70 L-64,-88 L-64,-52 Z", (255, 240, 160), outline=0, alpha=130)
    canvas.path("M-40,12 C-38,-6 -20,-8 0,-8 C22,-8 38,-4 40,12 Z", light.scenery((128, 122, 128)), outline=2)
    canvas.path("M-15,-4 L-10,-60 L10,-60 L15,-4 Z", light.subject(WHITE), outline=2)
    for y in (-54, -34, -14):
        half = 15 - (-y - 4) * 5 / 56
        canvas.path(f"M{-half + 1},{y + 10} L{-half + 2},{y} L{half - 2},{y} L{half - 1},{y + 10} Z", color, outline=0)
    canvas.path("M-15,-4 L-10,-60 L10,-60 L15,-4 Z", None, outline=2)
    canvas.rect(-8, -76, 16, 15, (255, 236, 140), outline=2)
    canvas.rect(-13, -62, 26, 4, INK, outline=0)
    canvas.polygon([(-12, -76), (0, -90), (12, -76)], color, outline=2)


def _island(canvas: Canvas, _color: RGB, light: Light) -> None:
    canvas.path("M-56,12 C-44,-12 44,-12 56,12 C30,18 -30,18 -56,12 Z", light.scenery(grounds.SAND), outline=2)
    trunk, leaf = light.scenery((150, 100, 60)), light.scenery((58, 160, 82))
    canvas.path("M-6,-2 C-4,-24 4,-40 14,-56 L20,-52 C10,-36 6,-20 6,0 Z", trunk, outline=2)
    for tip in ("-30,-44 -20,-66", "56,-30 52,-60", "52,-66 40,-82", "-14,-76 -2,-84"):
        end, bend = tip.split(" ")
        canvas.path(f"M16,-56 Q{bend} {end} Q{_between(bend)} 16,-56 Z", leaf)
    canvas.dot(14, -52, 4, light.scenery((120, 76, 44)), outline=1.5)
    canvas.dot(22, -51, 4, light.scenery((120, 76, 44)), outline=1.5)


def _between(bend: str) -> str:
    x, y = map(float, bend.split(","))
    return f"{x * 0.9},{y + 12}"


_THINGS = {
    "sailboat": _sailboat,
    "ship": _ship,
    "whale": _whale,
    "lighthouse": _lighthouse,
    "island": _island,
}
