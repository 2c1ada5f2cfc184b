"""Mountains, hills, desert and forest, with a river, a lake or a road."""

from models.picturebook.drawing import grounds, plants, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import MIST, RGB, WHITE, Light, darker, lighter, mix
from models.picturebook.scenes import Scene

_ROCK: RGB = (112, 116, 152)
_DUNE: RGB = (234, 184, 108)
HORIZON = 72


def draw_landscape(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the land, what runs through it, and its trees in front."""
    skies.sky(canvas, scene, light)
    serene = scene.style == "serene"
    _LANDS[scene.subject](canvas, scene.layout, light)
    if serene:
        _mist(canvas)
    if scene.extra in _FEATURES:
        _FEATURES[scene.extra](canvas, light, serene)
    _plants(canvas, scene, light)


def _mist(canvas: Canvas) -> None:
    for x, y, half in ((28, HORIZON - 6, 48), (96, HORIZON, 56), (40, HORIZON + 4, 40)):
        canvas.oval(x, y, half, 4, MIST, outline=0, alpha=190)


def _field(canvas: Canvas, color: RGB) -> None:
    canvas.gradient(lighter(color, 0.2), darker(color, 0.08), HORIZON, 128)


_PEAKS = (
    ((96, 24, 48), (24, 32, 48), (64, 8, 48)),
    ((24, 24, 48), (112, 24, 40), (72, 16, 48)),
    ((16, 16, 40), (64, 32, 40), (104, 8, 48)),
    ((104, 32, 40), (64, 24, 40), (24, 8, 48)),
)


def _mountains(canvas: Canvas, layout: int, light: Light) -> None:
    for index, (x, top, half) in enumerate(_PEAKS[layout % 4]):
        rock = light.scenery(mix(lighter(_ROCK, 0.3), _ROCK, index / 2))
        _peak(canvas, x, top, half, rock, light.scenery(WHITE))
    _field(canvas, light.scenery((110, 184, 96)))


def _peak(canvas: Canvas, x: float, top: float, half: float, rock: RGB, snow: RGB) -> None:
    base = HORIZON + 4
    canvas.polygon([(x - half, base), (x, top), (x + half, base)], rock, outline=1.5)
    canvas.polygon([(x, top), (x + half, base), (x + half * 0.2, base)], darker(rock, 0.22), outline=0)
    dy = (base - top) * 0.34
    dx = half * 0.34
    canvas.polygon(
        [(x, top), (x + dx, top + dy), (x + dx * 0.4, top + dy - 4), (x, top + dy + 4),
         (x - dx * 0.5, top + dy - 4), (x - dx, top + dy)],
        snow, outline=1,
    )  # fmt: skip


def _hills(canvas: Canvas, layout: int, light: Light) -> None:
    shift = 16 * (layout % 4)
    far, near = light.scenery((150, 204, 120)), light.scenery((104, 178, 84))
    canvas.path(f"M-20,84 C{shift},20 {shift + 40},20 {shift + 84},84 Z", far)
    canvas.path(f"M{shift + 20},84 C{shift + 48},36 {shift + 88},36 {shift + 128},84 Z", lighter(near, 0.15))
    canvas.path(f"M-60,88 C{shift - 60},40 {shift - 8},44 {shift + 40},88 Z", near)
    _field(canvas, near)


def _desert(canvas: Canvas, layout: int, light: Light) -> None:
    shift = 16 * (layout % 4)
    far, near = light.scenery(lighter(_DUNE, 0.25)), light.scenery(_DUNE)
    canvas.path(f"M-40,84 Q{shift},32 {shift + 72},84 Z", far)
    canvas.path(f"M{shift},84 Q{shift + 56},40 {shift + 136},84 Z", darker(near, 0.1))
    _field(canvas, near)
    for x, y in ((20, 92), (72, 108), (100, 88)):
        canvas.line(f"M{x},{y} Q{x + 8},{y - 4} {x + 16},{y}", darker(near, 0.2), 1.5)


def _forest(canvas: Canvas, layout: int, light: Light) -> None:
    far = light.scenery((96, 160, 124))
    for x in range(0, 136, 12):
        with canvas.at(x, 80):
            canvas.path("M-10,0 L0,-44 L10,0 Z", mix(far, light.bottom, 0.35), outline=0)
    for index, x in enumerate(range(8, 128, 16)):
        plants.pine(canvas, x, 82, light, 1.25 if (index + layout) % 2 else 0.95)
    _field(canvas, light.scenery((92, 166, 88)))


_LANDS = {"mountains": _mountains, "hills": _hills, "desert": _desert, "forest": _forest}


def _water(light: Light) -> RGB:
    return mix(light.scenery((64, 150, 226)), light.subject((64, 150, 226)), 0.6)


def _river(canvas: Canvas, light: Light, serene: bool) -> None:
    water = _water(light)
    course = "M60,72 C84,78 88,86 64,92 C40,98 24,108 28,128 L92,128 C88,114 108,104 104,90 C100,78 84,74 66,72 Z"
    canvas.path(course, water, ink=darker(water, 0.45))
    if serene:
        canvas.line("M48,112 L76,112 M64,100 L88,100 M40,122 L64,122", lighter(water, 0.6), 1.6)
    else:
        canvas.line(
            "M44,116 Q50,110 56,116 M64,106 Q70,100 76,106 M64,122 Q70,116 76,122 M80,94 Q85,89 90,94", WHITE, 1.8
        )


def _lake(canvas: Canvas, light: Light, serene: bool) -> None:
    water = _water(light)
    canvas.path(
        "M64,80 C112,80 124,92 120,102 C116,116 92,120 64,120 C36,120 12,116 8,102 C4,92 16,80 64,80 Z",
        water,
        ink=darker(water, 0.45),
    )
    if serene:
        canvas.line("M32,92 L96,92 M24,102 L104,102 M40,112 L88,112", mix(water, MIST, 0.6), 2)
    else:
        canvas.line("M28,98 Q34,92 40,98 M56,110 Q62,104 68,110 M84,98 Q90,92 96,98", WHITE, 1.8)


def _road(canvas: Canvas, light: Light, _serene: bool) -> None:
    canvas.path("M60,72 C76,84 36,100 32,128 L96,128 C92,104 84,86 66,72 Z", light.scenery(grounds.ROAD))
    canvas.line("M64,80 L65,84", light.scenery((255, 240, 190)), 1.5)
    canvas.line("M65,90 L64,96 M63,104 L62,112 M62,120 L62,128", light.scenery((255, 240, 190)), 2.5)


def _boat(canvas: Canvas, light: Light, serene: bool) -> None:
    _lake(canvas, light, serene)
    with canvas.at(64, 104):
        canvas.line("M0,0 L0,-44", (110, 72, 46), 2.5)
        canvas.path("M3,-44 L3,-6 L26,-6 Z", light.subject((226, 64, 56)), outline=2)
        canvas.path("M-3,-36 L-3,-6 L-18,-6 Z", light.subject((252, 240, 220)), outline=2)
        canvas.path(
            "M-26,-2 L28,-2 C24,10 16,10 12,10 L-12,10 C-18,10 -24,6 -26,-2 Z", light.subject((142, 88, 50)), outline=2
        )


_FEATURES = {"river": _river, "lake": _lake, "road": _road, "boat": _boat}


def _plants(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Frame the land with what grows there, on the side that the layout says."""
    left, right = (((12, 120), (112, 104)), ((16, 104), (116, 120)))[scene.layout % 2]
    for x, y in (left, right):
        if scene.subject == "desert":
            plants.cactus(canvas, x, y, light)
        elif scene.subject == "hills":
            plants.tree(canvas, x, y, light, scale=1.1)
        else:
            plants.pine(canvas, x, y, light, 1.2)
