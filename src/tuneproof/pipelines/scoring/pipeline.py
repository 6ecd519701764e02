"""New pairs and a measured model in, scores out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.scoring.nodes import score_new_pairs
from tuneproof.progress import STREAMS


def create_pipeline() -> Pipeline:
    """Score a file with the model that `scoring_model` names.

    It is one node, so that nothing is written if anything is wrong. It begins with nothing
    prepared: the train pairs are those that the model was trained on.
    """
    return Pipeline(
        [
            Node(
                score_new_pairs,
                inputs=[
                    "new_pairs",
                    "scoring_model",
                    "scoring_metrics",
                    "scoring_embeddings_train",
                    "scoring_train_pairs",
                    "params:prepare",
                    "params:scoring",
                ],
                outputs=["scored_pairs", "rejected_new_pairs"],
                name="score_new_pairs",
                tags=STREAMS,
            )
        ]
    )
