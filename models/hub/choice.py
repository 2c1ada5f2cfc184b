"""Which files of a repository make up a pipeline or an adapter. Nothing that could run code is among them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from models.hub import HubError

INDEX = "model_index.json"
WEIGHTS = ".safetensors"
PICKLES = {".bin", ".ckpt", ".pt", ".pth", ".pkl"}
_CONTENTS = {WEIGHTS, ".json", ".txt", ".model", ".jinja"}
_TERMS = re.compile(r"(licen[sc]e|notice|readme|use_policy)[^/]*", re.IGNORECASE)
_SHARD = re.compile(r"-\d{5}-of-\d{5}")
_CONVERTER = "https://huggingface.co/spaces/safetensors/convert"


def choose_pipeline(paths: Collection[str], index: Mapping[str, Any], variant: str | None) -> list[str]:
    """Return the files of the components that `model_index.json` names, each in the variant if it has that.

    Raises:
        HubError: the pipeline needs code of its own, or a component has no safetensors to load.
    """
    if not isinstance(index.get("_class_name"), str):
        raise HubError(f"{INDEX}: _class_name: this pipeline brings code of its own, which is never run")
    chosen = [path for path in paths if path == INDEX or _TERMS.fullmatch(path)]
    for component, library in index.items():
        if isinstance(library, list) and library[0] is not None and not component.startswith("_"):
            chosen += _choose_component(component, [path for path in paths if _is_in(component, path)], variant)
    if variant is not None and variant not in map(variant_of, chosen):
        raise HubError(f"there are no weights of the variant {variant!r}; there are: {_variants(paths)}")
    return sorted(chosen)


def choose_adapter(paths: Collection[str]) -> list[str]:
    """Return the files of a repository that holds adapters and no pipeline.

    Raises:
        HubError: there are no safetensors right in the repository.
    """
    top = [path for path in paths if "/" not in path]
    if not any(path.endswith(WEIGHTS) for path in top):
        raise HubError(f"this is neither a diffusers pipeline ({INDEX}) nor an adapter (*{WEIGHTS})")
    return sorted(path for path in top if path.endswith(WEIGHTS) or _TERMS.fullmatch(path))


def variant_of(path: str) -> str | None:
    """Tell the variant in a weights file's name: `fp16` in `model.fp16-00001-of-00002.safetensors`."""
    name = PurePosixPath(path).name
    if not name.endswith(WEIGHTS):
        return None
    return _SHARD.sub("", name.removesuffix(WEIGHTS)).partition(".")[2] or None


def _choose_component(component: str, paths: list[str], variant: str | None) -> list[str]:
    weights = [path for path in paths if path.endswith(WEIGHTS)]
    pickles = [path for path in paths if PurePosixPath(path).suffix in PICKLES]
    if pickles and not weights:
        raise HubError(
            f"{component} has weights as pickles only ({pickles[0]}), and opening those could run foreign code:"
            f" name a revision with safetensors; {_CONVERTER} makes one"
        )
    wanted = [path for path in weights if variant_of(path) == variant] or [p for p in weights if variant_of(p) is None]
    if weights and not wanted:
        raise HubError(f"{component} has weights in variants only: {_variants(weights)}; name one with --variant")
    return wanted + [path for path in paths if path not in weights and PurePosixPath(path).suffix in _CONTENTS]


def _is_in(component: str, path: str) -> bool:
    parts = PurePosixPath(path).parts
    return parts[0] == component and len(parts) > 1 and not any(part.startswith(".") for part in parts)


def _variants(paths: Collection[str]) -> str:
    return ", ".join(sorted({variant for path in paths if (variant := variant_of(path))})) or "none"
