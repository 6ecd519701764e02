"""Do compatible pairs score above incompatible ones?"""

import math

from tuneproof.metrics import Labels, Scores


def auc_roc(scores: Scores, labels: Labels) -> float | None:
    """Area under the ROC curve: the chance that a compatible pair outscores an incompatible one.

    Ties count half. Computed by `sklearn.metrics.roc_auc_score`.

    Returns:
        In [0, 1]; None if a label is missing.
    """
    if _lacks_a_label(labels):
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def average_precision(scores: Scores, labels: Labels) -> float | None:
    """Average precision: precision at each threshold, weighted with the recall gained there.

    Pairs with tied scores are called together, so their order does not matter. A ranking by chance
    gives about the share of compatible pairs. Computed by
    `sklearn.metrics.average_precision_score`.

    Returns:
        In (0, 1]; None if a label is missing. Without incompatible pairs it would be 1 for every
        model.
    """
    if _lacks_a_label(labels):
        return None
    from sklearn.metrics import average_precision_score

    # Its sum of products may round to just above 1.
    return min(1.0, float(average_precision_score(labels, scores)))


def spearman(scores: Scores, labels: Labels) -> float | None:
    """Spearman's rank correlation between scores and labels, ties given their mean rank.

    Against 0/1 labels it is a rescaled AUC where no scores tie, rho = (2 AUC - 1) times
    `spearman_ceiling`. Computed by `scipy.stats.spearmanr`.

    Returns:
        In [-1, 1]; None if a label is missing or all scores are equal.
    """
    if _lacks_a_label(labels) or (scores == scores[0]).all():
        return None
    from scipy import stats

    return float(stats.spearmanr(scores, labels).statistic)


def spearman_ceiling(n_compatible: int, n_incompatible: int) -> float | None:
    """Spearman's correlation of a perfect ranking, without tied scores, with 0/1 labels.

    sqrt(3 n_0 n_1 / (n^2 - 1)), n = n_0 + n_1: the covariance of the ranks 1..n with the labels'
    mean ranks, over the two standard deviations. It is largest for labels half and half and then
    nears sqrt(3) / 2 = 0.866 as n grows. Scores that tie inside a label can lie above it: equal
    scores for all pairs of a label reach 1.

    Args:
        n_compatible: Number of pairs with label 1.
        n_incompatible: Number of pairs with label 0.

    Returns:
        In (0, 1]; None if a label is missing.
    """
    if not n_compatible or not n_incompatible:
        return None
    n = n_compatible + n_incompatible
    return math.sqrt(3 * n_compatible * n_incompatible / (n * n - 1))


def auc_for_spearman(target: float, n_compatible: int, n_incompatible: int) -> float | None:
    """AUC that a Spearman correlation with 0/1 labels needs, without tied scores.

    (target / ceiling + 1) / 2, solving rho = (2 AUC - 1) ceiling.

    Args:
        target: The Spearman correlation to reach, in [-1, 1].
        n_compatible: Number of pairs with label 1.
        n_incompatible: Number of pairs with label 0.

    Returns:
        Above 1 if no ranking without ties reaches the target; None if a label is missing.
    """
    ceiling = spearman_ceiling(n_compatible, n_incompatible)
    return None if ceiling is None else (target / ceiling + 1) / 2


def _lacks_a_label(labels: Labels) -> bool:
    return bool(labels.all() or not labels.any())
