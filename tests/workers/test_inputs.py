"""Input pictures reach their rows; one that cannot be fetched ends its own job and no other."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from app.errors import ObjectNotFound
from tests.workers.parts import claimed_job
from workers.failures import job_error
from workers.inputs import InputFetcher, fetch_input


class Shelf:
    """Holds one picture and one mask."""

    def get(self, key):
        """Give what is there."""
        if key not in {"inputs/image.png", "inputs/mask.png"}:
            raise ObjectNotFound("there is no object under this key")
        picture = Image.new("RGB", (8, 4), "orange")
        if "mask" in key:
            picture = Image.new("L", (8, 4))
            picture.paste(255, (0, 0, 2, 4))
        data = io.BytesIO()
        picture.save(data, "PNG")
        return data.getvalue()


def job_with(name, **keys):
    """A claimed job with an input picture."""
    job = claimed_job(name)
    request = dataclasses.replace(job.message.request, **keys)
    job.message = job.message.model_copy(update={"request": request})
    return job


def test_pixels_and_mask_reach_the_rows():
    """The mask is true where it is to be drawn anew."""
    job, failures = job_with("a", image="inputs/image.png", mask="inputs/mask.png"), {}
    assert InputFetcher(Shelf()).fetch([job], failures.__setitem__) == [job]
    source = job.rows[0].source
    assert source.pixels.shape == (4, 8, 3)
    assert (source.pixels == (255, 165, 0)).all()
    assert np.array_equal(source.mask[0], [True, True] + [False] * 6)


def test_a_lost_picture_ends_its_own_job():
    """Its batch-mates go on, with pictures or without."""
    lost, fine, plain = (
        job_with("lost", image="inputs/gone.png"),
        job_with("fine", image="inputs/image.png"),
        claimed_job(),
    )
    failed = {}

    def fail(job, error):
        job.dropped = "failed"
        failed[job.id] = job_error(error).code

    assert InputFetcher(Shelf()).fetch([lost, fine, plain], fail) == [fine, plain]
    assert failed == {"lost": "input_missing"}


def test_words_alone_fetch_nothing():
    """Most requests have no picture."""
    assert fetch_input(Shelf(), claimed_job().message.request) is None


def test_a_lost_picture_is_an_error():
    """A missing picture is an error, never a picture drawn from words alone."""
    with pytest.raises(ObjectNotFound):
        fetch_input(Shelf(), job_with("a", image="inputs/gone.png").message.request)
