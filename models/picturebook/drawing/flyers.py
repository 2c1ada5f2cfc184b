"""Things that fly: on their own in the sky, or small above a city."""

from models.picturebook.drawing import grounds, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, GLASS, INK, RGB, WHITE, WOOD, Light, darker, lighter
from models.picturebook.scenes import Scene

_LAMPS: tuple[RGB, ...] = ((255, 230, 120), (255, 150, 190), (150, 240, 255))


def draw_sky_thing(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw one large thing in the sky above its setting."""
    skies.sky(canvas, scene, light)
    grounds.ground(canvas, scene.setting, light, horizon=104)
    with canvas.at(64, 48, 1 if scene.size == "large" else 0.6):
        _DRAWINGS[scene.subject](canvas, light.subject(COLORS[scene.color]))


def rocket(canvas: Canvas, color: RGB) -> None:
    """Draw a rocket with its flame, 92 units tall around the origin."""
    canvas.path("M-9,30 C-8,44 -2,46 0,56 C2,46 8,44 9,30 Z", (255, 190, 60), outline=1.5)
    canvas.path("M-4,30 C-4,38 0,40 0,46 C0,40 4,38 4,30 Z", (255, 244, 190), outline=0)
    canvas.path("M-14,6 C-30,14 -28,32 -26,36 L-12,26 Z", darker(color, 0.35), outline=2)
    canvas.path("M14,6 C30,14 28,32 26,36 L12,26 Z", darker(color, 0.35), outline=2)
    canvas.path("M0,-46 C20,-30 20,4 11,30 L-11,30 C-20,4 -20,-30 0,-46 Z", color, outline=2)
    canvas.path("M0,-46 C8,-40 12,-32 14,-24 L-14,-24 C-12,-32 -8,-40 0,-46 Z", lighter(color, 0.6))
    canvas.dot(0, -8, 8, WHITE, outline=2)
    canvas.dot(0, -8, 5, GLASS, outline=1.2)
    canvas.rect(-13, 20, 26, 6, lighter(color, 0.6), outline=1.2)


def plane(canvas: Canvas, color: RGB) -> None:
    """Draw an aeroplane flying right, 104 units wide."""
    canvas.path("M-40,-8 L-54,-32 L-40,-32 L-22,-10 Z", darker(color, 0.2), outline=2)
    canvas.path("M-8,-12 L-14,-32 L-2,-32 L14,-12 Z", darker(color, 0.3), outline=2)
    canvas.path("M-52,-8 C-30,-18 20,-18 40,-12 C54,-8 54,4 40,8 C10,14 -30,8 -52,-8 Z", color, outline=2)
    canvas.path("M30,-14 C40,-14 46,-10 48,-6 L32,-6 Z", GLASS, outline=1.5)
    for x in (-24, -12, 0, 12):
        canvas.dot(x, -5, 3, WHITE, outline=1.2)
    canvas.path("M-10,2 L-34,28 L-18,28 L16,4 Z", lighter(color, 0.25), outline=2)


def kite(canvas: Canvas, color: RGB) -> None:
    """Draw a diamond kite with a tail."""
    canvas.line("M0,36 C-14,42 14,50 0,60 C-8,66 4,72 0,78", INK, 1.6)
    for x, y, flip in ((-4, 44, False), (4, 54, True)):
        with canvas.at(x, y, flip=flip):
            canvas.polygon([(-6, -4), (6, 4), (6, -4), (-6, 4)], lighter(color, 0.3), outline=1.2)
    canvas.polygon([(0, -44), (30, -8), (0, 38), (-30, -8)], color, outline=2)
    canvas.polygon([(0, -44), (30, -8), (0, -8)], lighter(color, 0.5), outline=0)
    canvas.polygon([(0, -8), (-30, -8), (0, 38)], darker(color, 0.18), outline=0)
    canvas.line("M0,-44 L0,38 M-30,-8 L30,-8", INK, 1.5)
    canvas.line("M0,-44 L30,-8 L0,38 L-30,-8 Z", INK, 2)


def hot_air_balloon(canvas: Canvas, color: RGB) -> None:
    """Draw a striped hot-air balloon with its basket, 92 units tall."""
    canvas.line("M-16,16 L-7,32 M16,16 L7,32", INK, 1.5)
    canvas.path("M0,-46 C44,-46 40,0 16,18 L-16,18 C-40,0 -44,-46 0,-46 Z", color, outline=2)
    canvas.path("M0,-46 C18,-40 16,4 7,18 L-7,18 C-16,4 -18,-40 0,-46 Z", lighter(color, 0.65), outline=1.2)
    canvas.rect(-9, 30, 18, 14, WOOD, corner=2, outline=2)
    canvas.line("M-9,35 L9,35", darker(WOOD, 0.4), 1.5)


def saucer(canvas: Canvas, color: RGB) -> None:
    """Draw a flying saucer, 96 units wide."""
    canvas.path("M-16,10 L16,10 L30,50 L-30,50 Z", (255, 246, 160), outline=0, alpha=110)
    canvas.path("M-20,-6 C-20,-36 20,-36 20,-6 Z", (176, 234, 246), outline=2)
    canvas.line("M-10,-16 C-9,-22 -4,-25 0,-25", WHITE, 2.5)
    canvas.path("M-48,4 C-36,-12 36,-12 48,4 C36,18 -36,18 -48,4 Z", color, outline=2)
    canvas.path("M-48,4 C-30,8 30,8 48,4 C36,18 -36,18 -48,4 Z", darker(color, 0.3), outline=1.2)
    for index, x in enumerate((-28, -10, 10, 28)):
        canvas.dot(x, 7, 4, _LAMPS[index % 3], outline=1.5)


def airship(canvas: Canvas, color: RGB) -> None:
    """Draw an airship flying right, 96 units wide."""
    canvas.path("M-36,-4 L-50,-22 L-38,-24 L-22,-8 Z M-36,4 L-50,18 L-38,20 L-22,6 Z", darker(color, 0.3), outline=2.4)
    canvas.rect(-14, 14, 32, 12, darker(WOOD, 0.15), corner=4, outline=2.4)
    for x in (-6, 2, 10):
        canvas.rect(x - 2, 17, 5, 5, (255, 232, 140), outline=0)
    canvas.path("M-44,-2 C-30,-26 28,-28 48,-2 C28,22 -30,20 -44,-2 Z", color, outline=2.4)
    canvas.path("M-42,-2 C-20,-10 24,-10 46,-2 C24,5 -20,5 -42,-2 Z", lighter(color, 0.6), outline=0)


def flying_car(canvas: Canvas, color: RGB) -> None:
    """Draw a flying car heading right, 104 units wide, on blue jets."""
    for x in (-26, 26):
        canvas.oval(x, 24, 18, 7, (96, 226, 255), outline=0, alpha=120)
        canvas.oval(x, 20, 12, 5, (190, 248, 255), outline=1.5)
    canvas.path("M-50,-4 L-60,-16 L-46,-14 L-34,-4 Z", darker(color, 0.3), outline=2.4)
    canvas.path("M-24,-8 C-18,-32 14,-32 28,-8 Z", (190, 236, 250), outline=2.4)
    canvas.line("M2,-26 L2,-8", INK, 2.4)
    canvas.path("M-52,-6 C-40,-12 28,-12 48,-4 C58,2 54,14 44,16 L-42,16 C-54,14 -56,2 -52,-6 Z", color, outline=2.4)
    canvas.path("M-52,6 L52,6 C52,12 48,16 44,16 L-42,16 C-50,15 -53,11 -52,6 Z", darker(color, 0.25), outline=0)
    canvas.dot(46, 2, 4, (255, 244, 170), outline=1.5)


def bird(canvas: Canvas, color: RGB) -> None:
    """Draw a gull with spread wings, 96 units wide."""
    canvas.path(
        "M0,10 C-14,-14 -32,-20 -48,-14 C-34,-10 -18,0 -8,20 C-4,24 4,24 8,20 "
        "C18,0 34,-10 48,-14 C32,-20 14,-14 0,10 Z",
        color,
        outline=3,
    )


_DRAWINGS = {
    "rocket": rocket,
    "plane": plane,
    "kite": kite,
    "hot-air balloon": hot_air_balloon,
    "saucer": saucer,
}
