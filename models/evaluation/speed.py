"""How long a batch takes and how much memory, by batch size."""

import resource
import sys
import time
from collections.abc import Iterator

import torch

from models.evaluation.drawing import draw_prompts
from models.evaluation.figures import Speed
from models.interface import ImageGenerator


def measure_speed(generator: ImageGenerator, prompts: list[str], side: int, *, repeats: int = 3) -> Iterator[Speed]:
    """Yield the best of `repeats` batches for each power of two up to the model's largest batch.

    The first batch of a size is not counted: it may compile, allocate or capture.
    """
    batch_size = 1
    while batch_size <= generator.capabilities.max_batch_size:
        batch = [prompts[index % len(prompts)] for index in range(batch_size)]
        seconds = min([_seconds(generator, batch, side) for _ in range(repeats + 1)][1:])
        yield Speed(
            batch_size=batch_size,
            seconds=seconds,
            images_per_second=batch_size / seconds,
            peak_memory_bytes=peak_memory_bytes(),
        )
        batch_size *= 2


def peak_memory_bytes() -> int:
    """Return the accelerator's peak if there is one, else the process's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _seconds(generator: ImageGenerator, prompts: list[str], side: int) -> float:
    start = time.perf_counter()
    draw_prompts(generator, prompts, range(len(prompts)), side, batch_size=len(prompts))
    return time.perf_counter() - start
