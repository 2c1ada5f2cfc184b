"""A rendered, captioned picture book: the data set that our own generators learn from.

Every attribute of every picture is known, so how well a generator follows its prompt can be
measured. Drawing needs skia (``pip install easel[train]``); nothing else here does.
"""

from models.picturebook.book import Picture, draw, picture
from models.picturebook.captions import Caption, caption, describe, near_miss
from models.picturebook.kinds import KINDS
from models.picturebook.questions import QUESTION_KINDS, Question, questions
from models.picturebook.scenes import ATTRIBUTES, MAIN_ATTRIBUTES, Scene, sample_scene
from models.picturebook.vocabulary import VOCABULARY, words

__all__ = [
    "ATTRIBUTES",
    "KINDS",
    "MAIN_ATTRIBUTES",
    "QUESTION_KINDS",
    "VOCABULARY",
    "Caption",
    "Picture",
    "Question",
    "Scene",
    "caption",
    "describe",
    "draw",
    "near_miss",
    "picture",
    "questions",
    "sample_scene",
    "words",
]
