"""The base model, fine-tuned in full."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.training_standard.nodes import train_standard
from tuneproof.training.convergence import (
    assess_convergence,
    draw_convergence,
    summarise_convergence,
)


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
            Node(
                assess_convergence,
                inputs=["standard_training_log", "standard_layer_log", "standard_training_info"],
                outputs="standard_convergence",
                name="assess_standard_convergence",
            ),
            Node(
                summarise_convergence,
                inputs="standard_convergence",
                outputs="standard_convergence_summary",
                name="summarise_standard_convergence",
            ),
            Node(
                draw_convergence,
                inputs=["standard_training_log", "standard_layer_log", "standard_convergence"],
                outputs="standard_convergence_chart",
                name="draw_standard_convergence",
            ),
        ],
        namespace="training_standard",
        prefix_datasets_with_namespace=False,
    )
