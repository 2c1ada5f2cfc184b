import torch

from models.seeding import image_rng
from models.transformer.sampling import choose, guide, gumbel_noise, keep_likely


def rows(*values):
    return torch.tensor(values)


def test_a_guidance_scale_of_one_leaves_the_conditional_logits():
    """Guidance is a vector: each row has its own strength."""
    conditional, unconditional = torch.randn(2, 5), torch.randn(2, 5)

    guided = guide(conditional, unconditional, rows(1.0, 0.0))

    torch.testing.assert_close(guided, torch.stack([conditional[0], unconditional[1]]))


def test_top_k_keeps_the_k_best_of_each_row():
    """Rows with different top_k share a batch."""
    logits = rows([3.0, 1.0, 2.0], [3.0, 1.0, 2.0])

    kept = keep_likely(logits, rows(1.0, 1.0), rows(1, 2), rows(1.0, 1.0)).isfinite()

    assert kept.tolist() == [[True, False, False], [True, False, True]]


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    """Probabilities .5, .3 and .2: p of .6 needs two tokens, p of .5 one, p of 0 still one."""
    logits = rows([0.5, 0.3, 0.2]).log().expand(3, 3)

    kept = keep_likely(logits, torch.ones(3), torch.full((3,), 3), rows(0.6, 0.49, 0.0)).isfinite()

    assert kept.sum(1).tolist() == [2, 1, 1]


def test_gumbel_max_samples_the_softmax():
    """Tokens come as often as their probability says."""
    logits = rows([0.7, 0.2, 0.1]).log().expand(20000, 3)
    noise = gumbel_noise(image_rng(0, 0), 20000, 3)

    tokens = choose(logits, torch.ones(20000), noise)

    shares = torch.bincount(tokens) / 20000
    torch.testing.assert_close(shares, rows(0.7, 0.2, 0.1), atol=0.02, rtol=0)


def test_temperature_zero_takes_the_best_token():
    """Without temperature the noise has no say."""
    logits, noise = torch.randn(4, 9), 100 * torch.randn(4, 9)

    assert torch.equal(choose(logits, torch.zeros(4), noise), logits.argmax(-1))
