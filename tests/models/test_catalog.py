"""The list of models: what a good file gives, and what exactly is said of a bad one."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from models.catalog import BUILT_IN, CatalogError, UnknownModel, load_catalog
from models.catalog_entries import WEIGHTS, Adapter, DiffusersModel, TestcardModel, TransformerModel

DOCUMENTATION = Path(__file__).parent.parent.parent / "docs" / "models.md"

GOOD = """
default = "card"

[aliases]
"dall-e-2" = "card"

[models.card]
family = "testcard"
seconds_per_batch = 0.2

[models.turbo]
family = "diffusers"
source = "stabilityai/sd-turbo"
variant = "fp16"
defaults = { num_inference_steps = 1, guidance_scale = 0.0 }
limits = { side = 768 }

[models.own]
family = "transformer"

[models.tiny]
family = "gan"
source = "weights/tiny"

[models.local]
family = "diffusers"
source = "./pixart"
adapters = [{ source = "./ink.safetensors", scale = 1 }, { source = "owner/wash", revision = "v2" }]
"""

MISTAKES = [
    ("", "default: must be the id of a model, not None"),
    ("", "[models]: lists no model"),
    ('default = "nothing"', "default: must be the id of a model, not 'nothing'"),
    ("default = 7", "default: must be the id of a model, not 7"),
    ('colour = "red"', "colour: unknown key"),
    ("models = 3", "models: must be a table"),
    ('[models]\ncard = "testcard"', "[models] card: must be a table"),
    ('[models.card]\nfamily = "testcard"\nspeed = 1', "[models.card] speed: unknown key"),
    ('[models.card]\nfamily = "testcard"\nseconds_per_batch = "1"', "[models.card] seconds_per_batch: Input should"),
    ('[models.card]\nfamily = "testcard"\nseconds_per_batch = -1', "[models.card] seconds_per_batch: Input should"),
    ('[models.card]\nfamily = "testcard"\nid = "other"', "[models.card] id: is the table's name: leave it out"),
    ('[models."a b"]\nfamily = "testcard"', "[models.a b] id: String should match"),
    ("[models.card]\nmax_batch_size = 1", "[models.card] family: is required"),
    ('[models.card]\nfamily = "oil"', "[models.card] family: must be one of 'testcard', 'transformer'"),
    ('[models.sd]\nfamily = "diffusers"', "[models.sd] source: is required"),
    ('[models.sd]\nfamily = "diffusers"\nsource = "a/b"\ndtype = "int8"', "[models.sd] dtype: Input should be 'auto'"),
    (
        '[models.sd]\nfamily = "diffusers"\nsource = "a/b"\ndefaults = { steps = 1 }',
        "[models.sd] defaults.steps: unknown key",
    ),
    (
        '[models.sd]\nfamily = "diffusers"\nsource = "a/b"\nadapters = [{ source = "./a.safetensors", weight = 1 }]',
        "[models.sd] adapters.0.weight: unknown key",
    ),
    (
        '[models.sd]\nfamily = "diffusers"\nsource = "a/b"\nadapters = [{ source = "a/b", weight_name = "a.bin" }]',
        "[models.sd] adapters.0.weight_name: String should match",
    ),
    (
        '[models.sd]\nfamily = "diffusers"\nsource = "a/b"\nadapters = [{ source = "a/b", scale = nan }]',
        "[models.sd] adapters.0.scale: Input should be a finite number",
    ),
    ('[aliases]\n"dall-e-2" = "nothing"', "[aliases] dall-e-2: must be the id of a model, not 'nothing'"),
    ('[aliases]\ncard = "card"\n[models.card]\nfamily = "testcard"', "[aliases] card: is the id of a model"),
    ("default = \naliases = 1", "is not valid TOML: Invalid value (at line 1, column 11)"),
]


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "models.toml"

    def write_file(text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_names_lead_to_models(write):
    """An id, an alias and no name at all each resolve to one entry."""
    catalog = load_catalog(write(GOOD))
    assert [catalog.resolve(name).id for name in ("turbo", "dall-e-2", None)] == ["turbo", "card", "card"]


def test_an_unknown_name_lists_what_there_is(write):
    """A name that leads nowhere is refused with the names that would do."""
    with pytest.raises(UnknownModel, match="no model 'dall-e-9'; there are: card, turbo, own, tiny, local"):
        load_catalog(write(GOOD)).resolve("dall-e-9")


def test_each_family_keeps_its_own_options(write):
    """A table's values arrive in the entry of its family."""
    catalog = load_catalog(write(GOOD))
    assert catalog.resolve("card").seconds_per_batch == 0.2
    assert catalog.resolve("turbo").defaults.guidance_scale == 0.0
    assert catalog.resolve("turbo").limits.side == 768


def test_sources(write):
    """Weights come from the bundle, from beside the file, or from the hub."""
    path = write(GOOD)
    catalog = load_catalog(path)
    assert catalog.resolve("own").folder == WEIGHTS / "own"
    assert catalog.resolve("tiny").folder == path.parent / "weights/tiny"
    assert catalog.resolve("local").source == str(path.parent / "pixart")
    assert catalog.resolve("turbo").source == "stabilityai/sd-turbo"
    adapters = [adapter.source for adapter in catalog.resolve("local").adapters]
    assert adapters == [str(path.parent / "ink.safetensors"), "owner/wash"]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_named_exactly(write, text, message):
    """The message holds the file, the table and the key."""
    path = write(text)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    said = [re.sub(r"(?<=\.toml):\d+: ", ": ", line) for line in str(caught.value).splitlines()]
    assert any(line.startswith(f"{path}: {message}") for line in said), caught.value


PLACES = """default = "card"
colour = "red"
[aliases]  # other names
"gpt-4.1" = "nothing"

[models.card]
speed = 1
[models.'sd']
  family="diffusers"
source = "a/b"
defaults = { steps = 1 }
[models.sd.limits]
side = "1"
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (2, "colour: unknown key"),
        (4, "[aliases] gpt-4.1: must be"),
        (6, "[models.card] family: is required"),
        (11, "[models.sd] defaults.steps: unknown key"),
        (13, "[models.sd] limits.side: Input should be"),
    ],
)
def test_a_mistake_is_told_with_its_line(write, line, message):
    """Of the key; of the table where the key is missing; however names are quoted and tables nested."""
    path = write(PLACES)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert any(said.startswith(f"{path}:{line}: {message}") for said in str(caught.value).splitlines()), caught.value


def test_all_mistakes_are_told_at_once(write):
    """A person corrects a file in one go."""
    text = 'default = "b"\n[models.a]\nfamily = "testcard"\nx = 1\ny = 2\n[models.c]\nfamily = "oil"'
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(text))
    assert len(str(caught.value).splitlines()) == 4


def test_a_missing_file_is_named(tmp_path):
    """A path that leads nowhere is an error of the catalogue like any other."""
    with pytest.raises(CatalogError, match=r"none\.toml: cannot be read"):
        load_catalog(tmp_path / "none.toml")


def test_the_built_in_list_is_good():
    """A service without a file of its own has a default model."""
    assert load_catalog(None).resolve(None)
    assert load_catalog(None) == load_catalog(BUILT_IN)


TABLES = {
    "diffusers": DiffusersModel,
    "adapters": Adapter,
    "transformer and gan": TransformerModel,
    "testcard": TestcardModel,
}


def documented_keys(section: str) -> set[str]:
    text = DOCUMENTATION.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", text, flags=re.MULTILINE))


def keys(table: type[BaseModel]) -> set[str]:
    return {
        f"{name}.{inner}" if inner else name
        for name, field in table.model_fields.items()
        for inner in (getattr(field.annotation, "model_fields", None) or {"": None})
    }


@pytest.mark.parametrize("section", TABLES)
def test_every_key_is_documented(section):
    """The page on models lists the keys of each family and of adapters, and no others."""
    assert documented_keys(section) == keys(TABLES[section]) - {"id", "family"}


def test_the_documented_file_is_good(write):
    """The example on the page is read without a complaint."""
    example = DOCUMENTATION.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    assert load_catalog(write(example)).resolve("dall-e-3").id == "turbo"
