"""Decides which models stay in memory within a budget; every clock is passed in, every size is told.

The model that was used longest ago goes first. Two rules keep models that take turns from doing nothing but load:
a model that was loaded stays for as long as its loading took, so that loading takes at most half of the time; and
a job whose model would have to drive out another counts as come later by ten times what its loading takes, a minute
at most. That is how much longer it may wait than if its model were loaded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_LATER_PER_LOADING_SECOND = 10.0
_LATEST_SECONDS = 60.0


class ModelTooLarge(Exception):
    """A model does not fit into the budget, even alone."""


@dataclass(slots=True)
class _Account:
    num_bytes: int  # as estimated, and as measured once it was loaded
    load_seconds: float = 0.0
    used_at: float = -math.inf
    is_loaded: bool = False


class Ledger:
    """What each model takes, which of them are loaded, and who goes for whom."""

    def __init__(self, budget_bytes: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = math.inf if budget_bytes is None else budget_bytes
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._settled_at = -math.inf  # when the model loaded last may be driven out

    @property
    def num_bytes(self) -> int:
        """What the loaded models take together."""
        return sum(account.num_bytes for account in self._accounts.values() if account.is_loaded)

    def check(self, model: str, num_bytes: int) -> None:
        """Make sure that a model which takes so much can be kept.

        Raises:
            ModelTooLarge: not even alone.
        """
        if num_bytes > self._budget:
            raise ModelTooLarge(f"model {model} takes {num_bytes} bytes, EASEL_MODEL_MEMORY_BYTES={self._budget:.0f}")

    def expect(self, model: str, num_bytes: int) -> None:
        """Take note of a model that has not been loaded yet, and of what it will take."""
        self._accounts[model] = _Account(num_bytes)

    def forget(self, model: str) -> None:
        """Strike out a model that is no longer served."""
        del self._accounts[model]

    def leaving(self, model: str) -> list[str]:
        """Name the loaded models that have to go so that `model` fits, the one used longest ago first."""
        others = (name for name, one in self._accounts.items() if one.is_loaded and one.num_bytes and name != model)
        leaving: list[str] = []
        missing = self._missing(model)
        for name in sorted(others, key=lambda name: self._accounts[name].used_at):
            if missing <= 0:
                break
            leaving.append(name)
            missing -= self._accounts[name].num_bytes
        return leaving

    def loaded(self, model: str, *, num_bytes: int, seconds: float) -> None:
        """Take note of a model that was loaded, of what it takes and how long that has taken."""
        now = self._clock()
        self._accounts[model] = _Account(num_bytes, seconds, used_at=now, is_loaded=True)
        self._settled_at = now + seconds

    def unloaded(self, model: str) -> None:
        """Take note that a model has gone; what it takes is remembered."""
        self._accounts[model].is_loaded = False

    def used(self, model: str) -> None:
        """Take note that a model draws."""
        self._accounts[model].used_at = self._clock()

    def loaded_bytes(self, model: str) -> int:
        """What the model takes now."""
        account = self._accounts[model]
        return account.num_bytes if account.is_loaded else 0

    def is_loaded(self, model: str) -> bool:
        """Whether the model is in memory."""
        return self._accounts[model].is_loaded

    def load_seconds(self, model: str) -> float:
        """How long loading has taken; 0 if that is not known."""
        return self._accounts[model].load_seconds

    def later_seconds(self, model: str) -> float:
        """How much later than they came the model's jobs count as come."""
        if not self._drives_out(model):
            return 0.0
        return min(_LATER_PER_LOADING_SECOND * self.load_seconds(model), _LATEST_SECONDS)

    def settles_in(self, models: Iterable[str]) -> dict[str, float]:
        """Return, for those of the models that may not be loaded yet, in how many seconds they may."""
        left = self._settled_at - self._clock()
        return {model: left for model in models if left > 0 and self._drives_out(model)}

    def _drives_out(self, model: str) -> bool:
        return bool(self.leaving(model))

    def _missing(self, model: str) -> float:
        """How many bytes must be freed before the model fits; for a loaded one, so that it may stay."""
        account = self._accounts[model]
        return self.num_bytes + (0 if account.is_loaded else account.num_bytes) - self._budget
