"""How sure is a ROC curve, and a precision-recall curve, at each of its points?"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from tuneproof.metrics import Labels, Scores
from tuneproof.metrics.uncertainty import (
    BootstrapOptions,
    Draws,
    Interval,
    Statistic,
    bootstrap,
    count_groups,
    percentile_interval,
)

POINTS: Final = np.linspace(0, 1, 101)
"""Where bands are measured: false positive rates of the one curve, recalls of the other."""

FEWEST_ROUNDS: Final = 200
"""Rounds below which no band is drawn: the tails of the resamples would be too few."""

_MOST_WORK = 6_000_000
_SLACK = 1e-12


class Band(NamedTuple):
    """Pointwise 95 % intervals of a curve.

    Attributes:
        low: Lower ends at `POINTS`, in [0, 1], shape (101,).
        high: Upper ends.
    """

    low: Scores
    high: Scores


class CurveBands(NamedTuple):
    """How much the curves of one model depend on the choice of pairs.

    Attributes:
        rounds: Number of resamples.
        true_positive_rate: Of the ROC curve, at each false positive rate; None where resampling
            shows no spread, or the groups are too few.
        precision: Of the precision-recall curve, at each recall; None likewise.
    """

    rounds: int
    true_positive_rate: Band | None
    precision: Band | None


def curve_bands(
    scores: Scores, labels: Labels, groups: Labels, options: BootstrapOptions
) -> CurveBands | None:
    """Resample groups of pairs, and measure both curves of each resample at fixed points.

    Source: vertical averaging, with intervals of the resamples in place of their mean (Fawcett,
    2006, An introduction to ROC analysis, Pattern Recognition Letters 27, algorithm 3). A ROC curve
    is a straight line between two thresholds. Precision at a recall is that of the highest
    threshold that reaches the recall: the step curve whose area is the average precision. A band
    holds each point of the curve with 95 % confidence, not the whole curve.

    Args:
        scores: Cosine of each pair, shape (n,).
        labels: 0 or 1, shape (n,), both there.
        groups: Group of each pair, shape (n,).
        options: Rounds and seed. Rounds are fewer where there are more than 6,000,000 / rounds
            pairs: a band needs no more digits than one sees.

    Returns:
        None where that leaves fewer rounds than `FEWEST_ROUNDS`.
    """
    rounds = min(options.rounds, _MOST_WORK // len(scores))
    if rounds < FEWEST_ROUNDS:
        return None
    draws = bootstrap(
        _both_curves(scores, labels), groups, BootstrapOptions(rounds=rounds, seed=options.seed)
    )
    n_groups = count_groups("average_precision", labels, groups)
    return CurveBands(
        rounds=rounds,
        true_positive_rate=_band(draws, "true_positive_rate", n_groups),
        precision=_band(draws, "precision", n_groups),
    )


def _both_curves(scores: Scores, labels: Labels) -> Statistic:
    """Prepare both curves of weighted pairs: weights in, heights at `POINTS` out."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(scores[order]) < 0, True])
    positive = labels[order] == 1

    def measure(weights: Scores) -> Mapping[str, Draws]:
        called = weights[:, order]
        true = np.cumsum(called * positive, axis=1)[:, ends]
        false = np.cumsum(called * ~positive, axis=1)[:, ends]
        with np.errstate(divide="ignore", invalid="ignore"):
            recall, false_rate = true / true[:, -1:], false / false[:, -1:]
            precision = np.nan_to_num(true / (true + false))
        heights = {
            "true_positive_rate": _true_positive_rates(false_rate, recall),
            "precision": _precisions(recall, precision),
        }
        figures = {
            f"{name} {point}": column
            for name, rows in heights.items()
            for point, column in enumerate(rows.T)
        }
        both_labels = (true[:, -1] > 0) & (false[:, -1] > 0)
        return {name: np.where(both_labels, values, np.nan) for name, values in figures.items()}

    return measure


def _true_positive_rates(false_rate: Scores, recall: Scores) -> Scores:
    """Read each ROC curve at `POINTS`; where it rises straight up, at its upper end."""
    starting = ((0, 0), (1, 0))
    rows = zip(np.pad(false_rate, starting), np.pad(recall, starting), strict=True)
    return np.stack([np.interp(POINTS, across, up) for across, up in rows])


def _precisions(recall: Scores, precision: Scores) -> Scores:
    """Read each precision-recall curve at `POINTS`; at recall 0, where the first pair is found."""
    asked = np.maximum(POINTS, 2 * _SLACK) - _SLACK
    last = recall.shape[1] - 1
    rows = zip(recall, precision, strict=True)
    return np.stack(
        [values[np.minimum(np.searchsorted(reached, asked), last)] for reached, values in rows]
    )


def _band(draws: Mapping[str, Draws], name: str, n_groups: int) -> Band | None:
    columns = [draws[f"{name} {point}"] for point in range(len(POINTS))]
    intervals = [percentile_interval(column, n_groups) for column in columns]
    if not any(intervals):
        return None
    # Where all resamples agree, as at the end of a ROC curve, the band has no width.
    ends = [
        interval or Interval(float(np.nanmax(column)), float(np.nanmax(column)))
        for interval, column in zip(intervals, columns, strict=True)
    ]
    low, high = np.array(ends).T
    return Band(low, high)
