"""What S3 adds to the contract: signatures that the server itself checks, and plain words for its refusals."""

import json
import re
import signal
import ssl
import time
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from app.errors import StorageUnavailable
from app.settings import Settings
from app.storage import open_store

pytestmark = pytest.mark.s3

GATEWAY = "http://gateway.test"
PNG = "image/png"


@pytest.fixture
def url(s3_store):
    """Give a valid URL to an object; another object lies beside it."""
    s3_store.put("a.png", b"picture", PNG)
    s3_store.put("b.png", b"another", PNG)
    return s3_store.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)


def parameter(name, pattern, replacement):
    """Change what the parameter holds."""
    return lambda url: re.sub(rf"(X-Amz-{name}=){pattern}", rf"\g<1>{replacement}", url)


TAMPERINGS = {
    "signature": lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
    "signature cut": lambda url: url[:-1],
    "signature removed": lambda url: url.partition("&X-Amz-Signature")[0],
    "all parameters removed": lambda url: url.partition("?")[0],
    "key": lambda url: url.replace("a.png", "b.png"),
    "bucket": lambda url: re.sub(r"/test-.{36}/", "/test-other/", url),
    "expiry later": parameter("Expires", "60", "6000"),
    "expiry over a week": parameter("Expires", "60", "604801"),
    "date": lambda url: re.sub(
        r"(X-Amz-Date=\d{8}T)\d{4}", time.strftime(r"\g<1>%H%M", time.gmtime(time.time() + 300)), url
    ),
    "access key": lambda url: url.replace("test-access-key", "other-access-key"),
    "region": lambda url: url.replace("us-east-1", "eu-west-1"),
    "signed headers": parameter("SignedHeaders", "host", "host%3Bx-amz-acl"),
    "content type asked for": lambda url: url + "&response-content-type=text%2Fhtml",
    "session token": lambda url: url + "&X-Amz-Security-Token=token",
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampered_url_is_refused(url, tampering):
    """Whatever is changed in the URL, the server refuses it and names no object."""
    assert httpx.get(url).content == b"picture"
    tampered = TAMPERINGS[tampering](url)
    assert tampered != url
    answer = httpx.get(tampered)
    assert answer.status_code == 403
    assert b"picture" not in answer.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_url_is_for_reading_only(url, s3_store, method):
    """The signature covers the method."""
    assert httpx.request(method, url, content=b"changed").status_code in {403, 405}
    assert s3_store.get("a.png") == b"picture"


def test_url_is_for_its_host_only(url):
    """The signature covers the host's name."""
    assert httpx.get(url, headers={"Host": "other.test"}).status_code in {403, 404}


def test_url_of_another_secret_is_refused(s3_settings, url):
    """Who does not know the secret cannot sign."""
    forger = open_store(s3_settings.model_copy(update={"s3_secret_access_key": SecretStr("guessed")}))
    assert httpx.get(forger.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)).status_code == 403


def test_object_has_its_content_type(url):
    """The type given to put is served."""
    assert httpx.get(url).headers["content-type"] == PNG


def test_url_leads_to_the_public_address(s3_settings, s3_server):
    """Clients get the public address, signed for it; the store itself uses its own."""
    public = s3_server.endpoint_url.replace("127.0.0.1", "localhost")
    store = open_store(s3_settings.model_copy(update={"s3_public_endpoint_url": public}))
    store.put("a.png", b"picture", PNG)
    url = store.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)
    assert url.startswith(f"{public}/{s3_settings.s3_bucket}/a.png?")
    assert httpx.get(url).content == b"picture"


def test_bucket_in_the_host_name():
    """Without path style, the bucket is part of the host name, and AWS is addressed in its region."""
    settings = Settings(
        storage="s3",
        s3_bucket="pictures",
        s3_region="eu-west-1",
        s3_access_key_id=SecretStr("key"),
        s3_secret_access_key=SecretStr("secret"),
    )
    url = open_store(settings).presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)
    assert urlsplit(url).hostname == "pictures.s3.eu-west-1.amazonaws.com"
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


def test_over_tls(s3_server, s3_settings, monkeypatch):
    """The certificate is checked, by a file of certificates where one is named; then all is as without TLS."""
    settings = s3_settings.model_copy(update={"s3_endpoint_url": s3_server.tls_url})
    with pytest.raises(StorageUnavailable, match="SSLError"):
        open_store(settings).check()
    certificates = s3_server.folder / "tls.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates))
    store = open_store(settings)
    store.put("a.png", b"picture", PNG)
    assert store.get("a.png") == b"picture"
    url = store.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)
    assert httpx.get(url, verify=ssl.create_default_context(cafile=certificates)).content == b"picture"


def broken(settings, **changes):
    """Open a store that cannot work."""
    return open_store(settings.model_copy(update=changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"s3_bucket": "no-such-bucket"}, "bucket no-such-bucket does not exist: create it, or set EASEL_S3_BUCKET"),
        ({"s3_secret_access_key": SecretStr("wrong")}, "S3 refuses the credentials"),
        ({"s3_access_key_id": SecretStr("unknown")}, "S3 refuses the credentials"),
        ({"s3_endpoint_url": "http://127.0.0.1:9"}, "S3 does not answer: EndpointConnectionError"),
        ({"s3_endpoint_url": "http://nowhere.invalid"}, "S3 does not answer: EndpointConnectionError"),
    ],
    ids=["no bucket", "wrong secret", "unknown key", "no server", "no such host"],
)
def test_what_is_wrong_is_said(s3_settings, changes, reason):
    """Readiness, put and get fail with an error of the store that tells an operator what to mend."""
    store = broken(s3_settings, **changes)
    for act in (store.check, lambda: store.put("a.png", b"x", PNG), lambda: store.get("a.png")):
        with pytest.raises(StorageUnavailable, match=re.escape(reason)) as refusal:
            act()
        assert refusal.value.retry_after_seconds
        assert "wrong" not in refusal.value.detail


def test_bucket_is_made_when_told(s3_settings):
    """A missing bucket is made at start, once, and only where the settings say so."""
    settings = s3_settings.model_copy(update={"s3_bucket": s3_settings.s3_bucket + "-new", "s3_create_bucket": True})
    for _ in range(2):
        open_store(settings).check()


def test_missing_credentials_are_said(s3_settings, monkeypatch):
    """Without any credentials the store says so instead of searching the network for them."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = broken(s3_settings, s3_access_key_id=None, s3_secret_access_key=None)
    with pytest.raises(StorageUnavailable, match="NoCredentialsError"):
        store.check()


def test_hung_server_does_not_hang_the_check(s3_server, s3_store):
    """A server that accepts and never answers is given up within seconds, and is fine once it goes on."""
    gateway = s3_server.processes["rgw"]
    gateway.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(StorageUnavailable, match="ReadTimeoutError"):
            s3_store.check()
    finally:
        gateway.send_signal(signal.SIGCONT)
    s3_store.check()


def test_refused_put_leaves_nothing(s3_server, s3_store, s3_settings):
    """A put that the bucket's policy forbids is an error of the store, and no part of the object stays."""
    resource = f"arn:aws:s3:::{s3_settings.s3_bucket}/*"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource}
    admin = s3_server.client()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    admin.put_bucket_policy(Bucket=s3_settings.s3_bucket, Policy=policy)
    with pytest.raises(StorageUnavailable, match="refuses"):
        s3_store.put("a.png", b"x", PNG)
    assert "Contents" not in admin.list_objects_v2(Bucket=s3_settings.s3_bucket)
