"""Many configurations, trained once each and compared on the validation pairs."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.sweep.nodes import (
    draw_sweep,
    plan_sweep,
    summarise_sweep,
    tabulate_sweep,
    train_sweep,
)


def create_pipeline() -> Pipeline:
    """Plan, train what is missing, tabulate, sum up and draw.

    `sweep_finished` and `sweep_results` are one folder: what earlier runs left, and what there is
    once this one is through.
    """
    return Pipeline(
        [
            Node(
                plan_sweep,
                inputs=[
                    "base_model",
                    "train_pairs",
                    "validation_pairs",
                    "params:sweep",
                    "params:training_standard",
                    "params:training_lora",
                ],
                outputs="sweep_plan",
                name="plan_sweep",
            ),
            Node(
                train_sweep,
                inputs=[
                    "base_model",
                    "train_pairs",
                    "validation_pairs",
                    "sweep_plan",
                    "params:training",
                    "sweep_finished",
                ],
                outputs="sweep_results",
                name="train_sweep",
            ),
            Node(
                tabulate_sweep,
                inputs=["sweep_plan", "sweep_results"],
                outputs="sweep_table",
                name="tabulate_sweep",
            ),
            Node(
                summarise_sweep,
                inputs=["sweep_table", "validation_pairs", "params:sweep"],
                outputs="sweep_summary",
                name="summarise_sweep",
            ),
            Node(
                draw_sweep,
                inputs=["sweep_table", "validation_pairs", "params:sweep"],
                outputs="sweep_chart",
                name="draw_sweep",
            ),
        ],
        namespace="sweep",
        prefix_datasets_with_namespace=False,
    )
