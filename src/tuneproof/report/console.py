"""Results on the console, short: what they rest on stands in the artifacts and the report."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tuneproof.audit.findings import of_gates
from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.comparison.records import ComparisonResult
from tuneproof.comparison.wording import WARNING, criteria_lines, figure, once_each_kind, span
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.uncertainty import Interval
from tuneproof.report.next_steps import Findings
from tuneproof.training.result import TrainingResult

MOST_WARNINGS: Final = 3

_METRICS: Final = {
    "spearman_correlation": "Spearman",
    "compatibility_margin": "Margin",
    "cohens_d": "Cohen's d",
    "best_f1": "F1",
}
_SUBSETS: Final = {"clean": "clean pairs", "unseen_subcategories": "new subcategories"}
_SHORT: Final = "In short, "
_INDENT: Final = "  "
_NO_LIMIT: Final = 10_000

_Figure = tuple[float | None, Interval | None]


def print_findings(console: Console, findings: Findings) -> None:
    """Print what a run found; nothing for a run that found nothing to tell."""
    quality, comparison = findings.quality, findings.comparison
    if quality is not None:
        print_section(console, "Data", audit_lines(quality))
    if findings.models:
        console.print()
        console.print(headline_table(findings.models, console))
        print_section(console, "", [headline_note(findings.models[0])])
    if comparison is not None:
        place = "the report" if "comparison_report" in findings.made else "comparison"
        rest = f"{place} has them, beside {len(comparison.threats)} threats to validity"
        print_section(console, "Verdict", verdict_lines(comparison))
        print_section(console, "Warnings", most_of(verdict_warnings(comparison), rest))
    elif quality is not None:
        rest = "data_quality_summary has them"
        print_section(console, "Warnings", most_of(audit_warnings(quality), rest))
    for result in findings.trainings:
        advice = findings.recommendations.get(result.model_type, ())
        if comparison is None:
            print_section(console, "Training", training_lines(result, advice))
        else:
            print_section(console, f"Training of {result.model_type}", advice)


def print_steps(console: Console, steps: Sequence[tuple[str, str | None]]) -> None:
    """Print what to do next, numbered.

    Args:
        console: Where to.
        steps: Advice and its command, if it has one, which is printed in one piece to be copied.
    """
    for number, (advice, command) in enumerate(steps, start=1):
        print_section(console, "Next" if number == 1 else "", [f"{number}. {advice}"])
        if command:
            console.print(Text(2 * _INDENT + command, style="cyan"), soft_wrap=True)


def audit_lines(report: DataQualityScore) -> list[str]:
    """Sum up the audit: overall score, its four dimensions, leakage, gates that are not passed."""
    met = "met" if report.target_met else "missed"
    held = f", held down by {' and '.join(report.held_down_by)}" if report.held_down_by else ""
    leaks = report.leakage["eval"]
    return [
        f"{report.overall:.1f} of 100 overall, target {report.target:g} {met}{held}: "
        + ", ".join(f"{each.name} {show_score(each.score)}" for each in report.dimensions),
        f"Of {leaks.pairs} eval pairs {leaks.in_train + leaks.in_train_swapped} stand in train, "
        f"{leaks.sharing_a_text} share a text with it, {leaks.clean} are clean",
        *(f"{gate[0].upper()}{gate[1:]}" for gate in of_gates(report.gates)),
    ]


def audit_warnings(report: DataQualityScore) -> list[str]:
    """Return the warnings of the audit that `audit_lines` does not tell, gravest first."""
    told = set(of_gates(report.gates))
    return [warning for warning in report.warnings if warning not in told]


def headline_table(models: Sequence[BaselineMetrics], console: Console) -> Table:
    """Lay the headline figures of the measured models side by side, with their 95 % intervals.

    Args:
        models: Metrics of at least one model, all on the same eval pairs.
        console: Where it is to be read: an interval stands below its figure where beside it is no
            room.
    """
    wide = _lay_out(models, " ")
    unlimited = console.options.update(max_width=_NO_LIMIT)
    needed = Measurement.get(console, unlimited, wide).maximum
    return wide if needed <= console.width else _lay_out(models, "\n")


def headline_note(metrics: BaselineMetrics) -> str:
    """Say what the headline table is of."""
    return (
        f"{metrics.n_pairs} eval pairs: {metrics.n_compatible} compatible, "
        f"{metrics.n_incompatible} incompatible; 95 % intervals; F1 and false positives at the "
        "threshold of the validation pairs; general language: Spearman with their grades"
    )


def verdict_lines(comparison: ComparisonResult) -> list[str]:
    """Return the verdict on the base model, each variant's in short, and what is left out."""
    told = [sentence for sentence in comparison.verdict if sentence.startswith(_SHORT)]
    short = [f"{each[len(_SHORT)].upper()}{each[len(_SHORT) + 1 :]}" for each in told]
    return [*comparison.verdict[:1], *short, *criteria_lines(comparison), *comparison.left_out]


def verdict_warnings(comparison: ComparisonResult) -> list[str]:
    """Return the warnings of the verdict, each kind once; models that share it are named behind."""
    variants = [headline.model for headline in comparison.models[1:]]
    warnings = [sentence for sentence in comparison.verdict if sentence.startswith(WARNING)]
    return [each.removeprefix(WARNING) for each in once_each_kind(warnings, variants)]


def training_lines(result: TrainingResult, recommendations: Sequence[str] = ()) -> list[str]:
    """Sum up a training run: the model that is kept, what it took, and what would do better."""
    stopped = ", stopped early" if result.stopped_early else ""
    return [
        f"{result.model_type}: best validation Spearman {figure(result.best_spearman)} at step "
        f"{result.best_step} of {result.total_steps}{stopped} "
        f"(before training {figure(result.initial_spearman)}), "
        f"{result.training_time_seconds:.0f} s",
        *recommendations,
    ]


def most_of(warnings: Sequence[str], rest: str) -> list[str]:
    """Return the first `MOST_WARNINGS`, and in a line of its own how many more there are.

    Args:
        warnings: Gravest first.
        rest: Where all of them stand.
    """
    more = len(warnings) - MOST_WARNINGS
    return [*warnings[:MOST_WARNINGS], *([f"{more} more: {rest}"] if more > 0 else [])]


def print_section(console: Console, title: str, lines: Sequence[str]) -> None:
    """Print lines below a title, indented; each breaks between words. Nothing without lines."""
    if lines and title:
        console.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        filled = textwrap.fill(
            line,
            width=max(console.width, 2 * len(_INDENT) + 1),
            initial_indent=_INDENT,
            subsequent_indent=2 * _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        console.print(Text(filled), soft_wrap=True)


def print_path(console: Console, title: str, path: Path) -> None:
    """Print where something stands, in one piece; a link on terminals that know links."""
    link = Style(link=path.absolute().as_uri())
    line = Text.assemble((f"\n{title}", "bold"), _INDENT, (str(path), link))
    console.print(line, soft_wrap=True)


def _lay_out(models: Sequence[BaselineMetrics], between: str) -> Table:
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("", overflow="fold")
    for metrics in models:
        table.add_column(escape(metrics.model), justify="right", no_wrap=True)
    for name, figures in _rows(models):
        table.add_row(name, *(_cell(value, interval, between) for value, interval in figures))
    wrong = [str(metrics.decisions.false_positives) for metrics in models]
    table.add_row(f"False positives of {models[0].n_incompatible}", *wrong)
    return table


def _rows(models: Sequence[BaselineMetrics]) -> Iterator[tuple[str, list[_Figure]]]:
    first = models[0]
    yield "AUC-ROC", [(m.auc_roc, m.intervals.get("auc_roc")) for m in models]
    for name, pairs in _SUBSETS.items():
        held = [m.subsets[name] for m in models if name in m.subsets]
        if len(held) < len(models) or held[0].n == first.n_pairs:
            continue
        figures = [(subset.auc_roc, subset.intervals.get("auc_roc")) for subset in held]
        if any(interval for _, interval in figures):  # else there are too few pairs to tell
            yield f"{_INDENT}{held[0].n} {pairs}", figures
    for metric, name in _METRICS.items():
        yield name, [(getattr(m, metric), m.intervals.get(metric)) for m in models]
    yield (
        "General language",
        [
            (m.general.spearman_correlation, m.general.intervals.get("spearman_correlation"))
            for m in models
        ],
    )


def _cell(value: float | None, interval: Interval | None, between: str) -> Text:
    if value is None:
        return Text("n/a")
    return Text.assemble(figure(value, 3), between, (span(interval), "dim"))
