"""How much of the eval pairs did training see?"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from tuneproof.pairs import DatingPair


class LeakageCounts(BaseModel):
    """Eval pairs that the training pairs (train and validation) give away.

    Attributes:
        eval_pairs: Number of eval pairs.
        in_train: Both texts stand in one training pair, word for word and in the same order.
        in_train_swapped: Both texts stand in one training pair, word for word, in the other order;
            not counted where the same order stands there too.
        sharing_a_text: One text or both stand in some training pair; the two above included.
        clean: Neither text stands in a training pair.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    eval_pairs: NonNegativeInt
    in_train: NonNegativeInt
    in_train_swapped: NonNegativeInt
    sharing_a_text: NonNegativeInt
    clean: NonNegativeInt


def count_leakage(
    training: Sequence[DatingPair], evaluation: Sequence[DatingPair]
) -> LeakageCounts:
    """Count the eval pairs that share texts with the training pairs; labels play no part.

    Args:
        training: The pairs that are trained on or chosen by.
        evaluation: The eval pairs; repeated rows count each time.
    """
    pairs = {pair.texts for pair in training}
    texts = {text for pair in training for text in pair.texts}
    same = [pair.texts in pairs for pair in evaluation]
    swapped = [pair.texts[::-1] in pairs for pair in evaluation]
    sharing = sum(not texts.isdisjoint(pair.texts) for pair in evaluation)
    return LeakageCounts(
        eval_pairs=len(evaluation),
        in_train=sum(same),
        in_train_swapped=sum(b and not a for a, b in zip(same, swapped, strict=True)),
        sharing_a_text=sharing,
        clean=len(evaluation) - sharing,
    )
