"""Every setting of the service, read from `EASEL_*` variables or the files they name, by this module alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.setting_files import SettingFileError, SettingFiles

LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64  # of Standard Webhooks


def _comma_separated(text: object) -> object:
    return [part.strip() for part in text.split(",")] if isinstance(text, str) else text


def _webhook_secret(secret: SecretStr | None) -> SecretStr | None:
    """Refuse what receivers could not check a signature with."""
    if secret is None:
        return None
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except ValueError:
        size = 0
    if prefix != "whsec" or not LEAST_SECRET_BYTES <= size <= MOST_SECRET_BYTES:
        msg = "must be whsec_ and the base64 of 24 to 64 random bytes"
        raise ValueError(msg)
    return secret


class Settings(BaseSettings):
    """Settings with working defaults for one machine; each field's description is its documentation.

    Raises:
        pydantic.ValidationError: all wrong settings at once, each by name.
    """

    model_config = SettingsConfigDict(env_prefix="EASEL_", frozen=True, extra="ignore")

    host: Annotated[str, Field(description="Address on which the gateway listens.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port of the gateway; 0 picks a free one.")] = 8000
    access: Annotated[
        Literal["auto", "keys", "open"],
        Field(
            description="Who may draw: `keys`: who has an API key; `open`: everybody; "
            "`auto`: everybody as long as no key was ever made, but only on a loopback address."
        ),
    ] = "auto"
    operator_key: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="Key for operators' addresses such as `/metrics`; unset: these are for this machine alone.",
        ),
    ] = None
    cors_origins: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")], ...] | None,
        NoDecode,
        BeforeValidator(_comma_separated),
        Field(
            description="Origins, such as `https://app.example.com,http://localhost:3000`, or `*`, whose pages may "
            "call this service from a browser; unset: none."
        ),
    ] = None
    blocklist_file: Annotated[
        Path | None, Field(description="File of words, phrases and /regular expressions/ that no prompt may hold.")
    ] = None
    moderation_check: Annotated[
        str | None,
        Field(
            pattern=r"^[\w.]+:\w+$",
            description="Check of your own for jobs and images, as `package.module:name`; unset: none.",
        ),
    ] = None
    data_dir: Annotated[Path, Field(description="Folder for the embedded queue, stored images and secrets.")] = Path(
        "data"
    )
    models_file: Annotated[
        Path | None, Field(description="TOML file that lists the models; unset: the built-in list.")
    ] = None

    redis_url: Annotated[
        str,
        Field(
            pattern=r"^(rediss?|rediss?\+sentinel|unix)://",
            description="Address of Redis: `redis://`, `rediss://` (TLS), `unix://`, or "
            "`redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`.",
        ),
    ] = "redis://127.0.0.1:6379/0"
    redis_timeout_seconds: Annotated[PositiveFloat, Field(description="Longest wait for one answer of Redis.")] = 2.0
    max_queue_length: Annotated[
        PositiveInt, Field(description="Jobs waiting per model beyond which new ones are refused with 503.")
    ] = 10_000
    max_open_jobs: Annotated[
        PositiveInt | None,
        Field(description="Jobs of one tenant that may wait or run at once; beyond, 429; unset: no bound."),
    ] = None
    max_pixel_steps: Annotated[
        PositiveInt, Field(description="Largest width x height x images x steps of one job.")
    ] = 2_000_000_000
    job_timeout_seconds: Annotated[PositiveInt, Field(description="Longest time one batch may run.")] = 300
    job_retention_seconds: Annotated[
        PositiveInt, Field(description="How long an ended job and its images are kept.")
    ] = 86_400
    max_retention_seconds: Annotated[
        PositiveInt, Field(description="Longest time that a request may ask for in `retention_seconds`.")
    ] = 604_800
    max_wait_seconds: Annotated[
        Annotated[float, Field(ge=0, le=10)] | Literal["auto"],
        Field(
            description="How long a queued job may wait for company before its batch starts; `auto`: 2 ms if jobs "
            "come together of late, and for clients just answered as long as they take to come back."
        ),
    ] = "auto"
    lease_seconds: Annotated[
        PositiveFloat, Field(description="Silence after which a worker counts as dead and its jobs are queued again.")
    ] = 10.0
    drain_seconds: Annotated[
        PositiveFloat, Field(description="How long a stopping worker may take to finish the batch in hand.")
    ] = 60.0

    storage: Annotated[Literal["file", "s3"], Field(description="Where images go: `file` or `s3`.")] = "file"
    public_url: Annotated[
        str | None,
        Field(description="Base address in the links to embedded storage; unset: the address of the request."),
    ] = None
    url_secret: Annotated[
        SecretStr | None,
        Field(description="Key that signs links to embedded storage; unset: made once and kept in the data folder."),
    ] = None
    url_expiry_seconds: Annotated[
        int, Field(ge=1, le=604_800, description="How long a signed image link is valid.")
    ] = 3600
    s3_bucket: Annotated[str | None, Field(description="Bucket for images; required for `s3`.")] = None
    s3_create_bucket: Annotated[bool, Field(description="Make the bucket at start if it is missing.")] = False
    s3_endpoint_url: Annotated[
        str | None, Field(description="Address of the S3 server as seen by this process; unset: AWS.")
    ] = None
    s3_public_endpoint_url: Annotated[
        str | None, Field(description="Address of the S3 server as seen by clients, used in links.")
    ] = None
    s3_region: Annotated[str, Field(description="Region of the bucket.")] = "us-east-1"
    s3_access_key_id: Annotated[SecretStr | None, Field(description="Access key; unset: boto3's own search.")] = None
    s3_secret_access_key: Annotated[SecretStr | None, Field(description="Secret key.")] = None
    s3_path_style: Annotated[bool, Field(description="Put the bucket in the path instead of the host name.")] = False
    s3_encryption: Annotated[
        Literal["none", "AES256", "aws:kms"], Field(description="How the S3 server is to encrypt images at rest.")
    ] = "none"
    s3_kms_key_id: Annotated[str | None, Field(description="Key for `aws:kms`; unset: the bucket's own.")] = None
    s3_acl: Annotated[
        Literal["private", "bucket-owner-full-control"] | None,
        Field(description="Canned access list of each image; unset: none is sent, as newer buckets want it."),
    ] = None
    s3_tag_retention: Annotated[
        bool, Field(description="Tag each image with the days after which a lifecycle rule may end it.")
    ] = False
    s3_multipart_bytes: Annotated[
        int, Field(ge=5 * 1024**2, description="Images larger than this go up in parts of this size.")
    ] = 16 * 1024**2
    s3_timeout_seconds: Annotated[PositiveFloat, Field(description="Longest wait for one answer of S3.")] = 10.0

    storage_patience_seconds: Annotated[
        PositiveFloat, Field(description="How long storage may be away before jobs whose images it does not take fail.")
    ] = 600.0
    spool_dir: Annotated[
        Path | None,
        Field(description="Folder where a worker's images wait meanwhile; unset: `spool` in the data folder."),
    ] = None
    spool_max_bytes: Annotated[
        NonNegativeInt, Field(description="Most that waits there before drawing waits, too; 0: nothing does.")
    ] = 1_073_741_824

    device: Annotated[
        str,
        Field(
            pattern=r"^(auto|cpu|cuda(:\d+)?)$",
            description="`auto`, `cpu`, `cuda` or `cuda:N`; `auto` takes a GPU where there is one.",
        ),
    ] = "auto"
    dtype: Annotated[
        Literal["auto", "float16", "bfloat16", "float32"],
        Field(description="Number format of the networks; `auto`: float16 on CUDA, the faster of the others on CPU."),
    ] = "auto"
    cpu_threads: Annotated[
        PositiveInt | None,
        Field(
            description="Threads with which a worker draws on a CPU; unset: `OMP_NUM_THREADS`, or one for each core "
            "but one, which is left to all that is not drawing."
        ),
    ] = None
    model_memory_bytes: Annotated[
        PositiveInt | None,
        Field(
            description="What the loaded models of one worker may take together; beyond, the one used longest ago is "
            "unloaded until its next job. Unset: all stay loaded."
        ),
    ] = None
    worker_metrics_port: Annotated[
        int | None, Field(ge=0, le=65535, description="Port of a worker's own `/metrics`; unset: none.")
    ] = None
    images_wait_seconds: Annotated[
        PositiveFloat,
        Field(
            description="Longest wait for images in one request of the OpenAI door; then the job is canceled. "
            "OpenAI's client gives up, and asks again, after 600 s."
        ),
    ] = 570.0
    webhook_secret: Annotated[
        SecretStr | None,
        AfterValidator(_webhook_secret),
        Field(description="Key that signs webhooks, as `easel webhooks secret` makes one; unset: none are sent."),
    ] = None
    webhook_previous_secret: Annotated[
        SecretStr | None,
        AfterValidator(_webhook_secret),
        Field(description="The key before that one, while receivers still check with it; unset: none."),
    ] = None
    outbound_private_networks: Annotated[
        tuple[IPvAnyNetwork, ...] | None,
        NoDecode,
        BeforeValidator(_comma_separated),
        Field(
            description="Networks, such as `10.0.0.0/8,192.168.1.5`, to which URLs given by clients may lead although "
            "they are not public; unset: none."
        ),
    ] = None
    max_body_bytes: Annotated[PositiveInt, Field(description="Largest request body that is read.")] = 1_048_576
    max_upload_bytes: Annotated[
        PositiveInt, Field(description="Largest input image, and largest request body that may hold some.")
    ] = 52_428_800
    max_upload_pixels: Annotated[PositiveInt, Field(description="Most pixels of an input image.")] = 16_777_216
    trace_endpoint: Annotated[
        str | None,
        Field(
            pattern="^https?://",
            description="Where OpenTelemetry traces go, by OTLP over HTTP, as `http://collector:4318/v1/traces`; "
            "unset: nowhere.",
        ),
    ] = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level logged.")] = (
        "info"
    )
    log_format: Annotated[Literal["auto", "console", "json"], Field(description="`auto`: console on a terminal.")] = (
        "auto"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is given in code first, then files, then variables."""
        del dotenv_settings, file_secret_settings
        return init_settings, SettingFiles(settings_cls), env_settings

    @field_validator("*", mode="before")
    @classmethod
    def _from_its_file(cls, value: Any) -> Any:
        if isinstance(value, SettingFileError):
            raise value
        return value

    @model_validator(mode="after")
    def _bucket_for_s3(self) -> Settings:
        if self.storage == "s3" and not self.s3_bucket:
            msg = "EASEL_S3_BUCKET is required when EASEL_STORAGE is s3"
            raise ValueError(msg)
        if self.s3_kms_key_id and self.s3_encryption != "aws:kms":
            msg = "EASEL_S3_KMS_KEY_ID needs EASEL_S3_ENCRYPTION=aws:kms"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _secret_before_the_previous(self) -> Settings:
        if self.webhook_previous_secret and not self.webhook_secret:
            msg = "EASEL_WEBHOOK_PREVIOUS_SECRET needs EASEL_WEBHOOK_SECRET"
            raise ValueError(msg)
        return self
