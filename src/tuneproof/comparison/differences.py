"""Two models on the same pairs: how far apart are they, and may it be chance?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    SUBSET_METRICS,
    Difference,
    FlippedDecisions,
    ModelDifference,
    Outcome,
)
from tuneproof.general_pairs import GeneralPair
from tuneproof.measurement.frames import Cosines, select_split
from tuneproof.measurement.measure import (
    count_general,
    general_statistic,
    headline_draws,
    subset_masks,
)
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.uncertainty import (
    LEVEL,
    BootstrapOptions,
    Draws,
    Interval,
    bootstrap,
    count_groups,
    holm,
    mcnemar_test,
    percentile_interval,
    swap_p_values,
    weighted_metrics,
)

_LOWER_IS_BETTER = {"unrelated_mean_cosine"}

# Spearman's correlation with the labels is AUC on another scale: one test, not two.
_SAME_TEST = {"spearman_correlation": "auc_roc"}
_HOLM_FAMILY = (
    "auc_roc",
    "compatibility_margin",
    "cohens_d",
    "t_statistic",
    "best_f1",
    "accuracy_at_best_threshold",
)

# Clusters of two models cannot be exchanged, and their purity depends on seed and cluster sizes.
_UNTESTED = {"cluster_purity", "pair_cluster_purity"}


@dataclass(frozen=True)
class MeasuredModel:
    """What was measured of one model.

    Attributes:
        metrics: All its metrics.
        scores: Frame with the columns of `PAIR_SCORES`.
        projection: Frame with the columns of `PROJECTION`.
    """

    metrics: BaselineMetrics
    scores: pd.DataFrame
    projection: pd.DataFrame

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The eval rows of the scores."""
        return select_split(self.scores, "eval")[0]

    @cached_property
    def cosines(self) -> Cosines:
        """Cosines, labels and groups of the eval pairs."""
        return select_split(self.scores, "eval")[1]

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each eval pair is decided rightly at the validated threshold."""
        found = self.cosines
        right: npt.NDArray[np.bool_] = (found.scores >= self.metrics.best_threshold) == (
            found.labels == 1
        )
        return right


def compare_pair(
    first: MeasuredModel,
    second: MeasuredModel,
    general_pairs: Sequence[GeneralPair],
    options: BootstrapOptions,
) -> ModelDifference:
    """Hold a model against another one measured on the same pairs.

    Both are resampled alike, so what a resample does to both cancels out of the difference.

    Args:
        first: The model to start from.
        second: The model whose figures count as after.
        general_pairs: The general-language pairs.
        options: Rounds and seed.
    """
    one, other = first.cosines, second.cosines
    thresholds = first.metrics.best_threshold, second.metrics.best_threshold
    draws = [
        headline_draws(model.cosines, model.projection, threshold, options)
        for model, threshold in zip((first, second), thresholds, strict=True)
    ]
    masks = {
        name: mask
        for name, mask in subset_masks(first.rows).items()
        if name in first.metrics.subsets
    }
    p_values = {
        name: swap_p_values(
            (one.scores[mask], thresholds[0]),
            (other.scores[mask], thresholds[1]),
            one.labels[mask],
            one.groups[mask],
            options,
        )
        for name, mask in masks.items()
    }
    flipped = mcnemar_test(first.right, second.right)
    return ModelDifference(
        first=first.metrics.model,
        second=second.metrics.model,
        metrics=_differences(
            HEADLINE_METRICS,
            (first.metrics, second.metrics),
            draws,
            lambda name: count_groups(name, one.labels, one.groups),
            _adjust(p_values["all"], _HOLM_FAMILY),
        ),
        subsets={
            name: _compare_subset(name, (first, second), masks, options, p_values) for name in masks
        },
        general=_compare_general((first.metrics, second.metrics), general_pairs, options),
        decisions=FlippedDecisions(
            **flipped._asdict(), group_p_value=p_values["all"]["accuracy_at_best_threshold"]
        ),
    )


def _compare_subset(
    name: str,
    models: tuple[MeasuredModel, MeasuredModel],
    masks: Mapping[str, npt.NDArray[np.bool_]],
    options: BootstrapOptions,
    p_values: Mapping[str, Mapping[str, float | None]],
) -> dict[str, Difference]:
    """Compare two models on one subset; Holm's correction covers the subsets of each metric."""
    parts = [model.cosines.where(masks[name]) for model in models]
    family = _distinct(masks, name)
    tests = {
        metric: _adjust({subset: p[metric] for subset, p in p_values.items()}, family)[name]
        for metric in SUBSET_METRICS
    }
    return _differences(
        SUBSET_METRICS,
        (models[0].metrics.subsets[name], models[1].metrics.subsets[name]),
        [
            bootstrap(weighted_metrics(part.scores, part.labels), part.groups, options)
            for part in parts
        ],
        lambda metric: count_groups(metric, parts[0].labels, parts[0].groups),
        tests,
    )


def _distinct(masks: Mapping[str, npt.NDArray[np.bool_]], name: str) -> list[str]:
    """Name one subset for each different set of pairs, this one for its own: one test each."""
    found = {mask.tobytes(): subset for subset, mask in masks.items()}
    return list({**found, masks[name].tobytes(): name}.values())


def _compare_general(
    metrics: tuple[BaselineMetrics, BaselineMetrics],
    general_pairs: Sequence[GeneralPair],
    options: BootstrapOptions,
) -> dict[str, Difference]:
    """Compare two models on the general-language pairs, by interval alone."""
    grades = np.array([pair.score for pair in general_pairs])
    draws = [
        bootstrap(
            general_statistic(np.array(each.general.cosines), grades),
            np.arange(len(grades)),
            options,
        )
        for each in metrics
    ]
    return _differences(
        draws[0],
        (metrics[0].general, metrics[1].general),
        draws,
        lambda name: count_general(name, grades),
        None,
    )


_Test = tuple[float | None, float | None]


def _adjust(p_values: Mapping[str, float | None], family: Iterable[str]) -> dict[str, _Test]:
    """Return p and Holm's adjusted p of each test; those outside the family keep their own."""
    tested = {name: p for name in family if (p := p_values.get(name)) is not None}
    adjusted: dict[str, float | None] = dict(zip(tested, holm(list(tested.values())), strict=True))
    for name, source in _SAME_TEST.items():
        if name in p_values and name not in tested:
            adjusted[name] = adjusted.get(source)
    return {name: (p, adjusted.get(name)) for name, p in p_values.items()}


def _differences(
    names: Iterable[str],
    metrics: tuple[object, object],
    draws: Sequence[Mapping[str, Draws]],
    count: Callable[[str], int],
    tests: Mapping[str, _Test] | None,
) -> dict[str, Difference]:
    """Compare figures of two records; without tests at all, the interval decides alone."""
    found = {}
    for name in names:
        before, after = (getattr(each, name) for each in metrics)
        difference = None if before is None or after is None else after - before
        interval = percentile_interval(draws[1][name] - draws[0][name], count(name))
        p_value, adjusted = (tests or {}).get(name, (None, None))
        found[name] = Difference(
            before=before,
            after=after,
            difference=difference,
            interval=interval,
            p_value=p_value,
            adjusted_p_value=adjusted,
            outcome=_judge(name, difference, interval, 0.0 if tests is None else adjusted),
        )
    return found


def _judge(
    name: str, difference: float | None, interval: Interval | None, p_value: float | None
) -> Outcome:
    if name in _UNTESTED:
        return "not tested"
    sure = interval is not None and (interval.low > 0 or interval.high < 0)
    if not sure or not difference or p_value is None or p_value > 1 - LEVEL:
        return "not shown"
    better = difference < 0 if name in _LOWER_IS_BETTER else difference > 0
    return "improved" if better else "worsened"
