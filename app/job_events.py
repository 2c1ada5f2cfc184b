"""What somebody who follows a job is told, and how a stream of it goes on where it was cut.

Events are differences between two looks at a job, not entries of a log: whoever is slow or comes back late gets the
present at once, nothing has to be kept for anybody, and a message lost on the way costs time but no event.
An event's id names all that was told up to it, so it is all that going on needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from app.errors import InvalidRequest
from app.messages import CONTENT_TYPES, JobRecord, JobStatus, OutputFormat

_ID = re.compile(r"(queued|running|succeeded|failed|canceled)-(\d{1,9})-(\d{1,9})")
PREVIEW_FORMAT: OutputFormat = "jpeg"  # small, and everybody shows it


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits; `position` jobs go before it, as long as nobody more urgent comes."""

    id: str
    position: int


@dataclass(frozen=True, slots=True)
class Running:
    """The job is being drawn; its slowest image has `step` of `num_steps` done (None: not known yet)."""

    id: str
    step: int
    num_steps: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The `number`-th look (0-based, gaps are possible) at the unfinished `image`-th image."""

    id: str
    image: int
    number: int
    picture: bytes
    content_type: str = CONTENT_TYPES[PREVIEW_FORMAT]


@dataclass(frozen=True, slots=True)
class Ended:
    """The job has reached its final state; the last event."""

    id: str
    record: JobRecord


JobEvent: TypeAlias = Queued | Running | Preview | Ended


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A job at one moment, as far as those who follow it care; what it has ended as, its record tells."""

    state: Literal["queued", "running", "ended"]
    position: int = 0
    step: int = 0
    num_steps: int | None = None
    previews: int = 0  # all that were ever made of it


@dataclass(frozen=True, slots=True)
class Told:
    """What a follower knows."""

    status: str = ""
    number: int = 0  # position or step
    previews: int = 0

    @classmethod
    def read(cls, event_id: str | None) -> Told:
        """Read it from the id of the last event that arrived, or start afresh.

        Raises:
            InvalidRequest: this is no event's id.
        """
        if event_id is None:
            return cls()
        if not (parts := _ID.fullmatch(event_id)):
            raise InvalidRequest("this is not the id of an event of a job", param="Last-Event-ID")
        return cls(parts[1], int(parts[2]), int(parts[3]))

    @property
    def id(self) -> str:
        """The id of the event that told the last of it."""
        return f"{self.status}-{self.number}-{self.previews}"

    @property
    def is_all(self) -> bool:
        """Whether nothing can follow."""
        return self.status != "" and JobStatus(self.status).is_final

    def after(self, glimpse: Glimpse) -> Told:
        """Return what is known once the job's place or step has been told; its previews are told apart."""
        number = glimpse.position if glimpse.state == "queued" else glimpse.step
        return replace(self, status=glimpse.state, number=number)

    def at_the_end(self, status: JobStatus) -> Told:
        """Return what is known once the job's end has been told."""
        return replace(self, status=status.value, number=0)


def glimpse_of(record: JobRecord) -> Glimpse:
    """See what a record shows; it shows no previews."""
    if record.status.is_final:
        return Glimpse("ended")
    if record.status is JobStatus.QUEUED:
        return Glimpse("queued", position=record.position or 0)
    if record.progress is None:
        return Glimpse("running")
    return Glimpse("running", step=record.progress.step, num_steps=record.progress.num_steps)


def event_of(told: Told, glimpse: Glimpse) -> Queued | Running:
    """Tell where a job stands that has not ended."""
    if glimpse.state == "queued":
        return Queued(told.id, glimpse.position)
    return Running(told.id, glimpse.step, glimpse.num_steps)


def previews_of(told: Told, pictures: Sequence[tuple[int, int, int, bytes]]) -> Iterator[Preview]:
    """Tell of new previews, each (which of the job's, image, which of the image's, picture), in the job's order."""
    for count, image, number, picture in sorted(pictures):
        yield Preview(replace(told, previews=count).id, image, number, picture)
