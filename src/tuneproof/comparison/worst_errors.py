"""Where a model is most wrong: the pairs themselves."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import ErrorPair, ModelErrors, NearestTrainPair
from tuneproof.pairs import DatingPair


def worst_errors(
    model: MeasuredModel, baseline: MeasuredModel, train_pairs: Sequence[DatingPair], most: int
) -> ModelErrors:
    """List the eval pairs that a model decides wrongly, farthest from its threshold first.

    The nearest train pair is that of the base model's space: fine-tuning moves pairs of one label
    together, so its own space would name a pair of the same decision, whatever it says.

    Args:
        model: The model.
        baseline: The base model, measured on the same pairs.
        train_pairs: The train pairs.
        most: Number of false positives, and of false negatives, that are listed.
    """
    threshold, found = model.metrics.best_threshold, model.cosines
    called = found.scores >= threshold
    wrong = {
        "false_positives": np.flatnonzero(called & (found.labels == 0)),
        "false_negatives": np.flatnonzero(~called & (found.labels == 1)),
    }
    listed = {
        kind: _farthest(rows, np.abs(found.scores - threshold), most)
        for kind, rows in wrong.items()
    }
    return ModelErrors(
        threshold=threshold,
        **{f"n_{kind}": len(rows) for kind, rows in wrong.items()},
        **{
            kind: [_describe(row, model, baseline, train_pairs) for row in rows]
            for kind, rows in listed.items()
        },
    )


def _farthest(
    rows: npt.NDArray[np.int64], distances: npt.NDArray[np.float64], most: int
) -> list[int]:
    order = np.argsort(-distances[rows], kind="stable")[:most]
    return [int(row) for row in rows[order]]


def _describe(
    row: int, model: MeasuredModel, baseline: MeasuredModel, train_pairs: Sequence[DatingPair]
) -> ErrorPair:
    pair, before = model.rows.iloc[row], baseline.rows.iloc[row]
    nearest = int(before["nearest_train_row"])
    train = train_pairs[nearest]
    return ErrorPair(
        row=row,
        **{name: pair[name] for name in ("text_1", "text_2", "category", "pair_type")},
        label=int(pair["label"]),
        leak_level=pair["leak_level"],
        cosine=float(pair["cosine"]),
        distance=abs(float(pair["cosine"]) - model.metrics.best_threshold),
        baseline_cosine=float(before["cosine"]),
        baseline_right=bool(baseline.right[row]),
        nearest_train=NearestTrainPair(
            row=nearest,
            text_1=train.text_1,
            text_2=train.text_2,
            label=train.label,
            similarity=float(before["nearest_train_similarity"]),
        ),
    )
