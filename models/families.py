"""From an entry of the catalogue to a loaded generator; only the family in use is imported."""

from __future__ import annotations

from models.catalog import ModelEntry
from models.catalog_entries import DiffusersModel, GanModel, TestcardModel, TransformerModel
from models.interface import ImageGenerator

# ruff: noqa: PLC0415 - a worker with one family need not pay seconds and megabytes for the others


def load_generator(entry: ModelEntry, *, device: str, dtype: str) -> ImageGenerator:
    """Load the model; `device` and `dtype` may be `auto`, and the entry's own dtype goes before `dtype`.

    Raises:
        Exception: whatever the family says of weights, devices or sources that cannot be used.
    """
    if isinstance(entry, TestcardModel):
        from models.testcard.generator import TestcardGenerator

        return TestcardGenerator(entry)
    return _load_on_device(entry, device, entry.dtype if entry.dtype != "auto" else dtype)


def _load_on_device(
    entry: TransformerModel | GanModel | DiffusersModel, device_name: str, dtype_name: str
) -> ImageGenerator:
    from models.devices import choose_device, choose_dtype

    device = choose_device(device_name)
    dtype = choose_dtype(dtype_name, device)
    match entry:
        case TransformerModel():
            from models.transformer.generator import TransformerGenerator

            return TransformerGenerator.from_pretrained(entry.folder, device=device, dtype=dtype)
        case GanModel():
            from models.gan.generator import GanGenerator

            return GanGenerator.from_pretrained(entry.folder, device=device, dtype=dtype)
        case DiffusersModel():
            from models.diffusers_adapter import DiffusersGenerator

            return DiffusersGenerator.from_entry(entry, device=device, dtype=dtype)
