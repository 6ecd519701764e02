"""From which artifacts the page was made, so that each of its figures can be traced."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.report.evidence import ModelEvidence, TrainingRun


class Artifact(NamedTuple):
    """An artifact that the page shows figures of.

    Attributes:
        name: Its name in the catalog.
        holds: What it holds.
        origin: Fingerprint of what it was made from.
    """

    name: str
    holds: str
    origin: str


def fingerprint(origin: JsonValue) -> str:
    """Return the first 12 hex digits of the SHA-256 of a manifest as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:12]


def trace_artifacts(
    quality: DataQualityScore,
    evidence: Mapping[str, ModelEvidence],
    training_runs: Mapping[str, TrainingRun],
    comparison: ComparisonResult | None,
) -> list[Artifact]:
    """List the artifacts that the page shows figures of.

    Args:
        quality: The audit of the pairs.
        evidence: What was measured, by model.
        training_runs: The training runs, by model.
        comparison: The models side by side; None where nothing was compared.
    """
    return [
        Artifact(
            "data_quality_report",
            "scores, gates, probes and label errors",
            fingerprint(quality.model_dump(mode="json", include={"pairs", "environment"})),
        ),
        *(
            Artifact(f"{split}_pairs", f"the {split} pairs", quality.pairs[split][:12])
            for split in ("train", "validation", "eval")
        ),
        *_measured(evidence),
        *_trained(training_runs),
        *(
            [
                Artifact(
                    "comparison",
                    "differences, criteria, verdict, threats and worst errors",
                    fingerprint(comparison.model_dump(mode="json", include={"manifests"})),
                )
            ]
            if comparison
            else []
        ),
    ]


def _measured(evidence: Mapping[str, ModelEvidence]) -> Iterator[Artifact]:
    for name, found in evidence.items():
        origin = fingerprint(found.metrics.manifest.model_dump(mode="json"))
        yield Artifact(f"{name}_metrics", "all figures of the model, with intervals", origin)
        yield Artifact(f"{name}_scores", "cosine and probability of each pair", origin)
        yield Artifact(f"{name}_projection", "UMAP coordinates and clusters", origin)


def _trained(training_runs: Mapping[str, TrainingRun]) -> Iterator[Artifact]:
    for name, run in training_runs.items():
        origin = fingerprint(run.result.manifest.model_dump(mode="json"))
        yield Artifact(f"{name}_training_info", "facts of the training run", origin)
        yield Artifact(f"{name}_training_log", "losses and norms by step", origin)
