"""What every image generator promises, whatever draws its pictures."""

import dataclasses

import numpy as np
import pytest

from models.interface import GenerationRequest, Row
from tests.models.contract.generators import KINDS
from tests.models.contract.recording_feed import RecordingFeed

pytestmark = [
    pytest.mark.timeout(300),
    # Diffusers' schedulers turn tensors into arrays with numpy 1's protocol.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

PROMPTS = ("a pink house", "a robot", "the blue sea", "mountains at night")
STEPS = 3


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture(scope="module")
def generator(kind, tmp_path_factory):
    return kind.make(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def rows(generator, kind):
    """Four rows of unlike requests that may share a batch."""
    width, height = kind.sizes[0]
    steps = STEPS if "num_inference_steps" in generator.capabilities.options else None
    shared = {"width": width, "height": height, "num_inference_steps": steps}
    return [
        Row(GenerationRequest(prompt=prompt, seed=7 + n // 2, num_images=2, **shared), n % 2, f"job-{n}")
        for n, prompt in enumerate(PROMPTS)
    ]


@pytest.fixture(scope="module")
def images(generator, rows):
    """The image of each row, drawn alone."""
    return {row: draw(generator, [row]).images[row] for row in rows}


def draw(generator, rows, **options):
    feed = RecordingFeed(**options)
    generator.generate(rows, feed)
    return feed


def difference(first, second):
    return np.abs(first.astype(int) - second.astype(int)).max()


def changed(row, **values):
    return dataclasses.replace(row, request=dataclasses.replace(row.request, **values))


def test_a_batch_equals_its_rows_alone(generator, kind, rows, images):
    """A batch of N gives the images of N batches of one."""
    drawn = draw(generator, rows).images
    assert max(difference(drawn[row], images[row]) for row in rows) <= kind.tolerance


def test_neither_slot_nor_mates_matter(generator, kind, rows, images):
    """A row's image is the same in the last slot, among other rows."""
    drawn = draw(generator, [rows[3], rows[1], rows[0]]).images
    assert difference(drawn[rows[0]], images[rows[0]]) <= kind.tolerance


def test_the_same_row_again_gives_the_same_bytes(generator, rows, images):
    """Nothing is left over from one batch to the next."""
    assert np.array_equal(draw(generator, rows[:1]).images[rows[0]], images[rows[0]])


def test_prompt_seed_and_index_each_change_the_image(generator, rows, images):
    """Each part of what identifies an image decides about it."""
    row = rows[0]
    others = [changed(row, prompt="a blue robot"), changed(row, seed=8), dataclasses.replace(row, index=1)]
    drawn = [draw(generator, [other]).images[other] for other in others]
    assert all(difference(image, images[row]) > 0 for image in drawn)


def test_every_row_is_done_exactly_once(generator, rows):
    """The feed gets one image for each row and none for anything else."""
    assert set(draw(generator, rows).images) == set(rows)


def test_images_are_bytes_of_the_size_asked_for(generator, kind, rows):
    """Every allowed size is honoured to the pixel."""
    for width, height in kind.sizes:
        row = changed(rows[0], width=width, height=height)
        image = draw(generator, [row]).images[row]
        assert (image.shape, image.dtype) == ((height, width, 3), np.uint8)


def test_progress_rises_to_the_end(generator, rows):
    """Steps are counted up, each once, from 1 to the last."""
    for steps in draw(generator, rows).steps.values():
        assert [step for step, _ in steps] == sorted({step for step, _ in steps})
        assert steps[0][0] >= 1
        assert steps[-1][0] == steps[-1][1]


def test_a_row_cancelled_before_it_starts_is_dropped(generator, rows, images, kind):
    """Its mates are drawn as if it had never been there."""
    feed = draw(generator, rows, cancel_when=lambda _, row: row == rows[1])
    assert set(feed.images) == {rows[0], rows[2], rows[3]}
    assert difference(feed.images[rows[2]], images[rows[2]]) <= kind.tolerance


def test_a_row_cancelled_on_the_way_is_dropped(generator, rows, images, kind):
    """Its mates are finished, and look as they should."""
    if not generator.capabilities.cancel:
        pytest.skip("cannot be cancelled, and says so")
    feed = draw(generator, rows, cancel_when=lambda feed, row: row == rows[1] and bool(feed.steps))
    assert set(feed.images) == {rows[0], rows[2], rows[3]}
    assert difference(feed.images[rows[0]], images[rows[0]]) <= kind.tolerance


def test_rows_may_join_a_running_batch(generator, rows, images, kind):
    """A row that is admitted between steps gets the image that it gets alone."""
    if not generator.capabilities.admits:
        pytest.skip("admits no rows, and says so")
    feed = draw(generator, rows[:2], waiting=rows[2:])
    assert set(feed.images) == set(rows)
    assert max(difference(feed.images[row], images[row]) for row in rows) <= kind.tolerance


def test_a_cancelled_batch_stops_between_steps(generator, rows):
    """When nobody waits any more, no further step is taken."""
    if not generator.capabilities.cancel:
        pytest.skip("cannot be cancelled, and says so")
    feed = draw(generator, rows, cancel_when=lambda feed, _: bool(feed.steps))
    assert feed.images == {}
    assert max((step for steps in feed.steps.values() for step, _ in steps), default=0) <= 1


def test_a_cancelled_batch_leaves_nothing_behind(generator, rows, images):
    """The next batch is drawn as by a fresh generator."""
    draw(generator, rows[1:2], cancel_when=lambda feed, _: bool(feed.steps))
    assert np.array_equal(draw(generator, rows[:1]).images[rows[0]], images[rows[0]])


def test_previews_are_unfinished_pictures_of_the_right_size(generator, rows, images):
    """A generator that promises previews gives them to those who look, and they change nothing."""
    if not generator.capabilities.previews:
        pytest.skip("has no previews, and says so")
    feed = draw(generator, rows[:1], watched=True)
    assert feed.previews[rows[0]]
    assert {preview.shape for preview in feed.previews[rows[0]]} == {images[rows[0]].shape}
    assert {preview.dtype for preview in feed.previews[rows[0]]} == {np.dtype(np.uint8)}
    assert np.array_equal(feed.images[rows[0]], images[rows[0]])


def test_every_option_changes_the_image(generator, rows):
    """An option that a model lists is one that it honours."""
    for name, bounds in generator.capabilities.options.items():
        low, high = (changed(rows[0], **{name: value}) for value in two_values(name, bounds))
        assert difference(draw(generator, [low]).images[low], draw(generator, [high]).images[high]) > 0, name


def two_values(name, bounds):
    """Two values far apart, but few steps."""
    if name == "num_inference_steps":
        return 2, 4
    kind = int if name.startswith("top_k") else float
    return kind(bounds.minimum), kind(bounds.maximum)


def test_a_negative_prompt_changes_the_image_where_it_is_allowed(generator, rows, images):
    """A model that says it heeds negative prompts does."""
    if not generator.capabilities.negative_prompt:
        pytest.skip("takes no negative prompt, and says so")
    row = changed(rows[0], negative_prompt="pink")
    assert difference(draw(generator, [row]).images[row], images[rows[0]]) > 0


def test_the_default_size_is_allowed(generator):
    """A request that names no size can be drawn."""
    able = generator.capabilities
    if able.sizes:
        assert able.default_size in able.sizes
    for side in able.default_size:
        assert able.sizes or (able.min_side <= side <= able.max_side and side % able.size_multiple == 0)


def test_defaults_lie_within_their_bounds(generator):
    """What a request gets that says nothing is something it might have asked for."""
    for bounds in generator.capabilities.options.values():
        assert bounds.minimum <= bounds.default <= bounds.maximum


def test_it_says_what_it_is(generator):
    """Logs and cache keys need device, dtype and a revision."""
    assert {"device", "dtype", "parameters"} <= set(generator.description)
    assert generator.revision
