"""What to do next, by what a run made and what was found."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.training.result import TrainingResult
from tuneproof.variants import VARIANTS

MOST_STEPS: Final = 3

_ALMOST_PERFECT: Final = 0.99
"""AUC of the base model from which there is nothing to gain."""

RELEASED: Final = ("standard", "lora")
"""The variants that `release` hands over."""

_BASELINE = "baseline"
_TRAINING: Final = ("training_standard", "training_lora")
_COMPARING: Final = ("evaluation", "reporting")
_FIRST_VERSION: Final = {"release": {"version": "1.0.0"}}


class Step(NamedTuple):
    """Something to do.

    Attributes:
        advice: What, and why.
        pipelines: What to run for it; empty where it is no run.
        parameters: Parameters of that run beside those of the last one.
        namespaces: Parts of the pipelines to run; empty for all.
    """

    advice: str
    pipelines: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = {}
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What a run made, and what is known after it.

    Attributes:
        made: Names of the artifacts that it made.
        quality: The audit; None if the run neither made nor used it.
        models: Metrics of the models that it measured or reports, the base model first.
        comparison: What is said of them; None where no variant was measured.
        trainings: Facts of the trainings of this run.
        recommendations: What each of them could do better, by variant.
        trained: Variants of which a model is there, trained in this run or before.
        measured: Whether there are metrics of the base model, of this run or before.
        compared: Whether there is a comparison on the audited pairs, of this run or before.
    """

    made: AbstractSet[str]
    quality: DataQualityScore | None = None
    models: Sequence[BaselineMetrics] = ()
    comparison: ComparisonResult | None = None
    trainings: Sequence[TrainingResult] = ()
    recommendations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trained: Collection[str] = ()
    measured: bool = False
    compared: bool = False


def next_steps(findings: Findings) -> list[Step]:
    """Choose what to do next, what comes first before the rest; at most `MOST_STEPS`."""
    steps = [*_write_report(findings), *_look_at_data(findings), *_advance(findings)]
    return steps[:MOST_STEPS]


def _write_report(findings: Findings) -> Iterator[Step]:
    if "comparison" in findings.made and "comparison_report" not in findings.made:
        yield Step("Write the report", ("reporting",))


def _look_at_data(findings: Findings) -> Iterator[Step]:
    """Send to the data whoever would otherwise believe figures that prove too little."""
    if findings.quality is None:
        return
    faults = [
        f"the gate '{gate.name}' is not passed"
        for gate in findings.quality.gates
        if not gate.passed and gate.action != "off"
    ]
    if findings.comparison is not None and findings.comparison.beside_headline:
        faults.append("what tells the labels with no model of meaning comes near a model's AUC")
    if faults:
        place = (
            "the Data tab of the report"
            if "comparison_report" in findings.made
            else "data_quality_summary"
        )
        yield Step(f"Look at {place} before you trust a figure: {'; '.join(faults)}")


def _advance(findings: Findings) -> Iterator[Step]:
    made = findings.made
    if findings.comparison is not None:
        yield from _judge(findings.comparison)
    elif findings.trainings:
        before = () if findings.measured else (_BASELINE,)
        yield Step("Measure it on the eval pairs, beside the base model", (*before, *_COMPARING))
    elif "data_quality_report" in made and not findings.measured:
        yield Step("See what the base model does with these pairs", (_BASELINE, "reporting"))
    elif made & {"data_quality_report", "baseline_metrics", "comparison_report"}:
        if findings.compared and made.isdisjoint({"baseline_metrics", "comparison_report"}):
            yield Step("Read comparison_report again: its comparison is of these pairs")
        elif findings.trained:
            names = ", ".join(findings.trained)
            yield Step(f"Measure what is trained already ({names})", _COMPARING)
        else:
            yield Step("Fine-tune the base model, and compare", (*_TRAINING, *_COMPARING))
    elif "sweep_summary" in made:
        yield Step(
            "Set in conf/local/ what sweep_summary found best, then train and compare",
            (*_TRAINING, *_COMPARING),
        )


def _judge(comparison: ComparisonResult) -> Iterator[Step]:
    stale = [name for name in VARIANTS if any(_tells_of(name, s) for s in comparison.left_out)]
    if stale:
        yield Step(
            f"Train anew what is left out ({', '.join(stale)})",
            (*(f"training_{name}" for name in stale), *_COMPARING),
        )
    better = [each.model for each in comparison.standings if each.better]
    if released := [name for name in RELEASED if name in better]:
        met, criteria = comparison.surely_met(), len(comparison.criteria)
        listed = ", ".join(
            f"{name}, surely meeting {met[name]} of {criteria} success criteria"
            if criteria
            else name
            for name in released
        )
        yield Step(
            f"Decide whether to hand over what is shown to rank better ({listed}): read what was "
            "lost, and docs/how_to/decide.md",
            ("release",),
            _FIRST_VERSION,
            tuple(f"release.{name}" for name in released),
        )
    elif _ranks_all(comparison):
        yield Step(
            "The base model ranks these pairs almost perfectly: no tuning is needed for them, or "
            "harder eval pairs are"
        )
    elif not better:
        yield Step(
            "No variant is shown to rank better: look for better parameters; more eval pairs show "
            "smaller differences",
            ("sweep",),
        )


def _ranks_all(comparison: ComparisonResult) -> bool:
    found = comparison.models[0].figures["auc_roc"]
    return found is not None and found >= _ALMOST_PERFECT


def _tells_of(name: str, sentence: str) -> bool:
    return sentence.startswith(f"{name} ")
