"""The progress bar: step, pictures per second, time left and the last losses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from models.training import parallel
from models.training.config import TrainingConfig


class ImagesPerSecondColumn(ProgressColumn):
    """Shows how many pictures are seen per second, over all processes."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self._batch_size = batch_size

    def render(self, task: Task) -> Text:
        """Return the measured speed, or nothing before the first measurement."""
        return Text(f"{task.speed * self._batch_size:.1f} images/s" if task.speed else "")


@contextmanager
def show_progress(config: TrainingConfig, start: int) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Yield a function that moves the bar to a step and shows its losses (rank 0 only)."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        ImagesPerSecondColumn(config.batch_size),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*columns, disable=parallel.rank() != 0) as progress:
        bar = progress.add_task("", total=config.steps, completed=start, losses="")

        def show(step: int, losses: dict[str, float]) -> None:
            text = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
            progress.update(bar, completed=step, losses=text)

        yield show
