"""Decides what may be asked for and what may be shown: a list of words, and a check of the operator's own.

Off unless `EASEL_BLOCKLIST_FILE` or `EASEL_MODERATION_CHECK` is set.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog

from app.errors import EaselError, ModerationBlocked, ModerationUnavailable
from app.messages import JobMessage
from app.settings import Settings

_RETRY_AFTER_SECONDS = 30

log = structlog.get_logger()


class ModerationError(EaselError):
    """The list or the check cannot be used as it is set, so the service does not start."""


class Moderator(Protocol):
    """What looks at a job before it is queued, and at each of its images before it is stored.

    Both methods return why it is refused, for the log, or None. The caller learns only that it was.
    """

    def refuse_job(self, message: JobMessage) -> str | None:
        """Look at what is asked for; called in a thread of the gateway."""

    def refuse_image(self, message: JobMessage, image: Any) -> str | None:
        """Look at a drawn image, (H, W, 3) uint8; called in threads of the worker."""


class Blocklist:
    """Refuses prompts by words and phrases, whole and in any case, or by regular expressions between slashes."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._patterns = patterns

    @classmethod
    def read(cls, path: Path) -> Blocklist:
        """Read a file of one word, phrase or /regular expression/ a line; `#` begins a comment line.

        Raises:
            ModerationError: names the line that is wrong.
        """
        try:
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        except (OSError, UnicodeDecodeError) as error:
            raise ModerationError(f"the blocklist cannot be read: {error}") from error
        return cls([_pattern(line.strip(), f"{path}:{number}") for number, line in lines if _says_something(line)])

    def refuse_job(self, message: JobMessage) -> str | None:
        """Look for what is listed in the prompt; what is to be avoided may be named."""
        found = any(pattern.search(message.request.prompt) for pattern in self._patterns)
        return "blocklist" if found else None

    def refuse_image(self, message: JobMessage, image: Any) -> str | None:  # noqa: ARG002 - words do not see
        """Refuse none."""
        return None


def job_moderators(settings: Settings) -> tuple[Moderator, ...]:
    """Make what looks at jobs in the gateway.

    Raises:
        ModerationError: it cannot be used.
    """
    listed = (Blocklist.read(settings.blocklist_file),) if settings.blocklist_file else ()
    return (*listed, *image_moderators(settings))


def check_settings(settings: Settings) -> None:
    """Look whether list and check can be used, without making the check, which may be large.

    Raises:
        ModerationError: one cannot be used.
    """
    if settings.blocklist_file:
        Blocklist.read(settings.blocklist_file)
    if settings.moderation_check:
        _find(settings.moderation_check)


def image_moderators(settings: Settings) -> tuple[Moderator, ...]:
    """Make what looks at images in a worker.

    Raises:
        ModerationError: it cannot be used.
    """
    return (_load(settings.moderation_check),) if settings.moderation_check else ()


def check_job(moderators: Sequence[Moderator], message: JobMessage) -> None:
    """Let every moderator look at a job.

    Raises:
        ModerationBlocked: one refuses it.
        ModerationUnavailable: one is broken, so nothing passes.
    """
    for moderator in moderators:
        if reason := _answer(partial(moderator.refuse_job, message)):
            log.info("moderation_blocked", reason=reason)
            raise ModerationBlocked("this request is not drawn here", param="prompt")


def check_image(moderators: Sequence[Moderator], message: JobMessage, image: Any) -> None:
    """Let every moderator look at a drawn image.

    Raises:
        ModerationBlocked, ModerationUnavailable: as `check_job`.
    """
    for moderator in moderators:
        if reason := _answer(partial(moderator.refuse_image, message, image)):
            log.info("moderation_blocked", reason=reason)
            raise ModerationBlocked("the picture is not shown here")


def _answer(question: Callable[[], str | None]) -> str | None:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - it is the operator's code; its message may hold the prompt
        log.warning("moderation_failed", error=type(error).__name__)
        detail = "the check of what may be drawn does not work"
        raise ModerationUnavailable(detail, retry_after_seconds=_RETRY_AFTER_SECONDS) from None


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _pattern(text: str, where: str) -> re.Pattern[str]:
    try:
        if len(text) > 1 and text.startswith("/") and text.endswith("/"):
            return re.compile(text[1:-1], re.IGNORECASE)
    except re.error as error:
        raise ModerationError(f"{where}: {error}") from error
    words = r"\s+".join(map(re.escape, text.split()))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _load(path: str) -> Moderator:
    """Make the check that `package.module:name` names: a class or function without arguments.

    Raises:
        ModerationError: there is none, or what it makes is no moderator.
    """
    try:
        moderator: Moderator = _find(path)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ModerationError(f"EASEL_MODERATION_CHECK={path} cannot be made: {error}") from error
    if not all(callable(getattr(moderator, method, None)) for method in ("refuse_job", "refuse_image")):
        raise ModerationError(f"EASEL_MODERATION_CHECK={path} needs refuse_job and refuse_image")
    return moderator


def _find(path: str) -> Callable[[], Moderator]:
    """Find what `package.module:name` names.

    Raises:
        ModerationError: there is none.
    """
    module, _, name = path.partition(":")
    try:
        found: Callable[[], Moderator] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ModerationError(f"EASEL_MODERATION_CHECK={path} is not to be found: {error}") from error
    return found
