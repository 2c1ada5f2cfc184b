"""What clients may send: both doors' bodies, in the field's names, with strict types and no unknown field."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.errors import InvalidRequest
from app.messages import JobStatus, OutputFormat, Priority
from models.interface import MAX_SEED

MAX_PROMPT_CHARACTERS = 32_000  # a model states its own, smaller limit
SIZE_PATTERN = "[1-9][0-9]{0,4}x[1-9][0-9]{0,4}"
METADATA_NAME = "[A-Za-z0-9_.-]{1,64}"
LEAST_RETENTION_SECONDS = 60  # time to read the answer
LONGEST_DEADLINE_SECONDS = 604_800
_ALLOWED_CONTROLS = set("\t\n\r")
_MAX_COUNT = 2**31 - 1
_MAX_NUMBER = 1e6
MAX_BATCH_JOBS = 100


def _plain_text(text: str) -> str:
    """Refuse what no tokenizer, log or file can carry: control characters, lone surrogates, nothing at all."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in set(text) - _ALLOWED_CONTROLS):
        msg = "must be plain text, without control characters or lone surrogates"
        raise ValueError(msg)
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        msg = "must not be empty"
        raise ValueError(msg)
    return text


def _a_size(text: str) -> str:
    if not re.fullmatch(SIZE_PATTERN, text):
        msg = "must be WIDTHxHEIGHT in pixels, such as 512x512"
        raise ValueError(msg)
    return text


def _a_size_or_auto(text: str) -> str:
    return text if text == "auto" else _a_size(text)


Text = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS), AfterValidator(_plain_text)]
Prompt = Annotated[Text, AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Count = Annotated[int, Field(ge=1, le=_MAX_COUNT)]
Number = Annotated[float, Field(ge=0, le=_MAX_NUMBER, allow_inf_nan=False)]
Size = Annotated[str, AfterValidator(_a_size), Field(json_schema_extra={"pattern": f"^{SIZE_PATTERN}$"})]
SizeOrAuto = Annotated[
    str, AfterValidator(_a_size_or_auto), Field(json_schema_extra={"pattern": f"^(auto|{SIZE_PATTERN})$"})
]
MetadataName = Annotated[str, Field(pattern=f"^{METADATA_NAME}$")]
MetadataValue = Annotated[str, Field(max_length=512), AfterValidator(_plain_text)]
Metadata = Annotated[dict[MetadataName, MetadataValue], Field(max_length=16)]
Address = Annotated[str, Field(min_length=1, json_schema_extra={"format": "uri"})]
Percent = Annotated[int, Field(ge=0, le=100)]


class _Drawing(BaseModel):
    """What both doors have in common; null means the same as absent: the model decides."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    prompt: Annotated[Prompt, Field(description="What to draw.")]
    model: Annotated[Name | None, Field(description="Model id or alias; the server's default if absent.")] = None
    negative_prompt: Annotated[Text | None, Field(description="What to avoid.")] = None
    seed: Annotated[Seed | None, Field(description="Drawn, and told in the answer, if absent.")] = None
    num_inference_steps: Count | None = None
    guidance_scale: Number | None = None
    temperature: Number | None = None
    top_k: Annotated[int, Field(ge=0, le=_MAX_COUNT)] | None = None
    top_p: Number | None = None
    truncation_psi: Number | None = None
    output_format: Annotated[OutputFormat | None, Field(description="png if absent.")] = None
    output_compression: Annotated[
        Percent | None, Field(description="Quality for jpeg and webp in percent; 100 if absent.")
    ] = None


class WebhookAddress(BaseModel):
    """Where your server wants to hear of a job's end."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"format": "uri"})]


class JobSubmission(_Drawing):
    """A job to draw. Which options a model honours, and their bounds, `GET /v1/models/{id}` tells."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"prompt": "A two-story pink house shaped like a shoe.", "size": "128x128", "seed": 7}]
        }
    )

    prompt: Annotated[Text, Field(description="What to draw; empty for a variation of the image.")]
    width: Annotated[Count | None, Field(description="Pixels; together with height.")] = None
    height: Annotated[Count | None, Field(description="Pixels; together with width.")] = None
    size: Annotated[Size | None, Field(description="WIDTHxHEIGHT, instead of width and height.")] = None
    num_images: Annotated[Count | None, Field(description="1 if absent.")] = None
    image: Annotated[
        Address | None, Field(description="Data URL, https address or file id of a picture to begin with.")
    ] = None
    mask: Annotated[
        Address | None, Field(description="The same of a mask as large as the image: transparent is drawn anew.")
    ] = None
    strength: Annotated[
        Number | None, Field(description="How far the result may depart from the image: at 1, nothing is left of it.")
    ] = None
    priority: Annotated[Priority | None, Field(description="normal if absent.")] = None
    deadline_seconds: Annotated[
        int | None,
        Field(ge=1, le=LONGEST_DEADLINE_SECONDS, description="A job still waiting after this fails and is not drawn."),
    ] = None
    retention_seconds: Annotated[
        int | None,
        Field(
            ge=LEAST_RETENTION_SECONDS,
            description="How long the job and its images are kept once it has ended; the server's default if absent.",
        ),
    ] = None
    metadata: Annotated[Metadata | None, Field(description="Your own notes: `GET /v1/jobs` finds jobs by them.")] = None
    webhook: Annotated[WebhookAddress | None, Field(description="Who is told, by a signed POST, of its end.")] = None


class BatchSubmission(BaseModel):
    """Jobs that are accepted together or not at all."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"requests": [{"prompt": "A red fox."}, {"prompt": "A blue fox."}]}]},
    )

    requests: Annotated[
        list[JobSubmission],
        Field(min_length=1, max_length=MAX_BATCH_JOBS, description="As for `POST /v1/jobs`."),
    ]


class ImageGeneration(_Drawing):
    """OpenAI's body, with seed and the other options beside it.

    Fields that ask for what no model here can do take only their "you decide" values.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "A red fox in the snow.", "model": "dall-e-3", "n": 1}]}
    )

    n: Annotated[int, Field(ge=1, le=10)] | None = None
    size: Annotated[SizeOrAuto | None, Field(description="The model's default if auto or absent.")] = None
    response_format: Annotated[Literal["url", "b64_json"] | None, Field(description="url if absent.")] = None
    quality: Annotated[Literal["auto", "standard"] | None, Field(description="Each model has one quality.")] = None
    style: None = None
    background: Annotated[Literal["auto", "opaque"] | None, Field(description="Images are opaque.")] = None
    moderation: Literal["auto"] | None = None
    stream: Annotated[bool | None, Field(description="Answer with events, of which the image is the last.")] = None
    partial_images: Annotated[
        int | None, Field(ge=0, le=3, description="Unfinished images, at most, that a stream shows of each.")
    ] = None
    user: Annotated[Name | None, Field(description="Your user; a digest of it is written to the log.")] = None
    safety_identifier: Annotated[Name | None, Field(description="As user.")] = None

    def submission(self) -> JobSubmission:
        """Return the same wish as a job."""
        shared = {name: getattr(self, name) for name in _Drawing.model_fields}
        size = None if self.size == "auto" else self.size
        return JobSubmission(**shared, size=size, num_images=self.n)


class ImageEdit(ImageGeneration):
    """OpenAI's form for an edit; its pictures come beside it."""

    strength: Annotated[
        Number | None, Field(description="How far the result may depart from the image: at 1, nothing is left of it.")
    ] = None
    input_fidelity: None = None

    def submission(self) -> JobSubmission:
        """Return the same wish as a job."""
        return super().submission().model_copy(update={"strength": self.strength})


class ImageVariation(ImageEdit):
    """OpenAI's form for variations: there is no prompt, and nothing is streamed."""

    prompt: Literal[""] = ""
    stream: Literal[False] | None = None
    partial_images: Annotated[int, Field(ge=0, le=0)] | None = None


class ImageAddress(BaseModel):
    """Where a picture is."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    image_url: Annotated[Address | None, Field(description="Data URL or https address.")] = None
    file_id: Annotated[Address | None, Field(description="Of a picture that you have uploaded, in its place.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.image_url is None) == (self.file_id is None):
            msg = "must have either image_url or file_id"
            raise ValueError(msg)
        return self

    @property
    def address(self) -> str:
        """Where it is: an address or an id."""
        return self.image_url or self.file_id or ""


class ImageEditBody(ImageEdit):
    """OpenAI's other body for an edit, in JSON."""

    images: Annotated[list[ImageAddress], Field(min_length=1, max_length=16)]
    mask: ImageAddress | None = None


class StatusQuery(BaseModel):
    """Which jobs to list, by their status."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    cursor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    status: JobStatus | None = None


class PageQuery(StatusQuery):
    """Which jobs to list, by their status and by what their owner noted."""

    metadata: Annotated[
        list[Annotated[str, Field(pattern=f"^{METADATA_NAME}:", max_length=64 + 1 + 512)]],
        Field(max_length=16, description="`NAME:VALUE`: only jobs with this metadata; several must all agree."),
    ] = []

    def metadata_wanted(self) -> dict[str, str]:
        """Return the metadata that a listed job has.

        Raises:
            InvalidRequest: a name is given twice.
        """
        pairs = [(name, value) for name, _, value in (pair.partition(":") for pair in self.metadata)]
        wanted = dict(pairs)
        if len(wanted) < len(pairs):
            raise InvalidRequest("metadata: a name is given twice", param="metadata")
        return wanted
