"""The network one block at a time, with the keys and values of everything before it kept.

The cache is allocated once for a fixed number of rows; the rows in use are the first ones, so
every step works on views without copying. Rows may be at different positions.

Shapes: R rows in use, T text tokens, S blocks, N tokens per block, W width, H heads, D head width.
"""

import torch
from torch import Tensor

from models.transformer.network import Transformer


class CachedDecoder:
    """Run the decoder on one new block per row; equal to the network's own forward pass."""

    def __init__(self, network: Transformer, num_rows: int) -> None:
        config = network.config
        self._network = network
        self._weight = network.words.weight  # for its device and dtype
        heads, length = config.width // config.head_width, config.text_length + config.num_blocks
        size = (len(network.image_layers), num_rows, heads, length, config.head_width)
        self._keys = self._weight.new_zeros(size)
        self._values = self._weight.new_zeros(size)
        self._tokens = self._weight.new_zeros((num_rows, config.num_blocks, config.block_tokens), dtype=torch.long)

    def read_text(self, row: int, encoding: Tensor) -> None:
        """Start ``row`` anew with the encoding (T, W) of its caption."""
        text_length = self._network.config.text_length
        for index, layer in enumerate(self._network.decoder_layers()):
            keys, values = layer.read_text(encoding[None])
            self._keys[index, row, :, :text_length] = keys[0]
            self._values[index, row, :, :text_length] = values[0]

    def move(self, source: int, target: int) -> None:
        """Let row ``target`` go on where ``source`` is."""
        for state in (self._keys, self._values):
            state[:, target] = state[:, source]
        self._tokens[target] = self._tokens[source]

    def put(self, positions: Tensor, blocks: Tensor) -> None:
        """Remember the tokens (R, N) chosen at ``positions`` (R,)."""
        rows = torch.arange(len(positions), device=positions.device)
        self._tokens[rows, positions] = blocks

    def advance(self, positions: Tensor, furthest: int) -> Tensor:
        """Return the decoder's output (R, W) at ``positions`` (R,), of which ``furthest`` is the largest."""
        rows = torch.arange(len(positions), device=positions.device)
        length = self._network.config.text_length + furthest + 1
        places = self._network.config.text_length + positions
        seen = torch.arange(length, device=positions.device) <= places[:, None]
        rotations = self._network.rotations[positions][:, None, None]  # (R, 1, 1, D / 2, 2)
        x = self._inputs(positions)[:, None]  # (R, 1, W)
        for index, layer in enumerate(self._network.decoder_layers()):
            queries, keys, values = layer.project(x, rotations)
            self._keys[index, rows, :, places] = keys[:, :, 0]
            self._values[index, rows, :, places] = values[:, :, 0]
            all_keys = self._keys[index, : len(rows), :, :length]
            all_values = self._values[index, : len(rows), :, :length]
            attended = layer.attention.attend(queries, all_keys, all_values, seen[:, None, None])
            x = layer.finish(x, attended)
        return x[:, 0]

    def _inputs(self, positions: Tensor) -> Tensor:
        """Return what the decoder reads (R, W): the blocks to the left of and above ``positions``."""
        network, side = self._network, self._network.config.blocks_per_side
        left: Tensor = network.left(self._embedded(positions - 1))
        above: Tensor = network.above(self._embedded(positions - side))
        return left + above + network.block_positions[positions]

    def _embedded(self, positions: Tensor) -> Tensor:
        """Return the embedded tokens (R, N·E) at ``positions``, zero where there is no such block."""
        rows = torch.arange(len(positions), device=positions.device)
        embedded = self._network.embed(self._tokens[rows, positions.clamp(min=0)]).flatten(1)
        return embedded * (positions >= 0)[:, None]
