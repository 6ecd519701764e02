"""Nodes of `release`."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.release.card import write_card
from tuneproof.release.evidence import Evidence, describe, gather, require_trained, require_version
from tuneproof.release.merging import merge_adapter, merged_difference
from tuneproof.release.record import Release, ReleaseOptions
from tuneproof.training.result import TrainingResult

logger = logging.getLogger(__name__)


def gather_evidence(
    *,
    training_info: TrainingResult | None,
    metrics: BaselineMetrics | None,
    baseline_metrics: BaselineMetrics,
    comparison: ComparisonResult | None,
    data_quality_report: DataQualityScore,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
) -> Evidence:
    """Collect what is known of a trained model.

    Raises:
        StaleArtifactError: Something is missing or tells of another model, pairs or measurement.
    """
    if training_info is None:
        raise StaleArtifactError(
            "found a model without the facts of its training, expected its training_info; train "
            "it anew"
        )
    splits = {"train": train_pairs, "validation": validation_pairs, "eval": eval_pairs}
    return gather(
        training_info,
        metrics,
        baseline_metrics,
        comparison,
        data_quality_report,
        {split: hash_pairs(pairs) for split, pairs in splits.items()},
    )


def release_standard(model: EmbeddingModel, evidence: Evidence, options: ReleaseOptions) -> Release:
    """Hand over the fully fine-tuned model.

    Raises:
        StaleArtifactError: The evidence is of another model.
        ReleaseError: No version is given.
    """
    require_version(options)
    require_trained(model.manifest, evidence.training)
    _warn_if_not_better(evidence)
    record = describe(evidence, "model", options, datetime.now(UTC).date())
    return Release(model, record, write_card(record, evidence))


def release_lora(
    base_model: EmbeddingModel,
    model: EmbeddingModel,
    evidence: Evidence,
    validation_pairs: list[DatingPair],
    options: ReleaseOptions,
) -> tuple[Release, Release]:
    """Hand over the base model with the adapter merged into it (in place), and the adapter.

    Raises:
        StaleArtifactError: The evidence is of another model.
        ReleaseError: No version is given.
        AdapterError: The merged model is not the adapted one.
    """
    require_version(options)
    require_trained(model.manifest, evidence.training)
    _warn_if_not_better(evidence)
    merge_adapter(base_model.transformer, model.transformer)
    difference = merged_difference(
        model.transformer, base_model.transformer, validation_pairs, evidence.training.batch_size
    )
    today = datetime.now(UTC).date()
    adapter = describe(evidence, "adapter", options, today)
    merged = describe(evidence, "merged", options, today, difference)
    base = replace(model, transformer=base_model.transformer)
    return (
        Release(base, merged, write_card(merged, evidence)),
        Release(model, adapter, write_card(adapter, evidence)),
    )


def _warn_if_not_better(evidence: Evidence) -> None:
    if not evidence.standing.better:
        logger.warning(
            "%s is not shown to rank better than the base model: its card says so",
            evidence.standing.model,
        )
