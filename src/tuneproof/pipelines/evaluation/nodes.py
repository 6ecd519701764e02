"""Nodes of `evaluation`."""

import pandas as pd

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.compare import compare
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import ComparisonResult, EvaluationOptions
from tuneproof.general_pairs import GeneralPair
from tuneproof.measurement.frames import RERUN, gather_measured
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.variants import VARIANTS


def compare_models(
    *,
    train_pairs: list[DatingPair],
    general_pairs: list[GeneralPair],
    data_quality_report: DataQualityScore,
    options: EvaluationOptions,
    **measured: BaselineMetrics | pd.DataFrame | None,
) -> ComparisonResult:
    """Hold the variants that were trained against the baseline.

    Args:
        train_pairs: The train pairs.
        general_pairs: The general-language pairs.
        data_quality_report: The audit of the pairs.
        options: The parameters.
        measured: Metrics, scores and projection of the baseline and of each variant, by dataset
            name; None where it was not measured.

    Raises:
        StaleArtifactError: The baseline was not measured, or a model lacks some of its artifacts,
            or these, or the pairs, tell of different measurements.
    """
    baseline = MeasuredModel(*gather_measured("baseline", measured))
    variants = [
        MeasuredModel(*gather_measured(name, measured))
        for name in VARIANTS
        if measured[f"{name}_metrics"] is not None
    ]
    baseline.metrics.manifest.require_pairs(
        "baseline_metrics", RERUN, train=hash_pairs(train_pairs), general=hash_pairs(general_pairs)
    )
    return compare(baseline, variants, train_pairs, general_pairs, data_quality_report, options)
