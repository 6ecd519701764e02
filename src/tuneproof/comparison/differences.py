"""Two models on the same pairs: how far apart are they, and may it be chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from tuneproof.measurement.measure import general_statistic, headline_draws, subset_masks
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.uncertainty import (
    LEVEL,
    BootstrapOptions,
    Draws,
    bootstrap,
    holm,
    mcnemar_test,
    percentile_interval,
    swap_p_values,
    weighted_metrics,
)

_LOWER_IS_BETTER = {"unrelated_mean_cosine"}


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

    @property
    def rows(self) -> pd.DataFrame:
        """The eval rows of the scores."""
        return select_split(self.scores, "eval")[0]

    @property
    def cosines(self) -> Cosines:
        """Cosines, labels and groups of the eval pairs."""
        return select_split(self.scores, "eval")[1]

    @property
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
        options: Rounds, seed and level.
    """
    one, other = first.cosines, second.cosines
    groups = len(np.unique(one.groups))
    draws = [
        headline_draws(model.cosines, model.projection, model.metrics.best_threshold, options)
        for model in (first, second)
    ]
    p_values = swap_p_values(
        (one.scores, first.metrics.best_threshold),
        (other.scores, second.metrics.best_threshold),
        one.labels,
        one.groups,
        options,
    )
    grades = np.array([pair.score for pair in general_pairs])
    general = [
        bootstrap(
            general_statistic(np.array(model.metrics.general.cosines), grades),
            np.arange(len(grades)),
            options,
        )
        for model in (first, second)
    ]
    flipped = mcnemar_test(first.right, second.right)
    return ModelDifference(
        first=first.metrics.model,
        second=second.metrics.model,
        metrics=_differences(
            HEADLINE_METRICS, first.metrics, second.metrics, draws, groups, p_values
        ),
        subsets={
            name: _differences(
                SUBSET_METRICS,
                first.metrics.subsets[name],
                second.metrics.subsets[name],
                [
                    bootstrap(
                        weighted_metrics(part.scores, part.labels),
                        part.groups,
                        options,
                    )
                    for part in (one.where(mask), other.where(mask))
                ],
                len(np.unique(one.groups[mask])),
            )
            for name, mask in subset_masks(first.rows).items()
            if name in first.metrics.subsets
        },
        general=_differences(
            general[0], first.metrics.general, second.metrics.general, general, len(grades)
        ),
        decisions=FlippedDecisions(**flipped._asdict()),
    )


def _differences(
    names: Mapping[str, object] | Sequence[str],
    before: object,
    after: object,
    draws: Sequence[Mapping[str, Draws]],
    n_groups: int,
    p_values: Mapping[str, float | None] | None = None,
) -> dict[str, Difference]:
    tested = {name: p for name, p in (p_values or {}).items() if p is not None and name in names}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    found = {}
    for name in names:
        values = getattr(before, name), getattr(after, name)
        difference = None if None in values else values[1] - values[0]
        interval = percentile_interval(draws[1][name] - draws[0][name], n_groups)
        outcome: Outcome = "not shown"
        sure = interval is not None and (interval.low > 0 or interval.high < 0)
        if sure and difference and adjusted.get(name, 0.0) <= 1 - LEVEL:
            better = difference < 0 if name in _LOWER_IS_BETTER else difference > 0
            outcome = "improved" if better else "worsened"
        found[name] = Difference(
            before=values[0],
            after=values[1],
            difference=difference,
            interval=interval,
            p_value=tested.get(name),
            adjusted_p_value=adjusted.get(name),
            outcome=outcome,
        )
    return found
