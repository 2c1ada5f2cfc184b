"""The line between a running generator and the jobs it draws for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.interface import Image, Row
from workers.claimed_job import ClaimedJob
from workers.finishing import Finishing
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter

Admit = Callable[[int], Sequence[ClaimedJob]]


class BatchFeed:
    """Takes what a generator reports about the rows of a batch, and passes on what it should know."""

    def __init__(
        self, model: str, finishing: Finishing, admit: Admit, metrics: WorkerMetrics, paces: PaceMeter
    ) -> None:
        self.jobs: dict[str, ClaimedJob] = {}
        self._model = model
        self._finishing = finishing
        self._admit = admit
        self._metrics = metrics
        self._paces = paces
        self._admitted: list[Row] = []
        self._done: set[tuple[str, int]] = set()

    def add(self, jobs: Sequence[ClaimedJob]) -> list[Row]:
        """Take jobs into the batch and return the rows to draw: without those that the spool still has."""
        self.jobs.update((job.id, job) for job in jobs)
        rows = [row for job in jobs for row in job.rows]
        restored = [row for row in rows if self._finishing.restore(self.jobs[row.job_id], row)]
        self._done.update((row.job_id, row.index) for row in restored)
        return [row for row in rows if row not in restored]

    def take_admitted(self) -> list[Row]:
        """Return the rows that joined since this was last asked."""
        admitted, self._admitted = self._admitted, []
        return admitted

    def unfinished(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that are still wanted and not drawn."""
        return [row for row in rows if (row.job_id, row.index) not in self._done and not self.cancelled(row)]

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Note how far the row is; the lease thread publishes it."""
        self.jobs[row.job_id].report(row.index, step, num_steps)
        self._metrics.steps_done(self._model)

    def wants_preview(self, row: Row) -> bool:
        """Tell whether somebody looks and there is more to see than last time."""
        return not self._finishing.moderators and self.jobs[row.job_id].wants_preview(row.index)

    def preview(self, row: Row, image: Image) -> None:
        """Keep the picture; the lease thread makes it small and passes it on."""
        self.jobs[row.job_id].preview(row.index, image)

    def cancelled(self, row: Row) -> bool:
        """Tell whether the row's job was dropped."""
        return self.jobs[row.job_id].dropped is not None

    def admit(self, room: int) -> Sequence[Row]:
        """Claim jobs that may join the batch."""
        jobs = self._admit(room)
        rows = self.add(jobs)
        self._admitted += rows
        if rows:
            self._paces.started(rows)
            self._metrics.rows_admitted(self._model, len(rows))
        return rows

    def warn(self, row: Row, message: str) -> None:
        """Attach a note to the row's job."""
        self._finishing.warn(self.jobs[row.job_id], message)

    def done(self, row: Row, image: Image) -> None:
        """Send the image on its way to storage; the generator goes on meanwhile."""
        self._done.add((row.job_id, row.index))
        self._paces.done(self._model, row)
        if not self.cancelled(row):
            self._finishing.store(self.jobs[row.job_id], row, image)

    def fail(self, row: Row, error: Exception) -> None:
        """End the row's job with an error; its other rows are dropped."""
        self._finishing.fail(self.jobs[row.job_id], error)
