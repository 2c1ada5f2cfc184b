"""The grid of image tokens as the blocks that the decoder draws one after the other.

Shapes: B batch, L levels, S blocks, N tokens per block (L levels of block x block places), R and C
blocks down and across.
"""

from torch import Tensor


def to_blocks(image_tokens: Tensor, block: int) -> Tensor:
    """Return (B, S, N) blocks from (B, L, rows, columns): levels first, then reading order."""
    rows = image_tokens.unflatten(2, (-1, block))  # (B, L, R, block, columns)
    cells = rows.unflatten(4, (-1, block)).transpose(3, 4)  # (B, L, R, C, block, block)
    blocks: Tensor = cells.flatten(4).flatten(2, 3).transpose(1, 2).flatten(2)
    return blocks


def from_blocks(blocks: Tensor, block: int) -> Tensor:
    """Invert :func:`to_blocks` for a square grid: (B, S, N) → (B, L, rows, columns)."""
    side = round(blocks.shape[1] ** 0.5)
    levels = blocks.unflatten(2, (-1, block**2)).transpose(1, 2)  # (B, L, S, block²)
    cells = levels.unflatten(2, (side, side)).unflatten(4, (block, block))
    image_tokens: Tensor = cells.transpose(3, 4).flatten(4).flatten(2, 3)
    return image_tokens
