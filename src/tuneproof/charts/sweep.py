"""What each varied field of a sweep does to validation Spearman, time and memory."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneproof.charts.palette import GUIDE_COLOUR, NO_DATA_COLOUR
from tuneproof.charts.style import (
    SMALL,
    empty_figure,
    literal,
    new_figure,
    note,
    tidy,
    wrapped,
)

TITLE = "Sweep"
_LINE_COLOUR = "black"
_FIGURES = {
    "spearman_mean": "Validation Spearman",
    "seconds": "Training time (s)",
    "peak_memory_mb": "Peak memory (MiB)",
}


def sweep_chart(fields: Mapping[str, pd.DataFrame], ceiling: float | None) -> Figure:
    """Draw a column for each varied field: validation Spearman, time and memory at each value.

    Values stand side by side at equal distances: learning rates and layers' names have no common
    scale. A missing value is shown as `null`, as it stands in the parameters.

    Args:
        fields: By field, one row for each configuration that shows what it does, in the order of
            its values, with a column of the field's name, spearman_mean, spearman_sd (sample
            standard deviation over seeds, NaN for one seed), n_seeds, seconds, peak_memory_mb, and
            best_of_value: whether it is the best configuration with this value. Those are joined
            by a line where values have an order; others are dots.
        ceiling: Spearman of a perfect ranking of the validation pairs; None is not drawn.
    """
    drawn = {field: rows for field, rows in fields.items() if len(rows)}
    if not drawn:
        return empty_figure(TITLE, "no field was varied, or no run finished")
    figure = new_figure(1.5 + 3.9 * max(len(drawn), 1.5), 8.5, TITLE)
    grid = figure.subplots(3, len(drawn), squeeze=False, sharex="col", sharey="row")
    for column, (field, rows) in zip(grid.T, drawn.items(), strict=True):
        _draw_field(column, rows, field)
        column[0].set_title(literal(field), fontsize=11, loc="left")
    for axes, name in zip(grid[:, 0], _FIGURES.values(), strict=True):
        axes.set_ylabel(name)
    # Once all columns are drawn: they share their limits, and a set limit no longer adapts.
    for axes in grid[1:, 0]:
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    if ceiling is not None:
        for axes in grid[0]:
            axes.margins(y=0.12)
            axes.axhline(ceiling, color=GUIDE_COLOUR, linestyle="--", linewidth=1)
            axes.annotate(
                f"ceiling {ceiling:.4f}",
                (0.99, ceiling),
                xycoords=("axes fraction", "data"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=SMALL,
                color=GUIDE_COLOUR,
            )
    note(figure, _note(list(drawn.values())))
    return figure


def _draw_field(column: list[Axes], rows: pd.DataFrame, field: str) -> None:
    positions, values = pd.factorize(rows[field], use_na_sentinel=False)
    best = rows["best_of_value"].to_numpy(dtype=bool)
    # What has no order, such as losses or null, is not joined.
    ordered = rows[field].notna().to_numpy() & pd.api.types.is_numeric_dtype(rows[field])
    for axes, figure in zip(column, _FIGURES, strict=True):
        axes.plot(
            positions[~best],
            rows.loc[~best, figure],
            linestyle="",
            marker="o",
            markersize=4,
            color=NO_DATA_COLOUR,
            alpha=0.6,
        )
        for drawn, line in ((best & ~ordered, ""), (best & ordered, "-")):
            if not drawn.any():
                continue
            deviations = rows.loc[drawn, "spearman_sd"].fillna(0.0)
            axes.errorbar(
                positions[drawn],
                rows.loc[drawn, figure],
                yerr=deviations if figure == "spearman_mean" else None,
                color=_LINE_COLOUR,
                marker="o",
                markersize=6,
                capsize=4,
                linestyle=line,
            )
        tidy(axes, grid="y")
    column[-1].set_xticks(np.arange(len(values)), [_shown(value) for value in values])
    column[-1].set_xlim(-0.5, len(values) - 0.5)


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return wrapped(value, width=12, lines=3)
    return "null" if pd.isna(value) else f"{value:g}"


def _note(frames: list[pd.DataFrame]) -> str:
    """Say how many seeds a point stands for, and what bars and dots are."""
    seeds = sorted({int(n) for rows in frames for n in rows["n_seeds"]})
    shown = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    parts = [f"Seeds a point: {shown}."]
    if seeds[-1] > 1:
        parts.append("Points are means, bars one standard deviation over seeds.")
    else:
        parts.append("The spread over seeds is n/a.")
    if not all(rows["best_of_value"].all() for rows in frames):
        parts.append("Black: the best configuration with each value; grey: the others.")
    return " ".join(parts)
