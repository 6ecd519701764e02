"""Time and memory of all pairwise metrics, without bootstrap, on 10^3 to 10^6 constructed pairs.

    python benchmarks/metrics.py

Limits to hold at 10^6 pairs, on one core: 5 seconds and 1.5 GB. Sorting decides the growth, so
time over n log n must not rise; it is given as a ratio to the 10^4 column, which differs less
between machines than seconds do. It falls where the fixed cost of the library calls, most of it for
the groups, still counts. Seconds are the best of three runs, after the imports; peak memory is that
of the whole process, imports included.
"""

import math
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from tuneproof.metrics import Array, Labels, Scores
from tuneproof.metrics.calibration import (
    Platt,
    brier_score,
    calibrated_probabilities,
    expected_calibration_error,
    fit_platt,
)
from tuneproof.metrics.decisions import (
    best_f1_threshold,
    decide,
    false_positives_by_group,
    threshold_at_recall,
    threshold_sweep,
)
from tuneproof.metrics.groups import summarise_groups
from tuneproof.metrics.ranking import auc_roc, average_precision, spearman
from tuneproof.metrics.separation import cohens_d, margin, welch_t

SIZES = (1_000, 10_000, 100_000, 1_000_000)
REFERENCE = 10_000
CATEGORIES = 15
REPEATS = 3


def constructed_pairs(n: int) -> tuple[Scores, Labels, Array]:
    """Return cosines (some negative, some tied), labels and categories of n pairs."""
    generator = np.random.default_rng(n)
    labels = generator.integers(0, 2, n)
    cosines = np.clip(generator.normal(0.2 + 0.2 * labels, 0.2), -1, 1).astype(np.float32)
    names = np.array([f"category {number}" for number in range(CATEGORIES)], dtype=object)
    return cosines.astype(np.float64), labels, names[generator.integers(0, CATEGORIES, n)]


def metrics_of(n: int) -> dict[str, Callable[[], object]]:
    """Return what to time, by name."""
    scores, labels, categories = constructed_pairs(n)
    platt = fit_platt(scores, labels) or Platt(0.0, 0.0)
    probabilities = calibrated_probabilities(scores, platt)
    return {
        "margin": lambda: margin(scores, labels),
        "Cohen's d": lambda: cohens_d(scores, labels),
        "Welch's t": lambda: welch_t(scores, labels),
        "AUC": lambda: auc_roc(scores, labels),
        "average precision": lambda: average_precision(scores, labels),
        "Spearman": lambda: spearman(scores, labels),
        "threshold sweep": lambda: threshold_sweep(scores, labels),
        "best F1 threshold": lambda: best_f1_threshold(scores, labels),
        "threshold at recall": lambda: threshold_at_recall(scores, labels, 0.9),
        "decide": lambda: decide(scores, labels, 0.3),
        "Platt fit": lambda: fit_platt(scores, labels),
        "probabilities": lambda: calibrated_probabilities(scores, platt),
        "Brier score": lambda: brier_score(probabilities, labels),
        "calibration error": lambda: expected_calibration_error(probabilities, labels),
        "false positives by group": lambda: false_positives_by_group(
            scores, labels, categories, 0.3
        ),
        f"{CATEGORIES} groups": lambda: summarise_groups(scores, labels, categories, 0.3),
    }


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of some runs: what else runs on the machine only lengthens one."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Print seconds of each metric, then total, growth and peak memory, a column for each size."""
    for work in metrics_of(100).values():
        work()  # imports
    columns, peaks = [], []
    for n in SIZES:  # ascending, so that the peak so far belongs to the size
        columns.append({name: seconds(work) for name, work in metrics_of(n).items()})
        peaks.append(peak_megabytes())
    totals = [sum(column.values()) for column in columns]
    growth = [total / (n * math.log(n)) for total, n in zip(totals, SIZES, strict=True)]
    reference = growth[SIZES.index(REFERENCE)]
    _print_row("pairs", [f"{n:,}" for n in SIZES])
    for name in columns[0]:
        _print_row(f"{name} (s)", [f"{column[name]:.4f}" for column in columns])
    _print_row("total (s)", [f"{total:.4f}" for total in totals])
    _print_row("time / (n log n), ratio", [f"{value / reference:.2f}" for value in growth])
    _print_row("peak memory (MB)", [f"{peak:.0f}" for peak in peaks])


def _print_row(name: str, cells: list[str]) -> None:
    print(f"{name:<30}" + "".join(f"{cell:>12}" for cell in cells))


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
