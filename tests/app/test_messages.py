"""Jobs and reports between releases: what crosses Redis while gateways and workers are upgraded one by one."""

import json
import zlib

import pytest

from app.job_records import read_message
from app.messages import RENDER_TASK, JobMessage, Outcome, WorkerAnnouncement
from models.interface import GenerationRequest

FIRST_RELEASE = {
    "version": 1,
    "model": "card",
    "request": {"prompt": "a red fox", "width": 64, "height": 64, "seed": 1, "num_images": 1, "guidance_scale": None},
    "output_format": "png",
    "output_compression": 100,
    "tenant": "public",
}


def on_the_queue(message):
    """Write a message as RQ's `data` field holds it."""
    return zlib.compress(json.dumps([RENDER_TASK, None, [], {"message": message}]).encode())


def test_a_job_of_the_first_release_is_drawn():
    """A message as 0.1.0 wrote it is read for as long as the version is 1."""
    request = GenerationRequest(prompt="a red fox", width=64, height=64, seed=1)
    assert read_message(on_the_queue(FIRST_RELEASE)) == JobMessage(model="card", request=request)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"version": 2}, "version"),
        ({"upscale": 4}, "upscale"),
        ({"request": FIRST_RELEASE["request"] | {"lora": "x"}}, "request.lora"),
        ({"request": FIRST_RELEASE["request"] | {"width": "secret"}}, "request.width"),
    ],
)
def test_what_a_release_does_not_know_is_refused_by_its_place(change, place):
    """A job is never drawn without something that it asks for; the reason names it and shows nothing of the job."""
    with pytest.raises(ValueError, match=f"version 1, cannot read {place}$") as refusal:
        read_message(on_the_queue(FIRST_RELEASE | change))
    assert "secret" not in str(refusal.value)


def test_reports_of_newer_workers_are_read():
    """Workers are upgraded first; what older gateways do not know of their reports is passed over."""
    outcome = Outcome.model_validate({"error": {"code": "timeout", "message": "too long", "hint": "x"}, "watts": 3})
    assert outcome.error.code == "timeout"
    said = {"worker": "w", "models": ["card"], "device": "cpu", "dtype": "float32", "watts": 3}
    assert WorkerAnnouncement.model_validate(said).models == ("card",)
