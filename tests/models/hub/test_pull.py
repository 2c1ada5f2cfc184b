"""From a hub's id to a folder that draws: whole, checked, and never anything that could run code."""

import hashlib
import subprocess

import pytest
import torch

from models.catalog_entries import DiffusersModel
from models.diffusers_adapter import DiffusersGenerator
from models.hub import HubError
from models.hub.checksums import differences
from models.hub.pull import is_pulled, plan_pull, pull
from models.interface import GenerationRequest, Row
from tests.models.contract.recording_feed import RecordingFeed
from tests.models.hub.fake_hub import TOKEN, FakeRepository

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def plan(hub, tmp_path):
    def make(repo_id="easel/tiny", revision=None, variant=None):
        return plan_pull(repo_id, revision, variant, tmp_path / "models", hub.url)

    return make


def fetch(plan):
    pieces = []
    pull(plan, pieces.append)
    return sum(pieces)


def test_a_pulled_pipeline_draws(plan, hub, tmp_path):
    """What was pulled is a pipeline of the catalogue like any other."""
    pulled = plan()
    assert fetch(pulled) == pulled.num_bytes
    assert pulled.folder == tmp_path / "models" / "easel--tiny--0123456789ab"
    entry = DiffusersModel(id="tiny", family="diffusers", source=str(pulled.folder))
    generator = DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)
    row = Row(GenerationRequest(prompt="a house", width=64, height=64, seed=1, num_inference_steps=2))
    feed = RecordingFeed()
    generator.generate([row], feed)
    assert feed.images[row].shape == (64, 64, 3)


def test_a_second_pull_finds_it_unchanged(plan, hub):
    """A folder that is there and as it was is not fetched again."""
    first = plan()
    assert not is_pulled(first)
    fetch(first)
    assert is_pulled(plan(revision=first.repository.commit))
    assert len([path for path, asked in hub.served if path == UNET and not asked]) == 1


def test_the_checksums_are_sha256sums_own(plan):
    """The list of checksums can be checked without Easel."""
    pulled = plan()
    fetch(pulled)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=pulled.folder, capture_output=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(pulled.files)


def test_damage_is_found_and_named(plan):
    """A changed, a missing and an added file are each told, and the folder is not taken for good."""
    pulled = plan()
    fetch(pulled)
    with (pulled.folder / UNET).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    (pulled.folder / "model_index.json").unlink()
    (pulled.folder / "unet" / "model.bin").touch()
    found = ["model_index.json: is missing", f"{UNET}: has changed", "unet/model.bin: is not in SHA256SUMS"]
    assert list(differences(pulled.folder)) == found
    with pytest.raises(HubError, match=r"is damaged .*remove it and pull again"):
        is_pulled(plan())


class Interrupted(Exception):
    """As Ctrl-C would be."""


def test_an_interrupted_pull_is_no_model_and_goes_on(plan, hub):
    """Half a download is never taken for a model; the next pull asks for the missing bytes only."""

    def stop(num_bytes):
        raise Interrupted

    begun = plan()
    with pytest.raises(Interrupted):
        pull(begun, stop)
    assert not begun.folder.exists()
    (begun.unfinished / UNET).parent.mkdir()
    (begun.unfinished / UNET).write_bytes(hub.repositories["easel/tiny"].files[UNET][:1000])
    fetch(begun)
    assert (UNET, "bytes=1000-") in hub.served
    assert is_pulled(begun)
    assert not begun.unfinished.exists()


def test_a_beginning_that_is_wrong_is_not_kept(plan, hub):
    """Bytes that do not have the digest which the hub lists never become a model, and the next try is free of them."""
    begun = plan()
    (begun.unfinished / UNET).parent.mkdir(parents=True)
    (begun.unfinished / UNET).write_bytes(b"something else")
    with pytest.raises(HubError, match=f"{UNET}: what came is not what the hub lists"):
        fetch(begun)
    assert not begun.folder.exists()
    fetch(begun)
    assert is_pulled(begun)


def test_a_pickle_under_another_name_is_not_fetched(plan, hub, stable_diffusion):
    """A file of weights is known by its header: a pickle called .safetensors stays where it is."""
    disguised = FakeRepository.of(stable_diffusion)
    disguised.files[UNET] = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n" + bytes(200_000)
    hub.repositories["easel/disguised"] = disguised
    with pytest.raises(HubError, match=f"{UNET} is no safetensors file, whatever its name says"):
        fetch(plan("easel/disguised"))
    assert {asked for path, asked in hub.served if path == UNET} == {"bytes=0-100000"}


def test_a_disk_that_is_too_small_is_told_before_the_download(plan, hub):
    """The sizes that the hub lists are compared with the room there is, and no weights are asked for."""
    hub.repositories["easel/tiny"].listed_sizes = {UNET: 10**17}
    with pytest.raises(HubError, match=r"GB free, and 100000000\.\d GB are needed"):
        fetch(plan())
    assert [path for path, _ in hub.served] == ["model_index.json"]


def test_a_folder_that_cannot_be_written_is_named(plan, tmp_path):
    """What the disk answers is told with the folder."""
    (tmp_path / "models").touch()
    with pytest.raises(HubError, match=f"{tmp_path}/models/.*Not a directory"):
        fetch(plan())


@pytest.mark.parametrize(
    ("repo_id", "revision", "message"),
    [
        ("easel/nothing", None, "has no easel/nothing, or it is private: then set HF_TOKEN"),
        ("easel/tiny", "v9", "easel/tiny has no revision 'v9'"),
        ("no id at all", None, "'no id at all' is no id of a repository: it must look like owner/name"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(plan, repo_id, revision, message):
    """Each part of the name that is wrong has a message of its own."""
    with pytest.raises(HubError, match=message):
        plan(repo_id, revision)


def test_gated_models_want_a_token(plan, hub, monkeypatch):
    """The message names the page with the terms and the variable; with the token, the pull goes on."""
    hub.repositories["easel/tiny"].gated = True
    with pytest.raises(HubError, match=f"gated: accept its terms on {hub.url}/easel/tiny, then set HF_TOKEN"):
        plan()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(plan())


def test_a_hub_that_is_away_is_told(plan, hub):
    """Without a network the message says what was not reached."""
    hub.stop()
    with pytest.raises(HubError, match=f"{hub.url} cannot be reached"):
        plan()


def test_an_adapter_is_pulled_too(plan, hub):
    """A repository without a pipeline comes as an adapter; a variant of it there is not."""
    weights = (8).to_bytes(8, "little") + b"{}      "
    hub.repositories["easel/style"] = FakeRepository({"style.safetensors": weights, "README.md": b"terms"})
    pulled = plan("easel/style")
    fetch(pulled)
    assert not pulled.is_pipeline
    assert hashlib.sha256(weights).hexdigest() in (pulled.folder / "SHA256SUMS").read_text()
    with pytest.raises(HubError, match="easel/style is no pipeline"):
        plan("easel/style", variant="fp16")
