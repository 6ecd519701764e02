"""The base model, fine-tuned in full on texts that an instruction stands before."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.convergence.pipeline import create_pipeline as convergence
from tuneproof.pipelines.training_instructed.nodes import train_instructed


def create_pipeline() -> Pipeline:
    """Train the instructed model, by the parameters of the standard one and the instructions."""
    return Pipeline(
        [
            Node(
                train_instructed,
                inputs=[
                    "base_model",
                    "train_pairs",
                    "validation_pairs",
                    "params:training_instructed",
                    "params:training_standard",
                    "params:training",
                ],
                outputs=[
                    "instructed_model",
                    "instructed_training_info",
                    "instructed_training_log",
                    "instructed_layer_log",
                ],
                name="train_instructed",
            ),
            convergence("instructed"),
        ],
        namespace="instructed",
        prefix_datasets_with_namespace=False,
    )
