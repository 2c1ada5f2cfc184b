"""Decides how many images are drawn at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.interface import Row

_SUCCESSES_TO_RECOVER = 32  # full batches without running out of memory before one image more is tried


def chunks(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Cut rows into batches of at most `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def halves(rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Cut rows in two, the first the larger."""
    middle = (len(rows) + 1) // 2
    return rows[:middle], rows[middle:]


def rows_at_once(max_rows: int, *, cap: int | None, max_cost: float, cost_per_row: float) -> int:
    """Return how many rows of a kind may be drawn at once: by the model, by what fitted into memory, by its budget."""
    return max(1, min(max_rows, cap or max_rows, int(min(max_cost / cost_per_row, max_rows))))


class BatchCaps:
    """How many images of a batch key fitted into memory: halved when they did not, recovering one by one."""

    def __init__(self) -> None:
        self._caps: dict[str, int] = {}
        self._successes: dict[str, int] = {}

    @property
    def limits(self) -> dict[str, int]:
        """The limits learned, by batch key; a key that is absent has none."""
        return dict(self._caps)

    def ran_out_of_memory(self, batch_key: str, num_images: int) -> None:
        """Halve what did not fit."""
        self._caps[batch_key] = max(1, num_images // 2)
        self._successes[batch_key] = 0

    def succeeded(self, batch_key: str, num_images: int, max_images: int) -> None:
        """Count a batch that fitted; enough full ones in a row raise the limit, up to forgetting it."""
        cap = self._caps.get(batch_key)
        if cap is None or num_images < cap:
            return
        self._successes[batch_key] += 1
        if self._successes[batch_key] < _SUCCESSES_TO_RECOVER:
            return
        self._successes[batch_key] = 0
        self._caps[batch_key] = cap + 1
        if cap + 1 >= max_images:
            del self._caps[batch_key]
