"""Trained models and all that is known of them in, folders to hand over out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.release.nodes import gather_evidence, release_lora, release_standard

_PAIRS = ("train_pairs", "validation_pairs", "eval_pairs")
_OF_ALL = ("baseline_metrics", "comparison", "data_quality_report", *_PAIRS)


def create_pipeline() -> Pipeline:
    """Release the standard model, the LoRA adapter and the merged LoRA model.

    The last part of a node's namespace names the variant, so the session leaves out one that is
    not trained.
    """
    standard = Pipeline(
        [
            _gather("standard"),
            Node(
                release_standard,
                inputs=[
                    "standard_model",
                    "standard_release_evidence",
                    "params:release",
                ],
                outputs="standard_release",
                name="release_standard",
            ),
        ],
        namespace="release.standard",
        prefix_datasets_with_namespace=False,
    )
    lora = Pipeline(
        [
            _gather("lora"),
            Node(
                release_lora,
                inputs=[
                    "base_model",
                    "lora_adapter",
                    "lora_release_evidence",
                    "validation_pairs",
                    "params:release",
                ],
                outputs=["lora_merged_release", "lora_release"],
                name="release_lora",
            ),
        ],
        namespace="release.lora",
        prefix_datasets_with_namespace=False,
    )
    return standard + lora


def _gather(name: str) -> Node:
    return Node(
        gather_evidence,
        inputs={
            "training_info": f"{name}_training_info",
            "metrics": f"{name}_metrics",
            **{each: each for each in _OF_ALL},
        },
        outputs=f"{name}_release_evidence",
        name="gather_release_evidence",
    )
