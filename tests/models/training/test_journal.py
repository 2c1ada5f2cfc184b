"""The log survives kills: no line twice, no half line read."""

from pathlib import Path

from models.training.journal import Journal


def test_line_holds_the_means_since_the_last(tmp_path: Path) -> None:
    """Each loss is averaged over the steps that reported it."""
    journal = Journal(tmp_path / "log.jsonl")
    journal.add({"a": 1.0})
    journal.add({"a": 3.0, "b": 5.0})
    assert journal.flush(2) == {"a": 2.0, "b": 5.0}
    assert journal.lines() == [{"step": 2, "a": 2.0, "b": 5.0}]


def test_half_line_is_not_read(tmp_path: Path) -> None:
    """A line that a kill cut off is as good as not written."""
    (tmp_path / "log.jsonl").write_text('{"step": 5, "a": 1.0}\n{"step": 10, "a"')
    assert Journal(tmp_path / "log.jsonl").lines() == [{"step": 5, "a": 1.0}]


def test_rewind_forgets_later_lines(tmp_path: Path) -> None:
    """Steps that will be taken again leave no line behind."""
    journal = Journal(tmp_path / "log.jsonl")
    for step in (5, 10, 15):
        journal.add({"a": float(step)})
        journal.flush(step)
    journal.rewind(12, [{"a": 1.0}])
    assert [line["step"] for line in journal.lines()] == [5, 10]
    assert journal.unlogged == [{"a": 1.0}]
