"""What can go wrong with a batch, and what a job's owner is told of it: a stable code and a sentence, no internals.

generation_failed    the generator raised, for this job alone
content_refused      the model's safety checker will not show the picture
moderation_blocked   the operator's check will not show the picture
moderation_unavailable  the operator's check does not work
model_not_loaded     the worker had unloaded the model, and could not load it again
out_of_memory        not even this one image fits into the device's memory
timeout              the job ran for longer than `EASEL_JOB_TIMEOUT_SECONDS`
input_missing        the input picture is no longer in storage
image_missing        the generator returned without this job's image
encoding_failed      the image could not be encoded
storage_unavailable  the object store did not give the input picture, or did not take the image for minutes
quarantined          several workers died while drawing this job
invalid_job          what lay in the queue was not a job of this service
"""

from __future__ import annotations

import traceback
from typing import Literal

from rq.timeouts import JobTimeoutException

from app.errors import ObjectNotFound, StorageUnavailable
from app.messages import JobError
from models.interface import ContentRefused

SplitCause = Literal["out_of_memory", "error"]

_OUT_OF_MEMORY = {"OutOfMemoryError"}  # of torch and torch.cuda, by name: this module does without torch
_DEVICE_LOST = {"AcceleratorError"}


class DeviceLost(Exception):
    """The accelerator's context is broken for good: only a new process helps."""


class ModelNotLoaded(Exception):
    """A model that was served cannot be loaded any more."""


class ImageMissing(Exception):
    """The generator returned, but not with this row's image."""


_REASONS: dict[type[Exception], tuple[str, str]] = {
    JobTimeoutException: ("timeout", "drawing took longer than this service allows"),
    ObjectNotFound: ("input_missing", "the input picture is no longer there"),
    StorageUnavailable: ("storage_unavailable", "the input picture could not be read"),
    ModelNotLoaded: ("model_not_loaded", "the model could not be loaded"),
    ImageMissing: ("image_missing", "the generator returned without the image"),
    ContentRefused: ("content_refused", "the model's safety checker refused the picture"),
}


def is_out_of_memory(error: Exception) -> bool:
    """Whether a smaller batch may succeed."""
    return type(error).__name__ in _OUT_OF_MEMORY


def is_device_lost(error: Exception) -> bool:
    """Whether every later call on the device will fail as well; what has caused the error counts, too."""
    return any(
        type(one).__name__ in _DEVICE_LOST or (isinstance(one, RuntimeError) and "CUDA error" in str(one))
        for one in (error, error.__cause__)
    )


def job_error(error: Exception) -> JobError:
    """Say why the generator did not draw a job."""
    if is_out_of_memory(error):
        return JobError(code="out_of_memory", message="the request does not fit into the memory of the device")
    for kind, (code, message) in _REASONS.items():
        if isinstance(error, kind):
            return JobError(code=code, message=message)
    return JobError(code="generation_failed", message=f"the generator failed with {type(error).__name__}")


def trace_of(error: BaseException) -> str:
    """Write an exception's class and call stack without its message, which may hold a prompt."""
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
