"""Nodes of `data_quality`."""

from tuneproof.audit.score import AuditOptions, DataQualityScore, audit, summarise
from tuneproof.pairs import DatingPair, RejectedRow


def assess_data_quality(
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    rejected_pairs: list[RejectedRow],
    options: AuditOptions,
) -> DataQualityScore:
    """Score the pairs that are trained on and count what leaks into the eval pairs."""
    return audit(train_pairs, validation_pairs, eval_pairs, len(rejected_pairs), options)


def summarise_data_quality(report: DataQualityScore) -> str:
    """Write the report as plain text."""
    return summarise(report)
