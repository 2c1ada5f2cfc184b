"""A feed that remembers everything, for generators under test."""

from collections.abc import Callable, Sequence

from models.interface import Image, Row


class RecordingFeed:
    """Keeps what a generator says of each row.

    `cancel_when` decides which rows are no longer wanted; `waiting` rows join when the first step is done.
    """

    def __init__(
        self,
        *,
        watched: bool = False,
        cancel_when: Callable[["RecordingFeed", Row], bool] | None = None,
        waiting: Sequence[Row] = (),
    ):
        self.steps: dict[Row, list[tuple[int, int]]] = {}
        self.previews: dict[Row, list[Image]] = {}
        self.warnings: dict[Row, list[str]] = {}
        self.images: dict[Row, Image] = {}
        self._watched = watched
        self._cancel_when = cancel_when
        self._waiting = list(waiting)

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Remember a step."""
        self.steps.setdefault(row, []).append((step, num_steps))

    def wants_preview(self, row: Row) -> bool:  # noqa: ARG002 - all rows are watched, or none
        """Tell whether this feed is watched."""
        return self._watched

    def preview(self, row: Row, image: Image) -> None:
        """Remember an unfinished picture."""
        self.previews.setdefault(row, []).append(image)

    def cancelled(self, row: Row) -> bool:
        """Ask `cancel_when`."""
        return self._cancel_when is not None and self._cancel_when(self, row)

    def admit(self, room: int) -> Sequence[Row]:
        """Give the waiting rows once a step is done."""
        if not self.steps:
            return ()
        admitted, self._waiting = self._waiting[:room], self._waiting[room:]
        return admitted

    def warn(self, row: Row, message: str) -> None:
        """Remember a note to the user."""
        self.warnings.setdefault(row, []).append(message)

    def done(self, row: Row, image: Image) -> None:
        """Keep a finished image; a second one for the same row is an error."""
        assert row not in self.images
        self.images[row] = image
