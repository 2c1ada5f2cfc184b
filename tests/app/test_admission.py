"""What a body becomes, given a model's capabilities; the refusals are tested through HTTP as well."""

import pytest

from app.admission import admit, batch_key, check_budget, cost
from app.api.schemas import JobSubmission
from app.errors import BudgetExceeded, InvalidRequest, UnsupportedSize
from models.interface import Capabilities, Range

CAPABILITIES = Capabilities(
    default_size=(256, 128),
    negative_prompt=True,
    max_prompt_characters=20,
    options={"num_inference_steps": Range(minimum=1, maximum=50, default=20)},
    batch_by=("width", "height", "num_inference_steps"),
)
TWO_SIZES = Capabilities(sizes=((128, 128), (256, 128)), options={})


def job(capabilities=CAPABILITIES, **fields):
    """Admit a body to a model."""
    wanted = JobSubmission(**({"prompt": "a red fox"} | fields))
    return admit(wanted, tenant="public", model="card", capabilities=capabilities, drawn_seed=11)


def test_the_job_is_complete():
    """What the body leaves open is decided at the edge, as far as the model has the option."""
    request = job().request
    assert (request.width, request.height, request.num_images, request.seed) == (256, 128, 1, 11)
    assert (request.num_inference_steps, request.guidance_scale) == (20, None)
    assert isinstance(request.num_inference_steps, int)


def test_the_whole_work_is_bounded():
    """Size, images and steps may each be allowed, and still be too much together."""
    request = job(num_images=2, num_inference_steps=10).request
    check_budget(request, 256 * 128 * 2 * 10)
    with pytest.raises(BudgetExceeded, match="2 images of 256x128 in 10 steps are 655360") as refused:
        check_budget(request, 256 * 128 * 2 * 10 - 1)
    assert refused.value.param == "max_pixel_steps"


def test_what_the_body_says_is_kept():
    """Nothing is repaired on the way."""
    message = job(seed=0, num_inference_steps=50, negative_prompt="", output_format="webp", output_compression=0)
    assert (message.request.seed, message.request.num_inference_steps, message.request.negative_prompt) == (0, 50, "")
    assert (message.output_format, message.output_compression) == ("webp", 0)


def test_equal_batch_keys_mean_compatible():
    """A default and the same value spelled out may share a batch; another size may not."""
    keys = [batch_key(job(**fields), CAPABILITIES) for fields in ({}, {"num_inference_steps": 20}, {"size": "64x64"})]
    assert keys[0] == keys[1] != keys[2]


def test_the_batch_key_ignores_other_fields():
    """Prompt and seed belong to the row, not to the batch."""
    assert batch_key(job(prompt="a fox", seed=1), CAPABILITIES) == batch_key(job(seed=2), CAPABILITIES)


def test_cost_is_work():
    """Images times pixels times steps; a model without steps takes one."""
    assert cost(job(size="64x64", num_images=2, num_inference_steps=10).request) == 2 * 64 * 64 * 10
    assert cost(job(TWO_SIZES, size="128x128").request) == 128 * 128


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"width": 64, "height": 128}, "width"),
        ({"width": 256, "height": 256}, "height"),
        ({"size": "256x256"}, "size"),
    ],
)
def test_a_size_that_is_not_listed(fields, param):
    """The side that does not fit is named, and the sizes that do."""
    with pytest.raises(UnsupportedSize, match="128x128, 256x128") as caught:
        job(TWO_SIZES, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize("side", [56, 2056, 100])
def test_a_side_out_of_range(side):
    """Too small, too large, no multiple."""
    with pytest.raises(UnsupportedSize) as caught:
        job(width=side, height=128)
    assert caught.value.param == "width"


def test_an_over_long_negative_prompt():
    """The model's limit holds for both prompts."""
    with pytest.raises(InvalidRequest, match="21 characters; this model takes at most 20") as caught:
        job(negative_prompt="x" * 21)
    assert caught.value.param == "negative_prompt"


@pytest.mark.parametrize(("prompt", "allowed"), [("a well-kept red fox", True), ("a well-kept red fox, asleep", False)])
def test_a_model_that_reads_few_words_says_so(prompt, allowed):
    """Words are counted as the model's own tokenizer counts them: a hyphen separates two."""
    few = Capabilities(sizes=((128, 128),), options={}, max_prompt_words=5)
    if allowed:
        assert job(few, prompt=prompt, size="128x128").request.prompt == prompt
        return
    with pytest.raises(InvalidRequest, match="6 words; this model takes at most 5") as caught:
        job(few, prompt=prompt, size="128x128")
    assert caught.value.param == "prompt"
