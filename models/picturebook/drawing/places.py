"""Places with no open sky: a room, and space."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.skies import stars
from models.picturebook.palette import CREAM, WHITE, Light, darker, mix
from models.picturebook.scenes import Scene


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
