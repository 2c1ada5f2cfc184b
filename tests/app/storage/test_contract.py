"""What every store promises, on both of them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import ObjectNotFound
from app.settings import Settings
from app.storage import open_store
from app.storage.files import FileStore

GATEWAY = "http://gateway.test"
PNG = "image/png"
BAD_KEYS = [
    "",
    "/etc/passwd.png",
    "../secret.png",
    "a/../b.png",
    "a/./b.png",
    "a//b.png",
    "a/",
    "a/b\0.png",
    "a/b\n.png",
    ".partial/x.png",
    "a/.hidden.png",
    "a\\b.png",
    "%2e%2e/b.png",
    "a b.png",
    "a?b.png",
    "ü.png",
    "\u202egnp.png",
    "x" * 300 + ".png",
    "a/" * 511 + "bc.png",
]


def test_what_was_put_is_got(store):
    """An object comes back as it was."""
    store.put("jobs/a/0.png", b"\x89PNG\0data", PNG)
    assert store.get("jobs/a/0.png") == b"\x89PNG\0data"


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_objects_of_every_size(store, size):
    """Empty, tiny and large objects are whole."""
    store.put("a.png", b"x" * size, PNG)
    assert store.get("a.png") == b"x" * size


def test_second_put_replaces_the_first(store):
    """A repeated put is harmless: the last one stands."""
    store.put("a.png", b"first, longer", PNG)
    store.put("a.png", b"second", PNG)
    assert store.get("a.png") == b"second"


def test_longest_key(store):
    """A key of 1,024 characters is as good as any."""
    key = "/".join(["d" * 202] * 5) + "/12345.png"[:10]
    key = key[:-4].ljust(1020, "k") + ".png"
    store.put(key, b"x", PNG)
    assert len(key) == 1024
    assert store.get(key) == b"x"


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key[:14]))
def test_odd_keys_are_refused(store, key):
    """A key that is no plain relative path is stored nowhere, found nowhere and never signed."""
    with pytest.raises(ValueError, match="key"):
        store.put(key, b"x", PNG)
    with pytest.raises(ObjectNotFound):
        store.get(key)
    with pytest.raises(ValueError, match="key"):
        store.presigned_url(key, expires_seconds=60, base_url=GATEWAY)
    with pytest.raises(ValueError, match="key"):
        store.delete(key)


@pytest.mark.parametrize("key", ["a.jpeg", "a.webp", "a.gif", "a"])
def test_key_must_not_lie_about_the_type(store, key):
    """The suffix stands for the content type, or the object is refused."""
    with pytest.raises(ValueError, match="key"):
        store.put(key, b"x", PNG)


def test_missing_object_is_not_found(store):
    """Reading what is not there is an error of its own."""
    store.put("a/b.png", b"x", PNG)
    for key in ("none.png", "a/none.png", "a", "a/b.png/c.png"):
        with pytest.raises(ObjectNotFound):
            store.get(key)


def test_deleted_object_is_gone(store):
    """Deleting ends an object, and deleting nothing is no error."""
    store.put("a/b.png", b"x", PNG)
    store.delete("a/b.png")
    store.delete("a/b.png")
    with pytest.raises(ObjectNotFound):
        store.get("a/b.png")


def test_everything_under_a_folder_is_removed_at_once(store):
    """All objects of a job go together, and nobody else's, however alike its name."""
    for key in ("images/a/0.png", "images/a/1.png", "images/ab/0.png"):
        store.put(key, b"x", PNG)
    for _ in range(2):
        store.delete_under("images/a")
    assert store.get("images/ab/0.png") == b"x"
    for key in ("images/a/0.png", "images/a/1.png"):
        with pytest.raises(ObjectNotFound):
            store.get(key)


@pytest.mark.parametrize("folder", ["", "/", "..", "images/", "images/../x", ".partial"])
def test_odd_folders_are_not_removed(store, folder):
    """A folder's name follows the rules of keys."""
    with pytest.raises(ValueError, match="not allowed"):
        store.delete_under(folder)


def test_presigned_url_leads_to_the_object(store, download):
    """Whoever holds the URL can read the object, and no more than that one."""
    store.put("jobs/a/0.png", b"picture", PNG)
    url = store.presigned_url("jobs/a/0.png", expires_seconds=60, base_url=GATEWAY)
    assert download(store, url) == (200, b"picture")


def test_presigned_url_expires(store, download):
    """After its time the URL answers 403."""
    store.put("a.png", b"picture", PNG)
    url = store.presigned_url("a.png", expires_seconds=1, base_url=GATEWAY)
    time.sleep(2.5)
    assert download(store, url)[0] == 403


def test_signing_needs_no_object(store):
    """Signing looks nothing up."""
    assert store.presigned_url("none.png", expires_seconds=60, base_url=GATEWAY)


def test_url_shows_no_secret(store, request):
    """The secret is not part of the URL."""
    url = store.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)
    if isinstance(store, FileStore):
        secret = (request.getfixturevalue("tmp_path") / "url-secret").read_bytes().hex()
    else:
        secret = request.getfixturevalue("s3_server").secret_access_key
    assert secret not in url


def test_check_passes_on_a_working_store(store):
    """A store that works says nothing."""
    store.check()


def test_threads_share_a_store(store):
    """Eight threads put and get at once without mixing their objects."""
    wrong = []

    def work(number):
        for turn in range(10):
            key, data = f"t/{number}-{turn}.png", f"{number}-{turn}".encode() * 1000
            store.put(key, data, PNG)
            wrong.extend([key] if store.get(key) != data else [])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_object_put_many_times_at_once_stays_whole(store):
    """Workers that store the same image at the same time, or late, do no harm: whoever reads has it whole."""
    data = b"picture" * 100_000
    store.put("a.png", data, PNG)
    with ThreadPoolExecutor(8) as pool:
        puts = [pool.submit(store.put, "a.png", data, PNG) for _ in range(16)]
        while not all(put.done() for put in puts):
            assert store.get("a.png") == data
    assert [put.result() for put in puts] == [None] * 16


def test_processes_share_a_store(store, request):
    """A second store on the same settings, as in another process, reads objects and accepts URLs of the first."""
    if isinstance(store, FileStore):
        other = open_store(Settings(data_dir=request.getfixturevalue("tmp_path")))
    else:
        other = open_store(request.getfixturevalue("s3_settings"))
    store.put("a.png", b"x", PNG)
    assert other.get("a.png") == b"x"
    download = request.getfixturevalue("download")
    assert download(other, store.presigned_url("a.png", expires_seconds=60, base_url=GATEWAY)) == (200, b"x")
