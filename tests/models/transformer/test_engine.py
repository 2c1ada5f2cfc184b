import pytest
import torch

from models.seeding import image_rng
from models.transformer.engine import Engine, SamplingOptions
from tests.models.transformer.small_networks import small_transformer

OPTIONS = (
    SamplingOptions(),
    SamplingOptions(guidance_scale=1.0, temperature=0.5),
    SamplingOptions(guidance_scale=5.0, top_k=4),
    SamplingOptions(top_p=0.5),
)


@pytest.fixture(scope="module")
def network():
    return small_transformer()


def admit(engine, key):
    network = engine._network
    prompt, nothing = network.encode_text(torch.tensor([[2 + key % 5, 0, 0, 0], [0, 0, 0, 0]]))
    engine.admit(key, (prompt, nothing), OPTIONS[key % 4], image_rng(key, 0))


def drain(engine):
    tokens = {}
    while engine.running:
        tokens |= {sequence.key: sequence.tokens for sequence in engine.step()}
    return tokens


def alone(network, key):
    engine = Engine(network, capacity=1)
    admit(engine, key)
    return drain(engine)[key]


def test_a_seed_gives_the_same_tokens_alone_and_in_a_mixed_batch(network):
    """At least 99 % of tokens are equal whatever the batch-mates and their options."""
    engine = Engine(network, capacity=4)
    for key in range(4):
        admit(engine, key)

    together = drain(engine)

    equal = [(together[key] == alone(network, key)).float().mean().item() for key in range(4)]
    assert min(equal) >= 0.99


def test_pictures_join_and_leave_between_steps(network):
    """A picture admitted late and moved within the batch is the one it is alone."""
    engine = Engine(network, capacity=3)
    admit(engine, 0)
    admit(engine, 1)
    for _ in range(3):
        engine.step()
    admit(engine, 2)
    engine.step()
    engine.release(0)

    tokens = drain(engine)

    assert tokens.keys() == {1, 2}
    for key in (1, 2):
        assert (tokens[key] == alone(network, key)).float().mean() >= 0.99


def test_different_seeds_give_different_tokens(network):
    """The noise belongs to the seed and the index."""
    first, second = alone(network, 1), alone(network, 5)

    assert (first != second).float().mean() > 0.5


def test_a_full_engine_refuses_another_picture(network):
    """Admission beyond the capacity is an error, not a wait."""
    engine = Engine(network, capacity=1)
    admit(engine, 0)

    with pytest.raises(RuntimeError, match="already draws 1"):
        admit(engine, 1)


def test_sampled_tokens_follow_the_networks_own_logits(network):
    """Greedy drawing without guidance takes the best token of the naive forward pass at every place."""
    engine = Engine(network, capacity=1)
    texts = torch.tensor([[3, 2, 0, 0]])
    encoding = network.encode_text(texts)[0]
    engine.admit("x", (encoding, encoding), SamplingOptions(temperature=0.0), image_rng(0, 0))

    tokens = drain(engine)["x"]

    best = network(texts, tokens[None])[0].argmax(-1)
    assert (best == tokens).float().mean() >= 0.99
