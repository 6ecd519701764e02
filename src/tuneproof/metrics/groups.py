"""Where does a model do well, and where does it fail?"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tuneproof.metrics import Array, Labels, Scores
from tuneproof.metrics.decisions import Decisions, decide
from tuneproof.metrics.ranking import auc_roc, spearman
from tuneproof.metrics.separation import (
    cohens_d,
    margin,
    mean_or_none,
    split_by_label,
    welch_t,
)


class GroupSummary(NamedTuple):
    """The metrics of one group of pairs; None where the group leaves a figure undefined.

    Attributes:
        compatible: Number of compatible pairs.
        incompatible: Number of incompatible pairs.
        compatible_mean_cosine: Mean score of the compatible pairs, in [-1, 1].
        incompatible_mean_cosine: Mean score of the incompatible pairs, in [-1, 1].
        compatibility_margin: Difference of the two means; None if a label is missing.
        cohens_d: Standardised difference of the two means.
        t_statistic: Welch's t; None if a label has fewer than 2 pairs.
        p_value: Two-sided p of Welch's t, in [0, 1].
        auc_roc: Area under the ROC curve, in [0, 1]; None if a label is missing.
        spearman_correlation: Rank correlation of score and label; None if a label is missing.
        decisions: Decisions at the model's threshold.
    """

    compatible: int
    incompatible: int
    compatible_mean_cosine: float | None
    incompatible_mean_cosine: float | None
    compatibility_margin: float | None
    cohens_d: float | None
    t_statistic: float | None
    p_value: float | None
    auc_roc: float | None
    spearman_correlation: float | None
    decisions: Decisions

    @property
    def error_rate(self) -> float:
        """Share of wrong decisions, in [0, 1]: defined for groups of one label, too."""
        wrong = self.decisions.false_positives + self.decisions.false_negatives
        return wrong / (self.compatible + self.incompatible)


def summarise_groups(
    scores: Scores, labels: Labels, groups: Array, threshold: float
) -> dict[str, GroupSummary]:
    """Measure each group on its own, all at the same threshold.

    Args:
        scores: Cosine of each pair, shape (n,).
        labels: 0 or 1, shape (n,).
        groups: Name of each pair's group, shape (n,).
        threshold: Scores at or above it are called compatible.

    Returns:
        The summary of each group, in alphabetical order of their names.
    """
    summaries = {}
    codes, names = pd.factorize(groups, sort=True)
    # Rows sorted by group once: a scan for each group would take O(n) for each. Without rows,
    # there is one part and no name.
    parts = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for group, inside in zip(names, parts, strict=False):
        group_scores, group_labels = scores[inside], labels[inside]
        compatible, incompatible = split_by_label(group_scores, group_labels)
        welch = welch_t(group_scores, group_labels)
        summaries[str(group)] = GroupSummary(
            compatible=len(compatible),
            incompatible=len(incompatible),
            compatible_mean_cosine=mean_or_none(compatible),
            incompatible_mean_cosine=mean_or_none(incompatible),
            compatibility_margin=margin(group_scores, group_labels),
            cohens_d=cohens_d(group_scores, group_labels),
            t_statistic=welch.t_statistic,
            p_value=welch.p_value,
            auc_roc=auc_roc(group_scores, group_labels),
            spearman_correlation=spearman(group_scores, group_labels),
            decisions=decide(group_scores, group_labels, threshold),
        )
    return summaries
