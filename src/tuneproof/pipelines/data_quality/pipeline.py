"""Pairs and the base model in; a score of their quality and its summary out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.data_quality.nodes import assess_data_quality, summarise_data_quality


def create_pipeline() -> Pipeline:
    """Assess the pairs and write the summary."""
    return Pipeline(
        [
            Node(
                assess_data_quality,
                inputs=[
                    "train_pairs",
                    "validation_pairs",
                    "eval_pairs",
                    "pair_leakage",
                    "rejected_pairs",
                    "base_model",
                    "params:measure",
                    "params:data_quality",
                ],
                outputs="data_quality_report",
                name="assess_data_quality",
            ),
            Node(
                summarise_data_quality,
                inputs="data_quality_report",
                outputs="data_quality_summary",
                name="summarise_data_quality",
            ),
        ]
    )
