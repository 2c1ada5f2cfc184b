"""Does a picture depend on its company? The transformer's tokens alone against those in a mixed batch of eight.

Usage: python -m benchmarks.same_seed [--prompts 100] [--model ID] [--device cpu] [--dtype float32] [--threads 1]

Every prompt is drawn alone and again among seven others that ask for something else, with other options, and are at
other places in their pictures: pictures join one by one, and whoever leaves gives its slot to the last.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.easel_service import describe_machine
from models.bundles import bundle_folder, load_companions
from models.checkpoints import load_network
from models.picturebook import describe, sample_scene
from models.seeding import image_rng
from models.transformer.config import TransformerConfig
from models.transformer.engine import Engine, SamplingOptions
from models.transformer.generator import NETWORK
from models.transformer.network import Transformer

BATCH = 8
REQUIRED = 0.99
_OPTIONS = (
    SamplingOptions(),
    SamplingOptions(guidance_scale=3.0, temperature=1.0),
    SamplingOptions(top_p=0.9, temperature=0.8),
    SamplingOptions(top_k=50, temperature=1.0),
)


class Asked(NamedTuple):
    """A picture to draw: the encodings (T, W) of its prompt and of no prompt, its options and its seed."""

    encodings: tuple[Tensor, Tensor]
    options: SamplingOptions
    seed: int


class Compared(NamedTuple):
    """How many tokens of how many are the same, and how many whole pictures of how many."""

    tokens: int
    of_tokens: int
    pictures: int
    of_pictures: int


def ask(model: str, count: int, device: str, dtype: torch.dtype) -> tuple[Transformer, list[Asked]]:
    """Load a transformer, and encode captions of held-out scenes for it."""
    folder = bundle_folder(model)
    network = load_network(Transformer, TransformerConfig, folder / NETWORK).to(device, dtype)
    words = load_companions(folder, network.config.text_length).words
    rng = np.random.default_rng(0)
    captions = [describe(sample_scene(rng, split="heldout"), rng) for _ in range(count)]
    with torch.inference_mode():
        texts = torch.tensor([words.encode(text) for text in (*captions, "")], device=device)
        *prompts, nothing = network.encode_text(texts)
    return network, [Asked((p, nothing), _OPTIONS[i % len(_OPTIONS)], 1000 + i) for i, p in enumerate(prompts)]


def compare(network: Transformer, asked: Sequence[Asked], *, most: int | None = None) -> Compared:
    """Draw all in company and the first ``most`` of them, or all, alone as well."""
    together = dict(_in_company(network, asked))
    alone = [(index, _alone(network, each)) for index, each in enumerate(asked[:most])]
    equal = [int((tokens == together[index]).sum()) for index, tokens in alone]
    size = alone[0][1].numel()
    return Compared(sum(equal), size * len(alone), equal.count(size), len(alone))


def _alone(network: Transformer, asked: Asked) -> Tensor:
    engine: Engine[int] = Engine(network, capacity=1)
    engine.admit(0, asked.encodings, asked.options, image_rng(asked.seed, 0))
    while not (finished := engine.step()):
        pass
    return finished[0].tokens


def _in_company(network: Transformer, asked: Sequence[Asked]) -> Iterator[tuple[int, Tensor]]:
    """Yield numbers and tokens (S, N) of pictures drawn eight at a time; one at most joins before a step."""
    engine: Engine[int] = Engine(network, BATCH)
    waiting = list(np.random.default_rng(1).permutation(len(asked)))
    while waiting or engine.running:
        if waiting and engine.room:
            number = int(waiting.pop())
            engine.admit(number, asked[number].encodings, asked[number].options, image_rng(asked[number].seed, 0))
        yield from ((picture.key, picture.tokens) for picture in engine.step())


def main() -> None:
    """Compare, print and fail where too much differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--model", default="easel-transformer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's, on the CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(describe_machine())
    network, asked = ask(options.model, options.prompts, options.device, getattr(torch, options.dtype))
    found = compare(network, asked)
    share = found.tokens / found.of_tokens
    print(f"{options.model} on {options.device} in {options.dtype}, alone against a mixed batch of {BATCH}:")
    print(f"  same tokens    {found.tokens:,} of {found.of_tokens:,} ({share:.4%}; {REQUIRED:.0%} are required)")
    print(f"  same pictures  {found.pictures} of {found.of_pictures}")
    print("PASS" if share >= REQUIRED else "FAIL")
    sys.exit(share < REQUIRED)


if __name__ == "__main__":
    main()
