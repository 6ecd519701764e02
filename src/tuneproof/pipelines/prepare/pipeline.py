"""Raw pairs in; train, validation and eval pairs out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.prepare.nodes import split_validation, validate_pairs


def create_pipeline() -> Pipeline:
    """Validate the files and split validation pairs off."""
    return Pipeline(
        [
            Node(
                validate_pairs,
                inputs=["train_pairs_raw", "eval_pairs_raw", "params:prepare"],
                outputs=["valid_train_pairs", "eval_pairs", "rejected_pairs"],
                name="validate_pairs",
            ),
            Node(
                split_validation,
                inputs=["valid_train_pairs", "params:prepare"],
                outputs=["train_pairs", "validation_pairs"],
                name="split_validation",
            ),
        ]
    )
