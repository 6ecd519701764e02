"""Logs of a training run in; how it converged, as record, text and chart, out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.training.convergence import (
    assess_convergence,
    draw_convergence,
    summarise_convergence,
)


def create_pipeline(name: str) -> Pipeline:
    """Judge the training run of one variant.

    Args:
        name: Of the variant: its logs are read from `<name>_training_log` and the like.
    """
    log, layers, report = f"{name}_training_log", f"{name}_layer_log", f"{name}_convergence"
    return Pipeline(
        [
            Node(
                assess_convergence,
                inputs=[log, layers, f"{name}_training_info"],
                outputs=report,
                name=f"assess_{name}_convergence",
            ),
            Node(
                summarise_convergence,
                inputs=report,
                outputs=f"{name}_convergence_summary",
                name=f"summarise_{name}_convergence",
            ),
            Node(
                draw_convergence,
                inputs=[log, layers, report],
                outputs=f"{name}_convergence_chart",
                name=f"draw_{name}_convergence",
            ),
        ]
    )
