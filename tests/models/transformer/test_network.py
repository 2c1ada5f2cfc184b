import torch

from models.transformer.blocks import from_blocks, to_blocks
from tests.models.transformer.small_networks import NETWORK, small_transformer

BATCH = (3, NETWORK.num_blocks, NETWORK.block_tokens)


def test_a_block_holds_the_four_places_of_its_square_in_reading_order():
    """Block 0 is the upper left square, block 1 the one to its right; all of level one comes first."""
    grid = torch.arange(32).reshape(1, 2, 4, 4)

    blocks = to_blocks(grid, 2)

    first = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert blocks[0, :, :4].tolist() == first
    assert (blocks[0, :, 4:] - 16).tolist() == first


def test_blocks_turn_back_into_the_same_grid():
    """Shuffling tokens into blocks is exactly inverted."""
    grid = torch.randint(0, 99, (3, 2, 16, 16))

    assert torch.equal(from_blocks(to_blocks(grid, 2), 2), grid)


def test_logits_depend_on_earlier_tokens_only():
    """Changing one token changes the logits of every later token, and of none before or at it."""
    network = small_transformer()
    texts, blocks = torch.randint(0, 7, (3, 4)), torch.randint(0, 32, BATCH)
    changed = blocks.clone()
    changed[:, 5, 2] = (changed[:, 5, 2] + 1) % 32

    difference = (network(texts, changed) - network(texts, blocks)).abs().amax((0, 3)).flatten()

    place = 5 * NETWORK.block_tokens + 2
    assert difference[: place + 1].max() == 0
    assert difference[place + 1 :].min() > 0


def test_every_word_is_seen_by_every_block():
    """Changing the caption's last word changes the logits of all tokens."""
    network = small_transformer()
    texts, blocks = torch.randint(0, 6, (3, 4)), torch.randint(0, 32, BATCH)
    changed = texts.clone()
    changed[:, -1] += 1

    difference = (network(changed, blocks) - network(texts, blocks)).abs().amax((0, 3))

    assert difference.min() > 0


def test_a_block_reads_its_left_and_its_upper_neighbour():
    """Without attention's help, a token feeds the block to the right and the block below."""
    network = small_transformer()
    embedded = torch.zeros(1, NETWORK.num_blocks, NETWORK.block_tokens, NETWORK.token_width)
    lit = embedded.clone()
    lit[:, 5] = 1

    inputs = network.block_inputs(lit) - network.block_inputs(embedded)

    assert inputs[0].abs().sum(-1).nonzero().flatten().tolist() == [6, 5 + NETWORK.blocks_per_side]
