"""What the settings ask of the S3 server beside keeping an object: parts, encryption, access, an end."""

import json
from pathlib import Path

import pytest

from app.errors import ObjectNotFound, StorageUnavailable
from app.settings import Settings
from app.storage.s3 import S3Store, retention_days
from tests.conftest import wait_until

pytestmark = pytest.mark.s3


def stored(s3_server, settings, data=b"\x89PNG", **how):
    """Put an object as the settings say, and ask the server what it has made of it."""
    S3Store(settings).put("images/a/0.png", data, "image/png", **how)
    return s3_server.client().head_object(Bucket=settings.s3_bucket, Key="images/a/0.png")


def test_large_objects_go_up_in_parts(s3_server, s3_settings):
    """An object beyond the limit is whole after two parts; one below it goes up at once."""
    settings = s3_settings.model_copy(update={"s3_multipart_bytes": 5 * 1024**2})
    data = bytes(range(256)) * (24 * 1024)  # 6 MiB
    assert stored(s3_server, settings, data)["ETag"].endswith('-2"')
    assert S3Store(settings).get("images/a/0.png") == data
    assert "-" not in stored(s3_server, settings)["ETag"]


def test_images_are_encrypted_when_told(s3_server, s3_settings):
    """The server keeps the object under the key that the settings name, and gives it back in the clear."""
    settings = s3_settings.model_copy(update={"s3_encryption": "aws:kms", "s3_kms_key_id": "test-key"})
    head = stored(s3_server, settings)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "test-key")
    assert S3Store(settings).get("images/a/0.png") == b"\x89PNG"
    assert "ServerSideEncryption" not in stored(s3_server, s3_settings)


def test_a_key_that_the_server_does_not_know(s3_settings):
    """What cannot be encrypted as told is not stored in the clear."""
    settings = s3_settings.model_copy(update={"s3_encryption": "aws:kms", "s3_kms_key_id": "absent"})
    store = S3Store(settings)
    with pytest.raises(StorageUnavailable):
        store.put("images/a/0.png", b"\x89PNG", "image/png")
    with pytest.raises(ObjectNotFound):
        store.get("images/a/0.png")


def test_images_get_the_access_list_of_the_settings(s3_server, s3_settings):
    """With an access list in the settings the owner has all rights, and nobody else any."""
    settings = s3_settings.model_copy(update={"s3_acl": "bucket-owner-full-control"})
    stored(s3_server, settings)
    acl = s3_server.client().get_object_acl(Bucket=settings.s3_bucket, Key="images/a/0.png")
    assert {grant["Permission"] for grant in acl["Grants"]} == {"FULL_CONTROL"}
    assert {grant["Grantee"]["Type"] for grant in acl["Grants"]} == {"CanonicalUser"}


def test_a_key_needs_its_encryption():
    """A key for an encryption that is not asked for is a mistake, and named at start."""
    with pytest.raises(ValueError, match="EASEL_S3_ENCRYPTION"):
        Settings(s3_kms_key_id="test-key")


def test_the_lifecycle_rules_of_the_docs_end_images(s3_server, s3_settings):
    """By the rules of docs/storage.md images end by their tags, and all at some age (a day lasts a second here)."""
    page = (Path(__file__).parents[3] / "docs" / "storage.md").read_text()
    rules = json.loads(page.partition("```json\n")[2].partition("```")[0])
    store, client = S3Store(s3_settings.model_copy(update={"s3_tag_retention": True})), s3_server.client()
    for name, kept_seconds in (("hour", 3600), ("week", 7 * 86_400), ("untagged", None)):
        store.put(f"{name}.png", b"x", "image/png", kept_seconds=kept_seconds)
    client.put_bucket_lifecycle_configuration(Bucket=s3_settings.s3_bucket, LifecycleConfiguration=rules)

    def left():
        return [found["Key"] for found in client.list_objects_v2(Bucket=s3_settings.s3_bucket).get("Contents", ())]

    wait_until(lambda: left() == ["untagged.png", "week.png"], 60)
    wait_until(lambda: left() == [], 60)


@pytest.mark.parametrize(
    ("kept_seconds", "days"), [(60, 1), (82_799, 1), (82_800, 2), (2 * 86_400, 4), (7 * 86_400, 8), (8 * 86_400, 16)]
)
def test_a_tag_outlasts_the_job(kept_seconds, days):
    """The next power of two days that is at least an hour longer than the job is kept."""
    assert retention_days(kept_seconds) == days


def test_images_are_tagged_only_when_told(s3_server, s3_settings):
    """A server without tags is asked for none."""
    stored(s3_server, s3_settings, kept_seconds=3600)
    tags = s3_server.client().get_object_tagging(Bucket=s3_settings.s3_bucket, Key="images/a/0.png")
    assert tags["TagSet"] == []
