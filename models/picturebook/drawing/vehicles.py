"""A car, a bus, a truck on the road; a flying car above it."""

from models.picturebook.drawing import flyers, grounds, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, INK, RGB, Light, darker, lighter
from models.picturebook.scenes import Scene

_TYRE: RGB = (48, 44, 58)
_RIM: RGB = (208, 210, 220)


def draw_vehicle(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the vehicle from its side, heading right."""
    skies.sky(canvas, scene, light)
    grounds.ground(canvas, scene.setting, light, horizon=80)
    _road(canvas, light)
    color = light.subject(COLORS[scene.color])
    scale = 1 if scene.size == "large" else 0.6
    if scene.subject == "flying car":
        with canvas.at(64, 56, scale):
            flyers.flying_car(canvas, color)
        return
    grounds.shadow(canvas, 64, 113, 50 * scale)
    with canvas.at(64, 112, scale):
        _VEHICLES[scene.subject](canvas, color, light)


def _road(canvas: Canvas, light: Light) -> None:
    canvas.rect(0, 96, 128, 32, light.scenery(grounds.ROAD), outline=0)
    canvas.rect(0, 95, 128, 3, light.scenery((220, 220, 226)), outline=0)
    for x in range(4, 128, 32):
        canvas.line(f"M{x},120 L{x + 16},120", light.scenery((252, 240, 190)), 2.4)


def _wheel(canvas: Canvas, x: float, radius: float = 12) -> None:
    canvas.dot(x, -radius, radius, _TYRE, outline=2)
    canvas.dot(x, -radius, radius * 0.5, _RIM, outline=1.2)


def _car(canvas: Canvas, color: RGB, light: Light) -> None:
    canvas.path("M-34,-34 C-28,-60 10,-62 24,-34 Z", color, outline=2)
    canvas.path("M-26,-35 C-22,-52 -8,-54 -5,-54 L-5,-35 Z M0,-54 C8,-53 14,-46 17,-35 L0,-35 Z", light.window)
    canvas.path(
        "M-54,-14 C-58,-36 -44,-36 -30,-36 L26,-36 C46,-36 58,-30 56,-14 C56,-10 52,-9 50,-9 "
        "L-50,-9 C-53,-9 -54,-11 -54,-14 Z",
        color,
        outline=2,
    )
    canvas.line("M-2,-34 L-2,-12 M4,-28 L10,-28", darker(color, 0.5), 1.6)
    canvas.dot(51, -24, 4.5, (255, 244, 180), outline=1.5)
    for x in (-30, 30):
        _wheel(canvas, x)


def _bus(canvas: Canvas, color: RGB, light: Light) -> None:
    canvas.rect(-58, -72, 116, 62, color, corner=8, outline=2)
    canvas.rect(-57, -34, 114, 7, lighter(color, 0.65), outline=0)
    for x in (-50, -29, -8, 13):
        canvas.rect(x, -63, 17, 22, light.window, corner=3, outline=1.8)
    canvas.rect(36, -63, 18, 50, light.window, corner=3, outline=1.8)
    canvas.line("M45,-62 L45,-14", INK, 1.6)
    canvas.dot(54, -18, 3.5, (255, 244, 180), outline=1.2)
    for x in (-34, 20):
        _wheel(canvas, x, 11)


def _truck(canvas: Canvas, color: RGB, light: Light) -> None:
    canvas.rect(-58, -18, 112, 8, darker(_RIM, 0.5), outline=2)
    canvas.rect(-58, -74, 74, 56, lighter(color, 0.5), corner=2, outline=2)
    canvas.line("M-40,-72 L-40,-20 M-22,-72 L-22,-20 M-4,-72 L-4,-20", lighter(color, 0.2), 2)
    canvas.path("M20,-18 L20,-58 L40,-58 C46,-58 50,-44 54,-38 C58,-36 58,-32 58,-18 Z", color, outline=2)
    canvas.path("M27,-40 L27,-52 L38,-52 C42,-52 44,-46 47,-40 Z", light.window, outline=1.8)
    canvas.dot(54, -26, 3.5, (255, 244, 180), outline=1.2)
    for x in (-38, 36):
        _wheel(canvas, x)


_VEHICLES = {"car": _car, "bus": _bus, "truck": _truck}
