"""Nodes of `evaluation`."""

import pandas as pd

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.compare import compare
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import ComparisonResult, EvaluationOptions
from tuneproof.errors import StaleArtifactError
from tuneproof.general_pairs import GeneralPair
from tuneproof.measurement.frames import RERUN, require_origin
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import DatingPair, hash_pairs


def compare_models(  # noqa: PLR0913  # a node names each dataset it reads
    *,
    train_pairs: list[DatingPair],
    general_pairs: list[GeneralPair],
    data_quality_report: DataQualityScore,
    baseline_metrics: BaselineMetrics,
    baseline_scores: pd.DataFrame,
    baseline_projection: pd.DataFrame,
    standard_metrics: BaselineMetrics | None,
    standard_scores: pd.DataFrame | None,
    standard_projection: pd.DataFrame | None,
    lora_metrics: BaselineMetrics | None,
    lora_scores: pd.DataFrame | None,
    lora_projection: pd.DataFrame | None,
    options: EvaluationOptions,
) -> ComparisonResult:
    """Hold the variants that were trained against the baseline.

    Raises:
        StaleArtifactError: Figures and tables, or pairs, tell of different measurements.
    """
    artifacts = (
        (baseline_metrics, baseline_scores, baseline_projection),
        (standard_metrics, standard_scores, standard_projection),
        (lora_metrics, lora_scores, lora_projection),
    )
    baseline, *variants = (_gather(*each) for each in artifacts if each[0] is not None)
    baseline.metrics.manifest.require_pairs(
        "baseline_metrics", RERUN, train=hash_pairs(train_pairs), general=hash_pairs(general_pairs)
    )
    return compare(baseline, variants, train_pairs, general_pairs, data_quality_report, options)


def _gather(
    metrics: BaselineMetrics | None,
    scores: pd.DataFrame | None,
    projection: pd.DataFrame | None,
) -> MeasuredModel:
    assert metrics is not None  # the caller leaves out what was not measured
    if scores is None or projection is None:
        raise StaleArtifactError(
            f"expected {metrics.model}_scores and {metrics.model}_projection beside "
            f"{metrics.model}_metrics, found not both. {RERUN}"
        )
    require_origin(f"{metrics.model}_scores", scores, metrics.manifest)
    require_origin(f"{metrics.model}_projection", projection, metrics.manifest)
    return MeasuredModel(metrics, scores, projection)
