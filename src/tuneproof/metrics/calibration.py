"""Can a score be read as the probability that a pair is compatible?

A cosine is no probability. Platt's scaling, fitted on the validation pairs, makes it one; what is
left of the error on the eval pairs says how far the result may be believed.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tuneproof.metrics import Labels, Scores
from tuneproof.metrics.uncertainty import LEVEL, Interval


class Platt(NamedTuple):
    """A logistic curve from scores to probabilities.

    Attributes:
        slope: Change of the log odds per unit of score; negative if higher scores speak against
            compatibility.
        intercept: Log odds at score 0.
    """

    slope: float
    intercept: float


class ReliabilityBin(NamedTuple):
    """Pairs of like probability.

    Attributes:
        mean_probability: What was predicted, in [0, 1].
        observed_share: Share of them that are compatible, in [0, 1].
        n: Number of pairs, at least 1.
    """

    mean_probability: float
    observed_share: float
    n: int


def fit_platt(scores: Scores, labels: Labels) -> Platt | None:
    """Fit P(compatible) = 1 / (1 + exp(-(slope * score + intercept))) by maximum likelihood.

    Source: Platt (1999), Probabilistic Outputs for Support Vector Machines. As there, the targets
    are (N_1 + 1) / (N_1 + 2) and 1 / (N_0 + 2) instead of 1 and 0, so that the curve stays finite
    where a threshold separates the labels. Solved by `scipy.optimize.minimize` (trust-exact) on
    standardised scores.

    Args:
        scores: Cosine of each validation pair, shape (n,).
        labels: 0 or 1, shape (n,).

    Returns:
        The curve, of slope 0 if all scores are equal; None if a label is missing.
    """
    if labels.all() or not labels.any():
        return None
    from scipy.optimize import minimize
    from scipy.special import expit

    compatible = labels == 1
    n_1, n_0 = int(compatible.sum()), int((~compatible).sum())
    targets = np.where(compatible, (n_1 + 1) / (n_1 + 2), 1 / (n_0 + 2))
    centre, spread = float(scores.mean()), float(scores.std())
    # Cosines that differ by rounding alone do not differ.
    if spread <= np.finfo(np.float64).eps:
        share = float(targets.mean())
        return Platt(0.0, float(np.log(share / (1 - share))))
    design = np.stack([(scores - centre) / spread, np.ones(len(scores))])

    def loss(curve: Scores) -> float:
        odds = curve @ design
        return float(np.mean(np.logaddexp(0, odds) - targets * odds))

    def gradient(curve: Scores) -> Scores:
        return np.asarray(design @ (expit(curve @ design) - targets) / len(scores))

    def hessian(curve: Scores) -> Scores:
        probabilities = expit(curve @ design)
        return np.asarray((design * (probabilities * (1 - probabilities))) @ design.T / len(scores))

    # Below a gradient of 1e-8 rounding hides whether a step still lowers the loss.
    found = minimize(
        loss, np.zeros(2), jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-7}
    )
    slope = float(found.x[0]) / spread
    return Platt(slope, float(found.x[1]) - slope * centre)


def calibrated_probabilities(scores: Scores, platt: Platt) -> Scores:
    """Read scores, shape (n,), as probabilities in [0, 1], shape (n,)."""
    from scipy.special import expit

    probabilities: Scores = expit(platt.slope * scores + platt.intercept)
    return probabilities


def brier_score(probabilities: Scores, labels: Labels) -> float | None:
    """Mean squared difference of probability and label.

    Source: Brier (1950), Monthly Weather Review 78. Lower is better; saying 0.5 each time gives
    0.25.

    Args:
        probabilities: In [0, 1], shape (n,).
        labels: 0 or 1, shape (n,).

    Returns:
        In [0, 1]; None of no pairs.
    """
    return float(np.mean((probabilities - labels) ** 2)) if len(labels) else None


def expected_calibration_error(
    probabilities: Scores, labels: Labels, bins: int = 10
) -> float | None:
    """Mean gap between predicted probability and observed share, over bins of equal mass.

    sum_k (n_k / n) |mean_probability_k - observed_share_k| over `reliability_bins`.
    Source: Nguyen and O'Connor (2015), Posterior Calibration and Exploratory Analysis for Natural
    Language Processing Models (equal mass); Naeini, Cooper and Hauskrecht (2015), Obtaining Well
    Calibrated Probabilities Using Bayesian Binning (the mean gap).

    It is biased upwards: chance alone moves the observed share of a bin. Perfectly calibrated
    probabilities near 0.5 give about 0.4 sqrt(bins / n), 0.07 for 300 pairs in 10 bins: see
    `chance_calibration_error`.

    Args:
        probabilities: In [0, 1], shape (n,).
        labels: 0 or 1, shape (n,).
        bins: Number of bins, at least 1.

    Returns:
        In [0, 1]; None of no pairs.

    Raises:
        ValueError: There are fewer bins than 1.
    """
    found = reliability_bins(probabilities, labels, bins)
    if not found:
        return None
    gaps = sum(part.n * abs(part.mean_probability - part.observed_share) for part in found)
    return gaps / len(labels)


def chance_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the calibration error that perfect probabilities would be expected to have.

    sum_k (n_k / n) sqrt(2 p_k (1 - p_k) / (pi n_k)), p_k the bin's mean probability: the mean size
    of a normal error with the binomial's variance. It takes pairs as independent: where they share
    texts, chance does more.

    Args:
        bins: The bins, at least one.
    """
    total = sum(each.n for each in bins)
    return (
        sum(
            math.sqrt(2 * each.mean_probability * (1 - each.mean_probability) * each.n / math.pi)
            for each in bins
        )
        / total
    )


def wilson_interval(share: float, n: int) -> Interval:
    """Return the 95 % interval of a share of n independent observations.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference;
    computed by `scipy.stats.binomtest`.
    """
    from scipy.stats import binomtest

    found = binomtest(round(share * n), n).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))


def reliability_bins(probabilities: Scores, labels: Labels, bins: int = 10) -> list[ReliabilityBin]:
    """Compare prediction and outcome over bins of equal mass: the points of a reliability diagram.

    Equal probabilities share a bin, the one where the middle of their ranks falls, so bins are
    unequal, or fewer, where many tie.

    Args:
        probabilities: In [0, 1], shape (n,).
        labels: 0 or 1, shape (n,).
        bins: Number of bins, at least 1.

    Returns:
        At most `bins` bins, none empty, probabilities ascending.

    Raises:
        ValueError: There are fewer bins than 1.
    """
    if bins < 1:
        raise ValueError(f"found {bins} bins, expected at least 1")
    distinct, value, tied = np.unique(probabilities, return_inverse=True, return_counts=True)
    compatible = np.bincount(value, weights=labels, minlength=len(distinct))
    last = np.cumsum(tied)
    bin_of_value = (2 * last - tied) * bins // (2 * len(labels)) if len(labels) else last
    starts = np.flatnonzero(np.diff(bin_of_value, prepend=-1))
    if not len(starts):
        return []
    sizes = np.add.reduceat(tied, starts)
    predicted = np.add.reduceat(distinct * tied, starts) / sizes
    observed = np.add.reduceat(compatible, starts) / sizes
    return [
        ReliabilityBin(*row)
        for row in zip(predicted.tolist(), observed.tolist(), sizes.tolist(), strict=True)
    ]
