"""Data-parallel training under torchrun: who am I, and averages over all processes.

Gradients are averaged explicitly, by `clip_gradients`, just before they are used. That is all
that data parallelism needs, and it leaves adversarial training, with its several losses and
second-order penalties, free to use the networks as they are.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn


@contextmanager
def process_group() -> Iterator[None]:
    """Join the group that torchrun describes in the environment; alone, do nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return this process's number in the group, 0 when alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Return the number of processes in the group, 1 when alone."""
    return dist.get_world_size() if dist.is_initialized() else 1


def device(kind: str) -> torch.device:
    """Return this process's device: the CPU, or the GPU with its local number."""
    return torch.device("cpu") if kind == "cpu" else torch.device(kind, int(os.environ.get("LOCAL_RANK", "0")))


def barrier() -> None:
    """Wait until every process of the group is here."""
    if dist.is_initialized():
        dist.barrier()


def fold_seed(seed: int, step: int, rank: int) -> int:
    """Return one 63-bit seed for (seed, step, rank), spread so that neighbours don't correlate."""
    mixed = 0
    for value in (seed, step, rank):
        mixed = ((mixed ^ value) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
        mixed ^= mixed >> 29
    return mixed >> 1


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> float:
    """Average gradients over the processes, clip their norm, and return the norm before."""
    parameters = [p for p in parameters if p.grad is not None]
    _average([p.grad for p in parameters if p.grad is not None])
    return float(nn.utils.clip_grad_norm_(parameters, max_norm))


def broadcast_networks(networks: Mapping[str, nn.Module]) -> None:
    """Give every process the networks of rank 0."""
    if dist.is_initialized():
        for network in networks.values():
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, src=0)


def any_process(flag: bool) -> bool:
    """Return whether any process raised its flag, the same answer in each."""
    if not dist.is_initialized():
        return flag
    device = "cuda" if torch.cuda.is_available() else "cpu"
    flags = torch.tensor(int(flag), device=device)
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


def add_up(tensors: Iterable[torch.Tensor]) -> None:
    """Replace each tensor by its sum over the processes."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.all_reduce(tensor)


def _average(tensors: list[torch.Tensor]) -> None:
    if not dist.is_initialized() or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    averages = torch.split(flat / world(), [tensor.numel() for tensor in tensors])
    for tensor, average in zip(tensors, averages, strict=True):
        tensor.copy_(average.view_as(tensor))
