"""A job that this worker holds, from the claim until its outcome is committed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from app.messages import JobMessage, Progress
from models.interface import Row

DropReason = Literal["stopped", "lost", "failed"]


@dataclass(eq=False)
class ClaimedJob:
    """One execution of a job; the lease thread and the generator's thread both look at it.

    `dropped` says why its images are no longer wanted: an operator or client stopped it, it is another worker's
    now, or it has failed already.
    """

    id: str
    execution: str  # "<job id>:<execution id>", the fencing token
    queue: str
    model: str
    message: JobMessage
    deaths: int  # workers that died while they were running it
    waited_seconds: float
    batch_key: str = ""
    keep_seconds: int = 86_400
    claimed_at: float = field(default_factory=time.monotonic)
    dropped: DropReason | None = None
    _steps: dict[int, int] = field(default_factory=dict)  # by image
    _published: Progress | None = None
    _progress: Progress | None = None

    @property
    def rows(self) -> list[Row]:
        """Its images, one row each."""
        request = self.message.request
        return [Row(request, index, self.id) for index in range(request.num_images)]

    def report(self, image: int, step: int, num_steps: int) -> None:
        """Take note of an image's progress; the job is as far as its slowest image."""
        self._steps[image] = step
        slowest = min(self._steps.get(index, 0) for index in range(self.message.request.num_images))
        self._progress = Progress(step=slowest, num_steps=num_steps)

    @property
    def has_news(self) -> bool:
        """Whether there is progress that nobody has been told."""
        return self._progress != self._published

    def take_news(self) -> str:
        """Return the progress as it is stored, or "" if it is known already."""
        if not self.has_news or self._progress is None:
            return ""
        self._published = self._progress
        return f"{self._progress.step}/{self._progress.num_steps}"
