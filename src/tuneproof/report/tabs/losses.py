"""What the models forgot, how far they collapsed, and whether they read the prefixes."""

from collections.abc import Callable, Sequence

from tuneproof.comparison.wording import figure, with_span
from tuneproof.measurement.records import BaselineMetrics, PrefixSwapMetrics
from tuneproof.report.layout import Cell, Plot, Section, Table, counts, interval_cell, number
from tuneproof.report.tabs.naming import each_model, sources_of

_Row = tuple[str, list[Cell]]


def losses(models: Sequence[BaselineMetrics]) -> Section:
    """Lay out general language, geometry and prefixes.

    Args:
        models: Metrics of the baseline, then of the variants.
    """
    spearman = each_model(
        models,
        lambda m: with_span(
            m.general.spearman_correlation, m.general.intervals["spearman_correlation"]
        ),
    )
    prefixes = [*_prefixes(models)]
    return Section(
        "losses",
        "What was lost",
        [
            "A model that learns one task may forget general language, or move all texts to one "
            "place."
            + (" A fair one does not care which text carries which prefix." if prefixes else "")
        ],
        [_general(models), _geometry(models), *prefixes],
        plots=[
            Plot(
                "losses",
                "Forgetting and collapse",
                "General language and the geometry of the embeddings, model by model. Spearman "
                f"with the grades of general-language pairs: {spearman}.",
            )
        ],
        sources=sources_of(models, "metrics"),
    )


def _row(
    models: Sequence[BaselineMetrics], name: str, value: Callable[[BaselineMetrics], Cell]
) -> _Row:
    return name, [value(metrics) for metrics in models]


def _general(models: Sequence[BaselineMetrics]) -> Table:
    first = models[0].general
    return Table(
        caption=f"General language: {first.n} pairs graded 0 to 5",
        corner="Figure",
        columns=[metrics.model for metrics in models],
        rows=[
            _row(
                models,
                "Spearman of cosine and grade",
                lambda m: interval_cell(
                    m.general.spearman_correlation, m.general.intervals["spearman_correlation"]
                ),
            ),
            _row(
                models,
                f"Mean cosine of the {first.n_unrelated} unrelated pairs",
                lambda m: interval_cell(
                    m.general.unrelated_mean_cosine, m.general.intervals["unrelated_mean_cosine"]
                ),
            ),
        ],
    )


def _geometry(models: Sequence[BaselineMetrics]) -> Table:
    rows: dict[str, Callable[[BaselineMetrics], Cell]] = {
        "Effective rank (dimensions in use)": lambda m: number(m.geometry.effective_rank, 1),
        "Mean cosine of two texts (anisotropy)": lambda m: number(m.geometry.anisotropy, 3),
        "Distance of compatible texts (alignment)": lambda m: number(m.geometry.alignment, 3),
        "Uniformity (lower is more even)": lambda m: number(m.geometry.uniformity, 3),
    }
    return Table(
        caption=f"Geometry of the {models[0].geometry.n_texts} different eval texts",
        corner="Figure",
        columns=[metrics.model for metrics in models],
        rows=[_row(models, name, value) for name, value in rows.items()],
    )


def _prefixes(models: Sequence[BaselineMetrics]) -> list[Table]:
    swapped = {m.model: m.prefix_swap for m in models if m.prefix_swap is not None}
    if not swapped:
        return []
    return [
        Table(
            caption="The eval pairs with their two prefixes exchanged",
            corner="Model",
            columns=[
                "Pairs",
                "Mean change of the cosine",
                "Mean size",
                "Largest",
                "Flipped",
                "AUC",
            ],
            rows=[(model, _swap(found)) for model, found in swapped.items()],
        )
    ]


def _swap(found: PrefixSwapMetrics) -> list[Cell]:
    return [
        *counts(found.n),
        interval_cell(found.mean_change, found.intervals["mean_change"]),
        interval_cell(found.mean_absolute_change, found.intervals["mean_absolute_change"]),
        number(found.largest_change, 3),
        *counts(found.flipped_decisions),
        Cell(f"{figure(found.auc_roc_before, 3)} to {figure(found.auc_roc, 3)}"),
    ]
