"""What a client's server is told."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.api.answers import Job


class JobEnded(BaseModel):
    """A job has ended."""

    id: Annotated[str, Field(description="The header webhook-id of every attempt.")]
    type: Literal["job.succeeded", "job.failed", "job.canceled"]
    timestamp: Annotated[dt.datetime, Field(description="When it ended.")]
    data: Annotated[Job, Field(description="As a GET shows it now; its links are signed at this attempt.")]
