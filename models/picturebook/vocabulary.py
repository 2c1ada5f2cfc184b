"""The words of the book, in a fixed order: token ids of trained checkpoints index into it."""

import re

VOCABULARY: tuple[str, ...] = tuple(
    """
a above air airplane airships an and at ball balloon balloons balls beach below beneath big bird
birds blimps blue boat box boxes brown bunny bus by calm car cars castle cat cats city cityscape
dawn day daylight desert dog drawing during dusk early egg evening fi field fish floor floors
flower flowing flying forest four full futuristic gift glowing grass gray green grey hat hills
hilly holding home homes hot house houses huge illustration in indoors island it kite lake
landscape large left lighthouse lights like little looks meadow modern morning mountain
mountains mushroom neon next night ocean of old on one orange outer outlines over peaceful
picture pink plain plane pumpkin purple rabbit red right river road robot rocket room sailboat
sailing saucer saucers scene sci sea serene shape shaped ship shoe simple single sky skyline
small snow snowy space star stars storey story sunny sunrise sunset teapot that the three
through tiny to top tranquil tree trees truck two ufo ufos umbrella under underwater vintage
water wearing whale white with yellow
""".split()  # noqa: SIM905 - a block of text is easier to read than 174 quoted words
)

# What a stranger may write -> the word that captions use for it.
SYNONYMS: dict[str, str] = {
    "aeroplane": "airplane", "aircraft": "plane", "airship": "airships", "ancient": "old",
    "android": "robot", "artwork": "picture", "automobile": "car",
    "azure": "blue", "blimp": "blimps", "blossom": "flower", "boot": "shoe", "bot": "robot",
    "bunnies": "bunny", "cabin": "house", "cities": "city",
    "cityscapes": "cityscape", "cottage": "house", "crimson": "red", "cyborg": "robot",
    "dogs": "dog", "doggy": "dog", "downtown": "city", "droid": "robot", "enormous": "huge",
    "forests": "forest", "giant": "huge", "gigantic": "huge", "golden": "yellow",
    "highway": "road", "hill": "hills", "image": "picture", "kitten": "cat",
    "kitty": "cat", "lorry": "truck", "magenta": "pink", "metropolis": "city", "midday": "day",
    "midnight": "night", "mini": "tiny", "miniature": "tiny", "noon": "day", "painting": "picture",
    "path": "road", "photo": "picture", "placid": "calm", "pond": "lake", "puppy": "dog",
    "quiet": "calm", "retro": "vintage", "robots": "robot", "rockets": "rocket",
    "scarlet": "red", "seaside": "beach",
    "shining": "glowing", "shore": "beach", "shoes": "shoe", "skyscrapers": "skyline",
    "sneaker": "shoe", "spaceship": "rocket", "still": "calm", "stories": "floors",
    "storeys": "floors", "stream": "river", "street": "road", "sunshine": "sunny", "town": "city",
    "underneath": "under", "urban": "city", "vast": "huge", "violet": "purple", "woods": "forest",
    "zeppelin": "airships", "zeppelins": "airships",
}  # fmt: skip


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words of letters and digits; everything else separates them."""
    return re.findall(r"[^\W_]+", text.lower())


def words(text: str) -> list[str]:
    """Split a text into the book's words: known synonyms become the word that captions use, others stay."""
    return [SYNONYMS.get(word, word) for word in split_words(text)]
