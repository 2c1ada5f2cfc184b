"""What may be asked of a model with an input image; each refusal names its field."""

import pytest

from app.admission import admit, batch_key
from app.api.schemas import JobSubmission
from app.errors import InvalidRequest, UnsupportedOption
from app.input_admission import InputShape
from models.interface import Capabilities, Range

ABLE = Capabilities(
    options={},
    image_to_image=True,
    variations=True,
    inpainting=True,
    strength=Range(minimum=0.1, maximum=1, default=0.6),
    batch_by=("task", "strength"),
)
WORDS_ONLY = Capabilities(options={})
EDITOR = Capabilities(options={}, image_to_image=True)
SHAPE = InputShape(128, 128, masked=False)
MASKED = InputShape(128, 128, masked=True)


def job(shape=SHAPE, capabilities=ABLE, **fields):
    """Admit a body with an input image to a model."""
    wanted = JobSubmission(**({"prompt": "a red fox"} | fields))
    return admit(wanted, tenant="public", model="card", capabilities=capabilities, drawn_seed=1, shape=shape)


@pytest.mark.parametrize(("shape", "strength"), [(SHAPE, 0.6), (MASKED, 1.0), (None, None)])
def test_strength_has_a_default_for_each_task(shape, strength):
    """A masked part departs fully from what it hid."""
    assert job(shape).request.strength == strength


@pytest.mark.parametrize(
    ("shape", "capabilities", "fields", "param"),
    [
        (SHAPE, WORDS_ONLY, {}, "image"),
        (MASKED, WORDS_ONLY, {}, "mask"),
        (MASKED, EDITOR, {}, "mask"),
        (SHAPE, EDITOR, {"prompt": ""}, "image"),
        (SHAPE, EDITOR, {"strength": 0.5}, "strength"),
        (None, ABLE, {"strength": 0.5}, "strength"),
    ],
)
def test_what_a_model_cannot_do_is_refused(shape, capabilities, fields, param):
    """By the field that asks for it."""
    with pytest.raises(UnsupportedOption) as caught:
        job(shape, capabilities, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("shape", "fields", "param"),
    [
        (None, {"prompt": " \n"}, "prompt"),
        (SHAPE, {"strength": 0.05}, "strength"),
        (SHAPE, {"size": "128x256"}, "image"),
        (InputShape(130, 67, masked=False), {}, "image"),
    ],
)
def test_what_contradicts_itself_is_refused(shape, fields, param):
    """A picture is scaled, never squeezed."""
    with pytest.raises(InvalidRequest) as caught:
        job(shape, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("size", "able", "drawn"),
    [
        ((96, 64), ABLE, (96, 64)),
        ((97, 97), ABLE, (128, 128)),
        ((641, 480), ABLE, None),
        ((64, 64), Capabilities(options={}, image_to_image=True, sizes=((128, 128), (256, 256))), (128, 128)),
        ((256, 256), Capabilities(options={}, image_to_image=True, sizes=((128, 128), (256, 256))), (256, 256)),
    ],
)
def test_the_size_follows_the_picture_where_the_model_can(size, able, drawn):
    """Else the model's default, if the picture has its proportions."""
    shape = InputShape(*size, masked=False)
    if drawn is None:
        with pytest.raises(InvalidRequest):
            job(shape, able)
    else:
        request = job(shape, able).request
        assert (request.width, request.height) == drawn


def test_a_batch_has_one_task():
    """Where a model says so, an edit and an inpainting are drawn apart."""
    plain, edit = job(None), job().with_input("inputs/a.png", None)
    inpainting = job(MASKED, strength=0.6).with_input("inputs/a.png", "inputs/b.png")
    assert len({batch_key(message, ABLE) for message in (plain, edit, inpainting)}) == 3
