"""Estimates are functions of the line: no clock, no Redis."""

import pytest

from app import estimates
from app.estimates import Line, Pace, Waiting
from app.messages import Progress
from models.interface import GenerationRequest

BATCHES_OF_EIGHT = Pace(seconds_per_image=0.25, seconds_to_draw=2.0)
PACES = {"8x8/4": BATCHES_OF_EIGHT}


def job(images=1, *, key="a"):
    """A job that may share a batch with others of its key."""
    return Waiting("8x8/4", images, key)


def line(*waiting, num_waiting=None, **options):
    """A line before one worker that draws batches of eight in two seconds each."""
    known = {"num_waiting": len(waiting) if num_waiting is None else num_waiting, "workers": 1, "busy_workers": 1}
    speeds = {"paces": PACES, "max_batch_size": 8, "seconds_in_hand": 2.0}
    return Line(waiting=waiting, **(known | speeds | options))


def start(seen, position, **options):
    """When the job at a position will start."""
    return estimates.of_waiting(seen, position, job(**options)).seconds_to_start


def drawn_at(position, *, batch=8, seconds=2.0, left=1.0):
    """When it does start, on one worker with `left` seconds of its batch to go."""
    return left + seconds * (position // batch)


def test_kinds_tell_what_takes_different_times():
    """Size and steps decide; a model without steps has none in its kinds."""
    request = GenerationRequest(prompt="fox", width=8, height=16, seed=1)
    assert estimates.kind_of(request) == "8x16"
    assert estimates.kind_cost("8x16/4") == 4 * estimates.kind_cost("8x16")


def test_the_median_is_right_where_nothing_is_left_to_chance():
    """Over a line of 200 like jobs the even chance is exact to a twentieth, and all start within the greater one."""
    seen = line(*[job()] * 200)
    assert all(start(seen, n).p50 == pytest.approx(drawn_at(n), abs=0.06) for n in range(200))
    assert all(drawn_at(n) <= start(seen, n).p90 for n in range(200))


def test_jobs_that_cannot_share_a_batch_take_turns():
    """A job starts with the batch that its key fills, before others that stand between them."""
    seen = line(*[job(key="a"), job(key="b")] * 8)
    assert start(seen, 14, key="a").p50 == pytest.approx(1.05)
    assert start(seen, 15, key="b").p50 == pytest.approx(3.05)
    assert start(seen, 16, key="a").p50 == pytest.approx(5.05)


@pytest.mark.parametrize("busy", [0, 1])
def test_a_model_that_must_be_loaded_starts_later(busy):
    """Be the worker free or not, its loading comes on top."""
    loaded, away = line(busy_workers=busy), line(busy_workers=busy, seconds_to_load=3.0)
    assert start(away, 0).p50 == pytest.approx(start(loaded, 0).p50 + 3.0)
    assert start(away, 0).p90 > start(loaded, 0).p90 + 3.0


def test_an_idle_service_starts_at_once():
    """With nobody before it and a free worker a job does not wait."""
    assert start(line(busy_workers=0), 0).p90 < 0.5


def test_images_that_join_a_running_batch_wait_for_each_other_only():
    """Where nobody waits there is room in the batch; where some do, each takes its share of the time."""
    assert start(line(admits=True), 0).p90 < 0.5
    assert start(line(*[job(2)] * 6, admits=True, seconds_in_hand=0.0), 6).p50 == pytest.approx(3.05)


def test_twice_the_workers_halve_the_wait():
    """All workers draw from the same line."""
    many = [job()] * 100
    assert start(line(*many, workers=2), 100).p50 == pytest.approx(start(line(*many), 100).p50 / 2, rel=0.1)


def test_what_is_not_seen_of_a_line_counts_as_what_is():
    """A thousand jobs say enough of ten thousand, and a burst since the last look is taken to be like its last job."""
    assert line(*[job()] * 1000, num_waiting=10_000).seconds_waiting == pytest.approx(2500)
    assert start(line(), 80).p50 == pytest.approx(21.05)


def test_jobs_of_other_models_take_their_time():
    """A worker that serves two models draws the other's jobs meanwhile."""
    nine = [job()] * 9
    assert start(line(*nine, others_seconds=50.0), 9).p50 - start(line(*nine), 9).p50 == pytest.approx(50)


def test_a_kind_never_drawn_is_weighed_by_its_cost():
    """Twice the steps of what was measured takes twice as long."""
    assert line().pace("8x8/8") == Pace(0.5, 4.0)


@pytest.mark.parametrize("unknown", [{"workers": 0}, {"paces": {}}])
def test_nobody_guesses(unknown):
    """Without workers, or before the first image was measured, there is no estimate."""
    seen = line(*[job()] * 5, **unknown)
    assert estimates.of_waiting(seen, 5, job()) is None
    assert estimates.retry_after(seen) is None


def test_more_images_than_a_batch_holds_take_several():
    """A job ends with its last image."""
    idle = line(busy_workers=0)
    few, many = (estimates.of_waiting(idle, 0, job(images)).seconds_to_finish for images in (8, 9))
    assert many.p50 - few.p50 == pytest.approx(2.0)
    assert few.p50 < few.p90


def test_a_running_job_is_judged_by_its_own_speed():
    """At a quarter of its steps three quarters of the time are left, whatever others took."""
    running = estimates.of_running(line(), job(), running_seconds=10, progress=Progress(step=1, num_steps=4))
    assert running.seconds_to_start is None
    assert running.seconds_to_finish.p50 == pytest.approx(30, abs=0.1)


def test_a_running_job_without_a_step_takes_what_others_took():
    """Before the first step there is nothing of its own to go by."""
    running = estimates.of_running(line(), job(), running_seconds=0.5, progress=None)
    assert running.seconds_to_finish.p50 == pytest.approx(1.5, abs=0.1)


def test_nobody_is_told_to_wait_for_more_than_two_minutes():
    """The official OpenAI client gives up at once when told to."""
    assert estimates.retry_after(line(*[job()] * 1000, num_waiting=10_000)) == 120
    assert estimates.retry_after(line(*[job()] * 96)) == 3
    assert estimates.retry_after(line()) == 1
