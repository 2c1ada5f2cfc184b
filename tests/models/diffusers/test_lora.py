"""LoRA adapters: what they do to pictures, that entries share a base without hearing of each other, bad files."""

import gc

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.catalog_entries import Adapter, DiffusersModel
from models.diffusers_adapter import DiffusersGenerator
from models.diffusers_loading import PipelineError
from models.interface import GenerationRequest, Row
from tests.models.contract.recording_feed import RecordingFeed
from tests.models.contract.tiny_adapters import save_lora
from tests.models.contract.tiny_pipelines import save_pixart_sigma

ROW = Row(GenerationRequest(prompt="a house", width=64, height=64, seed=7, num_inference_steps=2))


def draw(generator):
    feed = RecordingFeed()
    generator.generate([ROW], feed)
    return feed.images[ROW].astype(int)


def difference(first, second):
    return np.abs(first - second).max()


@pytest.fixture(scope="module", autouse=True)
def base(stable_diffusion):
    """The base as an entry of its own, so that it is loaded once for the tests."""
    entry = DiffusersModel(id="base", family="diffusers", source=str(stable_diffusion))
    return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="module")
def ink(stable_diffusion, tmp_path_factory):
    """The file of an adapter; not to be changed."""
    return save_lora(stable_diffusion, tmp_path_factory.mktemp("ink"))


@pytest.fixture(scope="module")
def wash(stable_diffusion, tmp_path_factory):
    """The file of another one."""
    return save_lora(stable_diffusion, tmp_path_factory.mktemp("wash"), seed=2, rank=3)


def worn(path, scale=1.0):
    return Adapter(source=str(path), scale=scale)


def test_an_adapter_changes_the_picture_by_its_scale(load, stable_diffusion, base, ink):
    """Scale 0 gives the base's own picture, and more of an adapter gives another."""
    none, some, full = (draw(load(stable_diffusion, adapters=(worn(ink, scale),))) for scale in (0.0, 0.5, 1.0))
    assert difference(none, draw(base)) == 0
    assert difference(some, none) > 0
    assert difference(full, some) > 0


def test_entries_share_a_base_and_do_not_hear_of_each_other(load, own_copy, ink, wash):
    """The base's weights are there once, and each entry draws as if it were alone, in any order."""
    worn_ways = [(), (worn(ink),), (worn(wash),)]
    alone = [draw(load(own_copy, adapters=adapters)) for adapters in worn_ways]
    generators = [load(own_copy, adapters=adapters) for adapters in worn_ways]
    assert len({id(generator._pipeline.unet) for generator in generators}) == 1
    for number in (0, 1, 2, 0, 2, 1, 0):
        assert difference(draw(generators[number]), alone[number]) == 0


def test_a_base_is_let_go_with_its_last_entry(load, own_copy):
    """Weights that nobody draws with do not stay in memory."""
    generator = load(own_copy)
    unet = torch.utils.weak.WeakTensorKeyDictionary({next(generator._pipeline.unet.parameters()): True})
    del generator
    gc.collect()
    assert len(unet) == 0


def test_adapters_add_up(load, stable_diffusion, ink, wash):
    """Two adapters draw another picture than either."""
    both = draw(load(stable_diffusion, adapters=(worn(ink), worn(wash, 0.5))))
    assert difference(both, draw(load(stable_diffusion, adapters=(worn(ink),)))) > 0
    assert difference(both, draw(load(stable_diffusion, adapters=(worn(wash, 0.5),)))) > 0


def test_the_files_own_alpha_counts(load, stable_diffusion, ink, tmp_path):
    """An adapter trained with twice the alpha weighs as much as the same one at twice the scale."""
    strong = save_lora(stable_diffusion, tmp_path, alpha=4)
    twice = draw(load(stable_diffusion, adapters=(worn(ink, 2.0),)))
    assert difference(draw(load(stable_diffusion, adapters=(worn(strong),))), twice) == 0


def as_kohya(name):
    """Say a layer's name as the training scripts of kohya-ss do, from which most adapters come."""
    module, factor = name.removeprefix("unet.").removesuffix(".weight").rsplit(".", 1)
    return f"lora_unet_{module.replace('.', '_')}.{ {'lora_A': 'lora_down', 'lora_B': 'lora_up'}[factor] }.weight"


def test_the_other_usual_names_of_layers_do_as_well(load, stable_diffusion, ink, tmp_path):
    """The same weights under kohya's names draw the same picture."""
    renamed = tmp_path / "kohya.safetensors"
    save_file({as_kohya(name): weights for name, weights in load_file(ink).items()}, renamed)
    first, second = (draw(load(stable_diffusion, adapters=(worn(path),))) for path in (ink, renamed))
    assert difference(first, second) == 0


def test_a_text_encoders_layers_count_too(load, stable_diffusion, base, ink, tmp_path):
    """An adapter may change how prompts are read; entries beside it read them as before."""
    reads = tmp_path / "reads.safetensors"
    layer = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    torch.manual_seed(3)
    factors = {f"{layer}.lora_A.weight": torch.randn(2, 32), f"{layer}.lora_B.weight": torch.randn(32, 2)}
    save_file(factors, reads)
    drawing = load(stable_diffusion, adapters=(worn(ink),))
    before = [draw(base), draw(drawing)]
    reading = load(stable_diffusion, adapters=(worn(reads),))
    both = load(stable_diffusion, adapters=(worn(ink), worn(reads)))
    assert difference(draw(reading), before[0]) > 0
    assert difference(draw(both), before[1]) > 0
    assert [difference(draw(one), was) for one, was in zip((base, drawing), before, strict=True)] == [0, 0]


def test_a_revision_tells_adapters_and_scales_apart(load, stable_diffusion, ink, wash):
    """What decides about a seed's picture decides about the revision: base, adapters, their scales."""
    worn_ways = [(), (worn(ink),), (worn(ink, 0.5),), (worn(wash),), (worn(ink), worn(wash))]
    revisions = [load(stable_diffusion, adapters=adapters).revision for adapters in worn_ways]
    assert len(set(revisions)) == len(worn_ways)
    assert load(stable_diffusion, adapters=(worn(ink),)).revision == revisions[1]


def test_the_description_names_adapters(load, stable_diffusion, base, ink):
    """An operator reads in the log what a model wears."""
    assert load(stable_diffusion, adapters=(worn(ink, 0.5),)).description["adapters"] == f"0.5 of {ink}"
    assert "adapters" not in base.description


def test_a_folder_holds_its_adapter_under_the_librarys_name(load, stable_diffusion, ink):
    """A folder does as well as the file in it."""
    in_folder, as_file = (
        load(stable_diffusion, adapters=(worn(ink.parent),)),
        load(stable_diffusion, adapters=(worn(ink),)),
    )
    assert in_folder.revision == as_file.revision


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name, tensor: (name, tensor.repeat(1, 2)), "does not fit a StableDiffusionPipeline: .* size mismatch"),
        (lambda name, tensor: (name.replace("attn1", "attn9"), tensor), "it has a place for 16 of 32 layers"),
        (lambda name, tensor: (name.replace("unet", "transformer"), tensor), "it has a place for 0 of 32 layers"),
        (lambda name, tensor: (name.replace("lora_", "other_"), tensor), "is no LoRA adapter: it has no such layers"),
    ],
    ids=["shapes", "some names", "all names", "no LoRA"],
)
def test_an_adapter_that_does_not_fit_is_refused_whole(load, stable_diffusion, base, ink, tmp_path, change, message):
    """No layer is left out in silence, the entry's field is named, and the base draws on as before."""
    bad = tmp_path / "bad.safetensors"
    save_file({name: weights.contiguous() for name, weights in (change(*item) for item in load_file(ink).items())}, bad)
    before = draw(base)
    for _ in range(2):  # the second try meets what the first has left
        with pytest.raises(PipelineError, match=rf"(?s)^tiny: adapters\.1: {bad}.*{message}"):
            load(stable_diffusion, adapters=(worn(ink), worn(bad)))
    assert difference(draw(base), before) == 0
    assert difference(draw(load(stable_diffusion, adapters=(worn(ink),))), before) > 0


def test_a_pickle_is_not_opened(load, stable_diffusion, tmp_path):
    """Whatever a file's name says, its header decides."""
    pickle = tmp_path / "style.safetensors"
    torch.save({"unet.lora_A.weight": torch.zeros(1)}, pickle)
    with pytest.raises(PipelineError, match=r"adapters\.0: .* is no safetensors file, and no other is opened"):
        load(stable_diffusion, adapters=(worn(pickle),))


def test_a_missing_file_is_named(load, stable_diffusion, tmp_path):
    """The message holds the entry, the adapter's place in it and the path."""
    with pytest.raises(PipelineError, match=rf"^tiny: adapters\.0: there is no file {tmp_path}/none\.safetensors$"):
        load(stable_diffusion, adapters=(worn(tmp_path / "none.safetensors"),))


def test_an_adapter_is_named_once(load, stable_diffusion, ink):
    """Of two scales for one adapter, neither would count as its author thinks."""
    with pytest.raises(PipelineError, match=rf"adapters\.1: {ink} is named twice"):
        load(stable_diffusion, adapters=(worn(ink), worn(ink, 0.5)))


def test_an_adapter_that_the_hub_does_not_give_is_named(load, stable_diffusion):
    """The message holds the entry's field, the reason, and the command that brings adapters."""
    with pytest.raises(PipelineError, match=r"adapters\.0: 'an/ink/pot' is no id .*; `easel models pull an/ink/pot`"):
        load(stable_diffusion, adapters=(worn("an/ink/pot"),))


def test_a_pipeline_that_takes_no_adapters_says_so(load, ink, tmp_path):
    """An adapter is not accepted and ignored."""
    with pytest.raises(PipelineError, match=r"adapters\.0: a PixArtSigmaPipeline takes no LoRA adapters"):
        load(save_pixart_sigma(tmp_path), adapters=(worn(ink),))
