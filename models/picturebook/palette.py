"""The book's colours: the ten that captions name, and how the time of day lights everything."""

from dataclasses import dataclass
from typing import TypeAlias

RGB: TypeAlias = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (222, 48, 52),
    "orange": (246, 140, 38),
    "yellow": (250, 208, 48),
    "green": (66, 168, 76),
    "blue": (54, 110, 222),
    "purple": (138, 76, 200),
    "pink": (248, 120, 178),
    "brown": (142, 88, 50),
    "gray": (150, 156, 166),
    "white": (246, 246, 242),
}
WARM = frozenset({"red", "orange", "pink", "brown", "purple"})

INK: RGB = (44, 36, 58)
WHITE: RGB = (255, 255, 255)
CREAM: RGB = (250, 238, 212)
WOOD: RGB = (150, 98, 60)
STONE: RGB = (150, 148, 158)
LAMPLIGHT: RGB = (255, 222, 116)
GLASS: RGB = (176, 220, 246)
MIST: RGB = (238, 234, 240)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """Blend two colours; ``share`` 0 gives the first, 1 the second."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return (r, g, b)


def darker(color: RGB, share: float = 0.25) -> RGB:
    """Move a colour towards the ink."""
    return mix(color, INK, share)


def lighter(color: RGB, share: float = 0.35) -> RGB:
    """Move a colour towards white."""
    return mix(color, WHITE, share)


@dataclass(frozen=True)
class Light:
    """What a time of day does to the sky, to the scenery and to the subject."""

    top: RGB
    bottom: RGB
    veil: RGB
    scenery_veil: float
    subject_veil: float
    lamps: bool
    softness: float = 0.0

    def scenery(self, color: RGB) -> RGB:
        """Colour of something in the background."""
        return mix(mix(color, self.veil, self.scenery_veil), MIST, self.softness)

    def subject(self, color: RGB) -> RGB:
        """Colour of the thing that the caption is about: it stays recognisable at night."""
        return mix(mix(color, self.veil, self.subject_veil), MIST, self.softness * 0.4)

    @property
    def window(self) -> RGB:
        """Colour of a window: glass by day, lamplight in the dark."""
        return LAMPLIGHT if self.lamps else GLASS


_LIGHTS = {
    "day": Light((78, 170, 246), (196, 232, 252), WHITE, 0.0, 0.0, lamps=False),
    "dawn": Light((150, 164, 232), (255, 214, 206), (226, 180, 216), 0.24, 0.08, lamps=False),
    "sunset": Light((98, 60, 138), (255, 150, 84), (150, 60, 66), 0.30, 0.12, lamps=True),
    "night": Light((16, 18, 54), (48, 54, 112), (20, 24, 74), 0.52, 0.20, lamps=True),
}


def light(time: str, *, serene: bool = False) -> Light:
    """Return the light of a time of day; ``none`` is neutral; a serene scene is softened."""
    found = _LIGHTS["day" if time == "none" else time]
    if not serene:
        return found
    softness = 0.22 if time == "night" else 0.42
    return Light(
        mix(found.top, MIST, softness),
        mix(found.bottom, MIST, softness),
        found.veil,
        found.scenery_veil,
        found.subject_veil,
        found.lamps,
        softness,
    )
