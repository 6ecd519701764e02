"""How strongly does something depend on the label?

Everywhere below, `labels` holds 0 or 1, n of them. An association that the data leave undefined
is None: a label with fewer than `FEWEST` pairs, or nothing that varies. `out_of_fold` says why.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tuneproof.pairs import DatingPair, connected_groups

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

FEWEST: Final = 10
"""Pairs that each label needs before an association with it is measured."""

_FOLDS = 5


class Association(NamedTuple):
    """An effect size with its test.

    Attributes:
        size: In [0, 1]: 0 for none, 1 for a perfect association.
        p_value: Of the hypothesis that there is none, in [0, 1].
        n: Number of pairs measured.
    """

    size: float
    p_value: float
    n: int


class OutOfFold(NamedTuple):
    """Predictions of n distinct pairs without conflict, each by a model that saw none of its texts.

    Attributes:
        pairs: The pairs, sorted by their texts.
        labels: 0 or 1, shape (n,).
        probabilities: Of label 1, in [0, 1], shape (n,).
    """

    pairs: list[DatingPair]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]


def too_few(labels: Sequence[int]) -> str | None:
    """Return why an association with these labels is not measured, or None if it can be."""
    ones = sum(labels)
    if min(ones, len(labels) - ones) >= FEWEST:
        return None
    return (
        f"{ones} compatible and {len(labels) - ones} incompatible pairs, "
        f"expected {FEWEST} of each at least"
    )


def cramers_v(values: Sequence[Hashable], labels: Sequence[int]) -> Association | None:
    """Bias-corrected Cramer's V between k values and the label, with Pearson's chi-squared test.

    phi^2 = max(0, chi^2 / n - (k - 1)(r - 1) / (n - 1)), k~ = k - (k - 1)^2 / (n - 1), r~ alike
    for the r = 2 labels, V = sqrt(phi^2 / min(k~ - 1, r~ - 1)). Uncorrected, independent values
    of small samples would look associated. Source: Bergsma (2013), Journal of the Korean
    Statistical Society 42; chi-squared by `scipy.stats.chi2_contingency`, without continuity
    correction.

    Args:
        values: n values, such as categories.
        labels: n labels.

    Returns:
        None if the labels are too few, or if there is one value or about as many as pairs.
    """
    rows = {value: row for row, value in enumerate(dict.fromkeys(values))}
    n, k = len(labels), len(rows)
    if too_few(labels) or k < 2:
        return None
    table = np.zeros((k, 2), dtype=np.int64)
    np.add.at(table, ([rows[value] for value in values], list(labels)), 1)
    from scipy import stats

    chi_squared, p_value, _, _ = stats.chi2_contingency(table, correction=False)
    room = min(k - 1 - (k - 1) ** 2 / (n - 1), 1 - 1 / (n - 1))
    if room <= 1 / n:
        return None
    phi_squared = max(0.0, float(chi_squared) / n - (k - 1) / (n - 1))
    return Association(min(1.0, math.sqrt(phi_squared / room)), float(p_value), n)


def point_biserial(values: Sequence[float], labels: Sequence[int]) -> Association | None:
    """Size |r| of the point-biserial correlation between a number and the label.

    Source: Tate (1954), Annals of Mathematical Statistics 25; computed by
    `scipy.stats.pointbiserialr`.

    Args:
        values: n numbers, such as lengths.
        labels: n labels.

    Returns:
        None if the labels are too few or all values are equal.
    """
    if too_few(labels) or len(set(values)) < 2:
        return None
    from scipy import stats

    result = stats.pointbiserialr(np.asarray(labels), np.asarray(values, dtype=np.float64))
    return Association(min(1.0, abs(float(result.statistic))), float(result.pvalue), len(labels))


def out_of_fold_auc(features: Sequence[Sequence[str]], pairs: Sequence[DatingPair]) -> float | str:
    """AUC with which a bag of features predicts the label of pairs it was not fitted on.

    Over the pooled predictions of `out_of_fold`; pooling folds makes chance a little less than 0.5.

    Args:
        features: The features of n pairs, such as words.
        pairs: The n pairs.

    Returns:
        In [0, 1], 0.5 for chance; or the reason why there is none.
    """
    predicted = out_of_fold(features, pairs)
    if isinstance(predicted, str):
        return predicted
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(predicted.labels, predicted.probabilities))


def out_of_fold(features: Sequence[Sequence[str]], pairs: Sequence[DatingPair]) -> OutOfFold | str:
    """Predict each label from a bag of features, by a model fitted on pairs without its texts.

    TF-IDF and logistic regression, 5 folds stratified by label. Pairs that share a text, directly
    or through other pairs (`connected_groups`), stand in one fold
    (`sklearn.model_selection.StratifiedGroupKFold`), so no text stands in fit and test. Each
    distinct pair counts once, and pairs with both labels not at all.

    Args:
        features: The features of n pairs, such as words.
        pairs: The n pairs.

    Returns:
        The predictions, or the reason why there are none: too few distinct pairs of a label, no
        feature, fewer than 5 groups, or a fold with more than half of a label's pairs.
    """
    rows = distinct_rows(features, pairs)
    labels = [pair.label for _, pair in rows]
    if reason := too_few(labels):
        return f"distinct pairs without conflict: {reason}"
    if not any(bag for bag, _ in rows):
        return "no words"
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    target = np.array(labels, dtype=np.int64)
    groups = connected_groups([pair for _, pair in rows])
    sizes = np.bincount(groups)
    unfit = (
        f"{len(sizes)} group(s) of pairs that share texts, the largest of {sizes.max()} of "
        f"{len(rows)} pairs: too few or too large for {_FOLDS} folds"
    )
    if len(sizes) < _FOLDS:
        return unfit
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    folds = list(splitter.split(target, target, groups))
    most = np.bincount(target) / 2
    if any((np.bincount(target[test], minlength=2) > most).any() for _, test in folds):
        return unfit
    probabilities = cross_val_predict(
        label_classifier(),
        TfidfVectorizer(analyzer=list).fit_transform([bag for bag, _ in rows]),
        target,
        cv=folds,
        method="predict_proba",
    )
    return OutOfFold([pair for _, pair in rows], target, probabilities[:, 1])


def label_classifier() -> "LogisticRegression":
    """Return the classifier of every model of the audit: weakly regularised."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10.0, solver="liblinear", random_state=0)


def distinct_rows(
    features: Sequence[Sequence[str]], pairs: Sequence[DatingPair]
) -> list[tuple[tuple[str, ...], DatingPair]]:
    """Return features and pair, one of each distinct pair without conflict, sorted by the texts.

    The order of the pairs is of no account: of equal texts, the first features in order stand for
    all.
    """
    labels: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    rows: dict[tuple[str, ...], tuple[tuple[str, ...], DatingPair]] = {}
    for bag, pair in zip(features, pairs, strict=True):
        identity = tuple(sorted(pair.texts))
        labels[identity].add(pair.label)
        candidate = tuple(sorted(bag))
        if identity not in rows or candidate < rows[identity][0]:
            rows[identity] = (candidate, pair)
    return [rows[identity] for identity in sorted(rows) if len(labels[identity]) == 1]
