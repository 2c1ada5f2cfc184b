"""The training log: one JSON line per `log_every` steps, the mean of each loss over them."""

import json
from pathlib import Path
from typing import Any

from models.training import parallel


class Journal:
    """Collects losses between log lines and appends the lines to a file (rank 0 only)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.unlogged: list[dict[str, float]] = []

    def add(self, losses: dict[str, float]) -> None:
        """Remember one step's losses until the next line."""
        self.unlogged.append(losses)

    def flush(self, step: int) -> dict[str, float]:
        """Append and return the mean losses since the last line."""
        names = dict.fromkeys(name for losses in self.unlogged for name in losses)
        means = {name: self._mean(name) for name in names}
        self.unlogged = []
        if parallel.rank() == 0:
            self._append({"step": step, **means})
        return means

    def lines(self) -> list[dict[str, Any]]:
        """Return every complete line; the last one may have been cut off by a kill."""
        if not self._path.exists():
            return []
        text = self._path.read_text(encoding="utf-8")
        whole, _, _cut_off = text.rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def rewind(self, step: int, unlogged: list[dict[str, float]]) -> None:
        """Forget lines after `step`: those steps are about to be taken again."""
        self.unlogged = unlogged
        if parallel.rank() == 0:
            kept = [json.dumps(line) + "\n" for line in self.lines() if line["step"] <= step]
            unfinished = self._path.with_suffix(".unfinished")
            unfinished.write_text("".join(kept), encoding="utf-8")
            unfinished.replace(self._path)

    def _mean(self, name: str) -> float:
        values = [losses[name] for losses in self.unlogged if name in losses]
        return sum(values) / len(values)

    def _append(self, line: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
