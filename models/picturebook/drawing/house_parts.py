"""What every house has: a coat of paint, windows with lamplight, a door."""

from dataclasses import dataclass

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, RGB, WARM, WHITE, Light, lighter

STOREY = 24
DOOR: RGB = (128, 70, 44)


@dataclass(frozen=True)
class Coat:
    """The paint of a house: its wall, a roof that stands out, and a door."""

    name: str
    wall: RGB
    roof: RGB
    door: RGB

    def spots(self, share: float) -> RGB:
        """Colour of the dots on a wall; red where white ones would not show."""
        return (232, 120, 120) if self.name == "white" else lighter(self.wall, share)


def coat(name: str, light: Light) -> Coat:
    """Paint a house; warm walls get a slate roof, the others one of brick."""
    roof = (82, 92, 148) if name in WARM else (188, 78, 62)
    return Coat(name, light.subject(COLORS[name]), light.subject(roof), light.subject(DOOR))


def window(canvas: Canvas, light: Light, x: float, y: float) -> None:
    """Draw a window around (x, y)."""
    canvas.rect(x - 6, y - 6, 12, 12, light.window, corner=2, outline=2)
    canvas.line(f"M{x},{y - 5} L{x},{y + 5} M{x - 5},{y} L{x + 5},{y}", WHITE, 1.4)


def rows(canvas: Canvas, light: Light, storeys: int, xs: tuple[int, ...], base: float = 0) -> None:
    """Draw a row of windows per storey; the ground floor leaves room for the door in the middle."""
    for storey in range(storeys):
        for x in xs:
            if storey or x:
                window(canvas, light, x, base - 14 - STOREY * storey)


def door(canvas: Canvas, paint: Coat, x: float = 0, base: float = 0) -> None:
    """Draw a door standing at (x, base)."""
    with canvas.at(x, base):
        canvas.path("M-7,0 L-7,-13 C-7,-21 7,-21 7,-13 L7,0 Z", paint.door, outline=1.8)
        canvas.dot(4, -8, 1.3, (255, 216, 96))
