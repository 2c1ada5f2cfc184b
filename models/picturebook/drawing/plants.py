"""Plants that frame a picture: a round tree, a fir, a cactus."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import RGB, Light, darker, lighter

TRUNK: RGB = (124, 82, 52)
LEAVES: RGB = (62, 150, 78)
PINE: RGB = (40, 116, 84)


def tree(canvas: Canvas, x: float, y: float, light: Light, color: RGB = LEAVES, scale: float = 1) -> None:
    """Draw a round tree standing at (x, y), 40 units tall."""
    with canvas.at(x, y, scale):
        canvas.path("M-3,0 L-2,-18 L2,-18 L3,0 Z", light.scenery(TRUNK))
        leaves = light.scenery(color)
        canvas.path("M-10,-12 C-20,-14 -18,-28 -10,-28 C-10,-42 10,-42 10,-28 C18,-28 20,-14 10,-12 Z", leaves)
        canvas.oval(-5, -27, 4, 3, lighter(leaves, 0.25), outline=0)


def pine(canvas: Canvas, x: float, y: float, light: Light, scale: float = 1) -> None:
    """Draw a fir standing at (x, y), 40 units tall."""
    with canvas.at(x, y, scale):
        canvas.rect(-2, -6, 4, 6, light.scenery(TRUNK))
        canvas.path(
            "M-12,-5 L-6,-16 L-10,-16 L-4,-27 L-7,-27 L0,-40 L7,-27 L4,-27 L10,-16 L6,-16 L12,-5 Z",
            light.scenery(PINE), ink=darker(light.scenery(PINE), 0.5),
        )  # fmt: skip


def cactus(canvas: Canvas, x: float, y: float, light: Light) -> None:
    """Draw a cactus standing at (x, y), 34 units tall."""
    green = light.scenery((78, 148, 84))
    with canvas.at(x, y):
        for color, extra in ((darker(green, 0.6), 3), (green, 0)):
            canvas.line("M0,0 L0,-32", color, 7 + extra)
            canvas.line("M0,-10 L-9,-10 L-9,-20 M0,-16 L9,-16 L9,-26", color, 4.5 + extra)
