"""Do compatible pairs score above incompatible ones?"""

from tuneproof.metrics import Labels, Scores


def auc_roc(scores: Scores, labels: Labels) -> float | None:
    """Area under the ROC curve: the chance that a compatible pair outscores an incompatible one.

    Ties count half. Computed by `sklearn.metrics.roc_auc_score`.

    Returns:
        In [0, 1]; None if a label is missing.
    """
    if len(set(labels.tolist())) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def spearman(scores: Scores, labels: Labels) -> float | None:
    """Spearman's rank correlation between scores and labels, ties given their mean rank.

    Against 0/1 labels it is a rescaled AUC: rho = (2 AUC - 1) sqrt(3 n_0 n_1 / (n^2 - 1)) where no
    scores tie, so its largest possible value lies below 1. Computed by `scipy.stats.spearmanr`.

    Returns:
        In [-1, 1]; None if a label is missing or all scores are equal.
    """
    if len(set(labels.tolist())) < 2 or (scores == scores[0]).all():
        return None
    from scipy import stats

    return float(stats.spearmanr(scores, labels).statistic)
