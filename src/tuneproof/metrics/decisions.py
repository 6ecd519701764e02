"""What happens when a threshold turns scores into decisions?

A pair is called compatible when its score is at or above the threshold.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tuneproof.metrics import Array, Labels, Scores


class Decisions(NamedTuple):
    """Confusion counts and rates at one threshold.

    Attributes:
        threshold: Scores at or above it are called compatible.
        true_positives: Compatible pairs called compatible.
        false_positives: Incompatible pairs called compatible.
        true_negatives: Incompatible pairs called incompatible.
        false_negatives: Compatible pairs called incompatible.
        accuracy: Share of right decisions, in [0, 1].
        precision: Share of true positives among the pairs called compatible; None if none is.
        recall: Share of the compatible pairs called compatible; None if there are none.
        f1: 2 TP / (2 TP + FP + FN); None if there is no positive of any kind.
    """

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    accuracy: float
    precision: float | None
    recall: float | None
    f1: float | None


class ThresholdSweep(NamedTuple):
    """Decisions at every threshold that changes one: arrays of equal length, thresholds ascending.

    Attributes:
        thresholds: The lowest score, then the midpoint of each two neighbouring distinct scores.
        accuracy: Share of right decisions, in [0, 1].
        precision: TP / (TP + FP), in [0, 1]; at least one pair is called compatible at each.
        recall: TP / (TP + FN), in [0, 1].
        f1: 2 TP / (2 TP + FP + FN), in [0, 1].
    """

    thresholds: Scores
    accuracy: Scores
    precision: Scores
    recall: Scores
    f1: Scores


def decide(scores: Scores, labels: Labels, threshold: float) -> Decisions:
    """Count the decisions at one threshold.

    Raises:
        ValueError: There are no pairs.
    """
    if not len(scores):
        raise ValueError("found no pairs, expected at least one")
    called = scores >= threshold
    positive = labels == 1
    true_positives = int((called & positive).sum())
    false_positives = int((called & ~positive).sum())
    false_negatives = int((~called & positive).sum())
    true_negatives = len(scores) - true_positives - false_positives - false_negatives
    return Decisions(
        threshold=float(threshold),
        true_positives=true_positives,
        false_positives=false_positives,
        true_negatives=true_negatives,
        false_negatives=false_negatives,
        accuracy=(true_positives + true_negatives) / len(scores),
        precision=_ratio(true_positives, true_positives + false_positives),
        recall=_ratio(true_positives, true_positives + false_negatives),
        f1=_ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives),
    )


def call_all(n_compatible: int, n_incompatible: int) -> Decisions:
    """Count the decisions at the lowest cosine, -1: what any other threshold must beat.

    Args:
        n_compatible: Number of pairs with label 1.
        n_incompatible: Number of pairs with label 0; at least one pair in all.
    """
    labels = np.repeat(np.array([1, 0]), [n_compatible, n_incompatible])
    return decide(np.zeros(len(labels)), labels, -1.0)


def threshold_sweep(scores: Scores, labels: Labels) -> ThresholdSweep:
    """Evaluate every threshold that changes a decision, in O(n log n).

    Scores may be negative: the thresholds come from the scores, not from a grid.

    Raises:
        ValueError: No pair is compatible, so that recall is undefined.
    """
    positives = int((labels == 1).sum())
    if not positives:
        raise ValueError("found no compatible pair, expected at least one")
    order = np.argsort(scores, kind="stable")
    ascending, is_positive = scores[order], labels[order] == 1
    starts = np.flatnonzero(np.r_[True, np.diff(ascending) > 0])
    distinct = ascending[starts]
    between = distinct[:-1] + (distinct[1:] - distinct[:-1]) / 2
    # Between adjacent floats the midpoint rounds onto one of them; only the upper one separates.
    between = np.where(between > distinct[:-1], between, distinct[1:])
    missed = np.r_[0, np.cumsum(is_positive)][starts]
    called = len(scores) - starts
    true_positives = positives - missed
    true_negatives = (starts - missed).astype(np.float64)
    return ThresholdSweep(
        thresholds=np.r_[distinct[0], between],
        accuracy=(true_positives + true_negatives) / len(scores),
        precision=true_positives / called,
        recall=true_positives / positives,
        f1=2 * true_positives / (called + positives),
    )


def best_f1_threshold(scores: Scores, labels: Labels) -> float:
    """Return the threshold with the highest F1; of equal ones, the highest threshold.

    Raises:
        ValueError: No pair is compatible.
    """
    sweep = threshold_sweep(scores, labels)
    best = len(sweep.f1) - 1 - int(np.argmax(sweep.f1[::-1]))
    return float(sweep.thresholds[best])


def threshold_at_recall(scores: Scores, labels: Labels, recall: float) -> float | None:
    """Return the highest threshold at which recall is at least as asked.

    Models compared at one recall, each at its own threshold, differ in their false positives alone.

    Args:
        scores: Cosine of each pair, shape (n,).
        labels: 0 or 1, shape (n,).
        recall: In [0, 1].

    Returns:
        One of `threshold_sweep`, so at least one pair is called compatible; None if no pair is
        compatible, so that recall is undefined.

    Raises:
        ValueError: The recall lies outside [0, 1].
    """
    if not 0 <= recall <= 1:
        raise ValueError(f"found recall {recall}, expected one in [0, 1]")
    if not (labels == 1).any():
        return None
    sweep = threshold_sweep(scores, labels)
    return float(sweep.thresholds[np.flatnonzero(sweep.recall >= recall)[-1]])


def false_positives_by_group(
    scores: Scores, labels: Labels, groups: Array, threshold: float
) -> dict[str, int]:
    """Count the incompatible pairs called compatible, in each group by name (0 included)."""
    wrong = (scores >= threshold) & (labels == 0)
    codes, names = pd.factorize(groups, sort=True)
    counts = np.bincount(codes[wrong], minlength=len(names))
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
