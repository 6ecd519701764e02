"""The metrics of several models in, differences, criteria and plain sentences out."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.dataclasses import dataclass

from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Manifest, require_same_origin
from tuneproof.measurement import RERUN, BaselineMetrics

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

_RELATIONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
}
_CRITERION = re.compile(r"\s*(>=|>)\s*(-?\d+(?:\.\d+)?)\s*")
_NAMES: Final[Mapping[str, str]] = {
    "standard": "Full fine-tuning (standard)",
    "lora": "LoRA fine-tuning (lora)",
}
_DIGITS: Final = 4


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EvaluationOptions:
    """Parameters of `evaluation`.

    Attributes:
        success_criteria: What each metric must reach, such as `>= 0.86` or `> 0.8`, by field name
            of `BaselineMetrics`.
    """

    success_criteria: dict[str, str]

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


class ModelHeadline(BaseModel):
    """The headline figures of one model; None stands for 'n/a'.

    Attributes:
        model: Name of the model.
        figures: Value of each headline metric.
        differences: Value minus the baseline's; empty for the baseline itself.
        false_positives: Incompatible eval pairs called compatible at the validated threshold.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    model: str
    figures: dict[str, float | None]
    differences: dict[str, float | None]
    false_positives: int


class CriterionResult(BaseModel):
    """One success criterion, model by model.

    Attributes:
        metric: Field name of the metric.
        criterion: What it must reach, such as `>= 0.86`.
        met: Whether each model reaches it; None where the metric is 'n/a'.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    criterion: str
    met: dict[str, bool | None]


class ComparisonResult(BaseModel):
    """All models side by side.

    Attributes:
        models: Headline figures, the baseline first, then the variants.
        criteria: The success criteria.
        statements: What the figures say of each variant, and which variants were left out, why.
        manifests: Origin of each model's metrics.
    """

    model_config = ConfigDict(frozen=True)

    models: list[ModelHeadline]
    criteria: list[CriterionResult]
    statements: list[str]
    manifests: dict[str, Manifest]


def compare(
    baseline: BaselineMetrics, variants: Sequence[BaselineMetrics], options: EvaluationOptions
) -> ComparisonResult:
    """Hold the fine-tuned models against the baseline.

    A variant whose metrics come from other pairs, parameters or another base model is left out,
    and a statement says why.

    Args:
        baseline: Metrics of the base model.
        variants: Metrics of the fine-tuned models, at least one.
        options: The success criteria.

    Raises:
        StaleArtifactError: No variant shares the origin of the baseline.
    """
    shared, left_out = [], []
    for variant in variants:
        try:
            require_same_origin(
                f"{variant.model}_metrics", variant.manifest, baseline.manifest, RERUN
            )
        except StaleArtifactError as error:
            left_out.append(f"{variant.model} is left out: {error}")
        else:
            shared.append(variant)
    if not shared:
        raise StaleArtifactError("nothing to compare: " + "; ".join(left_out))
    everyone = [baseline, *shared]
    return ComparisonResult(
        models=[_headline(metrics, baseline) for metrics in everyone],
        criteria=[
            CriterionResult(
                metric=metric,
                criterion=criterion,
                met={m.model: meets(getattr(m, metric), criterion) for m in everyone},
            )
            for metric, criterion in options.success_criteria.items()
        ],
        statements=[*(describe_change(baseline, variant) for variant in shared), *left_out],
        manifests={metrics.model: metrics.manifest for metrics in everyone},
    )


def meets(value: float | None, criterion: str) -> bool | None:
    """Say whether a value meets a criterion such as `>= 0.86`; None for an undefined value.

    Raises:
        ValueError: The criterion is not of that form.
    """
    match = _CRITERION.fullmatch(criterion)
    if match is None:
        raise ValueError(f"found criterion {criterion!r}, expected '>= number' or '> number'")
    relation, target = match.groups()
    return None if value is None else _RELATIONS[relation](value, float(target))


def describe_change(baseline: BaselineMetrics, variant: BaselineMetrics) -> str:
    """Say in plain sentences what fine-tuning did to the margin, Cohen's d, AUC and Spearman.

    Whether the margin improved is judged at the four digits that are shown.
    """
    before, after = baseline.compatibility_margin, variant.compatibility_margin
    change = round(after, _DIGITS) - round(before, _DIGITS)
    if change:
        verb = "improved" if change > 0 else "worsened"
        margin = f"{verb} the compatibility margin from {figure(before)} to {figure(after)}"
    else:
        margin = f"did not change the compatibility margin of {figure(before)}"
    rest = [
        f"{name} from {figure(getattr(baseline, metric))} to {figure(getattr(variant, metric))}"
        for metric, name in (
            ("cohens_d", "Cohen's d"),
            ("auc_roc", "AUC-ROC"),
            ("spearman_correlation", "Spearman"),
        )
    ]
    sentences = [
        f"{_NAMES.get(variant.model, f'Fine-tuning ({variant.model})')} {margin} "
        f"({'; '.join(rest)}) on {variant.n_pairs} eval pairs."
    ]
    if change * (variant.auc_roc - baseline.auc_roc) < 0:
        sentences.append("The margin and the AUC moved in opposite directions.")
    if after < 0:
        sentences.append("The margin is negative: incompatible pairs score higher.")
    return " ".join(sentences)


def figure(value: float | None, digits: int = _DIGITS) -> str:
    """Write a figure for people: fixed digits, or 'n/a'."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def _headline(metrics: BaselineMetrics, baseline: BaselineMetrics) -> ModelHeadline:
    figures: dict[str, float | None] = {
        metric: getattr(metrics, metric) for metric in HEADLINE_METRICS
    }
    differences: dict[str, float | None] = {}
    if metrics is not baseline:
        for metric, value in figures.items():
            before = getattr(baseline, metric)
            differences[metric] = None if value is None or before is None else value - before
    return ModelHeadline(
        model=metrics.model,
        figures=figures,
        differences=differences,
        false_positives=metrics.decisions.false_positives,
    )
