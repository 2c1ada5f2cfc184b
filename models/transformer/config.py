"""The sizes of the transformer: everything that rebuilds it from its weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of the network; ``grid`` counts image tokens along a side, ``block`` those of a block."""

    vocabulary_size: int
    text_length: int = 24
    codebook_size: int = 4096
    levels: int = 2
    grid: int = 16
    block: int = 2
    width: int = 256
    head_width: int = 64
    hidden: int = 768
    text_layers: int = 2
    image_layers: int = 8
    token_width: int = 64
    depth_hidden: int = 384
    logits_rank: int = 128

    @property
    def blocks_per_side(self) -> int:
        """Blocks along a side of the grid."""
        return self.grid // self.block

    @property
    def num_blocks(self) -> int:
        """Blocks of a picture, S."""
        return self.blocks_per_side**2

    @property
    def block_tokens(self) -> int:
        """Tokens of a block, N."""
        return self.levels * self.block**2
