"""Networks of random weights, as small as they get, for tests of the real code."""

import torch

from models.transformer.config import TransformerConfig
from models.transformer.network import Transformer
from models.transformer.tokenizer import ImageTokenizer, TokenizerConfig

VOCABULARY = ("a", "blue", "house", "pink", "robot")

NETWORK = TransformerConfig(
    vocabulary_size=len(VOCABULARY) + 2,
    text_length=4,
    codebook_size=32,
    levels=2,
    grid=8,
    width=32,
    head_width=16,
    hidden=48,
    text_layers=1,
    image_layers=2,
    token_width=8,
    depth_hidden=32,
    logits_rank=16,
)
TOKENIZER = TokenizerConfig(
    codebook_size=32, levels=2, latent_channels=6, coarse_width=16, coarse_blocks=1, fine_width=8, fine_blocks=1
)


def small_transformer() -> Transformer:
    """Return a transformer that is not sure of anything and attends to everything."""
    torch.manual_seed(0)
    network = Transformer(NETWORK).eval().requires_grad_(requires_grad=False)
    for level in network.depth_head.logits:
        torch.nn.init.normal_(level.weight, std=0.5)
    return network


def small_tokenizer() -> ImageTokenizer:
    """Return a tokenizer whose decoder corrects at random."""
    torch.manual_seed(0)
    tokenizer = ImageTokenizer(TOKENIZER).eval().requires_grad_(requires_grad=False)
    torch.nn.init.normal_(tokenizer.decoder.correction.weight, std=0.02)
    return tokenizer
