"""`easel evaluate` and `easel showpieces`.

PyTorch is imported by the commands, not by this module, so that `easel --help` stays fast.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.catalog import CatalogError, UnknownModel, load_catalog

if TYPE_CHECKING:
    from models.evaluation.evaluation import Referees
    from models.evaluation.figures import Evaluation
    from models.evaluation.material import Scope
    from models.interface import ImageGenerator

# ruff: noqa: PLC0415 - see the module's docstring

WEIGHTS = Path(__file__).parent.parent / "weights"
JUDGE, MATCHER = WEIGHTS / "easel-judge", WEIGHTS / "easel-matcher"
TOKENIZER = WEIGHTS / "easel-tokenizer"

Model = Annotated[str, typer.Argument(help="Id or alias of the catalogue.")]
CatalogFile = Annotated[Path | None, typer.Option("--models", help="TOML file that lists the models.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[int | None, typer.Option(min=1, help="PyTorch's threads on the CPU.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same pages and pictures.")]


def evaluate(
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder for evaluation.json and report.html.")] = Path("evaluation"),
    num_images: Annotated[int, typer.Option(min=20, help="Held-out captions to draw.")] = 1000,
    num_questions: Annotated[int, typer.Option(min=2, help="Questions of each of the six kinds.")] = 100,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(help="Side in pixels to draw; judged at 128.")] = 128,
    device: Device = "auto",
    threads: Threads = None,
    models: CatalogFile = None,
    judge: Annotated[Path, typer.Option(help="Folder of the judge.")] = JUDGE,
    matcher: Annotated[Path, typer.Option(help="Folder of the dual encoder.")] = MATCHER,
    tokenizer: Annotated[Path, typer.Option(help="Folder of the image tokenizer, for its floor.")] = TOKENIZER,
    inception_weights: Annotated[
        Path | None, typer.Option(help="Standard Inception weights, if you have them.")
    ] = None,
) -> None:
    """Measure how good MODEL is: figures beside their floors, plots and pictures."""
    from models.evaluation.material import Scope
    from models.evaluation.report import write_report

    _set_threads(threads)
    generator = _load(model, device, models)
    referees = _referees(judge, matcher, tokenizer, inception_weights)
    prompts = max(2, min(16, num_images // 50))
    scope = Scope(num_images=num_images, num_questions=num_questions, num_prompts=prompts, seed=seed)
    evaluation = _evaluate(model, generator, referees, scope, size)
    for path in write_report(evaluation, out):
        typer.echo(path)


def showpieces(
    model: Model,
    out: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("showpieces.png"),
    size: Annotated[int, typer.Option(help="Side in pixels of each picture.")] = 128,
    num_seeds: Annotated[int, typer.Option(min=1, help="Pictures of each prompt.")] = 4,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    models: CatalogFile = None,
) -> None:
    """Draw the four showpiece prompts from several seeds on one sheet."""
    from models.evaluation.drawing import UnusableModelError
    from models.evaluation.showpieces import showpiece_sheet

    _set_threads(threads)
    generator = _load(model, device, models)
    try:
        sheet = showpiece_sheet(generator, range(seed, seed + num_seeds), size)
    except UnusableModelError as error:
        raise typer.BadParameter(str(error)) from error
    sheet.save(out)
    typer.echo(out)


def _evaluate(model: str, generator: ImageGenerator, referees: Referees, scope: Scope, size: int) -> Evaluation:
    from models.evaluation.drawing import UnusableModelError
    from models.evaluation.evaluation import evaluate as evaluate_model
    from models.evaluation.material import Painter

    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=scope.num_drawn())
        painter = Painter(generator, size, drawn=lambda count: progress.advance(bar, count))
        try:
            command = shlex.join(["easel", *sys.argv[1:]])
            return evaluate_model(painter, referees, scope, model=model, command=command)
        except UnusableModelError as error:
            raise typer.BadParameter(str(error)) from error


def _load(model: str, device: str, catalog_file: Path | None) -> ImageGenerator:
    from models.families import load_generator

    try:
        return load_generator(load_catalog(catalog_file).resolve(model), device=device, dtype="auto")
    except (CatalogError, UnknownModel) as error:
        raise typer.BadParameter(str(error)) from error


def _referees(judge: Path, matcher: Path, tokenizer: Path, inception_weights: Path | None) -> Referees:
    from models.checkpoints import CheckpointError
    from models.evaluation.distances import Inception, InceptionWeightsError
    from models.evaluation.evaluation import Referees
    from models.evaluation.judge import Judge
    from models.evaluation.matcher import Matcher
    from models.transformer.tokenizer import ImageTokenizer

    try:
        return Referees(
            Judge.from_pretrained(judge),
            Matcher.from_pretrained(matcher),
            ImageTokenizer.from_pretrained(tokenizer) if tokenizer.exists() else None,
            Inception(inception_weights) if inception_weights is not None else None,
        )
    except (CheckpointError, InceptionWeightsError) as error:
        raise typer.BadParameter(str(error)) from error


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
