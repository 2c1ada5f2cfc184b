"""The pieces that the transformer is built from: normalisation, rotation, attention, gated MLP.

Shapes: B batch, L query positions, K key positions, W width, H heads, D = W / H.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Attend from L positions to any keys and values, with normalised queries and keys.

    Normalising queries and keys keeps the attention logits bounded, so training stays stable at
    high learning rates (Dehghani et al. 2023, https://arxiv.org/abs/2302.05442).
    """

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.query_norm = nn.RMSNorm(head_width)
        self.key_norm = nn.RMSNorm(head_width)

    def split(self, x: Tensor) -> Tensor:
        """Return (B, H, L, D) from (B, L, W)."""
        heads: Tensor = x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
        return heads

    def queries(self, x: Tensor) -> Tensor:
        """Return the normalised queries (B, H, L, D) of ``x`` (B, L, W)."""
        queries: Tensor = self.query_norm(self.split(self.query(x)))
        return queries

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised keys and the values, each (B, H, L, D), of ``x`` (B, L, W)."""
        keys, values = self.key_value(x).chunk(2, dim=-1)
        return self.key_norm(self.split(keys)), self.split(values)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, L, W); ``mask`` is True where a query may look, (B or 1, 1, L, K)."""
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output


class GatedMlp(nn.Module):
    """SwiGLU (Shazeer 2020, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_value = nn.Linear(width, 2 * hidden, bias=False)
        self.output = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., W) from (..., W)."""
        gate, value = self.gate_value(x).chunk(2, dim=-1)
        output: Tensor = self.output(functional.silu(gate) * value)
        return output


def rotation_table(grid: int, head_width: int, base: float = 100.0) -> Tensor:
    """Return the complex rotations of a grid's positions as (grid², D / 2, 2) cosines and sines.

    The first half of the channel pairs turns with the row, the second half with the column
    (Su et al. 2021, https://arxiv.org/abs/2104.09864, extended to two axes).
    """
    pairs = head_width // 4
    frequencies = base ** (-torch.arange(pairs) / pairs)
    angles = torch.arange(grid)[:, None] * frequencies  # (grid, pairs)
    rows = angles[:, None].expand(grid, grid, pairs)
    columns = angles[None, :].expand(grid, grid, pairs)
    both = torch.cat([rows, columns], dim=-1).flatten(0, 1)
    return torch.stack([both.cos(), both.sin()], dim=-1)


def rotate(x: Tensor, rotations: Tensor) -> Tensor:
    """Turn the channel pairs of ``x`` (B, H, L, D) by ``rotations`` (B or 1, 1, L, D / 2, 2)."""
    first, second = x.chunk(2, dim=-1)
    cosines, sines = rotations.to(x.dtype).unbind(-1)
    turned = (first * cosines - second * sines, first * sines + second * cosines)
    return torch.cat(turned, dim=-1)
