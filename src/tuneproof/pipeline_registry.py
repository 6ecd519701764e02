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
    """Return the pipelines by name; each one that needs pairs begins by preparing them.

    Evaluation audits them too: a verdict on the models needs one on the pairs.
    """
    prepared = prepare.create_pipeline()
    audited = prepared + data_quality.create_pipeline()
    pipelines = {
        "data_quality": audited,
        "baseline": prepared + baseline.create_pipeline(),
        "training_standard": prepared + training_standard.create_pipeline(),
        "training_lora": prepared + training_lora.create_pipeline(),
        "evaluation": audited + evaluation.create_pipeline(),
        "reporting": prepared + reporting.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), start=Pipeline([]))}
