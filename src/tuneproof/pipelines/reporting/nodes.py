"""Nodes of `reporting`: convert what was measured, and draw it."""

from typing import TYPE_CHECKING

import pandas as pd

from tuneproof.audit.score import DataQualityScore
from tuneproof.charts import Figure
from tuneproof.comparison.records import ComparisonResult
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement.frames import RERUN, first_projection, gather_measured
from tuneproof.measurement.records import BaselineMetrics, GeneralMetrics, GroupMetrics
from tuneproof.metrics.clusters import purity_by_cluster
from tuneproof.metrics.decisions import threshold_sweep
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.report.page import render_report
from tuneproof.training.convergence import ConvergenceReport
from tuneproof.training.result import TrainingResult
from tuneproof.variants import VARIANTS

if TYPE_CHECKING:
    from tuneproof.charts.clusters import ClusterPurities
    from tuneproof.charts.forgetting import Retention
    from tuneproof.charts.groups import FalsePositives, GroupMargin
    from tuneproof.charts.intervals import Estimate
    from tuneproof.charts.thresholds import ThresholdCurves


_TRAINED = ("training_info", "training_log", "convergence")


def gather_evidence(
    *,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    comparison: ComparisonResult | None,
    **measured: BaselineMetrics | pd.DataFrame | None,
) -> dict[str, ModelEvidence]:
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
    evidence = {name: _evidence(name, measured) for name in shown}
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
    evidence: dict[str, ModelEvidence],
    **trained: TrainingResult | pd.DataFrame | ConvergenceReport | None,
) -> dict[str, TrainingRun]:
    """Collect the training runs of the variants that were gathered.

    Args:
        evidence: What was measured, by model.
        trained: Facts, log and convergence of each variant's training, by dataset name; None where
            there was none.

    Raises:
        StaleArtifactError: A variant was measured before it was trained anew, or its training did
            not leave all three, or they tell of two runs.
    """
    runs = {}
    for name in VARIANTS:
        result, log = trained[f"{name}_training_info"], trained[f"{name}_training_log"]
        convergence = trained[f"{name}_convergence"]
        if name not in evidence or (result is None and log is None and convergence is None):
            continue
        anew = (
            f"Run: kedro run --pipelines=training_{name},evaluation; if only the convergence is "
            f"lost: kedro run --nodes={name}.assess_{name}_convergence"
        )
        if (
            not isinstance(result, TrainingResult)
            or not isinstance(log, pd.DataFrame)
            or not isinstance(convergence, ConvergenceReport)
        ):
            missing = [part for part in _TRAINED if trained[f"{name}_{part}"] is None]
            raise StaleArtifactError(
                f"found no {' and no '.join(f'{name}_{part}' for part in missing)} beside what "
                f"else the training of {name} left, expected all of it. {anew}"
            )
        if convergence.manifest != result.manifest:
            raise StaleArtifactError(
                f"{name}_convergence tells of another run than {name}_training_info, expected the "
                f"same. {anew}"
            )
        if evidence[name].metrics.manifest.model != result.manifest:
            raise StaleArtifactError(
                f"{name}_metrics measured another model than {name}_training_info tells of, "
                f"expected the last one trained. {RERUN}"
            )
        runs[name] = TrainingRun(result, log, convergence)
    return runs


def draw_cosine_distributions(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the cosines of both labels for each model."""
    from tuneproof.charts.separation import cosine_distributions

    return cosine_distributions(
        {name: found.scores for name, found in evidence.items()},
        {name: found.metrics.best_threshold for name, found in evidence.items()},
        {
            name: _estimate(found.metrics, "compatibility_margin")
            for name, found in evidence.items()
        },
    )


def draw_umap(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the projected texts of each model."""
    from tuneproof.charts.clusters import umap_projections

    return umap_projections({name: found.projection for name, found in evidence.items()})


def draw_cluster_purity(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the purity of each cluster of each model, of the texts and of the pairs."""
    from tuneproof.charts.clusters import cluster_purities

    return cluster_purities(
        {
            kind: {name: _purities(found, points) for name, found in evidence.items()}
            for kind, points in (("texts", ["text_1", "text_2"]), ("pairs", ["pair"]))
        }
    )


def draw_roc(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the ROC curves of all models."""
    from tuneproof.charts.separation import roc_curves

    return roc_curves(
        {name: found.scores for name, found in evidence.items()},
        {name: found.metrics.best_threshold for name, found in evidence.items()},
        {name: found.metrics.intervals["auc_roc"] for name, found in evidence.items()},
    )


def draw_threshold_curves(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw what a decision at each threshold is worth, for each model."""
    from tuneproof.charts.thresholds import threshold_curves

    return threshold_curves(
        {name: _threshold_curves(found) for name, found in evidence.items()},
        evidence["baseline"].metrics.n_pairs,
    )


def draw_calibration(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the reliability diagram of each model."""
    from tuneproof.charts.calibration import Reliability, reliability_diagrams

    found = {name: each.metrics.calibration for name, each in evidence.items()}
    return reliability_diagrams(
        {
            name: Reliability(
                [
                    (each.mean_probability, each.observed_share, each.interval, each.n)
                    for each in calibration.bins
                ],
                calibration.brier_score,
                calibration.expected_calibration_error,
            )
            for name, calibration in found.items()
        }
    )


def draw_forgetting(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw what is left of general language and of the space in each model."""
    from tuneproof.charts.forgetting import forgetting_chart

    return forgetting_chart({name: _retention(found.metrics) for name, found in evidence.items()})


def draw_subset_auc(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the AUC of each model on each subset of the eval pairs."""
    from tuneproof.charts.subsets import SubsetAuc, subset_aucs

    return subset_aucs(
        {
            name: {
                subset: SubsetAuc(
                    _estimate(metrics, "auc_roc"), metrics.compatible, metrics.incompatible
                )
                for subset, metrics in found.metrics.subsets.items()
            }
            for name, found in evidence.items()
        }
    )


def draw_category_margins(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the margin of each category and model."""
    from tuneproof.charts.groups import category_margins

    return category_margins(
        {name: _margins(found.metrics.category_metrics) for name, found in evidence.items()}
    )


def draw_cohens_d(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw Cohen's d of each model."""
    from tuneproof.charts.separation import cohens_d_bars

    return cohens_d_bars(
        {name: _estimate(found.metrics, "cohens_d") for name, found in evidence.items()},
        evidence["baseline"].metrics.n_pairs,
    )


def draw_training_curves(training_runs: dict[str, TrainingRun]) -> Figure:
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


def draw_false_positives(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the false positives of each pair type and model."""
    from tuneproof.charts.groups import false_positives

    return false_positives(
        {
            name: {
                pair_type: _false_positives(group)
                for pair_type, group in found.metrics.pair_type_metrics.items()
            }
            for name, found in evidence.items()
        }
    )


def draw_baseline_category_margins(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the baseline's margin of each category."""
    from tuneproof.charts.groups import group_margins

    metrics = evidence["baseline"].metrics
    return group_margins(_margins(metrics.category_metrics), metrics.model, "category")


def draw_baseline_pair_type_margins(evidence: dict[str, ModelEvidence]) -> Figure:
    """Draw the baseline's margin of each pair type."""
    from tuneproof.charts.groups import group_margins

    metrics = evidence["baseline"].metrics
    return group_margins(_margins(metrics.pair_type_metrics), metrics.model, "pair type")


def build_report(
    quality: DataQualityScore,
    evidence: dict[str, ModelEvidence],
    training_runs: dict[str, TrainingRun],
    comparison: ComparisonResult | None,
    train_pairs: list[DatingPair],
    versions: dict[str, str],
) -> str:
    """Write the HTML page.

    Args:
        quality: The audit of the pairs.
        evidence: What was measured, by model.
        training_runs: The training runs, by model.
        comparison: The models side by side; None where nothing was compared.
        train_pairs: The train pairs, for the nearest one of each eval pair.
        versions: Version of each artifact, by its name in the catalog.

    Raises:
        StaleArtifactError: The audit tells of other pairs than the measurements.
    """
    from tuneproof.report.figures import figures

    manifest = evidence["baseline"].metrics.manifest
    if other := quality.manifest.pairs.items() - manifest.pairs.items():
        raise StaleArtifactError(
            f"data_quality_report tells of other {', '.join(sorted(dict(other)))} pairs than "
            "baseline_metrics, expected the same. Run: kedro run --pipelines=data_quality"
        )
    return render_report(
        quality,
        evidence,
        training_runs,
        comparison,
        train_pairs,
        figures(evidence, training_runs, comparison),
        versions,
    )


def _evidence(
    name: str, measured: dict[str, BaselineMetrics | pd.DataFrame | None]
) -> ModelEvidence:
    metrics, scores, projection = gather_measured(name, measured)
    return ModelEvidence(metrics, scores[scores["split"] == "eval"], first_projection(projection))


def _purities(found: ModelEvidence, points: list[str]) -> "ClusterPurities":
    from tuneproof.charts.clusters import ClusterPurities

    rows = found.projection[found.projection["points"].isin(points)]
    clusters, labels = rows["cluster"].to_numpy(), rows["label"].to_numpy()
    metrics, of_pairs = found.metrics, points == ["pair"]
    clustered = metrics.pair_clusters if of_pairs else metrics.text_clusters
    return ClusterPurities(
        clusters=purity_by_cluster(clusters, labels),
        noise=int((clusters == -1).sum()),
        cluster_purity=metrics.pair_cluster_purity if of_pairs else metrics.cluster_purity,
        interval=metrics.intervals["pair_cluster_purity" if of_pairs else "cluster_purity"],
        chance=clustered.chance_purity_percentile_95,
        majority_share=float(max(labels.mean(), 1 - labels.mean())),
    )


def _margins(groups: dict[str, GroupMetrics]) -> "dict[str, GroupMargin]":
    from tuneproof.charts.groups import GroupMargin

    return {
        name: GroupMargin(
            group.compatibility_margin,
            group.compatible,
            group.incompatible,
            group.intervals["compatibility_margin"],
        )
        for name, group in groups.items()
    }


def _false_positives(group: GroupMetrics) -> "FalsePositives":
    from tuneproof.charts.groups import FalsePositives

    # Where all pairs are incompatible, each error is a false positive.
    rate = "false_positive_rate" if group.compatible else "error_rate"
    return FalsePositives(
        group.decisions.false_positives, group.incompatible, group.intervals[rate]
    )


def _threshold_curves(found: ModelEvidence) -> "ThresholdCurves":
    from tuneproof.charts.intervals import Estimate
    from tuneproof.charts.thresholds import ThresholdCurves

    sweep = threshold_sweep(found.scores["cosine"].to_numpy(), found.scores["label"].to_numpy())
    decisions, intervals = found.metrics.decisions, found.metrics.intervals
    return ThresholdCurves(
        **sweep._asdict(),
        validated=decisions.threshold,
        at_validated={
            "f1": Estimate(decisions.f1, intervals["best_f1"]),
            "accuracy": Estimate(decisions.accuracy, intervals["accuracy_at_best_threshold"]),
            "precision": Estimate(decisions.precision, None),
            "recall": Estimate(decisions.recall, None),
        },
    )


def _retention(metrics: BaselineMetrics) -> "Retention":
    from tuneproof.charts.forgetting import Retention

    return Retention(
        general_spearman=_estimate(metrics.general, "spearman_correlation"),
        n_general=metrics.general.n,
        unrelated_mean_cosine=_estimate(metrics.general, "unrelated_mean_cosine"),
        n_unrelated=metrics.general.n_unrelated,
        effective_rank=metrics.geometry.effective_rank,
        anisotropy=metrics.geometry.anisotropy,
        n_texts=metrics.geometry.n_texts,
        dimensions=metrics.geometry.dimensions,
    )


def _estimate(metrics: BaselineMetrics | GroupMetrics | GeneralMetrics, field: str) -> "Estimate":
    from tuneproof.charts.intervals import Estimate

    return Estimate(getattr(metrics, field), metrics.intervals[field])
