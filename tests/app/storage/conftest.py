"""Both stores: files in a temporary folder, and a bucket of its own on a real S3 server."""

import uuid
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
import httpx
import pytest

from app.errors import InvalidSignature
from app.settings import Settings
from app.storage import open_store
from app.storage.files import FileStore
from tests.s3server import missing_programs, running_s3_server

GATEWAY = "http://gateway.test"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """Run one S3 server for all tests of the session."""
    if missing := missing_programs():
        pytest.skip(f"no S3 server here: {', '.join(missing)} not installed (sh tests/install_system_packages.sh)")
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_settings(s3_server):
    """Make a bucket and the settings that lead to it."""
    settings = Settings(
        storage="s3",
        s3_bucket=f"test-{uuid.uuid4()}",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
        s3_path_style=True,
    )
    admin_client(s3_server).create_bucket(Bucket=settings.s3_bucket)
    return settings


@pytest.fixture
def s3_store(s3_settings):
    """Open the store on the bucket."""
    return open_store(s3_settings)


@pytest.fixture
def file_store(tmp_path):
    """Open the store on an empty folder."""
    return open_store(Settings(data_dir=tmp_path))


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def store(request):
    """Open each store in turn."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def download():
    """Give the client's side of a presigned URL: status and content."""
    return fetch


def admin_client(server):
    """Reach the server past the code under test."""
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )


def fetch(store, url):
    """Follow a URL over HTTP to S3; for files, do what the gateway's route does."""
    if not isinstance(store, FileStore):
        answer = httpx.get(url)
        return answer.status_code, answer.content
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    key = unquote(parts.path.removeprefix("/files/"))
    try:
        store.verify(key, query.get("expires", ""), query.get("signature", ""))
    except InvalidSignature:
        return 403, b""
    return 200, store.get(key)
