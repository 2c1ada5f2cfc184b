"""How long images take, measured with a clock that the test turns."""

import pytest

from models.interface import GenerationRequest, Row
from tests.workers.parts import Clock
from workers.paces import PaceMeter, PaceSample


def rows(count, *, side=8, name="job"):
    """Images of one job each."""
    request = GenerationRequest(prompt="fox", width=side, height=side, seed=1, num_inference_steps=4)
    return [Row(request, 0, f"{name}{n}") for n in range(count)]


@pytest.fixture
def clock():
    """A clock in the test's hands."""
    return Clock()


@pytest.fixture
def meter(clock):
    """A meter that looks at it."""
    return PaceMeter(clock)


def draw(meter, clock, batch, seconds):
    """Draw a batch that ends as a whole."""
    meter.started(batch)
    clock.now += seconds
    for row in batch:
        meter.done("card", row)
    meter.ended()


def test_a_batch_is_shared_by_its_images(meter, clock):
    """Eight images in two seconds take up a quarter each, and two seconds of their own."""
    draw(meter, clock, rows(8), 2.0)
    assert meter.take() == [PaceSample("card", "8x8/4", 8, seconds_per_image=0.25, seconds_to_draw=2.0)]
    assert meter.take() == []


def test_larger_images_take_the_larger_share(meter, clock):
    """In a batch of two sizes the time goes by cost, and none of it is lost."""
    draw(meter, clock, rows(2) + rows(1, side=16, name="large"), 3.0)
    shares = {sample.kind: sample.seconds_per_image for sample in meter.take()}
    assert shares == {"8x8/4": pytest.approx(0.5), "16x16/4": pytest.approx(2.0)}


def test_images_that_join_a_running_batch(meter, clock):
    """Two images at a time, one ending every second: each takes up one second and two of its own."""
    first, second, third, fourth = rows(4)
    meter.started([first])
    clock.now += 1
    meter.started([second])
    for done, joins in ((first, third), (second, fourth)):
        clock.now += 1
        meter.done("card", done)
        meter.started([joins])
    samples = meter.take()
    assert [sample.seconds_to_draw for sample in samples] == [2.0, 2.0]
    assert samples[-1].seconds_per_image == 1.0


def test_what_was_not_finished_teaches_nothing(meter, clock):
    """A canceled image is no measure of how long one takes."""
    meter.started(rows(2))
    clock.now += 5
    meter.ended()
    draw(meter, clock, rows(1), 1.0)
    assert [sample.seconds_per_image for sample in meter.take()] == [1.0]


def test_the_pause_between_two_batches_belongs_to_the_second(meter, clock):
    """Claiming takes its time too; a longer pause is for want of work."""
    for pause in (0.1, 60.0):
        draw(meter, clock, rows(1), 1.0)
        clock.now += pause
    draw(meter, clock, rows(1), 1.0)
    assert [sample.seconds_per_image for sample in meter.take()] == [1.0, pytest.approx(1.1), 1.0]
