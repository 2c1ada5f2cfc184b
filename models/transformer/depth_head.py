"""The depth head: the tokens of one block, one after the other.

Shapes: B batch, S blocks, L levels, N tokens per block, W width, E token embedding width, V
codebook size of a level.
"""

import torch
from torch import Tensor, nn

from models.transformer.config import TransformerConfig
from models.transformer.layers import GatedMlp


class DepthHead(nn.Module):
    """Predict each token of a block from the decoder's output and the block's earlier tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.zeros(config.block_tokens, config.width))
        self.earlier = nn.ModuleList(
            nn.Linear(config.token_width, config.width, bias=False) for _ in range(config.block_tokens - 1)
        )
        self.mlp_norm = nn.RMSNorm(config.width)
        self.mlp = GatedMlp(config.width, config.depth_hidden)
        self.logits_norm = nn.RMSNorm(config.width)
        self.narrow = nn.Linear(config.width, config.logits_rank, bias=False)
        self.logits = nn.ModuleList(
            nn.Linear(config.logits_rank, config.codebook_size, bias=False) for _ in range(config.levels)
        )
        for parameter in self.logits.parameters():
            nn.init.zeros_(parameter)

    def forward(self, hidden: Tensor, embedded: Tensor) -> list[Tensor]:
        """Return each level's logits (B, S, N / L, V) of ``hidden`` (B, S, W) and tokens (B, S, N, E)."""
        states = [hidden]
        for slot, project in enumerate(self.earlier):
            states.append(states[-1] + project(embedded[:, :, slot]))
        narrow = self._narrowed(torch.stack(states, dim=2) + self.slots)  # (B, S, N, rank)
        parts = narrow.chunk(len(self.logits), dim=2)
        return [level(part).float() for level, part in zip(self.logits, parts, strict=True)]

    def read(self, state: Tensor, slot: int) -> Tensor:
        """Return one slot's logits (B, V) in float32 of what is known before it, ``state`` (B, W)."""
        level = slot * len(self.logits) // len(self.slots)
        logits: Tensor = self.logits[level](self._narrowed(state + self.slots[slot]))
        return logits.float()

    def _narrowed(self, state: Tensor) -> Tensor:
        state = state + self.mlp(self.mlp_norm(state))
        narrow: Tensor = self.narrow(self.logits_norm(state))
        return narrow
