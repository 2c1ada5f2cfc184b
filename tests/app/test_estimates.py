"""Estimates are functions of the line: no clock, no Redis."""

import pytest

from app import estimates
from app.estimates import Line, Pace
from app.messages import Progress
from models.interface import GenerationRequest

BATCHES_OF_EIGHT = Pace(seconds_per_image=0.25, seconds_to_draw=2.0)
PACES = {"8x8/4": BATCHES_OF_EIGHT}


def line(num_waiting, *, kind="8x8/4", workers=1, busy_workers=1, **options):
    """A line of jobs with one image each."""
    waiting = [(kind, 1)] * min(num_waiting, 1000)
    known = {"waiting": waiting, "num_waiting": num_waiting, "workers": workers, "busy_workers": busy_workers}
    return Line(**known, **({"paces": PACES} | options))


def start(seen, position):
    """When the job at a position will start."""
    return estimates.of_waiting(seen, position, "8x8/4", 1).seconds_to_start


def drawn_at(position, *, batch=8, seconds=2.0, left=1.0):
    """When it does start, on one worker with `left` seconds of its batch to go."""
    return left + seconds * (position // batch)


def test_kinds_tell_what_takes_different_times():
    """Size and steps decide; a model without steps has none in its kinds."""
    request = GenerationRequest(prompt="fox", width=8, height=16, seed=1)
    assert estimates.kind_of(request) == "8x16"
    assert estimates.kind_cost("8x16/4") == 4 * estimates.kind_cost("8x16")


def test_the_median_is_about_right():
    """Over a line of 200 jobs the even chance is a fifth off at most, in the median, and nearly all start in time."""
    seen = line(200)
    errors = [abs(start(seen, n).p50 / drawn_at(n) - 1) for n in range(200)]
    assert sorted(errors)[100] < 0.2
    assert sum(drawn_at(n) <= start(seen, n).p90 for n in range(200)) >= 180


def test_an_idle_service_starts_at_once():
    """With nobody before it and a free worker a job does not wait."""
    assert start(line(0, busy_workers=0), 0).p90 < 0.5


def test_twice_the_workers_halve_the_wait():
    """All workers draw from the same line."""
    assert start(line(100, workers=2), 100).p50 == pytest.approx(start(line(100), 100).p50 / 2, rel=0.1)


def test_a_line_longer_than_what_was_looked_at_counts_as_its_mean():
    """A thousand jobs say enough of ten thousand."""
    assert line(10_000).seconds_waiting == pytest.approx(2500)


def test_jobs_of_other_models_take_their_time():
    """A worker that serves two models draws the other's jobs meanwhile."""
    busy = line(9, others_seconds=50.0)
    assert start(busy, 9).p50 - start(line(9), 9).p50 == pytest.approx(50)


def test_a_kind_never_drawn_is_weighed_by_its_cost():
    """Twice the steps of what was measured takes twice as long."""
    assert line(0).pace("8x8/8") == Pace(0.5, 4.0)


@pytest.mark.parametrize("unknown", [{"workers": 0}, {"paces": {}}])
def test_nobody_guesses(unknown):
    """Without workers, or before the first image was measured, there is no estimate."""
    seen = line(5, **unknown)
    assert estimates.of_waiting(seen, 5, "8x8/4", 1) is None
    assert estimates.retry_after(seen) is None


def test_several_images_end_later():
    """A job ends with its last image."""
    one, four = (
        estimates.of_waiting(line(0, busy_workers=0), 0, "8x8/4", images).seconds_to_finish for images in (1, 4)
    )
    assert four.p50 - one.p50 == pytest.approx(0.75)
    assert one.p50 < one.p90


def test_a_running_job_is_judged_by_its_own_speed():
    """At a quarter of its steps three quarters of the time are left, whatever others took."""
    running = estimates.of_running(line(0), "8x8/4", 1, running_seconds=10, progress=Progress(step=1, num_steps=4))
    assert running.seconds_to_start is None
    assert running.seconds_to_finish.p50 == pytest.approx(30, abs=0.1)


def test_a_running_job_without_a_step_takes_what_others_took():
    """Before the first step there is nothing of its own to go by."""
    running = estimates.of_running(line(0), "8x8/4", 1, running_seconds=0.5, progress=None)
    assert running.seconds_to_finish.p50 == pytest.approx(1.5, abs=0.1)


def test_nobody_is_told_to_wait_for_more_than_two_minutes():
    """The official OpenAI client gives up at once when told to."""
    assert estimates.retry_after(line(10_000)) == 120
    assert estimates.retry_after(line(100)) == 3
    assert estimates.retry_after(line(0)) == 1


def test_ninety_is_never_sooner_than_fifty():
    """The longer of the two chances is the later one, wherever a job stands."""
    assert all(start(line(50), n).p50 <= start(line(50), n).p90 for n in range(50))
