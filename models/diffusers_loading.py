"""Loads a diffusers pipeline from a folder or the hub: safetensors only, never foreign code, with errors that help.

Importing diffusers takes seconds, so only a worker that has such a model imports this module.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from models.catalog_entries import DiffusersModel

PICKLES = {".bin", ".ckpt", ".pt", ".pth"}
SAMPLE_BYTES = 65_536


class PipelineError(Exception):
    """The pipeline cannot be loaded or used; the message says what to do."""


def load_pipeline(entry: DiffusersModel, folder: Path, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load the entry's pipeline from its folder onto `device`.

    Raises:
        PipelineError: it has pickled weights only, or does not fit.
    """
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    _refuse_pickles(entry, folder)
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            folder, variant=entry.variant, dtype=dtype, use_safetensors=True
        )
    except (OSError, ValueError, ImportError, AttributeError) as error:
        raise PipelineError(f"{entry.id}: {entry.source} cannot be loaded: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def pipeline_folder(entry: DiffusersModel) -> Path:
    """Find the entry's pipeline on disk, fetching it from the hub where it is missing.

    Raises:
        PipelineError: it is neither here nor can it be fetched.
    """
    if Path(entry.source).is_absolute():
        if not (Path(entry.source) / "model_index.json").is_file():
            raise PipelineError(f"{entry.id}: {entry.source} is no folder with a diffusers pipeline (model_index.json)")
        return Path(entry.source)
    try:
        return Path(
            diffusers.DiffusionPipeline.download(
                entry.source, revision=entry.revision, variant=entry.variant, use_safetensors=True
            )
        )
    except (OSError, ValueError) as error:
        raise PipelineError(_advice(entry, str(error))) from error


def fingerprint(folder: Path) -> str:
    """Digest names, sizes and samples of the files: gigabytes need not be read to notice that they were replaced."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".safetensors", ".json", ".txt"}):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder)} {size}\n".encode())
        with path.open("rb") as file:
            for offset in (0, size // 2, size - SAMPLE_BYTES):
                file.seek(max(0, offset))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:12]


def _refuse_pickles(entry: DiffusersModel, folder: Path) -> None:
    for path in sorted(folder.glob("*/*")):
        if path.suffix in PICKLES and not list(path.parent.glob("*.safetensors")):
            raise PipelineError(_pickle_advice(entry, str(path.relative_to(folder))))


def _advice(entry: DiffusersModel, reason: str) -> str:
    if "safetensors" in reason:
        return _pickle_advice(entry, "see below") + f"\n{reason}"
    revision = f"@{entry.revision}" if entry.revision else ""
    variant = f" --variant {entry.variant}" if entry.variant else ""
    return (
        f"{entry.id}: {entry.source} is not on this machine and could not be fetched. Where there is a network, run"
        f" `easel models pull {entry.source}{revision}{variant}`, bring the folder that it makes here, and set `source`"
        f" to it. The reason: {reason}"
    )


def _pickle_advice(entry: DiffusersModel, where: str) -> str:
    return (
        f"{entry.id}: {entry.source} has weights as pickles only ({where}), and opening those could run foreign code."
        " Name a `revision` with safetensors; https://huggingface.co/spaces/safetensors/convert makes one."
    )
