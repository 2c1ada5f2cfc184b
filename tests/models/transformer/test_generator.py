import json

import pytest
import torch

from models.checkpoints import CheckpointError, save_network
from models.interface import GenerationRequest, Row
from models.transformer.generator import TransformerGenerator
from models.upscaler.network import Upscaler, UpscalerConfig
from tests.models.contract.recording_feed import RecordingFeed
from tests.models.transformer.small_networks import NETWORK, VOCABULARY, small_tokenizer, small_transformer


def save_small_generator(folder):
    save_network(small_transformer(), NETWORK, folder / "transformer")
    small_tokenizer().save_pretrained(folder / "tokenizer")
    (folder / "vocabulary.json").write_text(json.dumps(VOCABULARY))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_small_generator(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def generator(folder):
    return TransformerGenerator.from_pretrained(folder)


def row(prompt="a pink house", index=0, **options):
    return Row(GenerationRequest(prompt=prompt, width=64, height=64, seed=3, **options), index, f"job-{index}")


def draw(generator, rows, feed=None):
    feed = feed or RecordingFeed()
    generator.generate(rows, feed)
    return feed


class LateFeed(RecordingFeed):
    """Offers one more row when asked for the third time."""

    def __init__(self, late):
        super().__init__()
        self.offers = iter([(), (), (late,)])

    def admit(self, room):  # noqa: ARG002 - the protocol
        return next(self.offers, ())


def test_the_python_api_takes_a_text_or_its_encoding(generator):
    """Encoding a prompt once and drawing from it gives the prompt's picture."""
    encoding = generator.encode_text("a pink house")

    image = generator.generate_image(encoding, seed=4)

    assert image.shape == (64, 64, 3)
    assert (image == generator.generate_image("a pink house", seed=4)).all()


def test_the_api_and_the_service_draw_the_same_picture(generator):
    """A seed means the same through both doors."""
    served = draw(generator, [row()]).images[row()]

    assert (served == generator.generate_image("a pink house", seed=3)).all()


def test_a_row_admitted_late_is_drawn_like_one_alone(generator):
    """Continuous batching changes when a picture is drawn, not what it shows."""
    late = row("a blue robot", index=1)

    images = draw(generator, [row()], LateFeed(late)).images

    assert images.keys() == {row(), late}
    assert (images[late] != draw(generator, [late]).images[late]).mean() < 0.01


def test_a_cancelled_row_is_dropped_between_steps(generator):
    """The others go on; the cancelled one is never done."""
    first, second = row(index=0), row(index=1)
    feed = RecordingFeed(cancel_when=lambda feed, r: r == first and len(feed.steps.get(r, ())) >= 2)

    draw(generator, [first, second], feed)

    assert feed.images.keys() == {second}
    assert len(feed.steps[first]) == 2


def test_previews_show_what_is_drawn_so_far(generator):
    """Each preview is a whole picture; the last ones differ from the finished one only where blocks are missing."""
    feed = draw(generator, [row()], RecordingFeed(watched=True))

    previews = feed.previews[row()]
    assert len(previews) == NETWORK.num_blocks - 1
    assert (previews[-1] != previews[0]).any()


def test_a_negative_prompt_changes_the_picture(generator):
    """What is not wanted takes the place of the empty prompt in guidance."""
    plain, negative = row(), row(negative_prompt="robot")

    images = draw(generator, [plain, negative]).images

    assert (images[plain] != images[negative]).any()


def test_unknown_words_are_reported(generator):
    """The job carries a note that names each word once."""
    unusual = row("fluffy pink fluffy wombat")

    assert draw(generator, [unusual]).warnings[unusual] == ["these words are unknown to the model: fluffy, wombat"]


def test_a_prompt_of_too_many_words_is_refused(generator):
    """Words are never cut off silently."""
    with pytest.raises(ValueError, match="prompt has 5 words, at most 4"):
        draw(generator, [row("a a a a a")])


def test_a_size_that_is_not_to_be_had_is_refused(generator):
    """Without an upscaler there is one size."""
    with pytest.raises(ValueError, match="size must be one of \\[64\\], got 100"):
        generator.generate_image("a house", size=100)


def test_an_upscaler_in_the_folder_brings_larger_sizes(tmp_path):
    """Pictures are drawn at one size and doubled."""
    save_small_generator(tmp_path)
    sizes = UpscalerConfig(num_shapes=4)
    save_network(Upscaler(sizes), sizes, tmp_path / "upscaler")

    generator = TransformerGenerator.from_pretrained(tmp_path)

    assert generator.capabilities.sizes == ((64, 64), (128, 128), (256, 256), (512, 512))
    assert generator.generate_image("a house", size=128).shape == (128, 128, 3)


def test_the_revision_follows_the_weights(folder, tmp_path):
    """Other weights, another revision; the same weights, the same."""
    other = small_transformer()
    other.words.weight += 0.1
    save_small_generator(tmp_path)
    same = TransformerGenerator.from_pretrained(tmp_path).revision
    save_network(other, NETWORK, tmp_path / "transformer")

    assert same == TransformerGenerator.from_pretrained(folder).revision
    assert same != TransformerGenerator.from_pretrained(tmp_path).revision


def test_parts_that_do_not_belong_together_are_refused(tmp_path):
    """A vocabulary of another length would shift every word."""
    save_small_generator(tmp_path)
    (tmp_path / "vocabulary.json").write_text(json.dumps(VOCABULARY[1:]))

    with pytest.raises(CheckpointError, match="do not belong together"):
        TransformerGenerator.from_pretrained(tmp_path)


def test_the_description_tells_where_it_runs(generator):
    """Operators see device, number format and size."""
    assert generator.description["device"] == "cpu"
    assert generator.description["dtype"] == "float32"
    assert int(generator.description["parameters"]) > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_on_a_gpu_draws_whole_pictures(folder):
    """The same code runs in float16 on CUDA."""
    generator = TransformerGenerator.from_pretrained(folder, device="cuda", dtype=torch.float16)

    assert generator.generate_image("a pink house", seed=4).shape == (64, 64, 3)
