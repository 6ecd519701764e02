"""Measured models in, one record of how they compare out."""

from collections.abc import Sequence

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.differences import MeasuredModel, compare_pair
from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    ComparisonResult,
    CriterionResult,
    EvaluationOptions,
    ModelHeadline,
    meets,
    parse_criterion,
)
from tuneproof.comparison.standing import judge_variant
from tuneproof.comparison.verdict import find_threats, near_probes, write_verdict
from tuneproof.comparison.wording import figure
from tuneproof.comparison.worst_errors import worst_errors
from tuneproof.errors import StaleArtifactError
from tuneproof.general_pairs import GeneralPair
from tuneproof.manifest import Environment, Manifest, describe_options, require_same_origin
from tuneproof.measurement.frames import RERUN
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.ranking import auc_for_spearman
from tuneproof.pairs import DatingPair


def compare(
    baseline: MeasuredModel,
    variants: Sequence[MeasuredModel],
    train_pairs: Sequence[DatingPair],
    general_pairs: Sequence[GeneralPair],
    quality: DataQualityScore,
    options: EvaluationOptions,
) -> ComparisonResult:
    """Hold the fine-tuned models against the baseline and against each other.

    A variant whose metrics come from other pairs, parameters or another base model is left out,
    and the result says why.

    Args:
        baseline: The measured base model.
        variants: The measured fine-tuned models, at least one.
        train_pairs: The train pairs, for the errors' nearest ones.
        general_pairs: The general-language pairs that all were measured on.
        quality: The audit of the same pairs.
        options: The parameters.

    Raises:
        StaleArtifactError: No variant shares the origin of the baseline, or the audit tells of
            other pairs.
    """
    manifest = baseline.metrics.manifest
    manifest.require_pairs("baseline_metrics", RERUN, **quality.manifest.pairs)
    _require_same_preparation(manifest, quality.manifest)
    shared, left_out = [], []
    for variant in variants:
        metrics = variant.metrics
        try:
            require_same_origin(f"{metrics.model}_metrics", metrics.manifest, manifest, RERUN)
        except StaleArtifactError as error:
            left_out.append(f"{metrics.model} is left out: {error}")
        else:
            shared.append(variant)
    if not shared:
        raise StaleArtifactError("nothing to compare: " + "; ".join(left_out))
    couples = [(baseline, variant) for variant in shared]
    couples += [(one, other) for index, one in enumerate(shared) for other in shared[index + 1 :]]
    differences = [
        compare_pair(one, other, general_pairs, options.bootstrap) for one, other in couples
    ]
    everyone = [baseline, *shared]
    measured = [model.metrics for model in everyone]
    criteria = [
        _judge(metric, criterion, measured)
        for metric, criterion in options.success_criteria.items()
    ]
    return ComparisonResult(
        models=[headline(metrics, baseline.metrics) for metrics in measured],
        criteria=criteria,
        standings=[
            judge_variant(variant.metrics, difference, quality, criteria)
            for variant, difference in zip(shared, differences, strict=False)
        ],
        beside_headline=[
            sentence
            for metrics in measured[1:]
            for sentence in near_probes(metrics, quality, options.alarms)
        ],
        differences=differences,
        errors={
            model.metrics.model: worst_errors(model, baseline, train_pairs, options.worst_errors)
            for model in everyone
        },
        verdict=write_verdict(measured, differences, quality, options.alarms),
        threats=find_threats(measured, quality, options),
        left_out=left_out,
        manifests={metrics.model: metrics.manifest for metrics in measured},
        manifest=Manifest(
            base_model=manifest.base_model,
            pairs=manifest.pairs,
            parameters=describe_options(options),
            seed=options.bootstrap.seed,
            environment=Environment.current(),
        ),
    )


def headline(metrics: BaselineMetrics, baseline: BaselineMetrics) -> ModelHeadline:
    """Pick the headline figures of a model, with their differences from the baseline's."""
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
        intervals={metric: metrics.intervals.get(metric) for metric in HEADLINE_METRICS},
        differences=differences,
        false_positives=metrics.decisions.false_positives,
        false_positives_at_matched_recall=metrics.matched_recall_decisions.false_positives,
    )


def _require_same_preparation(measured: Manifest, audited: Manifest) -> None:
    """Check that audit and measurement call the same pairs near duplicates."""
    name = "near_duplicate_similarity"
    prepared = audited.parameters["prepare"]
    expected = prepared[name] if isinstance(prepared, dict) else None
    if (found := measured.parameters.get(name)) != expected:
        raise StaleArtifactError(
            f"baseline_metrics was made with other parameters than the audit: found {name} "
            f"{found}, expected {expected}. {RERUN}"
        )


def _judge(metric: str, criterion: str, models: Sequence[BaselineMetrics]) -> CriterionResult:
    lower = {}
    for metrics in models:
        interval = metrics.intervals.get(metric)
        lower[metrics.model] = interval.low if interval else None
    return CriterionResult(
        metric=metric,
        criterion=criterion,
        met={m.model: meets(getattr(m, metric), criterion) for m in models},
        sure={model: meets(value, criterion) for model, value in lower.items()},
        note=_explain_spearman(criterion, models[0]) if metric == "spearman_correlation" else None,
    )


def _explain_spearman(criterion: str, metrics: BaselineMetrics) -> str:
    relation, target = parse_criterion(criterion)
    needed = auc_for_spearman(target, metrics.n_compatible, metrics.n_incompatible)
    assert needed is not None  # there are both labels
    reach = (
        f"it needs an AUC {relation} {figure(needed, 5)}"
        if needed <= 1
        else "no ranking gets there"
    )
    allowed = figure(metrics.spearman_ceiling)
    return f"without tied cosines these labels allow {allowed} at most; {reach}"
