"""What is said of several models side by side, and the parameters of comparing them."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from pydantic.dataclasses import dataclass

from tuneproof.manifest import Manifest
from tuneproof.metrics.uncertainty import BootstrapOptions, Interval

HEADLINE_METRICS: Final[Mapping[str, str]] = {
    "spearman_correlation": "Spearman correlation",
    "compatibility_margin": "Compatibility margin",
    "cohens_d": "Cohen's d",
    "t_statistic": "Welch's t",
    "auc_roc": "AUC-ROC",
    "best_f1": "F1 at the validated threshold",
    "accuracy_at_best_threshold": "Accuracy at the validated threshold",
    "cluster_purity": "Cluster purity (texts)",
    "pair_cluster_purity": "Cluster purity (pairs)",
}
"""The metrics that are compared, with the names that people read; a higher value is better."""

SUBSET_METRICS: Final = ("auc_roc", "compatibility_margin", "spearman_correlation")
"""The metrics that are compared on each subset of the eval pairs."""

MODEL_NAMES: Final[Mapping[str, str]] = {
    "baseline": "the base model",
    "standard": "full fine-tuning (standard)",
    "lora": "LoRA fine-tuning (lora)",
    "instructed": "instruction-conditioned fine-tuning (instructed)",
}

Outcome = Literal["improved", "worsened", "not shown", "not tested"]

_RELATIONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
}
_CRITERION = re.compile(r"\s*(>=|>)\s*(-?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AlarmOptions:
    """How much of something must change before the verdict warns of it.

    Attributes:
        unrelated_cosine_rise: Rise of the mean cosine of unrelated general sentences, in (0, 2].
        general_spearman_loss: Loss of Spearman's correlation on general-language pairs, in (0, 2].
        anisotropy_rise: Rise of the mean cosine of two different eval texts, in (0, 2].
        effective_rank_share: Share of the base model's effective rank below which embeddings count
            as collapsed, in (0, 1].
        prefix_change: Mean change of the cosine when the prefixes are swapped, in (0, 2].
        probe_gap: Distance of a shortcut probe's AUC from a model's own at which it counts as
            near, in [0, 1].
        mixture_shift: Change of a model's AUC by leaving out one pair type, in (0, 1].
    """

    unrelated_cosine_rise: Annotated[float, Field(gt=0, le=2)]
    general_spearman_loss: Annotated[float, Field(gt=0, le=2)]
    anisotropy_rise: Annotated[float, Field(gt=0, le=2)]
    effective_rank_share: Annotated[float, Field(gt=0, le=1)]
    prefix_change: Annotated[float, Field(gt=0, le=2)]
    probe_gap: Annotated[float, Field(ge=0, le=1)]
    mixture_shift: Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EvaluationOptions:
    """Parameters of `evaluation`.

    Attributes:
        success_criteria: What each metric must reach, such as `>= 0.86` or `> 0.8`, by field name
            of `BaselineMetrics`.
        bootstrap: Rounds and seed of the intervals and p-values of differences.
        worst_errors: Number of false positives, and of false negatives, listed of each model.
        alarms: What the verdict warns of.
    """

    success_criteria: dict[str, str]
    bootstrap: BootstrapOptions
    worst_errors: NonNegativeInt
    alarms: AlarmOptions

    def __post_init__(self) -> None:
        for metric, criterion in self.success_criteria.items():
            if metric not in HEADLINE_METRICS:
                raise ValueError(
                    f"success_criteria: found {metric!r}, expected one of "
                    f"{', '.join(HEADLINE_METRICS)}"
                )
            if not _CRITERION.fullmatch(criterion):
                raise ValueError(
                    f"success_criteria.{metric}: found {criterion!r}, expected '>= number' or "
                    "'> number'"
                )


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelHeadline(_Record):
    """The headline figures of one model; None stands for 'n/a'.

    Attributes:
        model: Name of the model.
        figures: Value of each headline metric.
        intervals: 95 % interval of each.
        differences: Value minus the baseline's; empty for the baseline itself.
        false_positives: Incompatible eval pairs called compatible at the validated threshold.
        false_positives_at_matched_recall: The same where every model reaches the same recall.
    """

    model: str
    figures: dict[str, float | None]
    intervals: dict[str, Interval | None]
    differences: dict[str, float | None]
    false_positives: int
    false_positives_at_matched_recall: int


CriterionOutcome = Literal["surely met", "met, but not surely", "not met", "n/a"]


class CriterionResult(_Record):
    """One success criterion, model by model.

    Attributes:
        metric: Field name of the metric.
        criterion: What it must reach, such as `>= 0.86`.
        met: Whether each model reaches it; None where the metric is 'n/a'.
        sure: Whether the lower end of the interval reaches it too; None where there is none.
        note: What the criterion asks for, where that is not plain from its number.
    """

    metric: str
    criterion: str
    met: dict[str, bool | None]
    sure: dict[str, bool | None]
    note: str | None

    def outcome(self, model: str) -> CriterionOutcome:
        """Say how a model stands to it."""
        met = self.met.get(model)
        if met is None:
            return "n/a"
        if not met:
            return "not met"
        return "surely met" if self.sure.get(model) else "met, but not surely"


class Difference(_Record):
    """How a figure differs between two models, on the same pairs.

    Attributes:
        before: Its value for the first model.
        after: Its value for the second one.
        difference: after minus before; None where either is 'n/a'.
        interval: 95 % interval of the difference by the paired bootstrap over groups.
        p_value: Of the hypothesis that the models are exchangeable; None where there is no test.
        adjusted_p_value: After Holm's correction for the headline metrics, or the subsets, that are
            tested together.
        outcome: `improved` or `worsened` where the interval leaves out 0 and the adjusted p-value
            is at most 0.05 (general language has no p: the interval decides); `not shown`
            otherwise; `not tested` for cluster purity, which chance and seed move too.
    """

    before: float | None
    after: float | None
    difference: float | None
    interval: Interval | None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    outcome: Outcome


class FlippedDecisions(_Record):
    """Decisions that two models take differently, each at its validated threshold.

    Attributes:
        gained: Pairs that only the second gets right.
        lost: Pairs that only the first gets right.
        p_value: Exact McNemar test, two-sided; it takes pairs as independent.
        group_p_value: Of the same hypothesis, decisions exchanged by groups that share a text.
    """

    gained: NonNegativeInt
    lost: NonNegativeInt
    p_value: float
    group_p_value: float | None


class ModelDifference(_Record):
    """Two models held against each other on the same pairs.

    Attributes:
        first: Name of one model.
        second: Name of the other; differences are its figures minus the first one's.
        metrics: The headline metrics.
        subsets: `SUBSET_METRICS` on each subset of the eval pairs.
        general: Figures of the general-language pairs.
        decisions: Decisions that they take differently.
    """

    first: str
    second: str
    metrics: dict[str, Difference]
    subsets: dict[str, dict[str, Difference]]
    general: dict[str, Difference]
    decisions: FlippedDecisions


class NearestTrainPair(_Record):
    """The train pair nearest to an eval pair in the base model's space.

    Attributes:
        row: Position among the train pairs.
        text_1: Its first text.
        text_2: Its second text.
        label: Its label.
        similarity: Mean cosine of the texts, in [-1, 1].
    """

    row: int
    text_1: str
    text_2: str
    label: int
    similarity: float


class ErrorPair(_Record):
    """An eval pair that a model decides wrongly.

    Attributes:
        row: Position among the eval pairs.
        text_1: First text.
        text_2: Second text.
        label: Its label.
        category: Its category.
        pair_type: Its pair type.
        leak_level: What training saw of it.
        cosine: What the model says.
        distance: Distance of the cosine from the threshold, above 0.
        baseline_cosine: What the base model said.
        baseline_right: Whether the base model decided rightly, at its own threshold.
        nearest_train: The nearest train pair.
    """

    row: int
    text_1: str
    text_2: str
    label: int
    category: str
    pair_type: str
    leak_level: str
    cosine: float
    distance: float
    baseline_cosine: float
    baseline_right: bool
    nearest_train: NearestTrainPair


class ModelErrors(_Record):
    """The worst errors of one model, farthest from the threshold first.

    Attributes:
        threshold: The validated threshold.
        n_false_positives: Number of all.
        n_false_negatives: Number of all.
        false_positives: Incompatible pairs called compatible.
        false_negatives: Compatible pairs called incompatible.
    """

    threshold: float
    n_false_positives: NonNegativeInt
    n_false_negatives: NonNegativeInt
    false_positives: list[ErrorPair]
    false_negatives: list[ErrorPair]


class Standing(_Record):
    """Whether a variant is shown to be better than the base model.

    Attributes:
        model: Name of the variant.
        better: Whether it is shown to rank better (`standing.judge_variant`).
        reasons: Why it is not shown to, or, where it is, what must be said with it.
    """

    model: str
    better: bool
    reasons: list[str]


class ComparisonResult(_Record):
    """All models side by side.

    Attributes:
        models: Headline figures, the baseline first, then the variants.
        criteria: The success criteria.
        standings: Whether each variant is shown to be better than the baseline.
        beside_headline: What must be read with the headline figures: shortcuts that come near them.
        differences: Each variant against the baseline, then the variants against each other.
        errors: The worst errors, by model.
        verdict: What the figures show, each with its number and interval, in plain sentences.
        threats: What makes them prove less than they seem to.
        left_out: Variants that are not compared, and why.
        manifests: Origin of each model's metrics.
        manifest: Origin of the comparison itself.
    """

    models: list[ModelHeadline]
    criteria: list[CriterionResult]
    standings: list[Standing]
    beside_headline: list[str]
    differences: list[ModelDifference]
    errors: dict[str, ModelErrors]
    verdict: list[str]
    threats: list[str]
    left_out: list[str]
    manifests: dict[str, Manifest]
    manifest: Manifest

    def surely_met(self) -> dict[str, int]:
        """Count the success criteria that each variant surely meets."""
        return {
            each.model: sum(result.outcome(each.model) == "surely met" for result in self.criteria)
            for each in self.standings
        }


def parse_criterion(criterion: str) -> tuple[str, float]:
    """Split a criterion such as `>= 0.86` into its relation and its number.

    Raises:
        ValueError: The criterion is not of that form.
    """
    match = _CRITERION.fullmatch(criterion)
    if match is None:
        raise ValueError(f"found criterion {criterion!r}, expected '>= number' or '> number'")
    return match[1], float(match[2])


def meets(value: float | None, criterion: str) -> bool | None:
    """Say whether a value meets a criterion such as `>= 0.86`; None for an undefined value.

    Raises:
        ValueError: The criterion is not of that form.
    """
    relation, target = parse_criterion(criterion)
    return None if value is None else _RELATIONS[relation](value, target)
