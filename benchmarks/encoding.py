"""How much faster than plain `encode` are `embed_pairs` in fp32 and in bf16, and how near?

    python benchmarks/encoding.py [PAIRS.jsonl ...] [--model NAME] [--rounds N]

Plain is `model.encode(first texts)` and `model.encode(second texts)` with the library's defaults.
All three encode the same pairs, by turns, in one process, after one round that warms up and does
not count. Seconds are medians over the rounds, with the least and the most; a ratio is the median
of the rounds' ratios, because what else runs on the machine slows a whole round. Limits to hold on
the published pairs: 1.4 times in fp32, with cosines within 1e-6, and 2.5 times in bf16 where the
CPU has the instructions, within 5e-3. Without files: the shipped pairs. On a machine that others
use, set OMP_NUM_THREADS=1: threads that wait for each other suffer most.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tuneproof.base_model import load_base_model
from tuneproof.encoding import Vectors, embed_pairs, has_bf16, pair_cosines

SHIPPED = Path(__file__).parents[1] / "data" / "01_raw"
BATCH_SIZE = 64


@dataclass(frozen=True)
class Texts:
    """The two texts of a pair."""

    texts: tuple[str, str]


def read_pairs(paths: list[Path]) -> list[Texts]:
    """Return the texts of the pairs of all files."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [json.loads(line) for line in lines if line.strip()]
    return [Texts((row["text_1"], row["text_2"])) for row in rows]


def interleaved(
    ways: dict[str, Callable[[], Vectors]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, Vectors]]:
    """Return the seconds of each way in each round but the first, and what each way gave."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    given: dict[str, Vectors] = {}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            given[name] = way()
            seconds[name].append(time.perf_counter() - start)
    return {name: times[1:] for name, times in seconds.items()}, given


def main() -> None:
    """Print the machine, then seconds, ratio and largest cosine difference of each way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pairs", nargs="*", type=Path, metavar="PAIRS.jsonl")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--rounds", default=7, type=int)
    arguments = parser.parse_args()
    pairs = read_pairs(
        arguments.pairs or [SHIPPED / "dating_pairs.jsonl", SHIPPED / "eval_pairs.jsonl"]
    )
    transformer = load_base_model(arguments.model, None, "auto").transformer
    columns = [list(column) for column in zip(*(pair.texts for pair in pairs), strict=True)]
    seconds, vectors = interleaved(
        {
            "plain encode": lambda: np.stack(
                [transformer.encode(column, show_progress_bar=False) for column in columns], axis=1
            ),
            "embed_pairs, fp32": lambda: embed_pairs(transformer, pairs, BATCH_SIZE),
            "embed_pairs, bf16": lambda: embed_pairs(transformer, pairs, BATCH_SIZE, "bf16"),
        },
        arguments.rounds,
    )
    device = transformer.device.type
    print(
        f"{len(pairs):,} pairs, {len({text for column in columns for text in column}):,} distinct "
        f"texts; {arguments.model} on {device} ({platform.machine()}, "
        f"{torch.get_num_threads()} threads, bf16 {'yes' if has_bf16(device) else 'no'}), "
        f"torch {torch.__version__}, {arguments.rounds} rounds"
    )
    print(f"{'':<20}{'seconds (least to most)':>26}{'ratio (least to most)':>26}{'cosines':>10}")
    plain = seconds["plain encode"]
    cosines = pair_cosines(vectors["plain encode"])
    for name, times in seconds.items():
        ratios = [base / own for base, own in zip(plain, times, strict=True)]
        apart = np.abs(pair_cosines(vectors[name]) - cosines).max()
        print(f"{name:<20}{_spread(times):>26}{_spread(ratios):>26}{apart:>10.1e}")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
