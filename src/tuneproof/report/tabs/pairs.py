"""Tab `Pairs`: every eval pair, and the columns that scripts search, sort and filter."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
from pydantic import JsonValue

from tuneproof.audit.label_errors import LabelError, LabelErrors
from tuneproof.audit.leakage import LEVELS
from tuneproof.comparison.verdict import BASELINE
from tuneproof.pairs import DatingPair
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.layout import Section, Tab

_TEXTS: Final = ("text_1", "text_2")


def pairs_tab(evidence: Mapping[str, ModelEvidence], errors: LabelErrors) -> Tab:
    """Make room for the table of all eval pairs.

    Args:
        evidence: What was measured, by model.
        errors: The likely label errors of the eval pairs, or why none were searched for.
    """
    return Tab(
        "pairs",
        "Pairs",
        [
            Section(
                "all-pairs",
                "All eval pairs",
                [
                    "A model calls a pair compatible when its cosine is at or above the model's "
                    "validated threshold. TP and FP are pairs called compatible, rightly and "
                    "wrongly; TN and FN are pairs called incompatible, rightly and wrongly.",
                    *([f"Label errors: not searched ({errors.reason})."] if errors.reason else []),
                ],
                sources=(
                    *(f"{name}_scores" for name in evidence),
                    "data_quality_report",
                    "train_pairs",
                ),
                widget="pairs",
            )
        ],
    )


def pair_columns(
    evidence: Mapping[str, ModelEvidence],
    train_pairs: Sequence[DatingPair],
    suspects: Sequence[LabelError],
) -> dict[str, JsonValue]:
    """Return what scripts know of the n eval pairs, column by column.

    Args:
        evidence: What was measured, by model, the baseline first.
        train_pairs: The train pairs that `nearest_train_row` counts.
        suspects: Eval pairs whose label is likely wrong.

    Returns:
        `text_1`, `text_2`, `label` and `subcategory`, of n values each; `category`, `pair_type` and
        `leak_level` as distinct names with n codes; `nearest`, the row and similarity of the
        nearest train pair in the base model's space, with the texts and label of each such row;
        `suspect`, the probability of the other label by row; `models`, for each its name, validated
        threshold and n cosines, unrounded.
    """
    rows = evidence[BASELINE].scores
    nearest = rows["nearest_train_row"].tolist()
    named = {row: train_pairs[row] for row in sorted(set(nearest))}
    return {
        **{column: rows[column].tolist() for column in (*_TEXTS, "label", "subcategory")},
        **{column: _coded(rows[column]) for column in ("category", "pair_type")},
        "leak_level": _coded(rows["leak_level"], LEVELS),
        "nearest": {
            "row": nearest,
            "similarity": rows["nearest_train_similarity"].tolist(),
            "pairs": {str(row): [*pair.texts, pair.label] for row, pair in named.items()},
        },
        "suspect": {str(error.row): error.probability for error in suspects},
        "models": [
            {
                "name": name,
                "threshold": found.metrics.best_threshold,
                "cosine": found.scores["cosine"].tolist(),
            }
            for name, found in evidence.items()
        ],
    }


def _coded(column: pd.Series, order: Sequence[str] | None = None) -> JsonValue:
    present = set(column)
    names = sorted(present) if order is None else [name for name in order if name in present]
    codes = pd.Categorical(column, categories=names).codes.tolist()
    return {"names": [*names], "codes": [*codes]}
