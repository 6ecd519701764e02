"""Which labels are likely wrong?

Confident learning: Northcutt, Jiang and Chuang (2021), Confident Learning: Estimating Uncertainty
in Dataset Labels, Journal of Artificial Intelligence Research 70.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from tuneproof.audit.association import distinct_rows, label_classifier, out_of_fold, too_few
from tuneproof.audit.repeats import identity
from tuneproof.audit.shortcuts import TELLING
from tuneproof.audit.text import words_of_both
from tuneproof.metrics import Labels
from tuneproof.metrics.ranking import auc_roc
from tuneproof.pairs import DatingPair

_TOLERANCE = 1e-9


class LabelError(BaseModel):
    """A row whose label is likely wrong.

    Attributes:
        split: `train`, `validation` or `eval`.
        row: Position in its split, from 0.
        text_1: First text.
        text_2: Second text.
        label: The label it has.
        probability: Of the other label, in [0, 1].
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    split: str
    row: NonNegativeInt
    text_1: str
    text_2: str
    label: int
    probability: Annotated[float, Field(ge=0, le=1)]


class LabelErrors(BaseModel):
    """The likely label errors of some pairs.

    Attributes:
        judged: Number of distinct pairs without conflict that were judged.
        reason: Why none were; None if they were.
        found: All rows found, the surest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    judged: NonNegativeInt
    reason: str | None
    found: list[LabelError]


def find_train_errors(train: Sequence[DatingPair], validation: Sequence[DatingPair]) -> LabelErrors:
    """Find likely label errors of the train and validation pairs.

    Each is judged by the words of both texts, by a model fitted on pairs that share no text with
    it (`out_of_fold`).

    Args:
        train: Train pairs.
        validation: Validation pairs.
    """
    pairs = [*train, *validation]
    predicted = out_of_fold([words_of_both(pair) for pair in pairs], pairs)
    if isinstance(predicted, str):
        return LabelErrors(judged=0, reason=predicted, found=[])
    return _find(
        predicted.pairs, predicted.probabilities, {"train": train, "validation": validation}
    )


def find_eval_errors(
    training: Sequence[DatingPair], evaluation: Sequence[DatingPair]
) -> LabelErrors:
    """Find likely label errors of the eval pairs, by the words of both texts.

    One model, fitted on all training pairs without conflict, judges them all. So an eval pair that
    stands among them with the same label is judged by that label, and hardly ever found.

    Args:
        training: Train and validation pairs.
        evaluation: Eval pairs.
    """
    known = distinct_rows([words_of_both(pair) for pair in training], training)
    judged = distinct_rows([words_of_both(pair) for pair in evaluation], evaluation)
    reasons = {
        "train": too_few([pair.label for _, pair in known]),
        "eval": too_few([pair.label for _, pair in judged]),
    }
    for split, reason in reasons.items():
        if reason:
            return LabelErrors(judged=0, reason=f"distinct {split} pairs: {reason}", found=[])
    if not any(bag for bag, _ in known):
        return LabelErrors(judged=0, reason="no words", found=[])
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(analyzer=list), label_classifier())
    model.fit([bag for bag, _ in known], [pair.label for _, pair in known])
    probabilities = model.predict_proba([bag for bag, _ in judged])[:, 1]
    return _find([pair for _, pair in judged], probabilities, {"eval": evaluation})


def confidently_other(
    labels: Labels, probabilities: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Tell which of n examples confidently belong to the other label than they have.

    A class's threshold is the mean probability of that class over the examples labelled so (its
    mean self-confidence). An example is confidently of a class if its probability of it reaches the
    threshold; of two such classes the likelier counts (the off-diagonal of the confident joint).

    Args:
        labels: 0 or 1, both present, shape (n,).
        probabilities: Of label 1, out of sample, in [0, 1], shape (n,).

    Returns:
        Shape (n,).
    """
    by_class = np.stack([1 - probabilities, probabilities], axis=1)
    thresholds = np.array([by_class[labels == label, label].mean() for label in (0, 1)])
    # The tolerance is for equal probabilities, whose mean may differ from them in the last digit.
    confident = by_class >= thresholds - _TOLERANCE
    every = np.arange(len(labels))
    own, other = by_class[every, labels], by_class[every, 1 - labels]
    undecided = confident[every, labels] & (other <= own + _TOLERANCE)
    chosen: npt.NDArray[np.bool_] = confident[every, 1 - labels] & ~undecided
    return chosen


def _find(
    judged: Sequence[DatingPair],
    probabilities: npt.NDArray[np.float64],
    splits: Mapping[str, Sequence[DatingPair]],
) -> LabelErrors:
    """List the rows of the pairs found; none where the words tell too little to judge a label."""
    labels = np.array([pair.label for pair in judged], dtype=np.int64)
    auc = auc_roc(probabilities, labels)
    assert auc is not None
    if auc < TELLING:
        reason = (
            f"the words tell the labels with AUC {auc:.2f}, expected {TELLING} at least to judge a "
            "single label"
        )
        return LabelErrors(judged=0, reason=reason, found=[])
    chosen = confidently_other(labels, probabilities)
    doubted = {
        identity(judged[i]): float(abs(judged[i].label - probabilities[i]))
        for i in np.flatnonzero(chosen).tolist()
    }
    found = [
        LabelError(
            split=split,
            row=row,
            text_1=pair.text_1,
            text_2=pair.text_2,
            label=pair.label,
            probability=doubted[identity(pair)],
        )
        for split, pairs in splits.items()
        for row, pair in enumerate(pairs)
        if identity(pair) in doubted
    ]
    found.sort(key=lambda error: (-error.probability, error.text_1, error.text_2))
    return LabelErrors(judged=len(judged), reason=None, found=found)
