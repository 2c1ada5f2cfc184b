"""What may be said of a model in the catalogue: one frozen class per family, its fields the keys of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

WEIGHTS = Path(__file__).with_name("weights")  # one folder per bundled model
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"  # fit for a URL, a queue's name and a metric's label

Dtype: TypeAlias = Literal["auto", "float16", "bfloat16", "float32"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Model(_Table):
    id: Annotated[str, Field(pattern=ID_PATTERN)]
    max_batch_cost: PositiveInt | None = None  # images by pixels by steps, drawn at once; one image may cost more

    @property
    def shared_weights(self) -> str | None:
        """What entries agree in whose weights a worker holds only once; None where each has its own."""
        return None

    @field_validator("id")
    @classmethod
    def _keep_the_name_of_the_table(cls, model_id: str, info: ValidationInfo) -> str:
        if model_id != (info.context or {}).get("id", model_id):
            msg = "is the table's name: leave it out"
            raise ValueError(msg)
        return model_id


class TestcardModel(_Model):
    """A drawing of the request itself, without weights; the seconds imitate a slow model in load tests."""

    __test__ = False  # for pytest, which takes the name for a test

    family: Literal["testcard"]
    max_batch_size: PositiveInt = 8
    seconds_per_batch: NonNegativeFloat = 0.0
    seconds_per_image: NonNegativeFloat = 0.0


class _TrainedModel(_Model):
    """One of our own networks, in a folder of checkpoints; unset: the one bundled under the model's id."""

    source: str | None = None
    dtype: Dtype = "auto"

    @property
    def folder(self) -> Path:
        """Where the checkpoints are."""
        return WEIGHTS / self.id if self.source is None else Path(self.source)

    @field_validator("source")
    @classmethod
    def _resolve_source(cls, source: str, info: ValidationInfo) -> str:
        return _beside_the_file(source, info)


class TransformerModel(_TrainedModel):
    """Our autoregressive transformer."""

    family: Literal["transformer"]


class GanModel(_TrainedModel):
    """Our generative adversarial network."""

    family: Literal["gan"]


class Defaults(_Table):
    """What a diffusers model does when a request does not say; unset: what its pipeline says."""

    width: PositiveInt | None = None
    height: PositiveInt | None = None
    num_inference_steps: PositiveInt | None = None
    guidance_scale: NonNegativeFloat | None = None


class Limits(_Table):
    """The most that a request may ask of a diffusers model."""

    side: PositiveInt = 2048
    num_images: PositiveInt = 10
    num_inference_steps: PositiveInt = 150
    guidance_scale: NonNegativeFloat = 30.0
    prompt_characters: PositiveInt = 4000


class Adapter(_Table):
    """A LoRA adapter: small changes to a pipeline's networks, weighed by `scale`.

    `source` is a file, a folder or a hub id; in the latter two, the weights are called `weight_name`.
    """

    source: Annotated[str, Field(min_length=1)]
    weight_name: Annotated[str, Field(pattern=r"\.safetensors$")] = "pytorch_lora_weights.safetensors"
    revision: str | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1.0

    @property
    def file(self) -> Path | None:
        """Where the weights are on this machine; None where the hub has them."""
        path = Path(self.source)
        if not path.is_absolute():
            return None
        return path / self.weight_name if path.is_dir() else path

    @field_validator("source")
    @classmethod
    def _resolve_source(cls, source: str, info: ValidationInfo) -> str:
        return _path_or_hub_id(source, info)


class DiffusersModel(_Model):
    """Any text-to-image pipeline of Hugging Face diffusers.

    `source` is a hub id, or a folder where it begins with `.`, `/` or `~`.
    """

    family: Literal["diffusers"]
    source: Annotated[str, Field(min_length=1)]
    revision: str | None = None
    variant: str | None = None
    dtype: Dtype = "auto"
    adapters: Annotated[tuple[Adapter, ...], Field(strict=False)] = ()  # TOML has lists
    max_batch_size: PositiveInt = 4
    defaults: Defaults = Defaults()
    limits: Limits = Limits()

    @property
    def shared_weights(self) -> str:
        """All entries of one pipeline share its weights, whatever adapters they wear."""
        return f"{self.source} {self.revision} {self.variant} {self.dtype}"

    @field_validator("source")
    @classmethod
    def _resolve_source(cls, source: str, info: ValidationInfo) -> str:
        return _path_or_hub_id(source, info)


def _path_or_hub_id(source: str, info: ValidationInfo) -> str:
    return _beside_the_file(source, info) if source.startswith((".", "/", "~")) else source


def _beside_the_file(source: str, info: ValidationInfo) -> str:
    folder: Path = (info.context or {}).get("folder", Path())
    return str((folder / Path(source).expanduser()).absolute())
