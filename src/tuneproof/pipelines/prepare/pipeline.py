"""Raw pairs in; train, validation and eval pairs, and what leaks between them, out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.prepare.nodes import (
    split_validation,
    trace_pairs,
    validate_general_pairs,
    validate_pairs,
)


def create_pipeline() -> Pipeline:
    """Validate the files, split validation pairs off and trace what leaks."""
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
            Node(
                validate_general_pairs,
                inputs="general_pairs_raw",
                outputs="general_pairs",
                name="validate_general_pairs",
            ),
            Node(
                trace_pairs,
                inputs=["train_pairs", "validation_pairs", "eval_pairs", "params:prepare"],
                outputs="pair_leakage",
                name="trace_leakage",
            ),
        ]
    )
