"""How rows are cut into batches, and what is learned from running out of memory."""

import math

import pytest

from workers.batching import BatchCaps, chunks, halves, rows_at_once


def test_chunks_keep_order_and_size():
    """Rows are cut in order, and only the last chunk may be smaller."""
    assert [list(chunk) for chunk in chunks(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_halves_lose_nothing():
    """Two halves are the whole, and of one row the second half is empty."""
    assert halves([1, 2, 3]) == ([1, 2], [3])
    assert halves([1]) == ([1], [])


def test_a_batch_that_did_not_fit_halves_the_limit():
    """After running out of memory at eight, four is the limit; at one it stays one."""
    caps = BatchCaps()
    caps.ran_out_of_memory("a", 8)
    caps.ran_out_of_memory("b", 1)
    assert caps.limits == {"a": 4, "b": 1}


def test_the_limit_recovers_slowly():
    """Enough full batches raise the limit by one; smaller ones prove nothing."""
    caps = BatchCaps()
    caps.ran_out_of_memory("a", 8)
    for _ in range(31):
        caps.succeeded("a", 4, 8)
    caps.succeeded("a", 3, 8)
    assert caps.limits == {"a": 4}
    caps.succeeded("a", 4, 8)
    assert caps.limits == {"a": 5}


def test_a_limit_that_has_grown_to_the_batch_size_is_forgotten():
    """A device with room again is used in full."""
    caps = BatchCaps()
    caps.ran_out_of_memory("a", 2)
    for _ in range(32):
        caps.succeeded("a", 1, 2)
    assert caps.limits == {}


@pytest.mark.parametrize(
    ("cap", "max_cost", "rows"), [(None, math.inf, 8), (3, math.inf, 3), (None, 500, 5), (3, 200, 2), (None, 10, 1)]
)
def test_model_memory_and_budget_bound_a_batch_together(cap, max_cost, rows):
    """The least of them counts; a row that costs more than the budget is drawn alone."""
    assert rows_at_once(8, cap=cap, max_cost=max_cost, cost_per_row=100) == rows
