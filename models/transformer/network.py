"""The text-to-image transformer: a text encoder, a causal decoder over blocks, and a depth head.

The 16x16 grid of image tokens is read as 8x8 blocks of 2x2 places. The decoder runs once per
block; the depth head then predicts the block's tokens one after the other from the decoder's
output and the tokens already chosen: first the tokens of level one at all its places, then those
of level two. Few decoder positions make training and sampling several times cheaper than one
position per token (RQ-Transformer, Lee et al. 2022, https://arxiv.org/abs/2203.01941, whose
depth axis holds residual levels only).

Shapes: B batch, T text tokens, S blocks, L levels, N = 4L tokens per block, W width, E token
embedding width, V codebook size of a level, H heads, D head width.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.transformer.config import TransformerConfig
from models.transformer.depth_head import DepthHead
from models.transformer.layers import Attention, GatedMlp, rotate, rotation_table


class TextLayer(nn.Module):
    """One layer of the text encoder, in which every word sees every other."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width)
        self.attention = Attention(config.width, config.head_width)
        self.mlp_norm = nn.RMSNorm(config.width)
        self.mlp = GatedMlp(config.width, config.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, T, W) from (B, T, W)."""
        normed = self.attention_norm(x)
        keys, values = self.attention.keys_values(normed)
        x = x + self.attention.attend(self.attention.queries(normed), keys, values, None)
        changed: Tensor = x + self.mlp(self.mlp_norm(x))
        return changed


class ImageLayer(nn.Module):
    """One layer of the decoder: a block sees the whole caption and the blocks before it."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.text_keys_values = nn.Linear(config.width, 2 * config.width, bias=False)
        self.attention_norm = nn.RMSNorm(config.width)
        self.attention = Attention(config.width, config.head_width)
        self.mlp_norm = nn.RMSNorm(config.width)
        self.mlp = GatedMlp(config.width, config.hidden)

    def read_text(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the caption's keys and values, each (B, H, T, D), of ``text`` (B, T, W)."""
        keys, values = self.text_keys_values(text).chunk(2, dim=-1)
        attention = self.attention
        return attention.key_norm(attention.split(keys)), attention.split(values)

    def project(self, x: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the queries, keys and values, each (B, H, L, D), of blocks ``x`` (B, L, W)."""
        normed = self.attention_norm(x)
        keys, values = self.attention.keys_values(normed)
        queries = self.attention.queries(normed)
        return rotate(queries, rotations), rotate(keys, rotations), values

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add what attention found to ``x`` (B, L, W) and run the MLP."""
        x = x + attended
        changed: Tensor = x + self.mlp(self.mlp_norm(x))
        return changed


class Transformer(nn.Module):
    """Predict a picture's image tokens from its caption."""

    rotations: Tensor
    offsets: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        width, blocks = config.width, config.num_blocks
        self.words = nn.Embedding(config.vocabulary_size, width)
        self.word_positions = nn.Parameter(0.02 * torch.randn(config.text_length, width))
        self.text_layers = nn.ModuleList(TextLayer(config) for _ in range(config.text_layers))
        self.text_norm = nn.RMSNorm(width)
        self.tokens = nn.Embedding(config.levels * config.codebook_size, config.token_width)
        block_width = config.block_tokens * config.token_width
        self.left = nn.Linear(block_width, width, bias=False)
        self.above = nn.Linear(block_width, width, bias=False)
        self.block_positions = nn.Parameter(0.02 * torch.randn(blocks, width))
        self.image_layers = nn.ModuleList(ImageLayer(config) for _ in range(config.image_layers))
        self.depth_head = DepthHead(config)
        table = rotation_table(config.blocks_per_side, config.head_width)
        self.register_buffer("rotations", table, persistent=False)
        offsets = torch.arange(config.levels).repeat_interleave(config.block**2) * config.codebook_size
        self.register_buffer("offsets", offsets, persistent=False)

    def encode_text(self, text_tokens: Tensor) -> Tensor:
        """Return the caption's encoding (B, T, W) of ``text_tokens`` (B, T)."""
        x = self.words(text_tokens) + self.word_positions
        for layer in self.text_layers:
            x = layer(x)
        encoding: Tensor = self.text_norm(x)
        return encoding

    def block_inputs(self, embedded: Tensor) -> Tensor:
        """Return what the decoder reads at each block: its left and its upper neighbour.

        ``embedded`` is (B, S, N, E); block s reads block s - 1 and the block one row up, and
        nothing where there is none, so no position sees itself or anything later.
        """
        flat = embedded.flatten(2)  # (B, S, N·E)
        left = functional.pad(self.left(flat)[:, :-1], (0, 0, 1, 0))
        side = self.config.blocks_per_side
        above = functional.pad(self.above(flat)[:, :-side], (0, 0, side, 0))
        return left + above + self.block_positions

    def decoder_layers(self) -> list[ImageLayer]:
        """Return the decoder's layers under their own type, which a module list forgets."""
        return cast("list[ImageLayer]", list(self.image_layers))

    def embed(self, blocks: Tensor) -> Tensor:
        """Return the embeddings (..., N, E) of whole blocks (..., N)."""
        embedded: Tensor = self.tokens(blocks + self.offsets)
        return embedded

    def forward(self, text_tokens: Tensor, blocks: Tensor) -> Tensor:
        """Return logits (B, S, N, V) for ``blocks`` (B, S, N), each given all tokens before it."""
        return torch.cat(self.level_logits(text_tokens, blocks), dim=2)

    def level_logits(self, text_tokens: Tensor, blocks: Tensor) -> list[Tensor]:
        """Return the same as L tensors (B, S, N / L, V)."""
        text = self.encode_text(text_tokens)
        embedded = self.embed(blocks)
        x = self.block_inputs(embedded)
        mask, rotations = self.causal_mask(x.device), self.rotations[None, None]
        for layer in self.decoder_layers():
            queries, keys, values = layer.project(x, rotations)
            text_keys, text_values = layer.read_text(text)
            keys = torch.cat([text_keys, keys], dim=2)
            values = torch.cat([text_values, values], dim=2)
            x = layer.finish(x, layer.attention.attend(queries, keys, values, mask))
        logits: list[Tensor] = self.depth_head(x, embedded)
        return logits

    def causal_mask(self, device: torch.device) -> Tensor:
        """Return (1, 1, S, T + S), True for the whole caption and for blocks up to one's own."""
        blocks, text = self.config.num_blocks, self.config.text_length
        causal = torch.ones(blocks, blocks, dtype=torch.bool, device=device).tril()
        return functional.pad(causal, (text, 0), value=True)[None, None]
