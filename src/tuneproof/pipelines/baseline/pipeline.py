"""The base model, measured."""

from kedro.pipeline import Pipeline

from tuneproof.pipelines.measure.pipeline import create_pipeline as measure


def create_pipeline() -> Pipeline:
    """Measure the base model."""
    return measure("baseline", model="base_model")
