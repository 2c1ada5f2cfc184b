"""The drawings themselves; the only part of the book that needs skia."""

import numpy as np

from models.picturebook import palette
from models.picturebook.drawing.animals import draw_animal
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.cities import draw_city
from models.picturebook.drawing.flyers import draw_sky_thing
from models.picturebook.drawing.houses import draw_house
from models.picturebook.drawing.landscapes import draw_landscape
from models.picturebook.drawing.objects import draw_count, draw_pair
from models.picturebook.drawing.robots import draw_robot
from models.picturebook.drawing.seas import draw_sea
from models.picturebook.drawing.vehicles import draw_vehicle
from models.picturebook.scenes import Scene

_DRAWINGS = {
    "house": draw_house,
    "city": draw_city,
    "robot": draw_robot,
    "landscape": draw_landscape,
    "sea": draw_sea,
    "animal": draw_animal,
    "sky": draw_sky_thing,
    "vehicle": draw_vehicle,
    "pair": draw_pair,
    "count": draw_count,
}


def paint(scene: Scene, size: int) -> np.ndarray:
    """Draw a scene as uint8 RGB, (size, size, 3)."""
    canvas = Canvas(size)
    light = palette.light(scene.time, serene=scene.style == "serene")
    _DRAWINGS[scene.kind](canvas, scene, light)
    return canvas.pixels()
