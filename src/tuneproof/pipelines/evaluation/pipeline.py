"""The fine-tuned models, measured like the baseline and compared with it."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.evaluation.nodes import compare_models
from tuneproof.pipelines.measure.pipeline import create_pipeline as measure
from tuneproof.variants import VARIANTS

_READ = ("train_pairs", "general_pairs", "data_quality_report")
_MEASURED = [
    f"{model}_{artifact}"
    for model in ("baseline", *VARIANTS)
    for artifact in ("metrics", "scores", "projection")
]


def create_pipeline() -> Pipeline:
    """Measure every variant and compare them with the baseline and with each other."""
    comparison = Pipeline(
        [
            Node(
                compare_models,
                inputs={
                    **{name: name for name in (*_READ, *_MEASURED)},
                    "options": "params:evaluation",
                },
                outputs="comparison",
                name="compare_models",
            )
        ]
    )
    return sum((measure(name, model) for name, model in VARIANTS.items()), start=comparison)
