"""S3 over a network that fails, frozen, and full: whole objects or a plain error, and a repeated put mends it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from app.errors import StorageUnavailable
from app.storage import open_store
from app.storage.s3 import MAX_ATTEMPTS
from tests.cutting_proxy import Limit, cutting_proxy
from tests.processes import environment_of

pytestmark = pytest.mark.s3

PNG = "image/png"
PICTURE = bytes(range(256)) * 4000
HALF = len(PICTURE) // 2
TIMEOUT_SECONDS = 0.5


@pytest.fixture
def behind_proxy(s3_server, s3_settings):
    """Open the store behind a proxy that cuts each connection after the next limit."""
    server = urlsplit(s3_server.endpoint_url)
    with contextlib.ExitStack() as stack:

        def open_behind(*limits):
            port = stack.enter_context(cutting_proxy(server.hostname, server.port, limits))
            address = {"s3_endpoint_url": f"http://127.0.0.1:{port}"}
            return open_store(s3_settings.model_copy(update=address))

        yield open_behind


def exists(s3_server, s3_settings, key):
    """Look past the store whether there is an object."""
    try:
        s3_server.client().head_object(Bucket=s3_settings.s3_bucket, Key=key)
    except ClientError:
        return False
    return True


def test_upload_that_is_always_cut_leaves_nothing(behind_proxy, s3_server, s3_settings):
    """When every attempt breaks off in the middle, the put fails and no part of the object is there."""
    store = behind_proxy(*[Limit(request_bytes=HALF)] * MAX_ATTEMPTS)
    with pytest.raises(StorageUnavailable, match="S3 does not answer"):
        store.put("a.png", PICTURE, PNG)
    assert not exists(s3_server, s3_settings, "a.png")


def test_upload_that_is_cut_once_is_repeated(behind_proxy, s3_store):
    """One broken connection is mended without the caller's notice."""
    behind_proxy(Limit(request_bytes=HALF)).put("a.png", PICTURE, PNG)
    assert s3_store.get("a.png") == PICTURE


def test_lost_confirmation_is_harmless(behind_proxy, s3_store):
    """When the object was stored and the answer is lost, the repeated put stores the same object."""
    behind_proxy(Limit(reply_bytes=0)).put("a.png", PICTURE, PNG)
    assert s3_store.get("a.png") == PICTURE


def test_download_that_is_cut_is_no_picture(behind_proxy, s3_store):
    """Half a picture is never handed over as a whole one."""
    s3_store.put("a.png", PICTURE, PNG)
    with pytest.raises(StorageUnavailable, match="S3 does not answer"):
        behind_proxy(Limit(reply_bytes=HALF)).get("a.png")


def test_frozen_server_is_given_up_and_found_again(s3_server, s3_settings):
    """A put that nobody answers fails after its attempts; repeated after the thaw, it stores the object."""
    store = open_store(s3_settings.model_copy(update={"s3_timeout_seconds": TIMEOUT_SECONDS}))
    disk = s3_server.processes["osd"]
    disk.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(StorageUnavailable, match="ReadTimeoutError"):
            store.put("a.png", PICTURE, PNG)
    finally:
        disk.send_signal(signal.SIGCONT)
    patient = open_store(s3_settings)
    patient.put("a.png", PICTURE, PNG)
    assert patient.get("a.png") == PICTURE


def test_full_server_says_so(s3_server, s3_settings):
    """Beyond its quota the server stores nothing, keeps what it has, and the reason is passed on."""
    user = s3_server.make_user(max_objects=1)
    credentials = {"s3_access_key_id": SecretStr(user), "s3_secret_access_key": SecretStr(user)}
    place = {"s3_bucket": f"small-{uuid.uuid4()}", "s3_create_bucket": True}
    store = open_store(s3_settings.model_copy(update=credentials | place))
    store.put("a.png", b"first", PNG)
    with pytest.raises(StorageUnavailable, match="QuotaExceeded"):
        store.put("b.png", b"second", PNG)
    assert store.get("a.png") == b"first"


@pytest.mark.parametrize(("turned", "direction"), [("+20m", "behind"), ("-20m", "ahead of")])
def test_a_wrong_clock_is_named(s3_settings, turned, direction):
    """A server that refuses signatures of another time gets us to say whose clock differs, and by how much."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed (sh tests/install_system_packages.sh)")
    program = (
        "from app.settings import Settings; from app.storage import open_store\n"
        "try: open_store(Settings()).check()\n"
        "except Exception as error: print(error.detail)"
    )
    command = ["faketime", "-f", turned, sys.executable, "-c", program]
    said = subprocess.check_output(command, env=os.environ | environment_of(s3_settings), text=True)
    assert re.match(rf"S3 refuses the request: the clock of S3 is 1[12]\d\d\.\d s {direction} this machine's", said)
