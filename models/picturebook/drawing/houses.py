"""Houses of one to three storeys, plain or shaped like a thing."""

from models.picturebook.drawing import grounds, plants, skies
from models.picturebook.drawing.canvas import Canvas
from models.picturebook.drawing.house_parts import coat
from models.picturebook.drawing.house_shapes import SHAPES
from models.picturebook.palette import Light
from models.picturebook.scenes import Scene


def draw_house(canvas: Canvas, scene: Scene, light: Light) -> None:
    """Draw the house in its setting, standing in the middle."""
    skies.sky(canvas, scene, light)
    grounds.ground(canvas, scene.setting, light)
    plant = plants.pine if scene.setting == "snow" else plants.tree
    if scene.setting != "beach":
        plant(canvas, 8 if scene.layout % 2 else 120, 112, light, scale=1.1)
    grounds.shadow(canvas, 64, 120, 48)
    storeys = ("one", "two", "three").index(scene.storeys) + 1
    with canvas.at(64, 120):
        SHAPES[scene.shape](canvas, light, coat(scene.color, light), storeys)
