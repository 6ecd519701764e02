"""Nodes of `reporting`: convert what was measured, and draw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison import RERUN, ComparisonResult
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement import BaselineMetrics, GroupMetrics
from tuneproof.metrics.clusters import purity_by_cluster
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.report.page import Drawing, describe_charts, render_report
from tuneproof.training.result import TrainingResult

if TYPE_CHECKING:
    from tuneproof.charts.clusters import ClusterPurities
    from tuneproof.charts.groups import GroupMargin


@dataclass(frozen=True)
class Evidence:
    """What was measured of one model.

    Attributes:
        metrics: All its metrics.
        scores: Cosine of each eval pair, with the columns of PAIR_SCORES.
        projection: Projected eval pairs, with the columns of PROJECTION.
    """

    metrics: BaselineMetrics
    scores: pd.DataFrame
    projection: pd.DataFrame


@dataclass(frozen=True)
class TrainingRun:
    """What a training run left: its facts, and its log with the columns of TRAINING_LOG."""

    result: TrainingResult
    log: pd.DataFrame


def gather_evidence(  # noqa: PLR0913
    *,
    eval_pairs: list[DatingPair],
    baseline_metrics: BaselineMetrics,
    baseline_scores: pd.DataFrame,
    baseline_projection: pd.DataFrame,
    standard_metrics: BaselineMetrics | None,
    standard_scores: pd.DataFrame | None,
    standard_projection: pd.DataFrame | None,
    lora_metrics: BaselineMetrics | None,
    lora_scores: pd.DataFrame | None,
    lora_projection: pd.DataFrame | None,
) -> dict[str, Evidence]:
    """Collect what was measured of each model, the baseline first.

    Raises:
        StaleArtifactError: A model was measured on other eval pairs, or not all of its artifacts
            are there.
    """
    present = hash_pairs(eval_pairs)
    evidence = {}
    for name, metrics, scores, projection in (
        ("baseline", baseline_metrics, baseline_scores, baseline_projection),
        ("standard", standard_metrics, standard_scores, standard_projection),
        ("lora", lora_metrics, lora_scores, lora_projection),
    ):
        if metrics is None:
            continue
        metrics.manifest.require_pairs(f"{name}_metrics", RERUN, eval=present)
        if scores is None or projection is None:
            raise StaleArtifactError(
                f"found {name}_metrics, expected {name}_scores and {name}_projection with them. "
                f"{RERUN}"
            )
        evidence[name] = Evidence(metrics, scores[scores["split"] == "eval"], projection)
    return evidence


def gather_training_runs(
    standard_training_info: TrainingResult | None,
    standard_training_log: pd.DataFrame | None,
    lora_training_info: TrainingResult | None,
    lora_training_log: pd.DataFrame | None,
) -> dict[str, TrainingRun]:
    """Collect the training runs there were."""
    return {
        result.model_type: TrainingRun(result, log)
        for result, log in (
            (standard_training_info, standard_training_log),
            (lora_training_info, lora_training_log),
        )
        if result is not None and log is not None
    }


def draw_cosine_distributions(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the cosines of both labels for each model."""
    from tuneproof.charts.separation import cosine_distributions

    return cosine_distributions(
        {name: found.scores for name, found in evidence.items()},
        {name: found.metrics.best_threshold for name, found in evidence.items()},
    )


def draw_umap(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the projected texts of each model."""
    from tuneproof.charts.clusters import umap_projections

    return umap_projections({name: found.projection for name, found in evidence.items()})


def draw_cluster_purity(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the purity of each cluster of each model, of the texts and of the pairs."""
    from tuneproof.charts.clusters import cluster_purities

    return cluster_purities(
        {
            kind: {name: _purities(found, points) for name, found in evidence.items()}
            for kind, points in (("texts", ["text_1", "text_2"]), ("pairs", ["pair"]))
        }
    )


def draw_roc(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the ROC curves of all models."""
    from tuneproof.charts.separation import roc_curves

    return roc_curves({name: found.scores for name, found in evidence.items()})


def draw_category_margins(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the margin of each category and model."""
    from tuneproof.charts.groups import category_margins

    return category_margins(
        {name: _margins(found.metrics.category_metrics) for name, found in evidence.items()}
    )


def draw_cohens_d(evidence: dict[str, Evidence]) -> Drawing:
    """Draw Cohen's d of each model."""
    from tuneproof.charts.separation import cohens_d_bars

    return cohens_d_bars(
        {name: found.metrics.cohens_d for name, found in evidence.items()},
        evidence["baseline"].metrics.n_pairs,
    )


def draw_training_curves(training_runs: dict[str, TrainingRun]) -> Drawing:
    """Draw the course of each training run."""
    from tuneproof.charts.training import TrainingCourse, training_curves

    return training_curves(
        {
            name: TrainingCourse(
                run.log,
                run.result.initial_spearman,
                run.result.best_step,
                run.result.best_spearman,
            )
            for name, run in training_runs.items()
        }
    )


def draw_false_positives(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the false positives of each pair type and model."""
    from tuneproof.charts.groups import false_positives

    pair_types = evidence["baseline"].metrics.pair_type_metrics
    return false_positives(
        {name: found.metrics.false_positive_counts for name, found in evidence.items()},
        {name: group.incompatible for name, group in pair_types.items()},
    )


def draw_baseline_category_margins(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the baseline's margin of each category."""
    from tuneproof.charts.groups import group_margins

    metrics = evidence["baseline"].metrics
    return group_margins(_margins(metrics.category_metrics), metrics.model, "category")


def draw_baseline_pair_type_margins(evidence: dict[str, Evidence]) -> Drawing:
    """Draw the baseline's margin of each pair type."""
    from tuneproof.charts.groups import group_margins

    metrics = evidence["baseline"].metrics
    return group_margins(_margins(metrics.pair_type_metrics), metrics.model, "pair type")


def build_report(
    quality: DataQualityScore,
    evidence: dict[str, Evidence],
    training_runs: dict[str, TrainingRun],
    comparison: ComparisonResult | None,
    **charts: Drawing,
) -> str:
    """Write the HTML page.

    Args:
        quality: The audit of the pairs.
        evidence: What was measured, by model.
        training_runs: The training runs, by model.
        comparison: The models side by side; None where nothing was compared.
        charts: The charts by dataset name.

    Raises:
        StaleArtifactError: The artifacts tell of different pairs, measurements or training runs.
    """
    baseline, *variants = (found.metrics for found in evidence.values())
    _require_same_story(quality, [baseline, *variants], training_runs, comparison)
    trainings = [run.result for run in training_runs.values()]
    captions = describe_charts(baseline, variants, trainings)
    return render_report(
        quality,
        baseline,
        variants,
        trainings,
        comparison,
        {name: (*captions[name], chart) for name, chart in charts.items()},
    )


def _require_same_story(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    training_runs: dict[str, TrainingRun],
    comparison: ComparisonResult | None,
) -> None:
    manifests = {metrics.model: metrics.manifest for metrics in models}
    if quality.pairs.get("eval") != models[0].manifest.pairs.get("eval"):
        raise StaleArtifactError(
            "data_quality_report tells of other eval pairs than baseline_metrics, expected the "
            "same. Run: kedro run --pipelines=data_quality"
        )
    if comparison is not None and comparison.manifests != manifests:
        raise StaleArtifactError(
            f"comparison was made from {', '.join(comparison.manifests)} as measured earlier, "
            f"expected {', '.join(manifests)} as measured last. {RERUN}"
        )
    for name, run in training_runs.items():
        measured = manifests.get(name)
        if measured is not None and measured.model != run.result.manifest:
            raise StaleArtifactError(
                f"{name}_metrics measured another model than {name}_training_info tells of, "
                f"expected the last one trained. {RERUN}"
            )


def _purities(found: Evidence, points: list[str]) -> "ClusterPurities":
    from tuneproof.charts.clusters import ClusterPurities

    rows = found.projection[found.projection["points"].isin(points)]
    clusters, labels = rows["cluster"].to_numpy(), rows["label"].to_numpy()
    metrics = found.metrics
    return ClusterPurities(
        clusters=purity_by_cluster(clusters, labels),
        noise=int((clusters == -1).sum()),
        cluster_purity=metrics.pair_cluster_purity if "pair" in points else metrics.cluster_purity,
        majority_share=float(max(labels.mean(), 1 - labels.mean())),
    )


def _margins(groups: dict[str, GroupMetrics]) -> "dict[str, GroupMargin]":
    from tuneproof.charts.groups import GroupMargin

    return {
        name: GroupMargin(group.compatibility_margin, group.compatible, group.incompatible)
        for name, group in groups.items()
    }
