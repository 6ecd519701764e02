"""The base model, fine-tuned in full."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.convergence.pipeline import create_pipeline as convergence
from tuneproof.pipelines.training_standard.nodes import train_standard


def create_pipeline() -> Pipeline:
    """Train the standard model."""
    return Pipeline(
        [
            Node(
                train_standard,
                inputs=[
                    "base_model",
                    "train_pairs",
                    "validation_pairs",
                    "params:training_standard",
                    "params:training",
                ],
                outputs=[
                    "standard_model",
                    "standard_training_info",
                    "standard_training_log",
                    "standard_layer_log",
                ],
                name="train_standard",
            ),
            convergence("standard"),
        ],
        namespace="standard",
        prefix_datasets_with_namespace=False,
    )
