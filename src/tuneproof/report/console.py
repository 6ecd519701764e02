"""Results on the console."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.comparison import HEADLINE_METRICS, figure
from tuneproof.measurement import BaselineMetrics


def data_quality_table(report: DataQualityScore) -> Table:
    """Lay the audit out as a table: dimensions with their sub-scores, leakage, warnings.

    Whatever may hold text of the pairs is escaped, so no name is read as rich markup.
    """
    met = "met" if report.target_met else "missed"
    table = Table(
        title="Data quality",
        caption=f"Overall {report.overall:.1f} of 100, target {report.target:g} {met}",
    )
    table.add_column("Dimension")
    table.add_column("Score", justify="right")
    table.add_column("Evidence", overflow="fold")
    for dimension in report.dimensions:
        table.add_row(escape(dimension.name), show_score(dimension.score), "", style="bold")
        for sub in dimension.sub_scores.values():
            table.add_row(f"  {escape(sub.name)}", show_score(sub.score), escape(sub.detail))
        table.add_section()
    leakage = report.leakage
    table.add_row("Leakage", "", f"of {leakage.eval_pairs} eval pairs", style="bold")
    for name, count in (
        ("word for word in train", leakage.in_train),
        ("in train, other order", leakage.in_train_swapped),
        ("share a text with train", leakage.sharing_a_text),
        ("clean of both", leakage.clean),
    ):
        table.add_row(f"  {name}", str(count), "")
    table.add_section()
    table.add_row("Warnings", str(len(report.warnings)), "", style="bold")
    for warning in report.warnings:
        table.add_row("", "", escape(warning))
    return table


def headline_table(models: Sequence[BaselineMetrics]) -> Table:
    """Lay the headline figures of the measured models side by side.

    Args:
        models: Metrics of at least one model, all on the same eval pairs.
    """
    first = models[0]
    table = Table(
        title="Headline figures",
        caption=f"{first.n_pairs} eval pairs: {first.n_compatible} compatible, "
        f"{first.n_incompatible} incompatible; the threshold comes from validation pairs",
    )
    table.add_column("Metric")
    for metrics in models:
        table.add_column(escape(metrics.model), justify="right")
    for metric, name in HEADLINE_METRICS.items():
        table.add_row(name, *(figure(getattr(metrics, metric)) for metrics in models))
    table.add_row("False positives", *(str(m.decisions.false_positives) for m in models))
    table.add_row("Threshold", *(figure(metrics.best_threshold) for metrics in models))
    return table
