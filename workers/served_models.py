"""The models of one worker: all of them served, as many of them loaded as the ledger has room for.

Each is loaded once before it is announced, so that it is known what it can do and takes, and that it draws. One
that had to go is loaded again when a batch of its jobs has been claimed. Between batches only, by one thread; others
may look. Models that share weights are one in the ledger, since none of them frees much alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import structlog

from app.announcements import ModelProfile
from models.catalog import ModelEntry
from models.interface import ImageGenerator
from models.weight_files import weight_bytes
from workers.failures import DeviceLost, ModelNotLoaded, is_device_lost
from workers.ledger import Ledger
from workers.memory import give_back, model_bytes
from workers.metrics import WorkerMetrics

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker asks for when it claims; models that may not be loaded yet are left out for some seconds."""

    max_images: Mapping[str, int]
    max_cost: Mapping[str, float] = field(default_factory=dict)
    later_seconds: Mapping[str, float] = field(default_factory=dict)
    again_in_seconds: float | None = None


TryOut: TypeAlias = Callable[[str, ImageGenerator], None]


def _untried(model: str, generator: ImageGenerator) -> None:
    """Believe in a model that has drawn before: the batch that waits for it will soon tell."""


@dataclass(slots=True)
class _Served:
    profile: ModelProfile
    description: Mapping[str, str]
    entry: ModelEntry
    generator: ImageGenerator | None  # None: not loaded now


class ServedModels:
    """Generators by model id, loaded when they are needed; iterates over the ids."""

    def __init__(
        self,
        load: Callable[[ModelEntry], ImageGenerator],
        ledger: Ledger,
        metrics: WorkerMetrics,
        measure: Callable[[], int] = model_bytes,
        try_out: TryOut = _untried,
    ) -> None:
        self.version = 0  # rises with every change of what is served or loaded
        self._load = load
        self._ledger = ledger
        self._metrics = metrics
        self._measure = measure
        self._try_out = try_out
        self._served: Mapping[str, _Served] = {}  # never changed in place: other threads look

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)

    def entry(self, model: str) -> ModelEntry | None:
        """Return what the catalogue says of a model that is served."""
        return self._served[model].entry if model in self._served else None

    def serve(self, entry: ModelEntry) -> None:
        """Load a model and take its jobs from now on; it replaces the one of its id, if there is one.

        Raises:
            ModelTooLarge: it does not fit into the budget.
            Exception: it cannot be loaded or cannot draw; all is as before.
        """
        if not self._models_of(_account(entry)):
            self._ledger.expect(_account(entry), weight_bytes(entry))
        try:
            self._bring_in(entry, self._try_out)
        except Exception:
            self._close(_account(entry))
            raise
        give_back()  # what loading, and the model's old form, have left

    def withdraw(self, model: str) -> None:
        """Take no more jobs of a model, and free what it occupies."""
        account = _account(self._served[model].entry)
        if self._served[model].generator is not None:
            self._unload(model)
        self._served = {name: one for name, one in self._served.items() if name != model}
        self._close(account)
        self.version += 1

    def open(self, model: str) -> ImageGenerator:
        """Return the model's generator, loaded.

        Raises:
            ModelNotLoaded: it cannot be loaded, and is not served from now on; the others are.
            DeviceLost: nothing can be loaded in this process any more.
        """
        served = self._served[model]
        if served.generator is None:
            try:
                self._bring_in(served.entry, _untried)
            except Exception as error:
                if is_device_lost(error):
                    raise DeviceLost from error
                self.withdraw(model)
                log.critical("model_withdrawn", model=model, reason=f"{type(error).__name__}: {error}")
                raise ModelNotLoaded(model) from error
        self._ledger.used(_account(served.entry))
        return cast("ImageGenerator", self._served[model].generator)

    def profiles(self) -> dict[str, ModelProfile]:
        """Return what each model can do."""
        return {model: served.profile for model, served in self._served.items()}

    def descriptions(self) -> dict[str, Mapping[str, str]]:
        """Return how each model runs."""
        return {model: served.description for model, served in self._served.items()}

    def load_seconds(self) -> dict[str, float]:
        """Return, for each model that is served but not loaded, how long loading has taken."""
        missing = {model: one.entry for model, one in self._served.items() if one.generator is None}
        return {model: self._ledger.load_seconds(_account(entry)) for model, entry in missing.items()}

    def max_batch_size(self, model: str) -> int:
        """Return how many images the model draws at once."""
        return self._served[model].profile.capabilities.max_batch_size

    def max_cost(self, model: str) -> float | None:
        """Return what a batch of the model may cost, if its entry says so."""
        cost = self._served[model].entry.max_batch_cost
        return None if cost is None else float(cost)

    def offer(self) -> Offer:
        """Say what to claim now."""
        accounts = {model: _account(one.entry) for model, one in self._served.items()}
        unsettled = self._ledger.settles_in(accounts.values())
        asked = [model for model, account in accounts.items() if account not in unsettled]
        later = {model: self._ledger.later_seconds(accounts[model]) for model in asked}
        costs = {model: self.max_cost(model) for model in asked}
        return Offer(
            {model: self.max_batch_size(model) for model in asked},
            {model: cost for model, cost in costs.items() if cost},
            {model: seconds for model, seconds in later.items() if seconds},
            min(unsettled.values(), default=None),
        )

    def _bring_in(self, entry: ModelEntry, try_out: TryOut) -> None:
        """Load a model, before and after that driving out others that it has no room beside."""
        model, account = entry.id, _account(entry)
        self._make_room(account)
        occupied, started = self._measure(), time.monotonic()
        try:
            generator = self._load(entry)
            load_seconds = time.monotonic() - started
            try_out(model, generator)
            num_bytes = self._measure() - occupied
            if entry.shared_weights:
                num_bytes += self._ledger.loaded_bytes(account)  # what others hold of it already
            self._ledger.check(model, num_bytes)
        except Exception:
            self._metrics.model_load_failed(model)
            raise
        seconds = time.monotonic() - started
        self._ledger.loaded(account, num_bytes=num_bytes, seconds=load_seconds)
        self._put(generator, model, entry)
        self._make_room(account)
        self._metrics.model_loaded(model, seconds=seconds, memory_bytes=num_bytes)
        times = {"load_seconds": round(load_seconds, 2), "warm_up_seconds": round(seconds - load_seconds, 2)}
        log.info("model_loaded", model=model, **times, **generator.description)

    def _put(self, generator: ImageGenerator, model: str, entry: ModelEntry) -> None:
        profile = ModelProfile(generator.capabilities, generator.revision)
        replaced = self._served.get(model)
        self._served = {**self._served, model: _Served(profile, generator.description, entry, generator)}
        if replaced is not None:
            self._close(_account(replaced.entry))
        self.version += 1

    def _make_room(self, account: str) -> None:
        for leaving in self._ledger.leaving(account):
            for model in self._models_of(leaving):
                if self._served[model].generator is not None:
                    self._unload(model)

    def _unload(self, model: str) -> None:
        served = self._served[model]
        served.generator = None
        if all(self._served[other].generator is None for other in self._models_of(_account(served.entry))):
            self._ledger.unloaded(_account(served.entry))
        self.version += 1
        give_back()
        self._metrics.model_unloaded(model)
        log.info("model_unloaded", model=model)

    def _models_of(self, account: str) -> list[str]:
        return [model for model, one in self._served.items() if _account(one.entry) == account]

    def _close(self, account: str) -> None:
        """Strike the account out if no model is served on it."""
        if not self._models_of(account):
            self._ledger.forget(account)


def _account(entry: ModelEntry) -> str:
    """Name what the ledger keeps one account for."""
    return entry.shared_weights or entry.id
