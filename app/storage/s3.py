"""Objects in an S3 bucket through boto3, reached by clients through URLs presigned with Signature Version 4."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from app.clocks import Skew
from app.errors import ObjectNotFound, StorageUnavailable
from app.settings import Settings
from app.storage.contract import check_key, check_object

CONNECT_TIMEOUT_SECONDS = 3
CHECK_TIMEOUT_SECONDS = 2
MAX_ATTEMPTS = 3
RETRY_AFTER_SECONDS = 5
RETENTION_TAG = "retention-days"
_MARGIN_SECONDS = 3600  # an image is stored some time before its job ends, from when retention counts
_DAY_SECONDS = 86_400


class S3Store:
    """An `ObjectStore` in one bucket.

    One client transfers; a second, which never connects, signs for the address that clients use; a third asks
    once and briefly whether the bucket is there.
    """

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._region = settings.s3_region
        public_url = settings.s3_public_endpoint_url or settings.s3_endpoint_url
        check_seconds = min(CHECK_TIMEOUT_SECONDS, settings.s3_timeout_seconds)
        self._extra = _extra_arguments(settings)
        self._tags_retention = settings.s3_tag_retention
        size = settings.s3_multipart_bytes
        self._parts = TransferConfig(multipart_threshold=size, multipart_chunksize=size, use_threads=False)
        self._transfer = _client(settings, settings.s3_endpoint_url)
        self._signer = _client(settings, public_url)
        self._probe = _client(settings, settings.s3_endpoint_url, timeout_seconds=check_seconds, max_attempts=1)

    def put(self, key: str, data: bytes, content_type: str, *, kept_seconds: int | None = None) -> None:
        """See `ObjectStore.put`."""
        check_object(key, content_type)
        extra = {"ContentType": content_type, **self._extra}
        if self._tags_retention and kept_seconds is not None:
            extra["Tagging"] = f"{RETENTION_TAG}={retention_days(kept_seconds)}"
        with self._translated():
            self._transfer.upload_fileobj(io.BytesIO(data), self._bucket, key, ExtraArgs=extra, Config=self._parts)

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        try:
            check_key(key)
        except ValueError as error:
            raise ObjectNotFound("there is no object under this key") from error
        with self._translated():
            data: bytes = self._transfer.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return data

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        check_key(key)
        with self._translated():
            self._transfer.delete_object(Bucket=self._bucket, Key=key)

    def delete_under(self, folder: str) -> None:
        """See `ObjectStore.delete_under`."""
        check_key(folder)
        with self._translated():
            pages = self._transfer.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{folder}/")
            for found in pages.search("Contents"):
                if found:
                    self._transfer.delete_object(Bucket=self._bucket, Key=found["Key"])

    def presigned_url(self, key: str, *, expires_seconds: int, base_url: str) -> str:  # noqa: ARG002  it has a server of its own
        """See `ObjectStore.presigned_url`."""
        check_key(key)
        with self._translated():
            url: str = self._signer.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_seconds
            )
            return url

    def check(self) -> None:
        """See `ObjectStore.check`; asks for the bucket."""
        with self._translated():
            self._probe.head_bucket(Bucket=self._bucket)

    def create_bucket(self) -> None:
        """Make the bucket, unless it is there; several processes may do so at once.

        Raises:
            StorageUnavailable: S3 does not answer, or does not allow it.
        """
        elsewhere = self._region != "us-east-1"  # the one region that may not be named
        where = {"CreateBucketConfiguration": {"LocationConstraint": self._region}} if elsewhere else {}
        with self._translated(), contextlib.suppress(self._transfer.exceptions.BucketAlreadyOwnedByYou):
            self._transfer.create_bucket(Bucket=self._bucket, **where)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._from_answer(error) from error
        except BotoCoreError as error:
            raise StorageUnavailable(
                f"S3 does not answer: {type(error).__name__}", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from error

    def _from_answer(self, error: ClientError) -> ObjectNotFound | StorageUnavailable:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == "NoSuchKey":
            return ObjectNotFound("there is no object under this key")
        if status == 404:  # an answer to HEAD has no body, so its code is the status
            reason = f"bucket {self._bucket} does not exist: create it, or set EASEL_S3_BUCKET"
        elif status == 403:
            skew = _skew_of(error)
            refused = f"the request: {skew}" if skew else f"the credentials for bucket {self._bucket} ({code})"
            reason = f"S3 refuses {refused}"
        else:
            reason = f"S3 answered {status} {code}"
        return StorageUnavailable(reason, retry_after_seconds=RETRY_AFTER_SECONDS)


def retention_days(kept_seconds: int) -> int:
    """Round up to a power of two days, so that a handful of lifecycle rules, one for each, ends all objects."""
    days = (kept_seconds + _MARGIN_SECONDS) // _DAY_SECONDS
    return 1 << days.bit_length()


def _skew_of(error: ClientError) -> Skew | None:
    """Find out whether it is our clock that the server cannot believe."""
    date = error.response["ResponseMetadata"]["HTTPHeaders"].get("date")
    skew = Skew("S3", parsedate_to_datetime(date).timestamp() - time.time()) if date else None
    return skew if skew and not skew.is_small else None


def _client(
    settings: Settings,
    endpoint_url: str | None,
    *,
    timeout_seconds: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> Any:
    timeout_seconds = timeout_seconds or settings.s3_timeout_seconds
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=settings.s3_region,
        aws_access_key_id=_reveal(settings.s3_access_key_id),
        aws_secret_access_key=_reveal(settings.s3_secret_access_key),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if settings.s3_path_style else "virtual"},
            connect_timeout=min(CONNECT_TIMEOUT_SECONDS, timeout_seconds),
            read_timeout=timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": max_attempts},
            # botocore's newer default breaks uploads over https to several other servers
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _extra_arguments(settings: Settings) -> dict[str, str]:
    """Name what each image is stored with beside its content."""
    encryption = settings.s3_encryption
    wanted = {
        "ACL": settings.s3_acl,
        "ServerSideEncryption": None if encryption == "none" else encryption,
        "SSEKMSKeyId": settings.s3_kms_key_id,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
