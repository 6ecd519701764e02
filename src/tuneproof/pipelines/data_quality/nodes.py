"""Nodes of `data_quality`."""

import pandas as pd

from tuneproof.audit.score import AuditOptions, DataQualityScore, audit
from tuneproof.audit.summary import summarise
from tuneproof.pairs import DatingPair, RejectedRow


def assess_data_quality(
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    pair_leakage: pd.DataFrame,
    rejected_pairs: list[RejectedRow],
    options: AuditOptions,
) -> DataQualityScore:
    """Score the pairs that are trained on, and look for what lets the eval pairs prove too much."""
    return audit(
        train_pairs, validation_pairs, eval_pairs, pair_leakage, len(rejected_pairs), options
    )


def summarise_data_quality(report: DataQualityScore) -> str:
    """Write the report as plain text."""
    return summarise(report)
