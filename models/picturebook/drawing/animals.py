"""A cat, a dog, a rabbit, a bird and a fish, each filling the picture or small."""

from models.picturebook.drawing import grounds, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.objects import balloon
from models.picturebook.palette import COLORS, INK, RGB, WHITE, Light, darker, lighter
from models.picturebook.scenes import Scene

_PINK: RGB = (255, 150, 170)
_BEAK: RGB = (250, 168, 48)


def draw_animal(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the animal sitting on the ground, or the fish under water."""
    color = light.subject(COLORS[scene.color])
    scale = 1 if scene.size == "large" else 0.6
    if scene.subject == "fish":
        _underwater(canvas, light, scene)
        with canvas.at(64, 64, scale, flip=scene.mirrored):
            _fish(canvas, color)
        return
    skies.sky(canvas, scene, light)
    grounds.ground(canvas, scene.setting, light)
    grounds.shadow(canvas, 64, 120, 32 * scale)
    with canvas.at(64, 120, scale):
        if scene.extra == "balloon":
            canvas.line("M-22,-24 C-36,-32 -36,-48 -42,-56", INK, 1.8)
            with canvas.at(-42, -56):
                balloon(canvas, light.subject(COLORS[scene.accent]), 1.2)
        _ANIMALS[scene.subject](canvas, color)
        if scene.extra == "hat":
            with canvas.at(*_CROWNS[scene.subject]):
                _top_hat(canvas, light.subject(COLORS[scene.accent]))


def _top_hat(canvas: Canvas, color: RGB) -> None:
    canvas.rect(-15, -24, 30, 24, color, corner=2, outline=2)
    canvas.rect(-15, -8, 30, 6, darker(color, 0.6), outline=0)
    canvas.rect(-24, -3, 48, 6, color, corner=3, outline=2)


_CROWNS = {"cat": (0, -82), "dog": (0, -84), "rabbit": (0, -70), "bird": (14, -80)}


def _face(canvas: Canvas, y: float, gap: float = 11) -> None:
    for x in (-gap, gap):
        canvas.oval(x, y, 4.5, 5.5, INK, outline=0)
        canvas.dot(x + 1.5, y - 2, 1.6, WHITE)


def _body(canvas: Canvas, color: RGB) -> None:
    """Draw a sitting body seen from the front, with paws."""
    canvas.path("M-24,0 C-36,-14 -24,-46 0,-46 C24,-46 36,-14 24,0 Z", color, outline=2)
    canvas.oval(0, -16, 12, 15, lighter(color, 0.6), outline=0)
    for x in (-13, 13):
        canvas.oval(x, -4, 9, 5, color, outline=2)


def _cat(canvas: Canvas, color: RGB) -> None:
    canvas.tube("M20,-8 C46,-2 46,-30 38,-40", color, 8)
    _body(canvas, color)
    canvas.path("M-30,-92 L-14,-82 L14,-82 L30,-92 L32,-60 C28,-38 -28,-38 -32,-60 Z", color, outline=2)
    for x in (-1, 1):
        canvas.polygon([(x * 27, -85), (x * 26, -74), (x * 18, -80)], _PINK, outline=0)
    _face(canvas, -63)
    canvas.path("M-4,-55 L4,-55 L0,-51 Z", _PINK, outline=1)
    canvas.line("M0,-51 L0,-48 M-7,-47 Q-3,-44 0,-48 Q3,-44 7,-47", INK, 1.6)
    canvas.line("M-16,-54 L-38,-58 M-16,-50 L-37,-48 M16,-54 L38,-58 M16,-50 L37,-48", INK, 1.4)


def _dog(canvas: Canvas, color: RGB) -> None:
    canvas.tube("M22,-10 C36,-12 42,-24 40,-34", color, 7)
    _body(canvas, color)
    canvas.path("M-26,-64 C-28,-94 28,-94 26,-64 C24,-38 -24,-38 -26,-64 Z", color, outline=2)
    ear = darker(color, 0.35)
    for flip in (False, True):
        with canvas.at(0, 0, flip=flip):
            canvas.path("M18,-84 C40,-90 44,-60 36,-46 C28,-42 24,-58 22,-70 Z", ear, outline=2)
    canvas.oval(0, -52, 14, 10, lighter(color, 0.6), outline=1.2)
    _face(canvas, -68)
    canvas.oval(0, -57, 5.5, 4, INK, outline=0)
    canvas.path("M-4,-47 L4,-47 C5,-38 -5,-38 -4,-47 Z", (240, 90, 110), outline=1.2)


def _rabbit(canvas: Canvas, color: RGB) -> None:
    canvas.dot(28, -10, 8, WHITE, outline=2)
    for x in (-12, 12):
        canvas.path(
            f"M{x - 8},-68 C{x - 12},-100 {x - 4},-116 {x},-116 C{x + 4},-116 {x + 12},-100 {x + 8},-68 Z",
            color,
            outline=2,
        )
        canvas.path(
            f"M{x - 3},-74 C{x - 5},-94 {x - 2},-106 {x},-106 C{x + 2},-106 {x + 5},-94 {x + 3},-74 Z", _PINK, outline=0
        )
    _body(canvas, color)
    canvas.path("M-26,-58 C-26,-84 26,-84 26,-58 C26,-36 -26,-36 -26,-58 Z", color, outline=2)
    _face(canvas, -60)
    canvas.path("M-4,-53 L4,-53 L0,-49 Z", _PINK, outline=1)
    canvas.rect(-4, -47, 8, 7, WHITE, corner=1, outline=1.2)
    canvas.line("M0,-46 L0,-41", INK, 1)


def _bird(canvas: Canvas, color: RGB) -> None:
    canvas.line("M-6,-14 L-6,0 L-12,0 M-6,0 L0,0 M10,-14 L10,0 L4,0 M10,0 L16,0", _BEAK, 3)
    canvas.path("M-26,-34 L-54,-50 L-52,-32 L-44,-26 Z", darker(color, 0.3), outline=2)
    canvas.path(
        "M-34,-34 C-30,-58 -8,-52 -2,-64 C2,-88 40,-88 36,-60 C34,-28 22,-12 0,-12 C-18,-12 -32,-20 -34,-34 Z",
        color,
        outline=2,
    )
    canvas.path("M-22,-36 C-10,-46 6,-44 12,-36 C8,-22 -12,-20 -22,-36 Z", darker(color, 0.25), outline=1.8)
    canvas.path("M35,-68 L54,-62 L35,-55 Z", _BEAK, outline=2)
    canvas.dot(20, -66, 5, WHITE, outline=1.5)
    canvas.dot(21, -66, 2.6, INK)


_ANIMALS = {"cat": _cat, "dog": _dog, "rabbit": _rabbit, "bird": _bird}


def _fish(canvas: Canvas, color: RGB) -> None:
    canvas.path("M28,0 L56,-26 C52,-8 52,8 56,26 Z", darker(color, 0.25), outline=2)
    canvas.path("M-16,-26 C-6,-46 16,-42 22,-22 Z", darker(color, 0.25), outline=2)
    canvas.path("M-52,2 C-36,-38 16,-36 36,0 C16,36 -36,38 -52,2 Z", color, outline=2)
    canvas.path("M-50,6 C-30,16 8,18 30,8 C14,34 -34,36 -50,6 Z", lighter(color, 0.55), outline=0)
    for x in (-6, 10):
        canvas.line(f"M{x},-14 Q{x + 8},0 {x},14", darker(color, 0.35), 2)
    canvas.dot(-30, -6, 7, WHITE, outline=2)
    canvas.dot(-31, -6, 3.4, INK)
    canvas.line("M-48,8 Q-42,13 -36,10", INK, 2)


_WATERS: dict[str, tuple[RGB, RGB]] = {
    "day": ((112, 208, 244), (24, 112, 190)),
    "dawn": ((196, 186, 236), (72, 104, 180)),
    "sunset": ((236, 150, 120), (72, 62, 140)),
    "night": ((40, 62, 128), (14, 20, 62)),
}


def _underwater(canvas: Canvas, light: Light, scene: Scene) -> None:
    canvas.gradient(*_WATERS[scene.time])
    canvas.path("M0,120 Q40,108 80,116 Q104,120 128,112 L128,128 L0,128 Z", light.scenery(grounds.SAND), outline=0)
    weed = light.scenery((44, 150, 96))
    for x in (8, 20, 108, 120):
        canvas.line(f"M{x},120 C{x - 8},108 {x + 8},100 {x},84", weed, 4)
    for x, y, r in ((24, 24, 4), (32, 12, 3), (96, 20, 4), (104, 36, 3)):
        canvas.oval(x, y, r, r, WHITE, outline=0, alpha=120)
