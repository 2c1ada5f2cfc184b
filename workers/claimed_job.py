"""A job that this worker holds, from the claim until its outcome is committed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from app.messages import JobMessage, Progress
from models.interface import Image, InputImage, Row
from workers.previews import Previews

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
    model_revision: str = ""  # of the generator that draws it
    previews: Previews = field(default_factory=Previews)
    is_drawn: bool = False  # all its images are encoded: whatever kills this process now, it is not this job
    is_spared: bool = False  # and Redis knows that
    source: InputImage | None = None  # fetched before it is drawn
    _steps: dict[int, int] = field(default_factory=dict)  # by image
    _is_new: bool = True
    _published: Progress | None = None
    _progress: Progress | None = None

    @property
    def rows(self) -> list[Row]:
        """Its images, one row each."""
        request = self.message.request
        return [Row(request, index, self.id, self.source) for index in range(request.num_images)]

    def report(self, image: int, step: int, num_steps: int) -> None:
        """Take note of an image's progress; the job is as far as its slowest image."""
        self._steps[image] = step
        slowest = min(self._steps.get(index, 0) for index in range(self.message.request.num_images))
        self._progress = Progress(step=slowest, num_steps=num_steps)

    def wants_preview(self, image: int) -> bool:
        """Whether somebody should see the image as it is now."""
        return self._progress is not None and self.previews.is_due(image, self._steps[image], self._progress.num_steps)

    def preview(self, image: int, picture: Image) -> None:
        """Let those who look see the image as it is now."""
        if self._progress is not None:
            self.previews.add(image, self._steps[image], self._progress.num_steps, picture)

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell of it, or to ask: of a new job, whether somebody looks at it."""
        return self._is_new or bool(self.previews) or self._progress != self._published

    def take_news(self) -> str:
        """Return the progress as it is stored, or "" if it is known already."""
        self._is_new = False
        if self._progress is None or self._progress == self._published:
            return ""
        self._published = self._progress
        return f"{self._progress.step}/{self._progress.num_steps}"
