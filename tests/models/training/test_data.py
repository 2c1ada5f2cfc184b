"""A user's captioned pictures in folders, archives and shards."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.training.captioned_files import CaptionedFile, square
from models.training.data import normalized, open_pictures
from models.training.files import MAX_FILE_BYTES, DataError

Contents = dict[str, bytes]


def png(color: str, size: tuple[int, int] = (40, 40)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, color).save(content, "PNG")
    return content.getvalue()


def write_folder(path: Path, contents: Contents) -> Path:
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def write_zip(path: Path, contents: Contents) -> Path:
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, contents: Contents) -> Path:
    path = path.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


Write = Callable[[Path, Contents], Path]
KINDS = [write_folder, write_zip, write_tar]
ARCHIVES = [write_zip, write_tar]


def table(*rows: object) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def used(file: CaptionedFile) -> tuple[str, np.ndarray]:
    return file.caption, file.image(8)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("write", KINDS)
def test_captions_beside_images_are_read(write: Write, place: Path):
    """An image's caption is the .txt, or the .json, of the same name."""
    source = open_pictures(
        write(
            place,
            {
                "a.png": png("red"),
                "a.txt": b"A red\n square. ",
                "deep/b.PNG": png("blue"),
                "deep/b.json": b'{"caption": "A blue square."}',
            },
        )
    )
    assert [source[index].caption for index in range(len(source))] == ["A red square.", "A blue square."]
    image = source[1].image(16)
    assert (image.shape, image.dtype) == ((16, 16, 3), np.uint8)
    assert (image == (0, 0, 255)).all()
    assert source[1].size() == (40, 40)


@pytest.mark.parametrize("write", KINDS)
def test_captions_from_json_lines_are_read(write: Write, place: Path):
    """A .jsonl names files relative to itself, and says what each shows."""
    rows = table({"file_name": "b.png", "text": "Blue."}, {"file_name": "deep/a.png", "caption": "Red."})
    contents = {"set/metadata.jsonl": rows, "set/b.png": png("blue"), "set/deep/a.png": png("red")}
    source = open_pictures(write(place, contents))
    assert [source[index].caption for index in range(len(source))] == ["Blue.", "Red."]


def test_a_folder_of_shards_is_one_source(place: Path):
    """The .tar shards of a folder follow each other in the order of their names."""
    for shard, color in (("00001", "blue"), ("00000", "red")):
        write_tar(place / shard, {f"./{color}.png": png(color), f"./{color}.txt": color.encode()})
    source = open_pictures(place)
    assert len(source) == 2
    assert [source[0].caption, source[1].caption, source[-1].caption] == ["red", "blue", "blue"]
    with pytest.raises(IndexError):
        source[2]


def test_images_are_cropped_in_the_middle():
    """A wide image loses its sides, not its shape."""
    wide = Image.new("RGB", (60, 20), "red")
    wide.paste("blue", (20, 0, 40, 20))
    assert (square(wide, 10)[..., 2] > 200).all()


def test_images_are_flattened_and_upright():
    """Transparent pixels become white; a photograph lies as its EXIF orientation says."""
    assert (square(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), 8) == 255).all()
    photo = Image.new("RGB", (8, 8), "red")
    photo.paste("blue", (0, 0, 8, 4))
    photo.getexif()[0x0112] = 3
    assert tuple(square(photo, 8)[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"notes.md": b"nothing"}, "no images"),
        ({"a.png": png("red")}, r"a\.png: no caption, expected a\.txt or a\.json"),
        ({"m.jsonl": table({"file_name": "x.png", "text": "X."})}, r"m\.jsonl, line 1: .*'x\.png'"),
        ({"m.jsonl": table({"file_name": "../../x.png", "text": "X."})}, r"m\.jsonl, line 1"),
        ({"m.jsonl": b"{"}, r"m\.jsonl, line 1: not JSON"),
        ({"m.jsonl": b"[]"}, "expected a JSON object"),
        ({"m.jsonl": table({"file_name": "a.png"}), "a.png": png("red")}, r"m\.jsonl, line 1: no caption"),
    ],
)
def test_unusable_sources_are_refused(write: Write, place: Path, contents: Contents, message: str):
    """Opening says which file is missing or wrong."""
    path = write(place, contents)
    with pytest.raises(DataError, match=message) as refused:
        open_pictures(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"a.png": b"not an image", "a.txt": b"A."}, r"a\.png: not a usable image"),
        ({"a.png": png("red")[:60], "a.txt": b"A."}, r"a\.png: not a usable image"),
        ({"a.png": png("red"), "a.txt": b" \n"}, r"a\.txt: no caption"),
        ({"a.png": png("red"), "a.txt": b"\xff\xfe\xfa"}, r"a\.txt: not UTF-8"),
        ({"a.png": png("red"), "a.json": b'{"text": 3}'}, r"a\.json: no caption"),
    ],
)
def test_unusable_pictures_are_refused(write: Write, place: Path, contents: Contents, message: str):
    """A picture that cannot be used says so when it is asked for, by name."""
    source = open_pictures(write(place, contents))
    with pytest.raises(DataError, match=message):
        used(source[0])


@pytest.mark.parametrize("write", ARCHIVES)
@pytest.mark.parametrize("name", ["../a.png", "/a.png", "deep/../../a.png", "..\\a.png", "C:\\a.png"])
def test_names_that_lead_out_of_an_archive_are_refused(write: Write, place: Path, name: str):
    """An archive with a member outside of itself is refused, though nothing is unpacked."""
    with pytest.raises(DataError, match="leads out of the archive"):
        open_pictures(write(place, {name: png("red")}))


def test_links_out_of_a_folder_are_refused(place: Path, tmp_path: Path):
    """A symbolic link in the folder cannot reach a file elsewhere."""
    (tmp_path / "secret.txt").write_text("secret")
    (place / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DataError, match="leads out"):
        open_pictures(place)


def test_oversized_members_are_refused(place: Path):
    """A member larger than any picture is refused before it is read."""
    member = tarfile.TarInfo("a.png")
    member.size = MAX_FILE_BYTES + 1
    path = place / "large.tar"
    with path.open("wb") as archive:
        archive.write(member.tobuf())
        archive.truncate(2 * MAX_FILE_BYTES)
    with pytest.raises(DataError, match=r"a\.png: \d+ bytes"):
        open_pictures(path)


@pytest.mark.parametrize("write", KINDS)
def test_hidden_files_are_left_out(write: Write, place: Path):
    """What an operating system hides beside pictures is no picture."""
    contents = {"a.png": png("red"), "a.txt": b"A.", "__MACOSX/._a.png": b"?", ".cache/b.png": b"?"}
    assert len(open_pictures(write(place, contents))) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "no such file"),
        ("a.rar", "expected a folder"),
        ("a.zip", "not a zip"),
        ("a.tar", "not an uncompressed tar"),
    ],
)
def test_other_files_are_refused(place: Path, name: str, message: str):
    """What is not a folder, a .zip or an uncompressed .tar is refused by name."""
    if name != "none":
        (place / name).write_bytes(b"something else entirely")
    with pytest.raises(DataError, match=message):
        open_pictures(place / name)


def test_a_truncated_tar_is_refused(place: Path):
    """A member that the archive promises but does not hold is an error, not a short image."""
    path = write_tar(place, {"a.png": png("red"), "a.txt": b"A."})
    source = open_pictures(path)
    path.write_bytes(path.read_bytes()[:530])
    with pytest.raises(DataError, match=r"a\.png|a\.txt"):
        used(source[0])


def test_images_are_normalized():
    """Black is -1 and white is 1, as float32 (N, 3, H, W)."""
    black, white = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 255, np.uint8)
    batch = normalized([black, white])
    assert batch.shape == (2, 3, 4, 6)
    assert batch.dtype == torch.float32
    assert batch[0].unique().tolist() == [-1.0]
    assert batch[1].unique().tolist() == [1.0]
