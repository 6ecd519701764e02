"""How far apart do the two labels lie?"""

import math
from typing import NamedTuple

import numpy as np

from tuneproof.metrics import Labels, Scores


class WelchTest(NamedTuple):
    """Result of Welch's t-test.

    Attributes:
        t_statistic: Difference of the means over its standard error; None if undefined.
        p_value: Two-sided, in [0, 1]; None if undefined.
    """

    t_statistic: float | None
    p_value: float | None


def split_by_label(scores: Scores, labels: Labels) -> tuple[Scores, Scores]:
    """Return the scores of the compatible (label 1) and of the incompatible (label 0) pairs."""
    return scores[labels == 1], scores[labels == 0]


def mean_or_none(values: Scores) -> float | None:
    """Return the mean, None of nothing."""
    return float(values.mean()) if len(values) else None


def margin(scores: Scores, labels: Labels) -> float | None:
    """Mean score of the compatible pairs minus that of the incompatible ones, in [-2, 2]."""
    compatible, incompatible = split_by_label(scores, labels)
    if not len(compatible) or not len(incompatible):
        return None
    return float(compatible.mean() - incompatible.mean())


def cohens_d(scores: Scores, labels: Labels) -> float | None:
    """Standardised mean difference with the pooled standard deviation.

    d = (mean_1 - mean_0) / s, s^2 = ((n_1 - 1) s_1^2 + (n_0 - 1) s_0^2) / (n_1 + n_0 - 2).
    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.

    Returns:
        Any real number; None if a label is missing, there are fewer than 3 pairs, or no variance.
    """
    compatible, incompatible = split_by_label(scores, labels)
    n_1, n_0 = len(compatible), len(incompatible)
    if not n_1 or not n_0 or n_1 + n_0 < 3:
        return None
    within = ((compatible - compatible.mean()) ** 2).sum()
    within += ((incompatible - incompatible.mean()) ** 2).sum()
    pooled = math.sqrt(within / (n_1 + n_0 - 2))
    if pooled == 0 or (_is_constant(compatible) and _is_constant(incompatible)):
        return None
    return float((compatible.mean() - incompatible.mean()) / pooled)


def welch_t(scores: Scores, labels: Labels) -> WelchTest:
    """Welch's t-test: do the labels' mean scores differ, variances unequal?

    Source: Welch (1947), Biometrika 34; computed by `scipy.stats.ttest_ind_from_stats`. It takes
    pairs as independent, which pairs that share a text are not.

    Returns:
        None for both figures if a label has fewer than 2 pairs or no score varies.
    """
    compatible, incompatible = split_by_label(scores, labels)
    if min(len(compatible), len(incompatible)) < 2 or (
        _is_constant(compatible) and _is_constant(incompatible)
    ):
        return WelchTest(None, None)
    from scipy import stats

    # From the moments: of equal scores `ttest_ind` would warn that their variance is imprecise.
    result = stats.ttest_ind_from_stats(
        compatible.mean(),
        compatible.std(ddof=1),
        len(compatible),
        incompatible.mean(),
        incompatible.std(ddof=1),
        len(incompatible),
        equal_var=False,
    )
    return WelchTest(float(result.statistic), float(result.pvalue))


def _is_constant(values: Scores) -> bool:
    return bool(np.ptp(values) == 0)
