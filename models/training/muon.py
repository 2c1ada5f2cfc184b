"""Muon: momentum whose matrices are made orthogonal before they are applied."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from models.training import parallel

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Optimize hidden matrices (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/).

    Updates are scaled to the root mean square that AdamW's have (Liu et al. 2025,
    https://arxiv.org/abs/2502.16982), so both take the same learning rate. Each process
    orthogonalises its share of the matrices and the shares are exchanged.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        iterations: int = 4,
    ) -> None:
        ordered = sorted(matrices, key=lambda matrix: -matrix.numel())
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(ordered, defaults | {"iterations": iterations})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every matrix once from its gradient."""
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            updates = [self._direction(matrix, group["momentum"]) for matrix in matrices]
            _orthogonalize_shares(updates, group["iterations"])
            for matrix, update in zip(matrices, updates, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-0.2 * group["lr"] * max(matrix.shape) ** 0.5)

    def _direction(self, matrix: Tensor, momentum: float) -> Tensor:
        """Return Nesterov momentum, advancing the average kept for the matrix."""
        state = self.state[matrix]
        if "average" not in state:
            state["average"] = torch.zeros_like(matrix)
        gradient: Tensor = matrix.grad  # type: ignore[assignment]  # filtered by the caller
        state["average"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["average"], momentum)


def orthogonalize(matrix: Tensor, iterations: int) -> Tensor:
    """Return nearly the closest matrix with singular values of one, by a quintic Newton-Schulz iteration."""
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16().contiguous()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.addmm(x, polynomial, x, beta=a)
    return (x.T if tall else x).float()


def _orthogonalize_shares(updates: list[Tensor], iterations: int) -> None:
    """Orthogonalise the updates in place; large and small ones are dealt evenly to the processes."""
    world, rank = parallel.world(), parallel.rank()
    for index, update in enumerate(updates):
        if index % world == rank:
            update.copy_(orthogonalize(update, iterations))
        else:
            update.zero_()
    if world > 1:
        flat = torch.cat([update.flatten() for update in updates])
        dist.all_reduce(flat)
        parts = torch.split(flat, [update.numel() for update in updates])
        for update, part in zip(updates, parts, strict=True):
            update.copy_(part.view_as(update))
