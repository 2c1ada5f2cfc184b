from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from models.checkpoints import CheckpointError, load_network, save_network


@dataclass(frozen=True)
class Sizes:
    widths: tuple[int, ...] = (3, 4)


class Net(nn.Linear):
    def __init__(self, config):
        super().__init__(*config.widths)


@pytest.fixture
def folder(tmp_path):
    save_network(Net(Sizes()), Sizes(), tmp_path)
    return tmp_path


def test_a_network_comes_back_with_its_sizes_and_weights(folder):
    """The config beside the weights rebuilds the network, in float32 and frozen."""
    network = load_network(Net, Sizes, folder)

    assert network.weight.shape == (4, 3)
    assert network.weight.dtype == torch.float32
    assert not network.weight.requires_grad


def test_weights_are_stored_in_half_precision(folder):
    """Bundled weights take two bytes each."""
    assert load_file(folder / "model.safetensors")["weight"].dtype == torch.float16


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_are_refused(folder, change):
    """Loading is strict: nothing missing, nothing left over, every size right."""
    weights = load_file(folder / "model.safetensors")
    if change == "missing":
        del weights["bias"]
    else:
        weights["extra" if change == "extra" else "bias"] = torch.zeros(7)
    save_file(weights, folder / "model.safetensors")

    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_network(Net, Sizes, folder)


@pytest.mark.parametrize("content", ["no json", '{"unknown": 1}'])
def test_a_config_that_does_not_fit_is_refused(folder, content):
    """The message names the file."""
    (folder / "config.json").write_text(content)

    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_network(Net, Sizes, folder)


def test_a_truncated_file_is_refused(folder):
    """Half a download is an error of its own kind, not a crash."""
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-5])

    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_network(Net, Sizes, folder)
