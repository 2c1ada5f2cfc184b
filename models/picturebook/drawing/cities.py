"""Skylines: futuristic, modern and old, with something in the air above them."""

from collections.abc import Callable

from models.picturebook.drawing import flyers, grounds, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.palette import COLORS, RGB, WHITE, Light, darker, mix
from models.picturebook.scenes import Scene

BASE = 112
# Heights of the eight buildings, in eighths of their largest; one string per layout.
_SKYLINES = ("35746853", "64853746", "47386475", "73548366", "56837457", "38657548")

# The gap between buildings at which a futuristic skyline has its landmark tower.
_LANDMARKS = (3, 5, 4, 2, 6, 4)

_GLASS_TOWERS: tuple[RGB, ...] = ((72, 96, 190), (46, 136, 188), (120, 92, 200), (60, 116, 160))
_CONCRETE: tuple[RGB, ...] = ((140, 152, 178), (176, 166, 160), (112, 130, 164), (158, 148, 172))
_BRICKS: tuple[RGB, ...] = ((198, 112, 84), (224, 180, 128), (170, 120, 96), (214, 150, 120))
_TILES: tuple[RGB, ...] = ((150, 62, 56), (110, 74, 84), (92, 82, 110), (138, 82, 56))
CYAN: RGB = (90, 240, 255)
MAGENTA: RGB = (255, 100, 220)

Flyer = Callable[[Canvas, RGB], None]
_FLYERS: dict[str, tuple[Flyer, tuple[str, str, str]]] = {
    "flying cars": (flyers.flying_car, ("red", "yellow", "orange")),
    "saucers": (flyers.saucer, ("gray", "green", "purple")),
    "airships": (flyers.airship, ("orange", "brown", "red")),
    "birds": (flyers.bird, ("white", "white", "white")),
}
_PLACES = (((24, 24), (64, 40), (104, 16)), ((24, 40), (64, 16), (104, 32)))


def draw_city(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the skyline from side to side, the street below, and what flies above."""
    skies.sky(canvas, scene, light)
    skyline(canvas, scene.style, scene.layout, light)
    if scene.extra in _FLYERS:
        flyer, colors = _FLYERS[scene.extra]
        for (x, y), color in zip(_PLACES[scene.layout % 2], colors, strict=True):
            with canvas.at(x, y, 0.4):
                flyer(canvas, light.subject(COLORS[color]))


def skyline(canvas: Canvas, style: str, layout: int, light: Light) -> None:
    """Draw one of the six skylines of a style."""
    heights = [int(digit) for digit in _SKYLINES[layout % 6]]
    _far_towers(canvas, light, heights[::-1], corner=8 if style == "futuristic" else 0)
    build, street = _STYLES[style]
    landmark = _LANDMARKS[layout % 6] if style == "futuristic" else None
    for index, height in enumerate(heights):
        if landmark is None or index not in (landmark - 1, landmark):
            with canvas.at(index * 16, BASE):
                build(canvas, light, (index + layout) % 4, height * 8)
    if landmark:
        with canvas.at(landmark * 16, BASE):
            _needle(canvas, light)
    street(canvas, light)


def _far_towers(canvas: Canvas, light: Light, heights: list[int], corner: float) -> None:
    haze = mix(light.scenery((110, 124, 186)), light.bottom, 0.55)
    for index, height in enumerate(heights):
        canvas.rect(index * 16 - 4, BASE - 24 - height * 6, 16, 128, haze, outline=0, corner=corner)


def _futuristic(canvas: Canvas, light: Light, variant: int, h: float) -> None:
    wall = light.scenery(_GLASS_TOWERS[variant])
    glow = CYAN if variant % 2 else MAGENTA
    if variant == 0:
        canvas.path(f"M1,0 L1,{14 - h} L15,{-h} L15,0 Z", wall)
    elif variant == 1:
        canvas.path(f"M1,0 L1,{8 - h} C1,{-h - 2} 15,{-h - 2} 15,{8 - h} L15,0 Z", wall)
    elif variant == 2:
        canvas.line(f"M8,{-h} L8,{-h - 8}", wall, 2)
        canvas.path(f"M1,0 L1,{-h * 0.5} L4,{-h * 0.5} L4,{-h} L12,{-h} L12,{-h * 0.5} L15,{-h * 0.5} L15,0 Z", wall)
        canvas.dot(8, -h - 8, 1.6, glow)
    else:
        canvas.path(f"M1,0 C2,{-h * 0.5} 2,{10 - h} 8,{-h} C14,{10 - h} 14,{-h * 0.5} 15,0 Z", wall)
    for y in range(int(h) % 16 + 12, int(h) - 4, 8):
        half = 2 if variant == 2 and y < h * 0.5 else 4
        canvas.line(f"M{8 - half},{y - h} L{8 + half},{y - h}", glow, 2)


def _needle(canvas: Canvas, light: Light) -> None:
    """Draw the landmark: a tall tower with a glowing ring."""
    shell = light.scenery((226, 230, 246))
    canvas.path("M-11,0 C-4,-20 -4,-36 -4,-56 L4,-56 C4,-36 4,-20 11,0 Z", shell, outline=1.8)
    canvas.line("M0,-64 L0,-76", shell, 2)
    canvas.dot(0, -77, 2, MAGENTA)
    canvas.path("M-10,-58 C-8,-70 8,-70 10,-58 Z", light.scenery((120, 216, 240)), outline=1.8)
    canvas.path("M-20,-56 C-12,-62 12,-62 20,-56 C12,-48 -12,-48 -20,-56 Z", shell, outline=1.8)
    canvas.line("M-13,-54 L13,-54", CYAN, 2)


def _modern(canvas: Canvas, light: Light, variant: int, h: float) -> None:
    wall = light.scenery(_CONCRETE[variant])
    if variant == 2:
        canvas.line(f"M8,{-h} L8,{-h - 10}", darker(wall, 0.5), 1.6)
    if variant == 3:
        canvas.rect(4, -h - 5, 8, 6, wall)
    canvas.rect(1, -h, 14, h, wall)
    for y in range(5, int(h) - 2, 8):
        for x in (3, 7, 11):
            canvas.rect(x, y - h, 2.6, 4, light.window, outline=0)


def _old(canvas: Canvas, light: Light, variant: int, h: float) -> None:
    wall, tiles = light.scenery(_BRICKS[variant]), light.scenery(_TILES[variant])
    h = min(h, 48) if variant != 3 else h
    if variant == 3:
        canvas.polygon([(1, 20 - h), (8, -h - 8), (15, 20 - h)], tiles)
        canvas.rect(2, 20 - h, 12, h - 20, wall)
        canvas.dot(8, 28 - h, 3.6, WHITE, outline=1.2)
    else:
        canvas.rect(11, -h, 4, 12, darker(wall, 0.3), outline=1.2)
        canvas.polygon([(-1, 12 - h), (8, -h), (17, 12 - h)], tiles)
        canvas.rect(1, 12 - h, 14, h - 12, wall)
    for y in range(18 if variant != 3 else 38, int(h) - 6, 9):
        for x in (3.5, 9):
            canvas.path(
                f"M{x},{y - h + 6} L{x},{y - h + 2} Q{x + 1.6},{y - h - 1} {x + 3.2},{y - h + 2} "
                f"L{x + 3.2},{y - h + 6} Z",
                light.window,
                outline=0.8,
            )


def _light_rail(canvas: Canvas, light: Light) -> None:
    canvas.rect(0, BASE, 128, 16, light.scenery((54, 52, 104)), outline=0)
    canvas.line(f"M0,{BASE} L128,{BASE}", CYAN, 2.4)
    canvas.rect(-4, 100, 136, 5, light.scenery((208, 216, 236)), outline=1.2)
    canvas.line("M0,120 L128,120", MAGENTA, 2)


def _avenue(canvas: Canvas, light: Light) -> None:
    canvas.rect(0, BASE, 128, 16, light.scenery(grounds.ROAD), outline=0)
    canvas.rect(0, BASE - 1, 128, 3, light.scenery((190, 190, 200)), outline=0)
    for x in range(4, 128, 16):
        canvas.line(f"M{x},121 L{x + 8},121", light.scenery((250, 240, 200)), 1.6)


def _cobbles(canvas: Canvas, light: Light) -> None:
    stone = light.scenery((176, 158, 142))
    canvas.rect(0, BASE, 128, 16, stone, outline=0)
    for y in (115, 123):
        for x in range(2 if y == 115 else 6, 128, 8):
            canvas.line(f"M{x},{y} L{x + 4},{y}", darker(stone, 0.3), 1.6)


_STYLES = {
    "futuristic": (_futuristic, _light_rail),
    "modern": (_modern, _avenue),
    "old": (_old, _cobbles),
}
