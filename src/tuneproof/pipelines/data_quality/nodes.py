"""Nodes of `data_quality`."""

import pandas as pd

from tuneproof.audit.score import AuditOptions, DataQualityScore, audit
from tuneproof.audit.summary import summarise
from tuneproof.audit.text import statements
from tuneproof.encoding import EmbeddingModel, embed_texts
from tuneproof.measurement.records import MeasureOptions
from tuneproof.pairs import DatingPair, RejectedRow


def assess_data_quality(
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    pair_leakage: pd.DataFrame,
    rejected_pairs: list[RejectedRow],
    base_model: EmbeddingModel,
    encoding: MeasureOptions,
    options: AuditOptions,
) -> DataQualityScore:
    """Score the pairs that are trained on, and look for what lets the eval pairs prove too much."""
    training = [*train_pairs, *validation_pairs]
    vectors = embed_texts(base_model.transformer, statements(training), encoding.batch_size)
    return audit(
        train_pairs,
        validation_pairs,
        eval_pairs,
        pair_leakage,
        vectors.reshape(len(training), 2, -1),
        len(rejected_pairs),
        base_model.manifest.base_model,
        options,
    )


def summarise_data_quality(report: DataQualityScore) -> str:
    """Write the report as plain text."""
    return summarise(report)
