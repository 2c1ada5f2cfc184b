"""What files add to the contract: no torn object, sealed URLs, a swept folder."""

import contextlib
import multiprocessing
import os
import random
import resource
import stat
import threading
import time

import pytest
from pydantic import SecretStr

from app.errors import InvalidSignature, ObjectNotFound, StorageUnavailable
from app.settings import Settings
from app.storage import open_store
from app.storage.signing import SECRET_FILE, UrlSigner

PNG = "image/png"
OBJECT_BYTES = 400_000
KILLS = 25


@pytest.fixture
def signed():
    """Give a signer and the parameters of a URL that is valid at time 1000."""
    signer = UrlSigner(b"secret")
    return signer, {"key": KEY, "expires": EXPIRES, "signature": signer.sign(KEY, int(EXPIRES))}


def flip(signature, index):
    """Change one character."""
    characters = list(signature)
    characters[index] = "A" if characters[index] != "A" else "B"
    return "".join(characters)


KEY, EXPIRES = "a/b.png", "1060"
TAMPERINGS = {
    "other key": {"key": "a/c.png"},
    "key made longer": {"key": KEY + "x"},
    "key in other case": {"key": KEY.upper()},
    "digits moved from expiry to key": {"key": f"60\n{KEY}", "expires": "10"},
    "later expiry": {"expires": "9999999999"},
    "earlier expiry": {"expires": "1059"},
    "expiry with zero": {"expires": "0" + EXPIRES},
    "expiry with plus": {"expires": "+" + EXPIRES},
    "expiry with space": {"expires": " " + EXPIRES},
    "expiry in other digits": {"expires": "\u0661\u0660\u0666\u0660"},
    "expiry as float": {"expires": EXPIRES + ".0"},
    "endless expiry": {"expires": "9" * 5000},
    "no expiry": {"expires": ""},
    "no signature": {"signature": ""},
    "neither": {"expires": "", "signature": ""},
    "signature outside ASCII": {"signature": "\u00e9" * 43},
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampered_url_is_refused(signed, tampering):
    """Whatever is changed in key, expiry or signature, the URL is void."""
    signer, parameters = signed
    signer.verify(**parameters, now=1000)
    with pytest.raises(InvalidSignature):
        signer.verify(**parameters | TAMPERINGS[tampering], now=1000)


@pytest.mark.parametrize("index", [0, 20, -2])
def test_changed_signature_is_refused(signed, index):
    """One other character, one fewer or one more, and the URL is void."""
    signer, parameters = signed
    signature = parameters["signature"]
    for wrong in (flip(signature, index), signature[:-1], signature + "="):
        with pytest.raises(InvalidSignature):
            signer.verify(**parameters | {"signature": wrong}, now=1000)


def test_url_is_valid_up_to_its_expiry(signed):
    """The last second counts, the next does not."""
    signer, parameters = signed
    signer.verify(**parameters, now=1060)
    with pytest.raises(InvalidSignature, match="expired"):
        signer.verify(**parameters, now=1061)


def test_other_secret_is_refused(signed):
    """A signature holds under its own secret only."""
    _, parameters = signed
    with pytest.raises(InvalidSignature):
        UrlSigner(b"another").verify(**parameters, now=1000)


def test_given_secret_wins(tmp_path):
    """A secret in the settings is used, and none is written down."""
    settings = Settings(data_dir=tmp_path, url_secret=SecretStr("given"))
    url = open_store(settings).presigned_url("a.png", expires_seconds=60, base_url="http://gateway.test")
    expires, signature = (part.partition("=")[2] for part in url.partition("?")[2].split("&"))
    UrlSigner(b"given").verify("a.png", expires, signature, now=time.time())
    assert not (tmp_path / SECRET_FILE).exists()


def test_secret_is_made_once_and_private(tmp_path):
    """Of several processes that start at once, all use one secret, which only the owner can read."""
    secrets = []
    threads = [
        threading.Thread(target=lambda: secrets.append(open_store(Settings(data_dir=tmp_path))._signer._secret))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32
    assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600


def write_for_ever(store):
    """Replace one object with others of the same size, each of one repeated byte."""
    while True:
        for byte in range(256):
            store.put("a.png", bytes([byte]) * OBJECT_BYTES, PNG)


def test_killed_writer_leaves_no_torn_object(file_store, tmp_path):
    """Whenever the writer is killed with -9, the object is one that was put, whole; the leftovers are swept."""
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201  to repeat a failure
    delays = random.Random(seed)
    file_store.put("a.png", b"\0" * OBJECT_BYTES, PNG)
    for _ in range(KILLS):
        writer = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(file_store,))
        writer.start()
        time.sleep(delays.uniform(0.005, 0.1))
        writer.kill()
        writer.join()
        data = file_store.get("a.png")
        assert data == data[:1] * OBJECT_BYTES
    file_store.sweep(-1)
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


@contextlib.contextmanager
def largest_file(size):
    """Make the kernel refuse larger files, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_leaves_the_old_object(file_store, tmp_path):
    """A write that the disk refuses is an error of the store, and nothing half-written stays."""
    file_store.put("a.png", b"old", PNG)
    with largest_file(100_000), pytest.raises(StorageUnavailable, match="File too large") as refusal:
        file_store.put("a.png", b"x" * OBJECT_BYTES, PNG)
    assert refusal.value.retry_after_seconds
    assert file_store.get("a.png") == b"old"
    assert list((tmp_path / "objects" / ".partial").iterdir()) == []


def test_check_fails_without_the_folder(file_store, tmp_path):
    """A data folder that vanished, such as an unmounted disk, is noticed."""
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable, match="objects"):
        file_store.check()


def test_data_folder_that_is_a_file(tmp_path):
    """A data folder that cannot be made is an error of the store."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageUnavailable, match="data"):
        open_store(Settings(data_dir=tmp_path / "data"))


def test_symbolic_links_are_not_followed(file_store, tmp_path):
    """Neither a linked file nor a linked folder leads out of the store, for reading or for writing."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.png").write_text("outside")
    (tmp_path / "objects" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "objects" / "file.png").symlink_to(tmp_path / "outside" / "a.png")
    for key in ("folder/a.png", "file.png"):
        with pytest.raises(ObjectNotFound):
            file_store.get(key)
        with pytest.raises(StorageUnavailable):
            file_store.put(key, b"changed", PNG)
        file_store.delete(key)
    assert (tmp_path / "outside" / "a.png").read_text() == "outside"


def test_sweep_removes_what_is_old(file_store, tmp_path):
    """Old objects end together with their empty folders; young ones stay."""
    file_store.put("old/0.png", b"x", PNG)
    file_store.put("young/0.png", b"x", PNG)
    os.utime(tmp_path / "objects" / "old" / "0.png", (time.time() - 100, time.time() - 100))
    assert file_store.sweep(older_than_seconds=50) == 1
    assert sorted(path.name for path in (tmp_path / "objects").iterdir()) == [".partial", "young"]


def test_sweep_does_not_disturb_writers(file_store):
    """Folders may be swept away under a writer, which puts its objects all the same."""
    stop = threading.Event()

    def sweep():
        while not stop.is_set():
            file_store.delete("a/b/c.png")
            file_store.sweep(3600)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(200):
            file_store.put("a/b/c.png", b"x", PNG)
    finally:
        stop.set()
        sweeper.join()
