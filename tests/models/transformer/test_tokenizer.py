import torch

from models.training.codebook import fit_codebook, k_means, nearest
from models.transformer.tokenizer import PATCH, ImageTokenizer
from tests.models.transformer.small_networks import TOKENIZER, small_tokenizer


def random_images(count=2):
    return torch.rand(count, 3, 64, 64) * 2 - 1


def test_every_eight_pixels_become_one_token():
    """A 64x64 image has an 8x8 grid of tokens on each level, and becomes a 64x64 image again."""
    tokenizer, images = small_tokenizer(), random_images()

    tokens = tokenizer.images_to_tokens(images)

    assert tokens.shape == (2, 2, 8, 8)
    assert tokenizer.tokens_to_images(tokens).shape == images.shape


def test_each_level_takes_the_code_nearest_to_what_is_left():
    """A code of level one is quantized to itself, and the second level to its smallest code."""
    tokenizer = small_tokenizer()
    first, second = tokenizer.quantizer.codebooks
    latents = first.T.reshape(1, 6, 4, 8)

    _, tokens = tokenizer.quantize(latents)

    assert torch.equal(tokens[0, 0].flatten(), torch.arange(32))
    assert (tokens[0, 1] == second.square().sum(1).argmin()).all()


def test_gradients_pass_through_the_quantizer():
    """Whoever makes latents can learn through the decoder."""
    tokenizer = small_tokenizer()
    latents = torch.randn(1, 6, 8, 8, requires_grad=True)

    tokenizer.decode(tokenizer.quantize(latents)[0]).sum().backward()

    assert latents.grad.abs().sum() > 0


def test_equal_patches_give_equal_tokens_wherever_they_are():
    """The encoder looks at nothing but a token's own pixels."""
    images = random_images(1)
    moved = images.roll(PATCH, dims=3)

    tokens, moved_tokens = (small_tokenizer().images_to_tokens(x) for x in (images, moved))

    assert torch.equal(tokens.roll(1, dims=3), moved_tokens)


def test_a_saved_tokenizer_gives_the_same_tokens(tmp_path):
    """What is loaded equals what was saved, up to half precision."""
    tokenizer, images = small_tokenizer(), random_images()
    tokenizer.save_pretrained(tmp_path)

    loaded = ImageTokenizer.from_pretrained(tmp_path)

    assert (loaded.images_to_tokens(images) == tokenizer.images_to_tokens(images)).float().mean() > 0.9


def test_a_fitted_codebook_redraws_better_than_a_random_one():
    """Fitting to pictures of few patches makes their reconstruction all but exact."""
    rng = torch.Generator().manual_seed(0)
    patches = torch.rand(20, 3, PATCH, PATCH, generator=rng) * 2 - 1
    chosen = patches[torch.randint(20, (4, 8, 8), generator=rng)]  # (4, 8, 8, 3, PATCH, PATCH)
    images = chosen.permute(0, 3, 1, 4, 2, 5).reshape(4, 3, 64, 64)
    tokenizer = ImageTokenizer(TOKENIZER).eval()

    fit_codebook(tokenizer, images, rng, sample=1000)

    latents = tokenizer.encode(images)
    assert (tokenizer.quantize(latents)[0] - latents).square().mean() < 0.05 * latents.square().mean()


def test_k_means_leaves_no_centre_unused():
    """Every code of the codebook is the nearest to some vector."""
    rng = torch.Generator().manual_seed(0)
    vectors = torch.randn(2000, 3, generator=rng)

    centres = k_means(vectors, 50, rng, sample=2000)

    assert len(nearest(vectors, centres)[0].unique()) >= 49
