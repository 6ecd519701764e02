"""Tab `Method`: how to read the page, and where each figure comes from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.instructions import trained_instructions
from tuneproof.manifest import Manifest
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.report.layout import Cell, Section, Tab, Table, prose
from tuneproof.report.tabs.training import facts_table
from tuneproof.report.trace import Artifact

_READING: Final = (
    "Pairs: a pair of texts is labelled 1 (compatible) or 0 (incompatible). A model sees texts "
    "alone; the cosine of their embeddings is its score.",
    "Splits: models learn from the train pairs. Checkpoints, thresholds and calibration are chosen "
    "on the validation pairs. The eval pairs are only measured.",
    "Intervals are 95 % bootstrap percentiles, widened where groups are few (Hesterberg 2015). "
    "Groups of pairs that share a text are resampled together, since such pairs are not "
    "independent.",
    "Differences of two models are resampled in pairs, on the same eval pairs. Their p-values "
    "exchange the models' scores group by group, and are corrected after Holm for the metrics that "
    "are tested together: AUC (with it Spearman), margin, Cohen's d, Welch's t, F1 and accuracy. "
    "Cohen's d and Welch's t are nearly one test: counting both makes the correction stricter.",
    "Not shown means that the evidence does not suffice. It does not mean that two models are "
    "equal.",
    "n/a means that the figure is not defined on these pairs, or that they are too few.",
    "Intervals take the models as given: another seed of training may differ by more.",
)


def method_tab(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    comparison: ComparisonResult | None,
    artifacts: Sequence[Artifact],
) -> Tab:
    """Lay out how to read the page, the artifacts, and their origins.

    Args:
        quality: The audit of the pairs.
        models: Metrics of the baseline, then of the variants.
        comparison: The models side by side; None where nothing was compared.
        artifacts: The artifacts that the page shows figures of.
    """
    return Tab(
        "method",
        "Method",
        [_reading(models), _artifacts(artifacts), _origin(quality, models, comparison)],
    )


def _reading(models: Sequence[BaselineMetrics]) -> Section:
    instructed = [
        f"{metrics.model} reads an instruction before both texts, chosen by the category of the "
        "pair: it is told more than the other models are."
        for metrics in models
        if metrics.manifest.model and trained_instructions(metrics.manifest.model)
    ]
    return Section(
        "reading", "How to read this", points=[*_READING[:1], *instructed, *_READING[1:]]
    )


def _artifacts(artifacts: Sequence[Artifact]) -> Section:
    table = Table(
        caption="The artifacts that this page was made from",
        corner="Artifact",
        columns=["It holds", "Version", "Origin"],
        rows=[
            (
                artifact.name,
                [
                    prose(artifact.holds),
                    Cell(artifact.version or "n/a", "code"),
                    Cell(artifact.origin, "code"),
                ],
            )
            for artifact in artifacts
        ],
    )
    return Section(
        "artifacts",
        "Artifacts",
        [
            "Each section names the artifacts that hold its figures: in the project, "
            "catalog.load(name, version=...) reads one. Equal origins mean: made from the same "
            "pairs, parameters, seed, versions and base model. The origin is the beginning of the "
            "SHA-256 of the manifest that the artifact carries, as JSON with sorted keys; of "
            "comparison with the manifests of all metrics behind it, a line each. That of pairs is "
            "the beginning of their own hash."
        ],
        [table],
    )


def _origin(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    comparison: ComparisonResult | None,
) -> Section:
    origins = {"data quality": quality.manifest}
    for metrics in models:
        if metrics.manifest.model is not None:
            origins[f"{metrics.model} model"] = metrics.manifest.model
        origins[f"{metrics.model} metrics"] = metrics.manifest
    if comparison is not None:
        origins["comparison"] = comparison.manifest
    facts = {name: _manifest_facts(manifest) for name, manifest in origins.items()}
    parameters = {name: dict(_flatten(manifest.parameters)) for name, manifest in origins.items()}
    return Section(
        "origin",
        "Origin",
        [
            "What each artifact was made from. Equal hashes mean equal pairs or weights; n/a: it "
            "has no part in it."
        ],
        [
            facts_table("Origin of the artifacts", facts, kind="code"),
            facts_table("Parameters of the artifacts", parameters, kind="code"),
        ],
    )


def _manifest_facts(manifest: Manifest) -> dict[str, str]:
    return {
        "Base model": manifest.base_model.name,
        "Revision": manifest.base_model.revision or "none recorded",
        "sha256 of the weights": manifest.base_model.sha256,
        **{f"sha256 of the {split} pairs": digest for split, digest in manifest.pairs.items()},
        "Seed": "none" if manifest.seed is None else str(manifest.seed),
        "Git commit": manifest.environment.git_commit or "none: not in git",
        "Python": manifest.environment.python,
        **manifest.environment.libraries,
    }


def _flatten(parameters: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name in sorted(parameters):
        value = parameters[name]
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value, ensure_ascii=False)
