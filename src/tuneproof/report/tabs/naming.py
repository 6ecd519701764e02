"""How texts name the models, and sections their artifacts."""

from collections.abc import Callable, Sequence

from tuneproof.measurement.records import BaselineMetrics


def each_model(models: Sequence[BaselineMetrics], value: Callable[[BaselineMetrics], str]) -> str:
    """Say something of each model, by its name."""
    return ", ".join(f"{metrics.model} {value(metrics)}" for metrics in models)


def sources_of(models: Sequence[BaselineMetrics], *artifacts: str) -> list[str]:
    """Name the artifacts of each model, such as `lora_metrics`."""
    return [f"{metrics.model}_{artifact}" for metrics in models for artifact in artifacts]
