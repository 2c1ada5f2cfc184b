"""How rows are cut into batches, and what is learned from running out of memory."""

from workers.batching import BatchCaps, MaxWait, chunks, halves


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


def test_a_fixed_wait_is_kept():
    """A number in the settings is taken at its word."""
    wait = MaxWait(0.5)
    wait.arrived(10.0, others=True)
    assert wait.seconds(10.0) == 0.5


def test_a_client_alone_hardly_waits():
    """Jobs that follow each other promise no company."""
    wait = MaxWait("auto")
    for second in range(5):
        wait.arrived(float(second), others=False)
    assert wait.seconds(5.0) <= 0.002


def test_overlapping_jobs_promise_company_for_a_moment():
    """While jobs overlap a batch stays open; a quarter of a second later that is forgotten."""
    wait = MaxWait("auto")
    wait.arrived(10.0, others=True)
    assert wait.seconds(10.2) == 0.02
    assert wait.seconds(10.3) <= 0.002
