"""Raw pairs in; train, validation and eval pairs, and what leaks between them, out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.prepare.nodes import (
    split_and_trace,
    validate_pairs,
)


def create_pipeline() -> Pipeline:
    """Validate the files, split validation pairs off and trace what leaks."""
    return Pipeline(
        [
            Node(
                validate_pairs,
                inputs=[
                    "train_pairs_raw",
                    "eval_pairs_raw",
                    "general_pairs_raw",
                    "params:prepare",
                ],
                outputs=["valid_train_pairs", "eval_pairs", "rejected_pairs", "general_pairs"],
                name="validate_pairs",
            ),
            Node(
                split_and_trace,
                inputs=["valid_train_pairs", "eval_pairs", "params:prepare"],
                outputs=["train_pairs", "validation_pairs", "pair_leakage"],
                name="split_and_trace",
            ),
        ]
    )
