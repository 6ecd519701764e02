"""How sure can one be of a figure, and of the difference between two?

Pairs that share a text are not independent: wherever something is drawn or exchanged below, whole
groups of such pairs are, never single pairs (`groups`, shape (n,), any integers: see
`tuneproof.pairs.connected_groups`). All draws come from the seed alone, so that two models measured
on the same pairs are resampled alike.

Work is done in chunks of rounds, so memory stays constant and time grows as rounds times pairs: one
sort of the scores, then linear passes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.metrics import Array, Labels, Scores
from tuneproof.progress import progress_bar

LEVEL: Final = 0.95
"""Confidence level of every interval."""

FEWEST_GROUPS: Final = 8
"""Groups below which no interval is given: too few to be resampled. Figures of both labels need as
many that hold each label."""

_OF_ONE_LABEL: Final = {
    "compatible_mean_cosine": 1,
    "recall_at_best_threshold": 1,
    "incompatible_mean_cosine": 0,
}
_OF_ANY_LABEL: Final = {"accuracy_at_best_threshold", "error_rate"}
_FEWEST_MOVED = 0.5

_MOST_UNDEFINED = 0.05
_CHUNK = 2_000_000
_RELATIVE_ZERO = 1e-12

Draws = npt.NDArray[np.float64]
"""One value for each round, shape (rounds,); NaN where the round leaves the figure undefined."""

Statistic = Callable[[Scores], Mapping[str, Draws]]
"""Weights, shape (rounds, n), in; the draws of each figure out."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BootstrapOptions:
    """Parameters of resampling.

    Attributes:
        rounds: Number of resamples, and of permutations; with fewer than 200 no p-value could be
            small enough to stand Holm's correction for the headline metrics.
        seed: Seed of both.
    """

    rounds: Annotated[int, Field(ge=200)]
    seed: Annotated[int, Field(ge=0)]


class Interval(NamedTuple):
    """A confidence interval.

    Attributes:
        low: Lower end.
        high: Upper end, at or above the lower one.
    """

    low: float
    high: float


class McNemarTest(NamedTuple):
    """Decisions that two models take differently.

    Attributes:
        gained: Pairs that the first gets wrong and the second right.
        lost: Pairs that the first gets right and the second wrong.
        p_value: Two-sided, of the hypothesis that both are equally likely, in [0, 1].
    """

    gained: int
    lost: int
    p_value: float


def bootstrap(statistic: Statistic, groups: Labels, options: BootstrapOptions) -> dict[str, Draws]:
    """Draw groups with replacement, as many as there are, and measure each resample.

    Source: the cluster bootstrap (Davison and Hinkley, 1997, section 3.8; Field and Welsh, 2007,
    Journal of the Royal Statistical Society B 69). A resample is given as weights: how often each
    pair stands in it.

    Args:
        statistic: Figures of weighted pairs, such as `weighted_metrics(scores, labels)`.
        groups: Group of each of the n pairs, n at least 1.
        options: Rounds and seed.

    Returns:
        The draws of each figure.
    """
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    random = np.random.default_rng(options.seed)
    parts = []
    for rounds in _chunks(options.rounds, len(groups)):
        drawn = random.integers(0, count, size=(rounds, count))
        drawn += count * np.arange(rounds)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rounds * count).reshape(rounds, count)
        parts.append(statistic(times[:, index].astype(np.float64)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def percentile_interval(draws: Draws, n_groups: int) -> Interval | None:
    """Turn bootstrap draws into an interval: percentiles, expanded for the number of groups.

    The tail is Phi(-t sqrt(n / (n - 1))), t the quantile of Student's t with n - 1 degrees of
    freedom: plain percentiles are too narrow for few groups. Source: Hesterberg (2015), What
    teachers should know about the bootstrap, The American Statistician 69, section 3.4.

    Args:
        draws: The draws.
        n_groups: Number of groups that were drawn from.

    Returns:
        None if there are fewer than `FEWEST_GROUPS` groups, if more than 5 % of the draws are
        undefined, or if all are equal: then resampling cannot show how much the figure varies.
    """
    defined = draws[np.isfinite(draws)]
    if n_groups < FEWEST_GROUPS or len(defined) < (1 - _MOST_UNDEFINED) * len(draws):
        return None
    if np.ptp(defined) <= _RELATIVE_ZERO * np.abs(defined).max():
        return None
    from scipy import stats

    wide = stats.t.ppf((1 + LEVEL) / 2, n_groups - 1) * np.sqrt(n_groups / (n_groups - 1))
    tail = float(stats.norm.cdf(-wide))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def bootstrap_intervals(
    scores: Scores,
    labels: Labels,
    groups: Labels,
    options: BootstrapOptions,
    threshold: float | None = None,
) -> dict[str, Interval | None]:
    """Return the interval of each figure of `weighted_metrics`; empty for no pairs."""
    if not len(scores):
        return {}
    draws = bootstrap(weighted_metrics(scores, labels, threshold), groups, options)
    return {
        name: percentile_interval(values, count_groups(name, labels, groups))
        for name, values in draws.items()
    }


def count_groups(figure: str, labels: Labels, groups: Labels) -> int:
    """Count the groups that a figure rests on.

    A figure of both labels is as uncertain as the label that fewer groups hold: three compatible
    pairs among hundreds are three observations.

    Args:
        figure: Its name, as in `weighted_metrics`.
        labels: Shape (n,).
        groups: Shape (n,).
    """
    if figure in _OF_ANY_LABEL:
        return len(np.unique(groups))
    of_label = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    return of_label[_OF_ONE_LABEL[figure]] if figure in _OF_ONE_LABEL else min(of_label)


def weighted_metrics(scores: Scores, labels: Labels, threshold: float | None = None) -> Statistic:
    """Prepare the pairwise metrics of resampled pairs.

    Weights of 1 give the figures of `separation`, `ranking` and `decisions`; a weight of 2 counts a
    pair twice, 0 leaves it out.

    Args:
        scores: Shape (n,).
        labels: Shape (n,).
        threshold: Where decisions are taken; None leaves their figures out.

    Returns:
        A function of weights, shape (rounds, n). Its figures, named as in `BaselineMetrics`:
        compatible_mean_cosine, incompatible_mean_cosine, compatibility_margin, cohens_d,
        t_statistic, auc_roc, average_precision, spearman_correlation and, with a threshold,
        best_f1, accuracy_at_best_threshold, precision_at_best_threshold,
        recall_at_best_threshold, error_rate and false_positive_rate. NaN where undefined.
    """
    centre = float(scores.mean())
    moments = _moments(scores - centre, labels)
    calls = None if threshold is None else _calls(scores, labels, threshold)
    order = np.argsort(scores, kind="stable")
    runs = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    positive = labels[order] == 1

    def measure(weights: Scores) -> Mapping[str, Draws]:
        figures = _from_moments(weights @ moments)
        for name in ("compatible_mean_cosine", "incompatible_mean_cosine"):
            figures[name] = figures[name] + centre
        figures |= _weighted_ranking(weights[:, order], positive, runs)
        if calls is not None:
            figures |= _from_calls(weights @ calls)
        return figures

    return measure


def weighted_spearman(first: Scores, second: Scores) -> Callable[[Scores], Draws]:
    """Prepare Spearman's correlation of weighted rows, ties given their mean rank.

    Args:
        first: Shape (n,).
        second: Shape (n,), in the same order.

    Returns:
        A function of weights, shape (rounds, n), to draws; NaN where either does not vary.
    """

    def measure(weights: Scores) -> Draws:
        total = weights.sum(axis=1, keepdims=True)
        ranks = [_weighted_ranks(values, weights) - (total + 1) / 2 for values in (first, second)]
        (across, first_spread, second_spread) = (
            np.einsum("bn,bn,bn->b", weights, one, other)
            for one, other in (ranks, (ranks[0], ranks[0]), (ranks[1], ranks[1]))
        )
        spread = np.sqrt(first_spread * second_spread)
        draws: Draws = np.full(len(weights), np.nan)
        np.divide(across, spread, out=draws, where=spread > 0)
        return draws

    return measure


def permuted_labels(
    labels: Labels, groups: Labels, options: BootstrapOptions
) -> npt.NDArray[np.int8]:
    """Exchange labels between groups of equal size, the labels of a group staying together.

    Source: permutation of whole exchangeability blocks (Winkler, Webster, Vidaurre, Nichols and
    Smith, 2015, NeuroImage 123). A group whose size no other has keeps its labels.

    Returns:
        Shape (rounds, n).
    """
    _, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(sizes)[:-1])
    random = np.random.default_rng(options.seed)
    permuted = np.empty((options.rounds, len(labels)), dtype=np.int8)
    for size in np.unique(sizes):
        places = np.array([rows for rows in members if len(rows) == size])
        start = 0
        for rounds in _chunks(options.rounds, len(places)):
            orders = random.permuted(np.tile(np.arange(len(places)), (rounds, 1)), axis=1)
            permuted[start : start + rounds, places.ravel()] = labels[places][orders].reshape(
                rounds, -1
            )
            start += rounds
    return permuted


def association_p_values(
    scores: Scores, labels: Labels, permuted: npt.NDArray[np.int8]
) -> dict[str, float | None]:
    """Test that scores and labels have nothing to do with each other, by permuted labels.

    Args:
        scores: Shape (n,).
        labels: Shape (n,).
        permuted: From `permuted_labels`, shape (rounds, n).

    Returns:
        Two-sided p of `compatibility_margin`, and of `auc_roc`, which is that of Spearman's
        correlation too; None where permutations prove nothing (`can_be_permuted`).
    """
    from scipy import stats

    if not can_be_permuted(labels, permuted):
        return {"compatibility_margin": None, "auc_roc": None}
    return {
        name: two_sided_p_value(float(labels @ values), permuted @ values)
        for name, values in (
            ("compatibility_margin", scores - scores.mean()),
            ("auc_roc", stats.rankdata(scores) - (len(scores) + 1) / 2),
        )
    }


def can_be_permuted(labels: Labels, permuted: Array) -> bool:
    """Say whether permutations move enough: half of the pairs get the other label in some round.

    Where one large group holds most pairs, they keep their labels, and no p-value could be small.
    """
    return bool((permuted != labels).any(axis=0).mean() >= _FEWEST_MOVED)


def two_sided_p_value(observed: float, draws: Draws) -> float:
    """Twice the smaller tail of the draws, the observed value counted as one of them, at most 1.

    Source: Phipson and Smyth (2010), Permutation p-values should never be zero, Statistical
    Applications in Genetics and Molecular Biology 9.
    """
    slack = _RELATIVE_ZERO * max(1.0, float(np.abs(draws).max()))
    above, below = int((draws >= observed - slack).sum()), int((draws <= observed + slack).sum())
    return min(1.0, 2 * (1 + min(above, below)) / (1 + len(draws)))


def swap_p_values(
    first: tuple[Scores, float],
    second: tuple[Scores, float],
    labels: Labels,
    groups: Labels,
    options: BootstrapOptions,
) -> dict[str, float | None]:
    """Test that two models are exchangeable: swap their scores, group by group, at random.

    The margin swaps scores less their model's mean, Cohen's d and Welch's t standardised scores:
    what both labels gain alike is no difference, but would drown one. AUC swaps each model's ranks,
    so that models on different scales can be held together, and ranks anew (Venkatraman and Begg,
    1996, Biometrika 83); its p is that of Spearman's correlation with the labels too. F1 and
    accuracy swap decisions.

    Args:
        first: Scores of one model, shape (n,), and its threshold.
        second: Those of the other, for the same pairs.
        labels: Shape (n,), both labels.
        groups: Shape (n,).
        options: Rounds and seed.

    Returns:
        Two-sided p of the difference of each headline metric that pairs have one by one; None where
        the metric is undefined.
    """
    features = [_swap_features(*model, labels) for model in (first, second)]
    ranks = [_twice_ranks(scores) for scores, _ in (first, second)]
    _, index = np.unique(groups, return_inverse=True)
    apart = np.zeros((int(index.max()) + 1, features[0].shape[1]))
    np.add.at(apart, index, features[0] - features[1])
    total = (features[0] + features[1]).sum(axis=0)

    def differences(kept: npt.NDArray[np.bool_]) -> dict[str, Draws]:
        shift = np.where(kept, 1.0, -1.0) @ apart
        one, other = (_from_swaps((total + way * shift) / 2) for way in (1, -1))
        by_pair = kept[:, index]
        one["auc_roc"] = _auc_of_ranks(np.where(by_pair, *ranks), labels)
        other["auc_roc"] = _auc_of_ranks(np.where(by_pair, *reversed(ranks)), labels)
        return {name: one[name] - other[name] for name in one}

    observed = differences(np.ones((1, len(apart)), dtype=np.bool_))
    random = np.random.default_rng(options.seed)
    parts = [
        differences(random.integers(0, 2, size=(rounds, len(apart)), dtype=np.int8) == 1)
        for rounds in _chunks(options.rounds, len(labels))
    ]
    p_values: dict[str, float | None] = {}
    for name, value in observed.items():
        draws = np.concatenate([part[name] for part in parts])
        if not np.isfinite(value[0]) or not np.isfinite(draws).all():
            p_values[name] = None
            continue
        size = abs(float(value[0]))
        slack = _RELATIVE_ZERO * max(1.0, float(np.abs(draws).max()))
        extreme = int((np.abs(draws) >= size - slack).sum())
        p_values[name] = (1 + extreme) / (1 + len(draws))
    p_values["spearman_correlation"] = p_values["auc_roc"]
    return p_values


def mcnemar_test(
    first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_]
) -> McNemarTest:
    """Exact McNemar test: do two models err equally often on the same pairs?

    The pairs on which just one is right split evenly if so: a binomial test. Source: McNemar
    (1947), Psychometrika 12; computed by `scipy.stats.binomtest`. It takes pairs as independent.
    """
    gained = int((~first_right & second_right).sum())
    lost = int((first_right & ~second_right).sum())
    if not gained + lost:
        return McNemarTest(0, 0, 1.0)
    from scipy import stats

    return McNemarTest(gained, lost, float(stats.binomtest(gained, gained + lost).pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests so that the chance of any false alarm stays at the level.

    p of rank k among m, ascending, becomes the largest of (m - j + 1) p_j for j up to k, at most 1.
    Source: Holm (1979), Scandinavian Journal of Statistics 6.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values, dtype=np.float64)[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted.tolist()


def _chunks(rounds: int, width: int) -> Iterator[int]:
    """Split rounds so that an array of a chunk's rounds times the width stays small."""
    most = max(1, _CHUNK // max(1, width))
    with progress_bar(rounds, "round", "resampling") as progress:
        for start in range(0, rounds, most):
            chunk = min(most, rounds - start)
            yield chunk
            progress.update(chunk)


def _moments(values: Scores, labels: Labels) -> Array:
    """Columns whose sums give means and variances: for each label 1, x and x squared."""
    return np.stack(
        [side * power for side in (labels, 1 - labels) for power in (1.0, values, values**2)],
        axis=1,
    )


def _from_moments(sums: Array) -> dict[str, Draws]:
    n_1, s_1, q_1, n_0, s_0, q_0 = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_1, mean_0 = s_1 / n_1, s_0 / n_0
        within_1, within_0 = q_1 - s_1 * mean_1, q_0 - s_0 * mean_0
        # Equal values leave rounding errors of this size instead of zero.
        nothing = within_1 + within_0 <= _RELATIVE_ZERO * (q_1 + q_0)
        pooled = np.sqrt((within_1 + within_0) / (n_1 + n_0 - 2))
        error = np.sqrt(within_1 / (n_1 - 1) / n_1 + within_0 / (n_0 - 1) / n_0)
        margin = mean_1 - mean_0
        return {
            "compatible_mean_cosine": mean_1,
            "incompatible_mean_cosine": mean_0,
            "compatibility_margin": margin,
            "cohens_d": np.where(nothing | (n_1 + n_0 < 3), np.nan, margin / pooled),
            "t_statistic": np.where(nothing | (np.minimum(n_1, n_0) < 2), np.nan, margin / error),
        }


def _weighted_ranking(weights: Scores, positive: Array, runs: Array) -> dict[str, Draws]:
    """Rank weighted pairs whose scores ascend; runs begin where a score is new."""
    of_positive = weights * positive
    if len(runs) < weights.shape[1]:
        of_positive = np.add.reduceat(of_positive, runs, axis=1)
        weights = np.add.reduceat(weights, runs, axis=1)
    of_negative = weights - of_positive
    below = np.cumsum(of_negative, axis=1) - of_negative / 2
    n_1, n_0 = of_positive.sum(axis=1), of_negative.sum(axis=1)
    n = n_1 + n_0
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = np.einsum("bn,bn->b", of_positive, below) / (n_1 * n_0)
        ties = np.einsum("bn,bn,bn->b", weights, weights, weights) - n
        rank_variance = (n**2 - 1) / 12 - ties / (12 * n)
        rho = np.sqrt(n_1 * n_0) * (auc - 0.5) / np.sqrt(rank_variance)
        # Called at a threshold is all that lies at or above it.
        called_1, called = (np.cumsum(w[:, ::-1], axis=1)[:, ::-1] for w in (of_positive, weights))
        precision = np.divide(called_1, called, out=np.zeros_like(called), where=called > 0)
        found = np.einsum("bn,bn->b", of_positive, precision) / n_1
        return {
            "auc_roc": auc,
            "average_precision": np.where(n_0 > 0, np.minimum(found, 1.0), np.nan),
            "spearman_correlation": np.where(rank_variance > 0, rho, np.nan),
        }


def _weighted_ranks(values: Scores, weights: Scores) -> Scores:
    """Mean rank of each value among values that stand there as often as their weights say."""
    _, index = np.unique(values, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    there = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Scores = (np.cumsum(there, axis=1) - (there - 1) / 2)[:, index]
    return ranks


def _calls(scores: Scores, labels: Labels, threshold: float) -> Array:
    """Columns whose sums are TP, FP and the number of each label."""
    called = (scores >= threshold).astype(np.float64)
    return np.stack([called * labels, called * (1 - labels), labels, 1.0 - labels], axis=1)


def _from_calls(sums: Array) -> dict[str, Draws]:
    true_positives, false_positives, n_1, n_0 = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = (true_positives + n_0 - false_positives) / (n_1 + n_0)
        return {
            "best_f1": 2 * true_positives / (true_positives + false_positives + n_1),
            "accuracy_at_best_threshold": accuracy,
            "precision_at_best_threshold": true_positives / (true_positives + false_positives),
            "recall_at_best_threshold": true_positives / n_1,
            "error_rate": 1 - accuracy,
            "false_positive_rate": false_positives / n_0,
        }


def _swap_features(scores: Scores, threshold: float, labels: Labels) -> Array:
    centred = scores - scores.mean()
    spread = centred.std()
    standard = centred / spread if spread else centred
    parts = [_moments(centred, labels), _moments(standard, labels)]
    return np.concatenate([*parts, _calls(scores, labels, threshold)], axis=1)


def _from_swaps(sums: Array) -> dict[str, Draws]:
    centred, standard = _from_moments(sums[:, :6]), _from_moments(sums[:, 6:12])
    decided = _from_calls(sums[:, 12:])
    return {
        "compatibility_margin": centred["compatibility_margin"],
        **{name: standard[name] for name in ("cohens_d", "t_statistic")},
        **{name: decided[name] for name in ("best_f1", "accuracy_at_best_threshold")},
    }


def _twice_ranks(scores: Scores) -> npt.NDArray[np.int64]:
    """Return twice the mean rank of each score, a whole number from 2 to 2n."""
    from scipy import stats

    return np.asarray(2 * stats.rankdata(scores), dtype=np.int64)


def _auc_of_ranks(ranks: npt.NDArray[np.int64], labels: Labels) -> Draws:
    """AUC of each row of ranks from `_twice_ranks`, ties counting half: counted, not sorted."""
    rounds, n = ranks.shape
    width = 2 * n + 1
    places = ranks + width * np.arange(rounds)[:, None]
    of_1, of_0 = (
        np.bincount(places[:, labels == label].ravel(), minlength=rounds * width).reshape(
            rounds, width
        )
        for label in (1, 0)
    )
    below = np.cumsum(of_0, axis=1) - of_0 / 2
    n_1 = int(labels.sum())
    with np.errstate(invalid="ignore"):
        areas: Draws = np.einsum("bn,bn->b", of_1, below) / np.float64(n_1 * (n - n_1))
    return areas
