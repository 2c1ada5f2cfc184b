"""Both stores: files in a temporary folder, and a bucket of its own on a real S3 server."""

from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from app.errors import InvalidSignature
from app.settings import Settings
from app.storage import open_store
from app.storage.files import FileStore

GATEWAY = "http://gateway.test"


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
