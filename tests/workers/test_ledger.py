"""Which models stay in memory, on a clock that the test turns."""

import pytest

from tests.workers.parts import Clock
from workers.ledger import Ledger, ModelTooLarge

LOADING, BATCH = 1.0, 0.2  # seconds
JOBS_PER_BATCH = 8


@pytest.fixture
def clock():
    return Clock()


def ledger_of(clock, budget, **loaded):
    """A ledger with models loaded one after the other, each in a second."""
    ledger = Ledger(budget, clock)
    for model, num_bytes in loaded.items():
        ledger.loaded(model, num_bytes=num_bytes, seconds=LOADING)
        clock.now += 1
    return ledger


def test_without_a_budget_everything_stays(clock):
    """A worker that was told nothing loads all its models and keeps them."""
    ledger = ledger_of(clock, None, a=10**12, b=10**12)
    ledger.expect("c", 10**12)
    assert ledger.leaving("c") == []


def test_the_model_used_longest_ago_goes_first(clock):
    """Drawing, not loading, decides who is kept."""
    ledger = ledger_of(clock, 100, a=40, b=40)
    ledger.used("a")
    ledger.expect("c", 50)
    assert ledger.leaving("c") == ["b"]


def test_no_more_go_than_must(clock):
    """As many as are needed, in the order of their last use; what takes nothing may stay."""
    ledger = ledger_of(clock, 100, weightless=0, a=40, b=40, c=20)
    ledger.expect("d", 50)
    assert ledger.leaving("d") == ["a", "b"]


def test_a_model_that_took_more_than_was_thought_drives_out_others(clock):
    """Files are an estimate; what was measured counts."""
    ledger = ledger_of(clock, 100, a=60)
    ledger.expect("b", 30)
    assert ledger.leaving("b") == []
    ledger.loaded("b", num_bytes=50, seconds=1.0)
    assert ledger.leaving("b") == ["a"]


def test_a_model_larger_than_the_budget_is_refused(clock):
    """The message names the setting."""
    with pytest.raises(ModelTooLarge, match="model a takes 101 bytes, EASEL_MODEL_MEMORY_BYTES=100"):
        ledger_of(clock, 100).check("a", 101)


def test_what_a_model_takes_is_remembered_while_it_is_away(clock):
    """The second loading is planned with what the first has shown."""
    ledger = ledger_of(clock, 100, a=60)
    ledger.unloaded("a")
    assert ledger.num_bytes == 0
    ledger.loaded("b", num_bytes=50, seconds=1.0)
    assert ledger.leaving("a") == ["b"]


def test_a_loaded_model_stays_as_long_as_its_loading_took(clock):
    """So at most half of the time goes into loading, however models alternate."""
    ledger = ledger_of(clock, 100, a=60)
    ledger.unloaded("a")
    ledger.loaded("b", num_bytes=60, seconds=5.0)
    assert ledger.settles_in(["a", "b"]) == {"a": 5.0}
    clock.now += 5
    assert ledger.settles_in(["a", "b"]) == {}


def test_a_model_for_which_there_is_room_waits_for_nothing(clock):
    """Only driving out another is put off."""
    ledger = ledger_of(clock, 100, a=30, b=60)
    ledger.unloaded("a")
    assert (ledger.settles_in(["a"]), ledger.later_seconds("a")) == ({}, 0.0)


@pytest.mark.parametrize(("load_seconds", "later"), [(0.5, 5.0), (2.0, 20.0), (30.0, 60.0)])
def test_jobs_of_a_model_that_must_be_loaded_count_as_later(clock, load_seconds, later):
    """By ten times the loading, at most a minute: the bound on what loading costs a job's turn."""
    ledger = Ledger(100, clock)
    ledger.loaded("a", num_bytes=60, seconds=load_seconds)
    ledger.unloaded("a")
    ledger.loaded("b", num_bytes=60, seconds=1.0)
    assert (ledger.later_seconds("a"), ledger.later_seconds("b")) == (later, 0.0)


def two_models_in_turn(clock, seconds, jobs_per_second):
    """Draw for two models that never fit together, as many jobs arriving for each.

    Returns the seconds of loading, and by how much a job came later than another that it went before.
    """
    ledger = ledger_of(clock, 100, b=60, a=60)
    ledger.unloaded("b")
    turns = dict.fromkeys("ab", clock.now)  # when the job that is next has come
    loading, overtaken_by, end = 0.0, 0.0, clock.now + seconds
    while clock.now < end:
        allowed = turns.keys() - ledger.settles_in(turns)
        chosen = min(sorted(allowed), key=lambda model: turns[model] + ledger.later_seconds(model))
        for leaving in ledger.leaving(chosen):
            ledger.unloaded(leaving)
            clock.now, loading = clock.now + LOADING, loading + LOADING
            ledger.loaded(chosen, num_bytes=60, seconds=LOADING)
        overtaken_by = max(overtaken_by, turns[chosen] - min(turns.values()))
        clock.now += BATCH
        turns[chosen] = min(clock.now, turns[chosen] + JOBS_PER_BATCH / jobs_per_second)
    return loading, overtaken_by


@pytest.mark.parametrize("jobs_per_second", [5, 18, 100])
def test_models_that_take_turns_hardly_load(clock, jobs_per_second):
    """Loading takes a tenth of the time, not five sixths, even when the worker is behind by minutes."""
    loading, _ = two_models_in_turn(clock, 600, jobs_per_second)
    assert loading / 600 < 0.1


@pytest.mark.parametrize("jobs_per_second", [5, 18, 100])
def test_nobody_starves_while_a_loaded_model_has_work(clock, jobs_per_second):
    """A job is overtaken by none that came later by more than ten times the loading, and the loading itself."""
    _, overtaken_by = two_models_in_turn(clock, 600, jobs_per_second)
    assert 9 * LOADING < overtaken_by <= 11 * LOADING
