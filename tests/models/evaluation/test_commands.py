"""The commands, from a catalogue's model to files, with the card that needs no weights."""

import json

import typer
from PIL import Image
from typer.testing import CliRunner

from models.evaluation.cli import evaluate, showpieces
from models.evaluation.figures import MODEL, REAL


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_evaluating_writes_figures_and_a_page(tmp_path):
    """A card that shows nothing of the book gets figures near zero, and the renderer near one."""
    result = run(
        evaluate, "card", "--out", tmp_path, "--num-images", 20, "--num-questions", 2, "--tokenizer", tmp_path / "none"
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert figures["attributes"]["mean"][MODEL] < 0.3
    assert figures["attributes"]["mean"][REAL] > 0.95
    assert figures["num_images"] == 20
    assert figures["seed"] == 0
    page = (tmp_path / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert 'src="http' not in page


def test_an_unknown_model_is_named(tmp_path):
    """A model that the catalogue doesn't have is an error before anything is drawn."""
    result = run(evaluate, "nothing", "--out", tmp_path)
    assert result.exit_code == 2
    assert "nothing" in result.output


def test_showpieces_are_one_sheet(tmp_path):
    """Four prompts by two seeds, at the size asked for."""
    result = run(showpieces, "card", "--out", tmp_path / "sheet.png", "--num-seeds", 2)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 128
        assert sheet.height > 4 * 128
