"""The summary of a run is short, whole and readable at any width."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.audit.examples import audit_of, pair, permute_labels, sample
from tests.comparison.examples import N, compared, measured, noisy, origin, untelling
from tuneproof.comparison.wording import with_span
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.report.console import (
    MOST_WARNINGS,
    audit_lines,
    audit_warnings,
    headline_note,
    headline_table,
    most_of,
    print_findings,
    print_path,
    print_section,
    print_steps,
    training_lines,
    verdict_lines,
    verdict_warnings,
)
from tuneproof.report.next_steps import Findings
from tuneproof.training.result import TrainingResult

NAMES = ["baseline", "standard", "lora", "instructed"]


def console_of(width: int = 160, terminal: bool = False) -> Console:
    color = "truecolor" if terminal else None
    return Console(file=io.StringIO(), width=width, color_system=color, force_terminal=terminal)  # type: ignore[arg-type]


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def trained(**changes: object) -> TrainingResult:
    return TrainingResult.model_validate(
        {
            "model_type": "lora",
            "loss": "cosine_similarity",
            "epochs": 4,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "warmup_steps": 26,
            "total_steps": 256,
            "evaluation_steps": 21,
            "n_train_pairs": 1019,
            "n_validation_pairs": 176,
            "training_time_seconds": 69.6,
            "initial_spearman": -0.1473,
            "final_spearman": 0.2,
            "best_spearman": 0.2338,
            "best_step": 231,
            "spearman_history": [0.2338],
            "trainable_parameters": 1,
            "total_parameters": 2,
            "precision": "fp32",
            "patience": 6,
            "stopped_early": False,
            "resumed_steps": [],
            "seconds_in_evaluation": 1.0,
            "peak_memory_mb": 1.0,
            "manifest": origin("lora"),
            **changes,
        }
    )


class TestAudit:
    def test_scores_leakage_and_gates_stand_in_few_lines(self) -> None:
        report = audit_of(sample(), [], sample()[:7], 0)
        scores, leakage, *gates = audit_lines(report)
        assert scores.startswith(f"{report.overall:.1f} of 100 overall, target 60 met: ")
        for dimension in report.dimensions:
            assert f"{dimension.name} {dimension.score:.1f}" in scores
        assert leakage == "Of 7 eval pairs 7 stand in train, 7 share a text with it, 0 are clean"
        assert len(gates) == 1
        assert gates[0].startswith("The gate 'leakage' is not passed: 100.0% of the eval pairs")

    def test_what_holds_the_score_down_is_named(self) -> None:
        report = audit_of(permute_labels(sample(), 0))
        assert f"target 60 missed, held down by {report.held_down_by[0]}" in audit_lines(report)[0]

    def test_a_score_that_does_not_apply_is_n_a(self) -> None:
        report = audit_of([pair("a", "b")], [], [], 0)
        bias = report.bias.model_copy(update={"score": None})
        assert "Bias n/a" in audit_lines(report.model_copy(update={"bias": bias}))[0]

    def test_gates_are_not_told_twice(self) -> None:
        report = audit_of(sample(), [], sample()[:7], 0)
        warnings = audit_warnings(report)
        assert len(warnings) == len(report.warnings) - 1
        assert not any("gate" in warning for warning in warnings)
        assert warnings == report.warnings[1:]


class TestHeadlineTable:
    MODELS = (
        measured("baseline", noisy(0.1, 1)).metrics,
        measured("lora", noisy(0.5, 2), threshold=0.4).metrics,
    )

    def cells(self, shown: str, name: str) -> list[str]:
        (line,) = [line for line in shown.splitlines() if line.strip().startswith(name)]
        return re.split(r"\s{2,}", line.strip())

    def draw(self, *models: BaselineMetrics, width: int = 160) -> str:
        console = console_of(width)
        console.print(headline_table(models, console))
        return written(console)

    def test_every_figure_stands_beside_its_interval(self) -> None:
        shown = self.draw(*self.MODELS)
        assert shown.split()[:2] == ["baseline", "lora"]
        for name, field in (
            ("AUC-ROC", "auc_roc"),
            ("Spearman", "spearman_correlation"),
            ("Margin", "compatibility_margin"),
            ("Cohen's d", "cohens_d"),
            ("F1", "best_f1"),
        ):
            assert self.cells(shown, name)[1:] == [
                with_span(getattr(m, field), m.intervals[field]) for m in self.MODELS
            ]
        general = [m.general for m in self.MODELS]
        assert self.cells(shown, "General language")[1:] == [
            with_span(g.spearman_correlation, g.intervals["spearman_correlation"]) for g in general
        ]
        assert self.cells(shown, f"False positives of {N // 2}")[1:] == [
            str(m.decisions.false_positives) for m in self.MODELS
        ]
        note = headline_note(self.MODELS[0])
        assert f"{N} eval pairs: {N // 2} compatible, {N // 2} incompatible" in note

    @pytest.mark.parametrize("width", [80, 100, 120])
    def test_no_figure_is_cut_at_any_width(self, width: int) -> None:
        models = [measured(name, noisy(0.1, n)).metrics for n, name in enumerate(NAMES)]
        shown = self.draw(*models, width=width)
        assert max(map(len, shown.splitlines())) <= width
        for metrics in models:
            low, high = metrics.intervals["auc_roc"] or (0, 0)
            assert f"[{low:.3f}, {high:.3f}]" in shown
            assert f"{metrics.auc_roc:.3f}" in shown
            assert metrics.model in shown

    def test_intervals_move_below_only_where_there_is_no_room(self) -> None:
        lines = {
            width: len(self.draw(*self.MODELS, width=width).splitlines()) for width in (60, 90)
        }
        assert lines[60] > lines[90]

    def test_subsets_are_told_where_they_are_a_part_and_not_too_few(self) -> None:
        half = {"clean": [row < N // 2 for row in range(N)]}
        few = {"clean": [row < 4 for row in range(N)]}
        rows = {
            name: self.draw(measured("baseline", noisy(0.3, 1), columns=columns).metrics)
            for name, columns in (("half", half), ("few", few), ("all", {}))
        }
        assert f"\n  {N // 2} clean pairs" in rows["half"]
        assert "clean" not in rows["few"]
        assert "clean" not in rows["all"]

    def test_what_is_undefined_is_n_a_and_what_has_no_interval_says_so(self) -> None:
        shown = self.draw(measured("baseline", [0.6] * N).metrics)
        assert self.cells(shown, "Spearman") == ["Spearman", "n/a"]
        assert self.cells(shown, "AUC-ROC") == ["AUC-ROC", "0.500 no interval"]


class TestVerdict:
    BASELINE = measured("baseline", noisy(0.1, 1))
    COMPARISON = compared(
        BASELINE,
        measured("standard", noisy(0.5, 2), general=noisy(0.0, 5, 60)),
        measured("lora", noisy(0.5, 3), general=noisy(0.0, 6, 60)),
    )

    def test_it_is_one_sentence_a_model(self) -> None:
        base, standard, lora = verdict_lines(self.COMPARISON)
        assert base.startswith("The base model has an AUC of ")
        assert standard.startswith("Full fine-tuning (standard): it is shown to rank better")
        assert lora.startswith("LoRA fine-tuning (lora): it is shown to rank better")

    def test_what_is_left_out_is_told(self) -> None:
        left_out = ["instructed is left out: [/x]"]
        comparison = self.COMPARISON.model_copy(update={"left_out": left_out})
        assert verdict_lines(comparison)[-1] == left_out[0]

    def test_each_kind_of_warning_is_told_once_with_all_its_models(self) -> None:
        all_of_them = [s for s in self.COMPARISON.verdict if s.startswith("Warning: ")]
        told = verdict_warnings(self.COMPARISON)
        forgotten = [each for each in told if "general-language pairs" in each]
        assert len(forgotten) == 1
        assert forgotten[0].startswith("standard: on 60 general-language pairs Spearman")
        assert forgotten[0].endswith(". Likewise: lora.")
        assert sum(1 + each.count("Likewise") for each in told) == len(all_of_them)

    def test_warnings_that_differ_in_words_are_told_apart(self) -> None:
        verdict = ["Warning: standard: 1 a.", "Warning: lora: 2 a.", "Warning: lora: 2 b."]
        comparison = self.COMPARISON.model_copy(update={"verdict": verdict})
        assert verdict_warnings(comparison) == ["standard: 1 a. Likewise: lora.", "lora: 2 b."]


def test_the_gravest_warnings_are_told_and_the_rest_is_counted() -> None:
    warnings = [str(number) for number in range(MOST_WARNINGS + 4)]
    assert most_of(warnings, "there") == [*warnings[:MOST_WARNINGS], "4 more: there"]
    assert most_of(warnings[:MOST_WARNINGS], "there") == warnings[:MOST_WARNINGS]


class TestTraining:
    def test_a_line_says_what_is_kept_and_what_it_took(self) -> None:
        assert training_lines(trained(), ["Raise epochs: more."]) == [
            "lora: best validation Spearman 0.2338 at step 231 of 256 (before training -0.1473), "
            "70 s",
            "Raise epochs: more.",
        ]

    def test_stopping_early_is_told_and_the_undefined_is_n_a(self) -> None:
        (line,) = training_lines(trained(stopped_early=True, initial_spearman=None))
        assert "of 256, stopped early (before training n/a)" in line


class TestPrinting:
    @pytest.mark.parametrize("width", [20, 80, 200])
    def test_lines_break_between_words_and_lose_none(self, width: int) -> None:
        told = "a change of -0.268 [-0.350, -0.185] in well-known words [/x] [bold]"
        console = console_of(width)
        print_section(console, "Title", [told])
        blank, title, *lines = written(console).splitlines()
        assert (blank, title) == ("", "Title")
        assert " ".join(lines).split() == told.split()
        assert all(len(line) <= width and line.startswith("  ") for line in lines)
        assert all(line == line.rstrip() for line in lines)

    def test_without_lines_there_is_no_title(self) -> None:
        console = console_of()
        print_section(console, "Title", [])
        assert written(console) == ""

    def test_a_terminal_gets_a_link_and_a_log_the_bare_path(self) -> None:
        path = Path("/data/re port.html")
        terminal, log = console_of(20, terminal=True), console_of(20)
        print_path(terminal, "Report", path)
        print_path(log, "Report", path)
        assert "file:///data/re%20port.html" in written(terminal)
        assert Text.from_ansi(written(terminal)).plain.strip() == "Report  /data/re port.html"
        assert written(log) == "\nReport  /data/re port.html\n"

    def test_a_command_is_never_broken(self) -> None:
        console = console_of(30)
        command = "kedro run --pipelines=training_standard,training_lora --params=data_root=x"
        print_steps(console, [("Train, and compare what comes of it", command), ("Rest", None)])
        lines = written(console).splitlines()
        assert lines[:3] == ["", "Next", "  1. Train, and compare what"]
        assert f"    {command}" in lines
        assert lines[-1] == "  2. Rest"

    def test_a_whole_run_fits_on_a_screen(self) -> None:
        comparison = TestVerdict.COMPARISON
        models = [TestVerdict.BASELINE.metrics, *TestHeadlineTable.MODELS]
        console = console_of(100)
        findings = Findings(
            *({"comparison"}, untelling(), models, comparison),
            trainings=[trained()],
            recommendations={"lora": ["Raise epochs: more."]},
        )
        print_findings(console, findings)
        shown = written(console)
        assert len(shown.splitlines()) < 45
        assert [line for line in shown.splitlines() if line in {"Data", "Verdict", "Warnings"}] == [
            "Data",
            "Verdict",
            "Warnings",
        ]
        assert "best validation Spearman" not in shown
        assert "Training of lora\n  Raise epochs: more." in shown

    def test_a_training_alone_has_its_own_summary(self) -> None:
        console = console_of(120)
        print_findings(
            console,
            Findings(
                {"lora_training_info"},
                trainings=[trained()],
                recommendations={"lora": ["Raise epochs: more."], "standard": ["no"]},
            ),
        )
        shown = [f"  {line}" for line in training_lines(trained(), ["Raise epochs: more."])]
        assert written(console).splitlines() == ["", "Training", *shown]

    def test_an_audit_alone_tells_its_gravest_warnings(self) -> None:
        console, report = console_of(400), audit_of(sample(), [], sample()[:7], 0)
        print_findings(console, Findings({"data_quality_report"}, report))
        shown = written(console)
        for warning in audit_warnings(report)[:MOST_WARNINGS]:
            assert warning in shown
        assert "data_quality_summary has them" in shown

    def test_a_run_without_findings_prints_nothing(self) -> None:
        console = console_of()
        print_findings(console, Findings({"umap_chart"}))
        assert written(console) == ""
