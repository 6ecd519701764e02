"""Nodes of `evaluation`."""

from tuneproof.comparison import ComparisonResult, EvaluationOptions, compare
from tuneproof.measurement import BaselineMetrics


def compare_models(
    baseline_metrics: BaselineMetrics,
    standard_metrics: BaselineMetrics | None,
    lora_metrics: BaselineMetrics | None,
    options: EvaluationOptions,
) -> ComparisonResult:
    """Hold the variants that were trained against the baseline."""
    variants = [metrics for metrics in (standard_metrics, lora_metrics) if metrics is not None]
    return compare(baseline_metrics, variants, options)
