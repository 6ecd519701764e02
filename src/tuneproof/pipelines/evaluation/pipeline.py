"""The fine-tuned models, measured like the baseline and compared with it."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.evaluation.nodes import compare_models
from tuneproof.pipelines.measure.pipeline import create_pipeline as measure


def create_pipeline() -> Pipeline:
    """Measure the standard and the LoRA model and compare them with the baseline."""
    comparison = Pipeline(
        [
            Node(
                compare_models,
                inputs=[
                    "baseline_metrics",
                    "standard_metrics",
                    "lora_metrics",
                    "params:evaluation",
                ],
                outputs="comparison",
                name="compare_models",
            )
        ]
    )
    return (
        measure("standard", model="standard_model")
        + measure("lora", model="lora_adapter")
        + comparison
    )
