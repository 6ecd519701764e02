"""One modular pipeline for every model: encode, score, project, measure."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.measure.nodes import (
    embed_all,
    measure_model,
    project_eval,
    score_splits,
    sweep_scores,
)

_PAIRS = ("train_pairs", "validation_pairs", "eval_pairs", "general_pairs")
_OUTPUTS = (
    "embeddings_train",
    "embeddings_validation",
    "embeddings_eval",
    "embeddings_swapped",
    "embeddings_general",
    "scores",
    "threshold_sweep",
    "projection",
    "metrics",
)


def create_pipeline(name: str, model: str) -> Pipeline:
    """Instantiate *measure* for one model.

    Args:
        name: Namespace, and beginning of every output's name: `baseline` gives `baseline_metrics`.
        model: Catalog name of the model.
    """
    template = Pipeline(
        [
            Node(
                embed_all,
                inputs=["model", *_PAIRS, "pair_leakage", "params:measure"],
                outputs=[
                    "embeddings_train",
                    "embeddings_validation",
                    "embeddings_eval",
                    "embeddings_swapped",
                    "embeddings_general",
                ],
                name="embed_all",
            ),
            Node(
                score_splits,
                inputs=[
                    "embeddings_train",
                    "embeddings_validation",
                    "embeddings_eval",
                    "embeddings_swapped",
                    "validation_pairs",
                    "eval_pairs",
                    "pair_leakage",
                    "params:measure",
                ],
                outputs="scores",
                name="score_splits",
            ),
            Node(
                sweep_scores,
                inputs="scores",
                outputs="threshold_sweep",
                name="sweep_thresholds",
            ),
            Node(
                project_eval,
                inputs=["embeddings_eval", "eval_pairs", "params:measure"],
                outputs="projection",
                name="project_eval",
            ),
            Node(
                measure_model,
                inputs=[
                    "embeddings_eval",
                    "embeddings_general",
                    "general_pairs",
                    "scores",
                    "projection",
                    "params:measure",
                ],
                outputs="metrics",
                name="measure_model",
            ),
        ]
    )
    return Pipeline(
        template,
        namespace=name,
        inputs={"model": model, **{name: name for name in (*_PAIRS, "pair_leakage")}},
        parameters={"params:measure": "params:measure"},
        outputs={output: f"{name}_{output}" for output in _OUTPUTS},
    )
