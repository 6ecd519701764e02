"""Nodes of `reporting`: convert what was measured, and draw it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement.frames import RERUN, first_projection, require_origin
from tuneproof.measurement.records import BaselineMetrics, GroupMetrics
from tuneproof.metrics.clusters import purity_by_cluster
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.report.page import Drawing, describe_charts, render_report
from tuneproof.training.result import TrainingResult
from tuneproof.variants import VARIANTS

if TYPE_CHECKING:
    from tuneproof.charts.clusters import ClusterPurities
    from tuneproof.charts.groups import GroupMargin


@dataclass(frozen=True)
class Evidence:
    """What was measured of one model.

    Attributes:
        metrics: All its metrics.
        scores: Cosine of each eval pair, with the columns of PAIR_SCORES.
        projection: Projected eval pairs of the first seed, with the columns of PROJECTION.
    """

    metrics: BaselineMetrics
    scores: pd.DataFrame
    projection: pd.DataFrame


@dataclass(frozen=True)
class TrainingRun:
    """What a training run left: its facts, and its log with the columns of TRAINING_LOG."""

    result: TrainingResult
    log: pd.DataFrame


def gather_evidence(
    *,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    comparison: ComparisonResult | None,
    **measured: BaselineMetrics | pd.DataFrame | None,
) -> dict[str, Evidence]:
    """Collect what was measured of the compared models; without comparison, of the baseline alone.

    What was measured of a variant that is not compared stays out: it may tell of other pairs.

    Args:
        train_pairs: The train pairs.
        validation_pairs: The validation pairs.
        eval_pairs: The eval pairs.
        comparison: The models side by side; None where nothing was compared.
        measured: Metrics, scores and projection of the baseline and of each variant, by dataset
            name; None where it was not measured.

    Raises:
        StaleArtifactError: The artifacts tell of different pairs or measurements, or a compared
            model lacks some of its own.
    """
    shown = [each.model for each in comparison.models] if comparison else ["baseline"]
    evidence = {
        name: _evidence(
            name, *(measured[f"{name}_{part}"] for part in ("metrics", "scores", "projection"))
        )
        for name in shown
    }
    present = {
        "train": hash_pairs(train_pairs),
        "validation": hash_pairs(validation_pairs),
        "eval": hash_pairs(eval_pairs),
    }
    for name, found in evidence.items():
        found.metrics.manifest.require_pairs(f"{name}_metrics", RERUN, **present)
    manifests = {name: found.metrics.manifest for name, found in evidence.items()}
    if comparison is not None and comparison.manifests != manifests:
        raise StaleArtifactError(
            f"comparison was made from {', '.join(comparison.manifests)} as measured earlier, "
            f"expected {', '.join(manifests)} as measured last. {RERUN}"
        )
    return evidence


def gather_training_runs(
    evidence: dict[str, Evidence], **trained: TrainingResult | pd.DataFrame | None
) -> dict[str, TrainingRun]:
    """Collect the training runs of the variants that were gathered.

    Args:
        evidence: What was measured, by model.
        trained: Facts and log of each variant's training, by dataset name; None where there was
            none.

    Raises:
        StaleArtifactError: A variant was measured before it was trained anew, or its training left
            facts or log alone.
    """
    runs = {}
    for name in VARIANTS:
        result, log = trained[f"{name}_training_info"], trained[f"{name}_training_log"]
        if name not in evidence or (result is None and log is None):
            continue
        if not isinstance(result, TrainingResult) or not isinstance(log, pd.DataFrame):
            raise StaleArtifactError(
                f"expected {name}_training_info and {name}_training_log, found not both. "
                f"Run: kedro run --pipelines=training_{name},evaluation"
            )
        if evidence[name].metrics.manifest.model != result.manifest:
            raise StaleArtifactError(
                f"{name}_metrics measured another model than {name}_training_info tells of, "
                f"expected the last one trained. {RERUN}"
            )
        runs[name] = TrainingRun(result, log)
    return runs


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
        StaleArtifactError: The audit tells of other pairs than the measurements.
    """
    baseline, *variants = (found.metrics for found in evidence.values())
    if other := quality.pairs.items() - baseline.manifest.pairs.items():
        raise StaleArtifactError(
            f"data_quality_report tells of other {', '.join(sorted(dict(other)))} pairs than "
            "baseline_metrics, expected the same. Run: kedro run --pipelines=data_quality"
        )
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


def _evidence(
    name: str,
    metrics: BaselineMetrics | pd.DataFrame | None,
    scores: BaselineMetrics | pd.DataFrame | None,
    projection: BaselineMetrics | pd.DataFrame | None,
) -> Evidence:
    if (
        not isinstance(metrics, BaselineMetrics)
        or not isinstance(scores, pd.DataFrame)
        or not isinstance(projection, pd.DataFrame)
    ):
        raise StaleArtifactError(
            f"expected {name}_metrics, {name}_scores and {name}_projection, found not all three. "
            f"{RERUN}"
        )
    require_origin(f"{name}_scores", scores, metrics.manifest)
    require_origin(f"{name}_projection", projection, metrics.manifest)
    return Evidence(metrics, scores[scores["split"] == "eval"], first_projection(projection))


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
