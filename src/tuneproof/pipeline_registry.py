"""Every registered pipeline and what it is composed of."""

from kedro.pipeline import Pipeline

from tuneproof.pipelines import (
    baseline,
    data_quality,
    evaluation,
    prepare,
    reporting,
    training_lora,
    training_standard,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the pipelines by name; each one that needs pairs begins by preparing them."""
    prepared = prepare.create_pipeline()
    pipelines = {
        "data_quality": prepared + data_quality.create_pipeline(),
        "baseline": prepared + baseline.create_pipeline(),
        "training_standard": prepared + training_standard.create_pipeline(),
        "training_lora": prepared + training_lora.create_pipeline(),
        "evaluation": prepared + evaluation.create_pipeline(),
        "reporting": prepared + reporting.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), start=Pipeline([]))}
