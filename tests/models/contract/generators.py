"""Every kind of generator, as small as it gets, for the one contract test: add a family here and it is held to it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from models.catalog_entries import DiffusersModel, TestcardModel
from models.interface import ImageGenerator
from models.testcard.generator import TestcardGenerator


@dataclass(frozen=True)
class Kind:
    """How to make a generator in an empty folder, and what to ask of it."""

    make: Callable[[Path], ImageGenerator]
    sizes: tuple[tuple[int, int], ...]
    tolerance: int = 0  # levels of 255 by which a batch's size may change a pixel


def _testcard(_folder: Path) -> ImageGenerator:
    return TestcardGenerator(TestcardModel(id="card", family="testcard"))


def _diffusers(save: str) -> Callable[[Path], ImageGenerator]:
    def make(folder: Path) -> ImageGenerator:
        from models.diffusers_adapter import DiffusersGenerator  # noqa: PLC0415 - takes seconds
        from tests.models.contract import tiny_pipelines  # noqa: PLC0415

        source = str(getattr(tiny_pipelines, save)(folder))
        entry = DiffusersModel(id="tiny", family="diffusers", source=source)
        return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)

    return make


def _with_adapter(folder: Path) -> ImageGenerator:
    from models.catalog_entries import Adapter  # noqa: PLC0415
    from models.diffusers_adapter import DiffusersGenerator  # noqa: PLC0415
    from tests.models.contract.tiny_adapters import save_lora  # noqa: PLC0415
    from tests.models.contract.tiny_pipelines import save_stable_diffusion  # noqa: PLC0415

    source = save_stable_diffusion(folder / "pipeline")
    adapter = Adapter(source=str(save_lora(source, folder)), scale=0.8)
    entry = DiffusersModel(id="tiny", family="diffusers", source=str(source), adapters=(adapter,))
    return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)


def _transformer(folder: Path) -> ImageGenerator:
    from models.transformer.generator import TransformerGenerator  # noqa: PLC0415
    from tests.models.transformer.test_generator import save_small_generator  # noqa: PLC0415

    save_small_generator(folder)
    return TransformerGenerator.from_pretrained(folder)


def _gan(folder: Path) -> ImageGenerator:
    from models.gan.generator import GanGenerator  # noqa: PLC0415
    from tests.models.gan.test_generator import save_small_gan  # noqa: PLC0415

    return GanGenerator.from_pretrained(save_small_gan(folder, upscaler=False))


KINDS = {
    "testcard": Kind(_testcard, sizes=((64, 64), (100, 75), (65, 129))),
    "transformer": Kind(_transformer, sizes=((64, 64),), tolerance=1),
    "gan": Kind(_gan, sizes=((128, 128),)),
    "stable_diffusion": Kind(_diffusers("save_stable_diffusion"), sizes=((64, 64), (96, 64)), tolerance=1),
    "stable_diffusion with an adapter": Kind(_with_adapter, sizes=((64, 64), (96, 64)), tolerance=1),
    "stable_diffusion_xl": Kind(_diffusers("save_stable_diffusion_xl"), sizes=((64, 64), (64, 96)), tolerance=1),
    "pixart_sigma": Kind(_diffusers("save_pixart_sigma"), sizes=((64, 64), (96, 64)), tolerance=1),
}
