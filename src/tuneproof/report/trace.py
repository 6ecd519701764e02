"""From which artifacts the page was made, so that each of its figures can be traced."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.manifest import Manifest
from tuneproof.report.evidence import ModelEvidence, TrainingRun


class Artifact(NamedTuple):
    """An artifact that the page shows figures of.

    Attributes:
        name: Its name in the catalog.
        holds: What it holds.
        origin: Fingerprint of what it was made from.
        version: Its version in the catalog; None where it was not read from there.
    """

    name: str
    holds: str
    origin: str
    version: str | None = None


def fingerprint(*manifests: Manifest) -> str:
    """Return the first 12 hex digits of the SHA-256 of manifests as JSON with sorted keys.

    Args:
        manifests: One a line.
    """
    origin = "\n".join(
        json.dumps(manifest.model_dump(mode="json"), sort_keys=True) for manifest in manifests
    )
    return hashlib.sha256(origin.encode()).hexdigest()[:12]


def trace_artifacts(
    quality: DataQualityScore,
    evidence: Mapping[str, ModelEvidence],
    training_runs: Mapping[str, TrainingRun],
    comparison: ComparisonResult | None,
    versions: Mapping[str, str],
) -> list[Artifact]:
    """List the artifacts that the page shows figures of.

    Args:
        quality: The audit of the pairs.
        evidence: What was measured, by model.
        training_runs: The training runs, by model.
        comparison: The models side by side; None where nothing was compared.
        versions: Version of each artifact by its name in the catalog.
    """
    artifacts = [
        Artifact(
            "data_quality_report",
            "scores, gates, probes and label errors",
            fingerprint(quality.manifest),
        ),
        *(
            Artifact(f"{split}_pairs", f"the {split} pairs", quality.manifest.pairs[split][:12])
            for split in ("train", "validation", "eval")
        ),
        *_measured(evidence),
        *_trained(training_runs),
        *(
            [
                Artifact(
                    "comparison",
                    "differences, criteria, verdict, threats and worst errors",
                    fingerprint(comparison.manifest, *comparison.manifests.values()),
                )
            ]
            if comparison
            else []
        ),
    ]
    return [each._replace(version=versions.get(each.name)) for each in artifacts]


def describe_run(manifest: Manifest, versions: Mapping[str, str]) -> str:
    """Say in one line which page it is: base model, pairs and version.

    Args:
        manifest: Origin of the base model's metrics.
        versions: Versions by the names in the catalog, that of the page among them.
    """
    version = versions.get("comparison_report", "not saved")
    return (
        f"{manifest.base_model.name}, train pairs {manifest.pairs['train'][:12]}, eval pairs "
        f"{manifest.pairs['eval'][:12]}, version {version}"
    )


def _measured(evidence: Mapping[str, ModelEvidence]) -> Iterator[Artifact]:
    for name, found in evidence.items():
        origin = fingerprint(found.metrics.manifest)
        yield Artifact(f"{name}_metrics", "all figures of the model, with intervals", origin)
        yield Artifact(f"{name}_scores", "cosine and probability of each pair", origin)
        yield Artifact(f"{name}_projection", "UMAP coordinates and clusters", origin)


def _trained(training_runs: Mapping[str, TrainingRun]) -> Iterator[Artifact]:
    for name, run in training_runs.items():
        origin = fingerprint(run.result.manifest)
        yield Artifact(f"{name}_training_info", "facts of the training run", origin)
        yield Artifact(f"{name}_training_log", "losses and norms by step", origin)
        yield Artifact(f"{name}_convergence", "how the run converged, and advice", origin)
