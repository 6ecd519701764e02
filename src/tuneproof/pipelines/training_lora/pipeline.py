"""The base model with a LoRA adapter: trained, saved, reloaded, checked."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.convergence.pipeline import create_pipeline as convergence
from tuneproof.pipelines.training_lora.nodes import train_lora, verify_adapter


def create_pipeline() -> Pipeline:
    """Train the adapter and publish it once its saved copy has passed the check."""
    return Pipeline(
        [
            Node(
                train_lora,
                inputs=[
                    "base_model",
                    "train_pairs",
                    "validation_pairs",
                    "params:training_lora",
                    "params:training",
                ],
                outputs=[
                    "lora_candidate",
                    "lora_candidate_info",
                    "lora_candidate_log",
                    "lora_candidate_layers",
                    "lora_candidate_embeddings",
                ],
                name="train_lora",
            ),
            Node(
                verify_adapter,
                inputs=[
                    "lora_candidate",
                    "lora_candidate_info",
                    "lora_candidate_log",
                    "lora_candidate_layers",
                    "lora_candidate_embeddings",
                    "validation_pairs",
                ],
                outputs=[
                    "lora_adapter",
                    "lora_training_info",
                    "lora_training_log",
                    "lora_layer_log",
                ],
                name="verify_adapter",
            ),
            convergence("lora"),
        ],
        namespace="lora",
        prefix_datasets_with_namespace=False,
    )
