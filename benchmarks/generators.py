"""Are the bundled generators fast and small enough? Loading, seconds and images per second, beside what is required.

Usage: python -m benchmarks.generators [--device auto] [--dtype auto] [--threads 1] [--most 64]

Loading is measured in a process of its own, from PyTorch imported to both models loaded. Beside the best seconds of a
batch stands the mean processor time: with one thread, what the seconds would be if nothing else ran. On a GPU, batches
go up to `--most`, and lines of the transformer say what share of the memory bandwidth it needs: weights and kept keys
and values read once per step, against what a plain copy reaches. Ends with PASS or FAIL, and exits so.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch

from benchmarks.easel_service import describe_machine
from models.catalog import load_catalog
from models.evaluation.figures import Speed
from models.evaluation.speed import measure_speed, peak_memory_bytes
from models.families import load_generator
from models.interface import ImageGenerator
from models.transformer.generator import TransformerGenerator
from models.transformer.network import Transformer

MODELS = {"easel-transformer": 1.0, "easel-gan": 0.2}
"""The most seconds that one picture of 128 pixels may take, by model."""
LOADING_SECONDS = 3.0
LOADING_BYTES = 1.5e9
GAIN_OF_EIGHT = 2.0
_PROMPTS = ["A two-story pink house shaped like a shoe.", "A futuristic robot with neon lights."]
_COPIED_BYTES = 2**30


class Check(NamedTuple):
    """A figure beside its bound."""

    title: str
    value: float
    bound: float
    at_most: bool
    unit: str

    @property
    def holds(self) -> bool:
        """Tell whether the bound is kept."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        verdict, rule = ("PASS" if self.holds else "FAIL"), ("at most" if self.at_most else "at least")
        return f"{verdict}  {self.title:<46} {self.value:6.2f} {self.unit} ({rule} {self.bound:g})"


def load(model: str, options: argparse.Namespace) -> ImageGenerator:
    """Load a bundled model as a worker does."""
    return load_generator(load_catalog().resolve(model), device=options.device, dtype=options.dtype)


def report_loading(options: argparse.Namespace) -> None:
    """Load both models and print what it took, as JSON."""
    start = time.perf_counter()
    kept = [load(model, options) for model in MODELS]
    seconds = time.perf_counter() - start
    print(json.dumps({"models": len(kept), "seconds": seconds, "bytes": peak_memory_bytes()}))


def loading_checks() -> Iterator[Check]:
    """Measure loading in a process that has done nothing else."""
    command = [sys.executable, "-m", "benchmarks.generators", *sys.argv[1:], "--loading"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(answer.splitlines()[-1])
    yield Check("loading both models", found["seconds"], LOADING_SECONDS, at_most=True, unit="s")
    yield Check("peak memory with both loaded", found["bytes"] / 1e9, LOADING_BYTES / 1e9, at_most=True, unit="GB")


def speed_checks(model: str, speeds: list[Speed], *, batches: bool) -> Iterator[Check]:
    """Compare one picture with its bound, and eight at once with one at a time where that should gain."""
    by_size = {speed.batch_size: speed for speed in speeds}
    yield Check(f"{model}: one picture", by_size[1].seconds, MODELS[model], at_most=True, unit="s")
    if batches:
        gain = by_size[8].images_per_second / by_size[1].images_per_second
        yield Check(f"{model}: images/s in eights against singles", gain, GAIN_OF_EIGHT, at_most=False, unit="x")


def copy_bandwidth(device: str) -> float:
    """Return the bytes per second that a plain copy reads and writes on a GPU."""
    source = torch.empty(_COPIED_BYTES, dtype=torch.uint8, device=device)
    target, best = torch.empty_like(source), float("inf")
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * _COPIED_BYTES / best


def bytes_per_batch(network: Transformer, batch_size: int) -> float:
    """Return what drawing a batch must read: weights and the kept keys and values, once per step.

    Guidance doubles the rows, and a row keeps half of its picture on average.
    """
    config, item = network.config, network.words.weight.element_size()
    weights = sum(parameter.numel() for parameter in network.parameters())
    length = config.text_length + config.num_blocks / 2
    kept = 2 * batch_size * 2 * config.image_layers * config.width * length
    return item * config.num_blocks * (weights + kept)


def describe(speed: Speed, processor_seconds: float, network: Transformer | None, bandwidth: float | None) -> str:
    """Write one batch size's line."""
    line = f"  batch {speed.batch_size:2}  {speed.seconds:7.3f} s  {speed.images_per_second:8.2f} images/s"
    line += f"  processor {processor_seconds:6.3f} s"
    line += f"  peak {speed.peak_memory_bytes / 1e9:.2f} GB"
    if network is not None:
        tokens = speed.images_per_second * network.config.num_blocks * network.config.block_tokens
        line += f"  {tokens:9,.0f} tokens/s"
        if bandwidth is not None:
            share = bytes_per_batch(network, speed.batch_size) / speed.seconds / bandwidth
            line += f"  {share:6.1%} of {bandwidth / 1e9:,.0f} GB/s"
    return line


def measure(model: str, options: argparse.Namespace, *, on_gpu: bool) -> list[Speed]:
    """Print and return a model's speed by batch size."""
    generator = load(model, options)
    print(f"{model} {generator.description}")
    if on_gpu:  # a service's batches are smaller; what the card could do is worth knowing
        largest = dataclasses.replace(generator.capabilities, max_batch_size=options.most)
        generator.capabilities = largest  # type: ignore[misc]
    network = generator._network if isinstance(generator, TransformerGenerator) else None  # noqa: SLF001
    bandwidth = copy_bandwidth(options.device) if on_gpu and network is not None else None
    speeds, start = [], time.process_time()
    for speed in measure_speed(generator, _PROMPTS, 128, repeats=options.repeats):
        processor_seconds = (time.process_time() - start) / (options.repeats + 1)
        print(describe(speed, processor_seconds, network, bandwidth), flush=True)
        speeds.append(speed)
        start = time.process_time()
    return speeds


def main() -> None:
    """Measure, print, and fail where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's, on the CPU")
    parser.add_argument("--most", type=int, default=64, help="largest batch on a GPU, a power of two from 8")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loading", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.loading:
        report_loading(options)
        return
    print(describe_machine())
    on_gpu = options.device.startswith("cuda")
    checks = list(loading_checks())
    for model in MODELS:
        # On a CPU the GAN draws row by row, so that no bit depends on the batch.
        batches = on_gpu or model == "easel-transformer"
        checks += speed_checks(model, measure(model, options, on_gpu=on_gpu), batches=batches)
    print(*checks, sep="\n")
    held = all(check.holds for check in checks)
    print("PASS" if held else "FAIL")
    sys.exit(not held)


if __name__ == "__main__":
    main()
