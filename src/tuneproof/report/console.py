"""Results on the console."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.audit.shortcuts import evidence
from tuneproof.comparison.records import HEADLINE_METRICS
from tuneproof.comparison.wording import figure, with_span
from tuneproof.measurement.records import BaselineMetrics


def data_quality_table(report: DataQualityScore) -> Table:
    """Lay the audit out as a table: dimensions, leakage, shortcuts, labels, gates, warnings.

    Whatever may hold text of the pairs is escaped, so no name is read as rich markup.
    """
    met = "met" if report.target_met else "missed"
    held = f"; held down by {', '.join(report.held_down_by)}" if report.held_down_by else ""
    table = Table(
        title="Data quality",
        caption=f"Overall {report.overall:.1f} of 100, target {report.target:g} {met}{held}",
    )
    table.add_column("Dimension")
    table.add_column("Score", justify="right")
    table.add_column("Evidence", overflow="fold")
    for dimension in report.dimensions:
        table.add_row(escape(dimension.name), show_score(dimension.score), "", style="bold")
        for sub in dimension.sub_scores.values():
            table.add_row(f"  {escape(sub.name)}", show_score(sub.score), escape(sub.detail))
        table.add_section()
    leakage = report.leakage["eval"]
    table.add_row("Leakage", "", f"of {leakage.pairs} eval pairs", style="bold")
    for name, count in (
        ("in train", leakage.in_train),
        ("in train, swapped", leakage.in_train_swapped),
        ("share a text", leakage.sharing_a_text),
        ("clean", leakage.clean),
    ):
        table.add_row(f"  {name}", str(count), "")
    table.add_section()
    table.add_row("Shortcuts", "AUC", "fitted on train, judged on eval", style="bold")
    for probe in report.probes:
        table.add_row(
            f"  {probe.name}",
            "n/a" if probe.auc is None else f"{probe.auc:.3f}",
            escape(evidence(probe)),
        )
    table.add_section()
    table.add_row("Labels", "", "", style="bold")
    for split, errors in report.label_errors.items():
        found = "n/a" if errors.reason else str(len(errors.found))
        table.add_row(f"  {split}, likely wrong", found, escape(errors.reason or ""))
    table.add_row("  under both labels", str(len(report.conflicts)), "")
    table.add_section()
    table.add_row("Gates", "", "", style="bold")
    for gate in report.gates:
        passed = "passed" if gate.passed else "not passed"
        table.add_row(f"  {gate.name} ({gate.action})", passed, escape(gate.message))
    table.add_section()
    table.add_row("Warnings", str(len(report.warnings)), "", style="bold")
    for warning in report.warnings:
        table.add_row("", "", escape(warning))
    return table


def headline_table(models: Sequence[BaselineMetrics], notes: Sequence[str] = ()) -> Table:
    """Lay the headline figures of the measured models side by side, with their 95 % intervals.

    Args:
        models: Metrics of at least one model, all on the same eval pairs.
        notes: What must be read with the figures; it stands right below them.
    """
    first = models[0]
    counts = (
        f"{first.n_pairs} eval pairs: {first.n_compatible} compatible, "
        f"{first.n_incompatible} incompatible; the threshold comes from validation pairs"
    )
    table = Table(title="Headline figures", caption=escape("\n".join([counts, *notes])))
    table.add_column("Metric")
    for metrics in models:
        table.add_column(escape(metrics.model), justify="right")
    for metric, name in HEADLINE_METRICS.items():
        table.add_row(
            name,
            *(
                with_span(getattr(metrics, metric), metrics.intervals.get(metric))
                for metrics in models
            ),
        )
    table.add_row("False positives", *(str(m.decisions.false_positives) for m in models))
    table.add_row("Threshold", *(figure(metrics.best_threshold) for metrics in models))
    return table
