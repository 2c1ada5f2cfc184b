"""What `auto` means, and which wishes are refused."""

import pytest
import torch

from models.devices import DeviceError, choose_device, choose_dtype

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_auto_takes_the_gpu_that_is_there():
    """Without a GPU the CPU draws."""
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cuda:-1"])
def test_a_device_that_is_not_there_is_refused(name):
    """A wish that can't be met is an error at start, not a slow service."""
    with pytest.raises(DeviceError, match=name):
        choose_device(name)


def test_half_precision_is_for_gpus():
    """On a GPU `auto` is float16; asking a CPU for it is refused, for it would take ages."""
    assert choose_dtype("auto", CUDA) == torch.float16
    with pytest.raises(DeviceError, match="'float16' needs a GPU"):
        choose_dtype("float16", CPU)


def test_a_cpu_gets_what_its_instructions_are_for():
    """`auto` does not change from one start to the next."""
    assert choose_dtype("auto", CPU) in {torch.bfloat16, torch.float32}
    assert choose_dtype("auto", CPU) == choose_dtype("auto", CPU)


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_a_named_dtype_is_taken(device):
    """Whoever names a format gets it."""
    assert choose_dtype("bfloat16", device) == torch.bfloat16
    assert choose_dtype("float32", device) == torch.float32
