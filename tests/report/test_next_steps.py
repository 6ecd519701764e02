"""What is advised follows from what was made and found."""

from functools import cache
from typing import Any, Literal

import pytest

from tests.comparison.examples import compared, measured, noisy, untelling
from tests.report.test_console import trained
from tuneproof.audit.gates import GateOutcome
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.report.next_steps import MOST_STEPS, Findings, Step, next_steps

COMPARED = {"data_quality_report", "comparison"}
REPORTED = {*COMPARED, "comparison_report"}
COMPARING = ("evaluation", "reporting")


def quality_with(
    leak: bool, action: Literal["warn", "fail", "off"] = "warn", name: str = "leakage"
) -> DataQualityScore:
    """Audit pairs that pass every gate, but for one that may not be passed."""
    found = untelling()
    gates = [
        GateOutcome.model_validate(
            {**gate.model_dump(), "passed": not (leak and gate.name == name), "action": action}
        )
        for gate in found.gates
    ]
    return found.model_copy(update={"gates": gates})


@cache
def comparison_of(**signals: float) -> ComparisonResult:
    """Compare variants whose labels lie this far apart with a base model of 0.1."""
    variants = [measured(name, noisy(signal, 2)) for name, signal in signals.items()]
    return compared(measured("baseline", noisy(0.1, 1)), *variants)


def judged(comparison: ComparisonResult, leak: bool = False, **changes: Any) -> list[Step]:
    known = {"made": REPORTED, "quality": quality_with(leak), "measured": True, **changes}
    return next_steps(Findings(comparison=comparison, trained=["lora"], **known))


def runs(steps: list[Step]) -> list[tuple[str, ...]]:
    return [step.pipelines for step in steps]


class TestJudged:
    def test_what_is_shown_better_may_be_released(self) -> None:
        (step,) = judged(comparison_of(standard=0.6, lora=0.5))
        assert step.pipelines == ("release",)
        assert step.parameters == {"release": {"version": "1.0.0"}}
        assert "(standard, lora)" in step.advice
        assert step.namespaces == ("release.standard", "release.lora")

    def test_only_what_is_shown_better_is_named(self) -> None:
        (step,) = judged(comparison_of(standard=0.1, lora=0.6))
        assert "(lora)" in step.advice
        assert step.namespaces == ("release.lora",)

    def test_where_nothing_is_shown_parameters_and_pairs_are_looked_for(self) -> None:
        (step,) = judged(comparison_of(standard=0.1, lora=0.1))
        assert step.pipelines == ("sweep",)
        assert "more eval pairs" in step.advice

    def test_a_variant_that_no_release_takes_is_not_released(self) -> None:
        assert judged(comparison_of(instructed=0.6)) == []

    def test_what_is_left_out_is_trained_anew(self) -> None:
        left_out = ["standard is left out: standard_metrics was made from other pairs"]
        comparison = comparison_of(lora=0.6).model_copy(update={"left_out": left_out})
        stale, release = judged(comparison)
        assert stale.pipelines == ("training_standard", *COMPARING)
        assert release.pipelines == ("release",)

    @pytest.mark.parametrize("better", [True, False])
    def test_the_comparison_decides_what_is_better(self, better: bool) -> None:
        comparison = comparison_of(lora=0.6)
        standings = [each.model_copy(update={"better": better}) for each in comparison.standings]
        (step,) = judged(comparison.model_copy(update={"standings": standings}))
        assert step.pipelines == (("release",) if better else ("sweep",))

    def test_a_gate_that_is_not_passed_sends_to_the_data(self) -> None:
        data, _ = judged(comparison_of(lora=0.6), leak=True)
        assert "the gate 'leakage' is not passed" in data.advice
        assert "the Data tab of the report" in data.advice

    def test_a_gate_that_is_off_sends_nobody_anywhere(self) -> None:
        quality = quality_with(True, "off", "conflicts")
        assert runs(judged(comparison_of(lora=0.6), quality=quality)) == [("release",)]

    def test_shortcuts_near_a_model_send_to_the_data(self) -> None:
        near = comparison_of(lora=0.6).model_copy(update={"beside_headline": ["Warning: near"]})
        data, _ = judged(near)
        assert "with no model of meaning" in data.advice
        assert data.pipelines == ()

    def test_without_a_report_it_is_written_first(self) -> None:
        first, data, _ = judged(comparison_of(lora=0.1), leak=True, made=COMPARED)
        assert first.pipelines == ("reporting",)
        assert "data_quality_summary" in data.advice

    def test_there_are_never_more_than_can_be_taken_in(self) -> None:
        comparison = comparison_of(lora=0.1).model_copy(
            update={"left_out": ["standard is left out: stale"]}
        )
        steps = judged(comparison, leak=True, made=COMPARED)
        assert len(steps) == MOST_STEPS


class TestBefore:
    def test_pairs_alone_ask_for_the_base_model(self) -> None:
        findings = Findings({"data_quality_report"}, quality_with(False))
        assert runs(next_steps(findings)) == [("baseline", "reporting")]

    @pytest.mark.parametrize("made", [{"baseline_metrics"}, {"comparison_report"}])
    def test_a_base_model_asks_for_training(self, made: set[str]) -> None:
        (step,) = next_steps(Findings(made, measured=True))
        assert step.pipelines == ("training_standard", "training_lora", *COMPARING)

    def test_what_is_trained_already_is_not_trained_again(self) -> None:
        (step,) = next_steps(Findings({"baseline_metrics"}, trained=["lora"], measured=True))
        assert step.pipelines == COMPARING
        assert "(lora)" in step.advice

    def test_what_is_compared_already_is_not_measured_again(self) -> None:
        def step_after(made: str) -> Step:
            (step,) = next_steps(Findings({made}, trained=["lora"], measured=True, compared=True))
            return step

        audited = step_after("data_quality_report")
        assert audited.pipelines == ()
        assert "comparison_report" in audited.advice
        assert step_after("baseline_metrics").pipelines == COMPARING

    @pytest.mark.parametrize(("measured", "before"), [(True, ()), (False, ("baseline",))])
    def test_a_trained_model_asks_to_be_measured(
        self, measured: bool, before: tuple[str, ...]
    ) -> None:
        findings = Findings(
            {"lora_training_info"}, trainings=[trained()], trained=["lora"], measured=measured
        )
        assert runs(next_steps(findings)) == [(*before, *COMPARING)]

    def test_a_sweep_asks_to_use_what_it_found(self) -> None:
        (step,) = next_steps(Findings({"sweep_summary"}, measured=True))
        assert "conf/local/" in step.advice

    def test_a_run_that_found_nothing_asks_for_nothing(self) -> None:
        assert next_steps(Findings({"umap_chart"}, trained=["lora"], measured=True)) == []
