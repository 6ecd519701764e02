"""Categories and pair types: of one model in full, of all models side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tuneproof.measurement.records import BaselineMetrics, GroupMetrics
from tuneproof.report.layout import Cell, Plot, Section, Table, counts, interval_cell, number
from tuneproof.report.tabs.naming import each_model, sources_of

_GroupsOf = Callable[[BaselineMetrics], Mapping[str, GroupMetrics]]

_GROUPINGS: Final[Mapping[str, _GroupsOf]] = {
    "category": lambda metrics: metrics.category_metrics,
    "pair type": lambda metrics: metrics.pair_type_metrics,
}
_SHOWN: Final = {"auc_roc": "AUC-ROC", "compatibility_margin": "Margin"}


def model_groups(
    metrics: BaselineMetrics, kind: str, title: str, found: Mapping[str, GroupMetrics]
) -> Section:
    """Lay out all figures of one model by group.

    Args:
        metrics: Metrics of the model.
        kind: What a group is: `category` or `pair type`.
        title: Heading of the section.
        found: The metrics of each group.
    """
    name = metrics.model
    columns: dict[str, Callable[[GroupMetrics], Cell]] = {
        "Pairs": lambda g: Cell(f"{g.n:,}"),
        "Compatible": lambda g: Cell(f"{g.compatible:,}"),
        "Incompatible": lambda g: Cell(f"{g.incompatible:,}"),
        "Mean cosine, compatible": lambda g: number(g.compatible_mean_cosine, 3),
        "Mean cosine, incompatible": lambda g: number(g.incompatible_mean_cosine, 3),
        "Margin": lambda g: interval_cell(
            g.compatibility_margin, g.intervals["compatibility_margin"]
        ),
        "Cohen's d": lambda g: number(g.cohens_d, 2),
        "AUC-ROC": lambda g: interval_cell(g.auc_roc, g.intervals["auc_roc"]),
        "Error rate": lambda g: interval_cell(g.error_rate, g.intervals["error_rate"]),
    }
    table = Table(
        caption=f"{name} by {kind}",
        corner=kind.capitalize(),
        columns=list(columns),
        rows=[(group, [cell(held) for cell in columns.values()]) for group, held in found.items()],
    )
    return Section(
        f"{name}-{title.lower().replace(' ', '-')}",
        title,
        [
            f"A {kind} whose pairs all have one label has no margin, no Cohen's d and no AUC: n/a; "
            "its mean and its error rate stand instead. Brackets hold 95 % intervals; a figure "
            "without them is no surer: too few pairs that share no text, or every resample of them "
            "gives the same value. With this many groups about one interval in twenty misses the "
            "truth by chance."
        ],
        [table],
        sources=(f"{name}_metrics",),
    )


def groups(models: Sequence[BaselineMetrics]) -> Section:
    """Lay categories and pair types of all models side by side."""
    return Section(
        "groups",
        "Categories and pair types",
        [
            "n/a: the pairs of the group all have one label. Brackets hold 95 % intervals; a "
            "figure without them is no surer: too few pairs that share no text, or every resample "
            "of them gives the same value. The tab of each model tells more of each group."
        ],
        [
            _group_table(kind, models, groups_of, metric, title)
            for kind, groups_of in _GROUPINGS.items()
            for metric, title in _SHOWN.items()
        ],
        plots=[
            Plot(
                "group_heatmap",
                "Categories and pair types by model",
                "Margin or AUC of each group and model, above its compatible + incompatible pairs; "
                "the tables below hold the same figures. "
                "Only what an interval shows to be no chance is coloured. "
                "Margin over all pairs: "
                + each_model(models, lambda m: f"{m.compatibility_margin:+.3f}")
                + ".",
            )
        ],
        sources=sources_of(models, "metrics"),
    )


def _group_table(
    kind: str, models: Sequence[BaselineMetrics], groups_of: _GroupsOf, metric: str, title: str
) -> Table:
    return Table(
        caption=f"{title} by {kind}",
        corner=kind.capitalize(),
        columns=["Pairs", "Compatible", "Incompatible", *(metrics.model for metrics in models)],
        rows=[
            (
                group,
                [
                    *counts(held.n, held.compatible, held.incompatible),
                    *(
                        interval_cell(getattr(found, metric), found.intervals[metric])
                        for metrics in models
                        if (found := groups_of(metrics)[group])
                    ),
                ],
            )
            for group, held in groups_of(models[0]).items()
        ],
    )


def false_positives(models: Sequence[BaselineMetrics]) -> Section:
    """Lay out which incompatible pairs the models call compatible, by pair type."""
    incompatible = {name: group.incompatible for name, group in models[0].pair_type_metrics.items()}
    table = Table(
        caption="Incompatible pairs called compatible, by pair type",
        corner="Pair type",
        columns=["Incompatible pairs", *(metrics.model for metrics in models)],
        rows=[
            (
                name,
                [
                    Cell(f"{n:,}"),
                    *(
                        Cell(f"{metrics.false_positive_counts.get(name, 0):,}" if n else "n/a")
                        for metrics in models
                    ),
                ],
            )
            for name, n in incompatible.items()
        ],
    )
    return Section(
        "false-positives",
        "False positives",
        ["At each model's validated threshold. n/a: no pair of the type is incompatible."],
        [table],
        plots=[
            Plot(
                "false_positives",
                "False positives by pair type",
                "Incompatible pairs called compatible; the table below holds the same counts. In "
                "all: "
                + each_model(
                    models,
                    lambda m: (
                        f"{m.decisions.false_positives} of {m.n_incompatible} incompatible pairs"
                    ),
                )
                + ".",
            )
        ],
        sources=sources_of(models, "metrics"),
    )
