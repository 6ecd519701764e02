"""What is known of a trained model, held together only if all of it tells of the same one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    SUBSET_METRICS,
    ComparisonResult,
    Standing,
)
from tuneproof.errors import ReleaseError, StaleArtifactError
from tuneproof.manifest import Environment, Manifest
from tuneproof.measurement.frames import RERUN
from tuneproof.measurement.records import SUBSETS, BaselineMetrics, GeneralMetrics, SubsetMetrics
from tuneproof.release.record import (
    Criterion,
    Figure,
    Form,
    ReleaseOptions,
    ReleaseRecord,
    Threshold,
)
from tuneproof.training.result import TrainingResult

GENERAL_METRICS = {
    "spearman_correlation": "Spearman correlation with the grades",
    "unrelated_mean_cosine": "Mean cosine of unrelated sentences",
}
"""Figures of the general-language pairs, with the names that people read."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one trained model; `gather` sees to it that all of it fits together.

    Attributes:
        training: Facts of its training run.
        metrics: Its metrics.
        baseline: The base model's metrics on the same pairs.
        comparison: All models side by side, this one among them.
        quality: The audit of the same pairs.
    """

    training: TrainingResult
    metrics: BaselineMetrics
    baseline: BaselineMetrics
    comparison: ComparisonResult
    quality: DataQualityScore

    @property
    def standing(self) -> Standing:
        """Whether it is shown to be better than the base model."""
        name = self.metrics.model
        return next(each for each in self.comparison.standings if each.model == name)


def gather(
    training: TrainingResult,
    metrics: BaselineMetrics | None,
    baseline: BaselineMetrics,
    comparison: ComparisonResult | None,
    quality: DataQualityScore,
    present: Mapping[str, str],
) -> Evidence:
    """Hold together what is known of a trained model.

    Args:
        training: Facts of its training run.
        metrics: Its metrics; None where it was not measured.
        baseline: The base model's metrics.
        comparison: All models side by side; None where nothing was compared.
        quality: The audit.
        present: Hash of the pairs now in use, by split.

    Raises:
        StaleArtifactError: Something is missing, or tells of another model, other pairs, other
            parameters or an earlier measurement.
    """
    name = training.model_type
    training.manifest.require_pairs(
        f"the {name} model",
        _train_anew(name),
        **{split: present[split] for split in ("train", "validation")},
    )
    if metrics is None or comparison is None:
        raise StaleArtifactError(
            f"expected {name}_metrics and comparison beside the {name} model, found not both. "
            f"{RERUN}"
        )
    if metrics.manifest.model != training.manifest:
        raise StaleArtifactError(
            f"{name}_metrics measured another model than {name}_training_info tells of, expected "
            f"the last one trained. {RERUN}"
        )
    for measured in (baseline, metrics):
        measured.manifest.require_pairs(f"{measured.model}_metrics", RERUN, **present)
        if comparison.manifests.get(measured.model) != measured.manifest:
            reasons = "; ".join(each for each in comparison.left_out if each.startswith(name))
            raise StaleArtifactError(
                f"comparison does not tell of {measured.model}_metrics as measured last"
                f"{f' ({reasons})' if reasons else ''}, expected it to. {RERUN}"
            )
    if other := sorted(
        split for split, found in present.items() if quality.manifest.pairs[split] != found
    ):
        raise StaleArtifactError(
            f"data_quality_report tells of other {', '.join(other)} pairs than are now in use, "
            "expected the same. Run: kedro run --pipelines=data_quality"
        )
    return Evidence(training, metrics, baseline, comparison, quality)


def require_trained(manifest: Manifest, training: TrainingResult) -> None:
    """Check that a model is the one whose training the facts tell of.

    Raises:
        StaleArtifactError: It is another one.
    """
    name = training.model_type
    if manifest != training.manifest:
        raise StaleArtifactError(
            f"the {name} model is another one than {name}_training_info tells of, expected both "
            f"of one run. {_train_anew(name)}"
        )


def require_version(options: ReleaseOptions) -> str:
    """Return the version of the release.

    Raises:
        ReleaseError: None is given.
    """
    if options.version is None:
        raise ReleaseError(
            "found no version of the release, expected major.minor.patch: "
            "--params=release.version=1.0.0"
        )
    return options.version


def describe(
    evidence: Evidence,
    form: Form,
    options: ReleaseOptions,
    released: date,
    merged_against_adapter: float | None = None,
) -> ReleaseRecord:
    """Write down what is known of a model.

    Args:
        evidence: What is known.
        form: What is released.
        options: Parameters of the release.
        released: Day of the release.
        merged_against_adapter: See `ReleaseRecord`.

    Raises:
        ReleaseError: No version is given.
    """
    training, metrics = evidence.training, evidence.metrics
    # Of the saved pairs: the present parameters may have changed since.
    prepare = evidence.quality.manifest.parameters["prepare"]
    assert isinstance(prepare, dict)  # the audit writes it so
    return ReleaseRecord(
        name=metrics.model,
        form=form,
        version=require_version(options),
        released=released,
        base_model=training.manifest.base_model,
        pairs=metrics.manifest.pairs,
        parameters={
            "prepare": prepare,
            "training": training.manifest.parameters,
            "measure": metrics.manifest.parameters,
        },
        seeds={
            "prepare": TypeAdapter(int).validate_python(prepare["seed"]),
            "training": training.manifest.seed,
            "measure": metrics.manifest.seed,
        },
        metrics={
            each.model: dict(_figures(each, evidence.baseline))
            for each in (evidence.baseline, metrics)
        },
        threshold=Threshold(
            value=metrics.best_threshold, n=evidence.quality.counts["validation"].n
        ),
        verdict=evidence.comparison.verdict,
        shown_better=evidence.standing.better,
        reasons=evidence.standing.reasons,
        criteria=[
            Criterion(
                metric=each.metric,
                criterion=each.criterion,
                outcomes={
                    model: each.outcome(model) for model in (evidence.baseline.model, metrics.model)
                },
            )
            for each in evidence.comparison.criteria
        ],
        threats=evidence.comparison.threats,
        merged_against_adapter=merged_against_adapter,
        training=training,
        environment=Environment.current(),
    )


def _figures(
    metrics: BaselineMetrics, reference: BaselineMetrics
) -> Iterator[tuple[str, dict[str, Figure]]]:
    """Yield the figures of each subset; of an empty one as 'n/a' with 0 pairs."""
    assert metrics.subsets.keys() == reference.subsets.keys()  # they share their pairs
    for name in SUBSETS:
        source, known = metrics.subsets.get(name), SUBSET_METRICS
        if name == "all":
            yield name, _read(metrics, tuple(HEADLINE_METRICS), metrics.n_pairs)
        elif source is None:
            yield name, {each: Figure(value=None, interval=None, n=0) for each in known}
        else:
            yield name, _read(source, known, source.n)
    general = metrics.general
    yield (
        "general",
        _read(general, ("spearman_correlation",), general.n)
        | _read(general, ("unrelated_mean_cosine",), general.n_unrelated),
    )


def _read(
    source: BaselineMetrics | SubsetMetrics | GeneralMetrics, names: tuple[str, ...], n: int
) -> dict[str, Figure]:
    return {
        name: Figure(value=getattr(source, name), interval=source.intervals.get(name), n=n)
        for name in names
    }


def _train_anew(name: str) -> str:
    return f"Train it anew: kedro run --pipelines=training_{name}"
