"""The blocklist, and a check of one's own, by themselves."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from app.errors import ModerationBlocked, ModerationUnavailable
from app.messages import JobMessage
from app.moderation import Blocklist, ModerationError, check_image, check_job, image_moderators, job_moderators
from app.settings import Settings
from models.interface import GenerationRequest

LIST = "# comment\n\nforbidden\n two  words \n/fr[ae]e\\d/\n#\nc++\n"


class Whims:
    """A check: no job of seed 13, no image that is black; and it breaks at seed 14."""

    def refuse_job(self, message):
        if message.request.seed == 14:
            raise ValueError("secret prompt")
        return "thirteen" if message.request.seed == 13 else None

    def refuse_image(self, message, image):  # noqa: ARG002 - a moderator is asked so
        return "black" if not image.any() else None


def message(prompt="a fox", seed=1, negative_prompt=None):
    """A job."""
    prompts = {"prompt": prompt, "negative_prompt": negative_prompt}
    request = GenerationRequest(**prompts, width=8, height=8, num_images=1, seed=seed)
    return JobMessage(model="card", request=request)


@pytest.fixture
def blocklist(tmp_path):
    """A list of each kind of line."""
    path = tmp_path / "list"
    path.write_text(LIST)
    return Blocklist.read(path)


@pytest.mark.parametrize("prompt", ["Forbidden!", "a two\nWORDS b", "x free7 y", "in c++"])
def test_what_is_listed_is_refused(blocklist, prompt):
    """Whole words in any case, whatever white space, or a regular expression."""
    with pytest.raises(ModerationBlocked) as refused:
        check_job([blocklist], message(prompt))
    assert prompt not in str(refused.value)
    assert refused.value.param == "prompt"


@pytest.mark.parametrize("prompt", ["unforbidden", "forbiddenness", "two", "twowords", "free", "comment", "a fox"])
def test_what_is_not_listed_passes(blocklist, prompt):
    """Parts of words and comments are nothing."""
    check_job([blocklist], message(prompt, negative_prompt="forbidden"))


@pytest.mark.parametrize(("content", "line"), [(b"good\n/(/\n", ":2: "), (b"\xff", "cannot be read")])
def test_a_wrong_line_is_named(tmp_path, content, line):
    """The service does not start with half a list."""
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(ModerationError, match=line):
        job_moderators(Settings(blocklist_file=path))


def test_a_check_of_ones_own(monkeypatch):
    """It is found by its path and asked about jobs and images; one that breaks lets nothing pass."""
    monkeypatch.setitem(sys.modules, "whims", SimpleNamespace(Whims=Whims))
    moderators = image_moderators(Settings(moderation_check="whims:Whims"))
    check_job(moderators, message())
    check_image(moderators, message(), np.ones((8, 8, 3), np.uint8))
    with pytest.raises(ModerationBlocked):
        check_job(moderators, message(seed=13))
    with pytest.raises(ModerationBlocked):
        check_image(moderators, message(), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ModerationUnavailable) as broken:
        check_job(moderators, message(seed=14))
    assert (broken.value.__cause__, "secret" in str(broken.value)) == (None, False)


@pytest.mark.parametrize("path", ["no.such:Thing", "os:nothing", "os:sep", "collections:OrderedDict"])
def test_a_check_that_is_none_is_named(path):
    """The service does not start without the check that it was told to make."""
    with pytest.raises(ModerationError, match=path):
        job_moderators(Settings(moderation_check=path))


def test_it_is_off_by_default():
    """Nothing looks at anything."""
    assert job_moderators(Settings()) == ()
