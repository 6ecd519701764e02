"""Every registered pipeline and what it is composed of."""

from kedro.pipeline import Pipeline

from tuneproof.pipelines import (
    baseline,
    data_quality,
    evaluation,
    prepare,
    release,
    reporting,
    scoring,
    sweep,
    training_instructed,
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
    return {
        **pipelines,
        # One more training to wait for; evaluation and reporting take its model in where it is.
        "training_instructed": prepared + training_instructed.create_pipeline(),
        # It takes as many trainings as it has runs: for who looks for better parameters.
        "sweep": prepared + sweep.create_pipeline(),
        # Whether to release is decided by who has read the report: it is no part of every run.
        "release": prepared + release.create_pipeline(),
        # It takes a file that only who has one to score can name, and what an earlier run left.
        "scoring": scoring.create_pipeline(),
        "__default__": sum(pipelines.values(), start=Pipeline([])),
    }
