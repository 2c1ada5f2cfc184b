"""One copy of a pipeline's weights for all entries that name the same pipeline, each with adapters of its own."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any
from weakref import WeakValueDictionary

import torch

from models.catalog_entries import DiffusersModel
from models.diffusers_loading import PipelineError, fingerprint, load_pipeline, pipeline_folder
from models.diffusers_lora import LoadedAdapter, load_adapter


class SharedPipeline:
    """A loaded pipeline. One run at a time: scheduler and adapters are the state of the run."""

    def __init__(self, pipeline: Any, fingerprint: str) -> None:
        self.pipeline = pipeline
        self._fingerprint = fingerprint
        self._has_adapters = False
        self._run = threading.Lock()

    def load_adapters(self, entry: DiffusersModel) -> tuple[LoadedAdapter, ...]:
        """Add the entry's adapters to the pipeline; none is in force outside of `drawing_with`.

        Raises:
            PipelineError: one of them cannot be used; the message names its place in the entry.
        """
        loaded: dict[str, LoadedAdapter] = {}
        for place, adapter in enumerate(entry.adapters):
            try:
                with self._run:
                    added = load_adapter(self.pipeline, adapter)
            except PipelineError as error:
                raise PipelineError(f"{entry.id}: adapters.{place}: {error}") from error
            if added.name in loaded:
                raise PipelineError(
                    f"{entry.id}: adapters.{place}: {adapter.source} is named twice, and can have one scale"
                )
            self._has_adapters = True
            loaded[added.name] = added
        return tuple(loaded.values())

    def revision_with(self, adapters: Sequence[LoadedAdapter]) -> str:
        """Tell by which weights pictures are drawn."""
        if not adapters:
            return self._fingerprint
        weighed = "".join(f" {adapter.name} {adapter.scale!r}" for adapter in adapters)
        digest = hashlib.sha256(f"{self._fingerprint}{weighed}".encode()).hexdigest()
        return f"{digest[:12]}-peft{version('peft')}"

    @contextlib.contextmanager
    def drawing_with(self, adapters: Sequence[LoadedAdapter]) -> Iterator[None]:
        """Have the pipeline to oneself, with these adapters and no others."""
        with self._run:
            if adapters:
                self.pipeline.enable_lora()
                names, scales = [adapter.name for adapter in adapters], [adapter.scale for adapter in adapters]
                self.pipeline.set_adapters(names, scales)
            elif self._has_adapters:
                self.pipeline.disable_lora()
            yield


_loaded: WeakValueDictionary[object, SharedPipeline] = WeakValueDictionary()  # as long as a generator draws with it


def shared_pipeline(entry: DiffusersModel, *, device: torch.device, dtype: torch.dtype) -> SharedPipeline:
    """Load the entry's pipeline, or find it loaded for another one.

    Raises:
        PipelineError: as from `load_pipeline`.
    """
    folder = pipeline_folder(entry)
    files = fingerprint(folder)
    key = (entry.shared_weights, files, device, dtype)
    if (found := _loaded.get(key)) is None:
        found = SharedPipeline(load_pipeline(entry, folder, device=device, dtype=dtype), files)
        _loaded[key] = found
    return found
