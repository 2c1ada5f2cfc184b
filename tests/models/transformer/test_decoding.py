import torch

from models.transformer.decoding import CachedDecoder
from tests.models.transformer.small_networks import NETWORK, small_transformer


def hidden_states(network, texts, blocks):
    """What the depth head receives in the network's own forward pass."""
    kept = []
    hook = network.depth_head.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    network(texts, blocks)
    hook.remove()
    return kept[0]


def test_the_cached_decoder_equals_the_naive_forward_pass():
    """One block at a time with a cache gives what all blocks at once give."""
    network = small_transformer()
    texts = torch.randint(0, 7, (2, 4))
    blocks = torch.randint(0, 32, (2, NETWORK.num_blocks, NETWORK.block_tokens))
    decoder = CachedDecoder(network, num_rows=3)
    for row, encoding in enumerate(network.encode_text(texts)):
        decoder.read_text(row, encoding)

    states = []
    for position in range(NETWORK.num_blocks):
        positions = torch.tensor([position, position])
        states.append(decoder.advance(positions, position))
        decoder.put(positions, blocks[:, position])

    naive = hidden_states(network, texts, blocks)
    torch.testing.assert_close(torch.stack(states, 1), naive, atol=1e-4, rtol=1e-4)


def test_rows_at_different_positions_do_not_disturb_each_other():
    """A row that starts late, in a place used before, gives what it gives alone."""
    network = small_transformer()
    texts = torch.randint(0, 7, (2, 4))
    blocks = torch.randint(0, 32, (2, 3, NETWORK.block_tokens))
    decoder = CachedDecoder(network, num_rows=2)
    first, second = network.encode_text(texts)
    decoder.read_text(0, first)
    decoder.read_text(1, first)
    decoder.advance(torch.tensor([0, 0]), 0)
    decoder.put(torch.tensor([0, 0]), blocks[:, 0])

    decoder.read_text(1, second)
    late = decoder.advance(torch.tensor([1, 0]), 1)[1]

    alone = CachedDecoder(network, num_rows=1)
    alone.read_text(0, second)
    torch.testing.assert_close(late, alone.advance(torch.tensor([0]), 0)[0], atol=1e-5, rtol=1e-4)
