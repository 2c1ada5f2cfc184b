"""Robots: a friendly boxy one, a sleek futuristic one, an old tin one; plain or in neon light."""

from models.picturebook.drawing import cities, grounds, places, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.objects import balloon, blossom
from models.picturebook.palette import COLORS, INK, RGB, WHITE, Light, darker, lighter, mix
from models.picturebook.scenes import Scene

_METAL: RGB = (120, 126, 142)
_VISOR: RGB = (28, 26, 58)
_RUST: RGB = (176, 96, 48)
_EYES: RGB = (255, 240, 150)


def draw_robot(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the robot standing in its place, facing us."""
    _place(canvas, scene, light)
    neon = COLORS[scene.accent] if scene.extra == "neon lights" else None
    if neon:
        neon = lighter(neon, 0.3)
        canvas.rect(0, 0, 128, 128, (16, 10, 60), outline=0, alpha=150)
        canvas.glow(64, 64, 64, neon, 190)
    grounds.shadow(canvas, 64, 122, 30)
    holding = scene.extra in _HELD
    with canvas.at(64, 120), canvas.neon(neon):
        _STYLES[scene.style](canvas, light.subject(COLORS[scene.color]), neon or _EYES, holding)
    if holding:
        _HELD[scene.extra](canvas, light.subject(COLORS[scene.accent]))


def _place(canvas: Canvas, scene: Scene, light: Light) -> None:
    if scene.setting == "space":
        places.space(canvas, scene)
    elif scene.setting == "room":
        places.room(canvas, scene, light)
    else:
        skies.sky(canvas, scene, light)
        if scene.setting == "city":
            cities.skyline(canvas, "futuristic" if scene.style == "futuristic" else "modern", scene.layout % 2, light)
        else:
            grounds.ground(canvas, scene.setting, light)


def _arms(canvas: Canvas, color: RGB, holding: bool, hand: RGB, width: float) -> None:
    """Draw both arms; the right one is raised when it holds something."""
    left = "M-24,-62 C-36,-58 -38,-46 -36,-36"
    right = "M24,-62 C36,-58 40,-64 40,-72" if holding else "M24,-62 C36,-58 38,-46 36,-36"
    for arm in (left, right):
        canvas.tube(arm, color, width)
    canvas.dot(-36, -33, 6, hand, outline=2)
    canvas.dot(40 if holding else 36, -74 if holding else -33, 6, hand, outline=2)


def _boxy(canvas: Canvas, body: RGB, _eyes: RGB, holding: bool) -> None:
    _arms(canvas, _METAL, holding, body, 6)
    for x in (-18, 6):
        canvas.rect(x, -26, 12, 22, _METAL, outline=2)
        canvas.rect(x - 4, -8, 20, 8, darker(body), corner=3, outline=2)
    canvas.line("M0,-96 L0,-106", INK, 3)
    canvas.dot(0, -108, 4, (236, 64, 64), outline=2)
    canvas.rect(-5, -72, 10, 10, _METAL, outline=2)
    canvas.rect(-26, -66, 52, 42, body, corner=5, outline=2)
    canvas.rect(-16, -58, 32, 24, lighter(body, 0.6), corner=3)
    for x, color in ((-9, (236, 64, 64)), (0, (250, 208, 48)), (9, (66, 190, 90))):
        canvas.dot(x, -50, 3, color, outline=1.2)
    canvas.line("M-10,-41 L10,-41", INK, 2)
    for x in (-28, 24):
        canvas.rect(x, -90, 5, 12, _METAL, corner=2, outline=2)
    canvas.rect(-24, -98, 48, 30, body, corner=6, outline=2)
    for x in (-10, 10):
        canvas.dot(x, -86, 7, WHITE, outline=2)
        canvas.dot(x, -86, 3.6, INK)
        canvas.dot(x + 1.5, -87.5, 1.3, WHITE)
    canvas.rect(-10, -76, 20, 5, WHITE, corner=2, outline=1.5)
    canvas.line("M-5,-76 L-5,-71 M0,-76 L0,-71 M5,-76 L5,-71", INK, 1.2)


def _futuristic(canvas: Canvas, body: RGB, eyes: RGB, holding: bool) -> None:
    shell = mix(body, WHITE, 0.12)
    _arms(canvas, shell, holding, _VISOR, 8)
    for x in (-13, 13):
        canvas.path(f"M{x - 7},-30 L{x + 7},-30 L{x + 5},-8 L{x - 5},-8 Z", shell, outline=2)
        canvas.path(f"M{x - 10},0 C{x - 10},-12 {x + 10},-12 {x + 10},0 Z", _VISOR, outline=2)
    canvas.path(
        "M-28,-64 C-28,-74 28,-74 28,-64 C28,-44 20,-24 12,-24 L-12,-24 C-20,-24 -28,-44 -28,-64 Z", shell, outline=2
    )
    for x in (-28, 28):
        canvas.dot(x, -62, 8, body, outline=2)
    canvas.dot(0, -50, 9, _VISOR, outline=2)
    canvas.glow(0, -50, 14, eyes, 220)
    canvas.dot(0, -50, 5, lighter(eyes, 0.3))
    canvas.line("M-10,-32 L10,-32 M-7,-28 L7,-28", darker(body, 0.5), 1.8)
    canvas.line("M20,-98 L26,-110", INK, 3)
    canvas.dot(26, -110, 3, eyes, outline=1.5)
    canvas.path("M-24,-84 C-26,-112 26,-112 24,-84 C22,-68 -22,-68 -24,-84 Z", shell, outline=2)
    canvas.path("M-19,-87 C-19,-98 19,-98 19,-87 C19,-78 -19,-78 -19,-87 Z", _VISOR, outline=1.5)
    for x in (-9, 9):
        canvas.glow(x, -88, 8, eyes, 200)
        canvas.oval(x, -88, 4.5, 3, lighter(eyes, 0.4), outline=0)


def _old(canvas: Canvas, body: RGB, eyes: RGB, holding: bool) -> None:
    tin = mix(body, _RUST, 0.18)
    _arms(canvas, darker(_METAL, 0.2), holding, _RUST, 5)
    for x in (-14, 14):
        canvas.tube(f"M{x},-24 L{x},-6", darker(_METAL, 0.2), 5)
        canvas.path(f"M{x - 12},0 L{x - 10},-9 L{x + 10},-9 L{x + 12},0 Z", _RUST, outline=2)
    canvas.line("M-26,-46 L-34,-46", INK, 3)
    canvas.rect(-5, -74, 10, 10, darker(_METAL, 0.3), outline=2)
    canvas.path("M-24,-68 L24,-68 L30,-22 L-30,-22 Z", tin, outline=2)
    canvas.path("M8,-22 C8,-32 18,-28 20,-36 C26,-34 28,-26 30,-22 Z", _RUST, outline=0)
    for x, y in ((-20, -64), (20, -64), (-25, -26), (-20, -45)):
        canvas.dot(x, y, 1.8, INK)
    canvas.dot(0, -48, 11, (250, 240, 214), outline=2)
    canvas.line("M0,-48 L6,-54", (214, 52, 48), 2)
    canvas.rect(-22, -96, 44, 26, tin, outline=2)
    canvas.path("M22,-96 L22,-84 C16,-84 14,-92 8,-96 Z", _RUST, outline=0)
    canvas.path("M-12,-96 L-4,-106 L-4,-112 L4,-112 L4,-106 L12,-96 Z", darker(_METAL, 0.1), outline=2)
    for x in (-10, 10):
        canvas.dot(x, -86, 6, eyes, outline=2.5)
        canvas.dot(x, -86, 2, INK)
    canvas.line("M-8,-77 L-4,-74 L0,-77 L4,-74 L8,-77", INK, 2)


_STYLES = {"none": _boxy, "futuristic": _futuristic, "old": _old}


def _hold_balloon(canvas: Canvas, color: RGB) -> None:
    with canvas.at(104, 48):
        balloon(canvas, color, 0.95)


def _hold_umbrella(canvas: Canvas, color: RGB) -> None:
    canvas.line("M104,48 L104,20", (96, 62, 40), 3)
    canvas.path(
        "M82,30 C84,-4 124,-4 127,30 C121,25 116,25 112,30 C107,25 101,25 97,30 C93,25 87,25 82,30 Z", color, outline=2
    )
    canvas.line("M97,29 C98,16 101,8 104,5 M112,29 C111,16 108,8 105,5", darker(color, 0.4), 1.5)


def _hold_flower(canvas: Canvas, color: RGB) -> None:
    canvas.line("M104,48 L104,24", (52, 140, 64), 3.5)
    canvas.path("M104,42 C110,32 118,34 120,32 C120,42 112,46 104,42 Z", (74, 170, 84))
    with canvas.at(104, 20):
        blossom(canvas, color)


_HELD = {"balloon": _hold_balloon, "umbrella": _hold_umbrella, "flower": _hold_flower}
