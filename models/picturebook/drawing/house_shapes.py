"""The eight shapes of houses, drawn around the middle of their base, for ``n`` storeys."""

from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.house_parts import DOOR, STOREY, Coat, door, rows, window
from models.picturebook.palette import CREAM, WHITE, Light, darker, lighter


def _plain(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    top, half = -STOREY * n - 4, 40 if n == 1 else 32
    roof = paint.roof
    canvas.rect(16, top - 30, 9, 24, darker(roof))
    canvas.rect(-half, top, 2 * half, -top, paint.wall, outline=2)
    canvas.polygon([(-half - 8, top), (0, top - 32), (half + 8, top)], roof, outline=2)
    canvas.rect(-half, -4, 2 * half, 4, darker(paint.wall), outline=0)
    rows(canvas, light, n, (-22, 0, 22) if n > 1 else (-24, 24))
    door(canvas, paint)


def _shoe(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    top = -STOREY * n - 16
    roof = paint.roof
    canvas.rect(-12, top - 24, 8, 20, darker(roof))
    canvas.polygon([(-50, top), (-22, top - 22), (6, top)], roof, outline=2)
    canvas.path(
        f"M-42,-6 L-42,{top} L-2,{top} L0,-36 C8,-30 22,-32 34,-28 C48,-24 52,-16 52,-6 Z", paint.wall, outline=2
    )
    canvas.path("M28,-29 C46,-26 52,-16 52,-6 L34,-6 C34,-14 32,-22 28,-29 Z", lighter(paint.wall, 0.45), outline=1.5)
    canvas.path("M-46,-7 L54,-7 L54,0 L-18,0 L-22,-3 L-26,0 L-46,0 Z", darker(paint.wall, 0.6), outline=1.8)
    canvas.rect(-47, top - 4, 50, 9, lighter(paint.wall, 0.5), corner=4, outline=1.8)
    canvas.line("M2,-30 L14,-35 M9,-26 L21,-33 M16,-22 L28,-30", WHITE, 2.4)
    for storey in range(1, n):
        for x in (-31, -12):
            window(canvas, light, x, -20 - STOREY * storey)
    window(canvas, light, 8, -16)
    for y in range(-40, top + 8, -12):
        canvas.line(f"M-5,{y} L3,{y - 3}", WHITE, 2.2)
    door(canvas, paint, -22, -7)


def _teapot(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    h = {1: 52, 2: 72, 3: 92}[n]
    mid, top = -h / 2, -h
    canvas.line(f"M-30,{mid - 14} C-64,{mid - 24} -64,{mid + 22} -32,{mid + 14}", darker(paint.wall, 0.75), 11)
    canvas.line(f"M-30,{mid - 14} C-64,{mid - 24} -64,{mid + 22} -32,{mid + 14}", paint.wall, 7.5)
    canvas.path(
        f"M28,{mid + 14} C48,{mid + 8} 44,{mid - 14} 58,{mid - 22} L48,{mid - 28} "
        f"C36,{mid - 22} 38,{mid - 8} 28,{mid - 8} Z",
        paint.wall, outline=2,
    )  # fmt: skip
    canvas.path(
        f"M-24,0 C-44,{-h * 0.25} -46,{-h * 0.75} -22,{top} L22,{top} C46,{-h * 0.75} 44,{-h * 0.25} 24,0 Z",
        paint.wall, outline=2,
    )  # fmt: skip
    canvas.path(f"M-24,{top} C-20,{top - 14} 20,{top - 14} 24,{top} Z", lighter(paint.wall, 0.4), outline=2)
    canvas.dot(0, top - 14, 5, paint.roof, outline=2)
    rows(canvas, light, n, (-20, 20) if n == 1 else (-20, 0, 20), -4)
    door(canvas, paint)


def _mushroom(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    top = -STOREY * n - 8
    canvas.path(f"M-34,0 Q-26,{top / 2} -28,{top} L28,{top} Q26,{top / 2} 34,0 Z", light.subject(CREAM), outline=2)
    rows(canvas, light, n, (-18, 18))
    door(canvas, paint)
    with canvas.at(0, top + 4):
        canvas.path("M-54,0 C-52,-50 52,-50 54,0 C30,6 -30,6 -54,0 Z", paint.wall, outline=2)
        for x, y, r in ((-32, -12, 6), (-10, -26, 7), (14, -12, 6), (34, -16, 5), (-10, -7, 4)):
            canvas.oval(x, y, r, r * 0.85, paint.spots(0.9), outline=0)


def _pumpkin(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    h = {1: 52, 2: 72, 3: 92}[n]
    canvas.path(
        f"M-4,{4 - h} C-4,{-h - 6} 2,{-h - 10} 8,{-h - 14} L14,{-h - 9} C6,{-h - 6} 6,{-h} 6,{4 - h} Z",
        light.subject((86, 132, 60)),
        outline=2,
    )
    for x, rx in ((-26, 22), (26, 22), (-12, 22), (12, 22), (0, 16)):
        canvas.oval(x, -h / 2, rx, h / 2, paint.wall, outline=1.8)
    canvas.path(
        f"M2,{2 - h} C16,{-h - 8} 30,{-h} 32,{8 - h} C20,{8 - h} 8,{10 - h} 2,{2 - h} Z",
        light.subject((92, 160, 72)),
        outline=1.5,
    )
    rows(canvas, light, n, (-26, 26) if n == 1 else (-24, 0, 24), -4)
    door(canvas, paint)


def _castle(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    top = -STOREY * n - 20
    roof, stone = paint.roof, darker(paint.wall, 0.14)
    canvas.rect(-28, top + 16, 56, -top - 16, paint.wall, outline=2)
    for x in (-24, -8, 8, 24):
        canvas.rect(x - 4, top + 10, 8, 8, paint.wall)
    for x in (-38, 38):
        canvas.rect(x - 12, top, 24, -top, stone, outline=2)
        canvas.polygon([(x - 15, top), (x, top - 24), (x + 15, top)], roof, outline=2)
    rows(canvas, light, n, (-38, 0, 38) if n > 1 else (-38, 38))
    for storey in range(1, n):
        for x in (-16, 16):
            canvas.rect(x - 2, -STOREY * storey - 18, 4, 8, darker(paint.wall, 0.5), corner=2, outline=0)
    canvas.path("M-10,0 L-10,-14 C-10,-26 10,-26 10,-14 L10,0 Z", paint.door, outline=2)
    canvas.line("M-4,0 L-4,-21 M4,0 L4,-21 M-9,-10 L9,-10", darker(DOOR, 0.5), 1.2)


def _egg(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    h, rx = {1: (58, 34), 2: (82, 40), 3: (106, 44)}[n]
    canvas.path(
        f"M0,0 C{-rx * 0.9},0 {-rx * 1.15},{-h * 0.3} {-rx},{-h * 0.48} C{-rx * 0.8},{-h * 0.86} -14,{-h} 0,{-h} "
        f"C14,{-h} {rx * 0.8},{-h * 0.86} {rx},{-h * 0.48} C{rx * 1.15},{-h * 0.3} {rx * 0.9},0 0,0 Z",
        paint.wall, outline=2,
    )  # fmt: skip
    y = -h * 0.84
    spots = paint.spots(0.7)
    for x, dy in ((-10, 2), (0, -4), (10, 2)):
        canvas.dot(x, y + dy, 3, spots)
    xs = (-20, 20) if n == 1 else (-22, 0, 22)
    for storey in range(n):
        row = xs if storey < 2 else (-12, 12)
        for x in row:
            if storey or x:
                window(canvas, light, x, -18 - STOREY * storey)
    door(canvas, paint)


def _hat(canvas: Canvas, light: Light, paint: Coat, n: int) -> None:
    top = -STOREY * n - 16
    band = paint.roof
    canvas.path(f"M-32,-4 Q-28,{top / 2} -36,{top} L36,{top} Q28,{top / 2} 32,-4 Z", paint.wall, outline=2)
    canvas.oval(0, top, 36, 6, lighter(paint.wall, 0.3), outline=2)
    canvas.path("M-32,-6 L-31,-17 L31,-17 L32,-6 Z", band, outline=1.5)
    canvas.path("M-60,-10 C-40,-3 40,-3 60,-10 C64,5 -64,5 -60,-10 Z", paint.wall, outline=2)
    rows(canvas, light, n, (-20, 20) if n == 1 else (-18, 0, 18), -11)
    door(canvas, paint, 0, -5)


SHAPES = {
    "plain": _plain,
    "shoe": _shoe,
    "teapot": _teapot,
    "mushroom": _mushroom,
    "pumpkin": _pumpkin,
    "castle": _castle,
    "egg": _egg,
    "hat": _hat,
}
