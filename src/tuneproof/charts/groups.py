"""Charts of where a model does well and where it fails: by category and by pair type."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tuneproof.charts.style import (
    NO_DATA_COLOUR,
    SMALL,
    largest,
    literal,
    model_colours,
    new_figure,
    note_left_out,
    tidy,
    wrapped,
)


class GroupMargin(NamedTuple):
    """The compatibility margin of one group of pairs.

    Attributes:
        margin: Mean cosine of the compatible pairs minus that of the incompatible ones; None
            where a label is missing.
        compatible: Number of pairs with label 1.
        incompatible: Number of pairs with label 0.
    """

    margin: float | None
    compatible: int
    incompatible: int

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.compatible + self.incompatible


def category_margins(margins: Mapping[str, Mapping[str, GroupMargin]]) -> Figure:
    """Draw the margin of each category and model as a heatmap around 0.

    Args:
        margins: For each model, the margin of each category; categories as in the first model.
    """
    models = list(margins)
    sizes = {name: found.n for name, found in margins[models[0]].items()}
    names = largest(sizes)
    table = np.array(
        [[_as_number(margins[model].get(name)) for model in models] for name in names],
        dtype=np.float64,
    )
    texts = np.array([[_cell(margins[model].get(name)) for model in models] for name in names])
    figure = new_figure(
        3.6 + 1.9 * len(models), 1.8 + 0.55 * len(names), "Compatibility margin by category"
    )
    axes = figure.add_subplot()
    axes.patch.set(facecolor="white", hatch="//", edgecolor="#d0d0d0", linewidth=0)
    reach = float(np.abs(table[~np.isnan(table)]).max(initial=0.0)) or 1.0
    sns.heatmap(
        np.nan_to_num(table),
        mask=np.isnan(table),
        annot=texts,
        fmt="",
        annot_kws={"fontsize": SMALL, "color": "black"},
        vmin=-reach,
        vmax=reach,
        cmap=sns.diverging_palette(262, 40, s=90, l=62, as_cmap=True),
        linewidths=1,
        cbar_kws={"label": "Mean cosine, compatible minus incompatible"},
        ax=axes,
    )
    for row, column in zip(*np.nonzero(np.isnan(table)), strict=True):
        axes.text(
            column + 0.5,
            row + 0.5,
            texts[row, column],
            ha="center",
            va="center",
            fontsize=SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
        )
    axes.set_xticks(np.arange(len(models)) + 0.5, [literal(model) for model in models], rotation=0)
    axes.set_yticks(
        np.arange(len(names)) + 0.5, [wrapped(name) for name in names], rotation=0, fontsize=SMALL
    )
    axes.tick_params(length=0)
    note_left_out(figure, len(names), len(sizes), "categories")
    return figure


def group_margins(margins: Mapping[str, GroupMargin], model: str, grouping: str) -> Figure:
    """Draw one model's margin of each group as a bar, the largest first, 'n/a' at the end.

    Args:
        margins: Margin of each group.
        model: Name of the model.
        grouping: What the groups are, in the singular: `category` or `pair type`.
    """
    names = sorted(
        largest({name: found.n for name, found in margins.items()}),
        key=lambda name: -_as_number(margins[name], missing=-np.inf),
    )
    values = [_as_number(margins[name], missing=0.0) for name in names]
    figure = new_figure(
        9, 1.6 + 0.46 * len(names), f"Compatibility margin by {grouping}: {literal(model)}"
    )
    axes = figure.add_subplot()
    positions = np.arange(len(names))
    axes.barh(positions, values, height=0.65, color=model_colours([model])[model])
    for position, name, value in zip(positions, names, values, strict=True):
        axes.annotate(
            _bar_text(margins[name]),
            (value, position),
            xytext=(-5 if value < 0 else 5, 0),
            textcoords="offset points",
            ha="right" if value < 0 else "left",
            va="center",
            fontsize=SMALL,
            color="black" if margins[name].margin is not None else NO_DATA_COLOUR,
        )
    axes.axvline(0, color="black", linewidth=0.8)
    reach = max(map(abs, values), default=0.0) or 1.0
    axes.set_xlim(min(0.0, min(values) - 0.5 * reach if min(values) < 0 else 0.0), 1.5 * reach)
    axes.set_yticks(positions, [wrapped(name) for name in names], fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("Mean cosine, compatible minus incompatible")
    tidy(axes, grid="x")
    note_left_out(figure, len(names), len(margins), f"groups by {grouping}")
    return figure


def false_positives(
    counts: Mapping[str, Mapping[str, int]], incompatible: Mapping[str, int]
) -> Figure:
    """Draw how many incompatible pairs each model calls compatible, by pair type.

    Args:
        counts: For each model, the false positives of each pair type at the validated threshold.
        incompatible: Number of incompatible pairs of each pair type: the most there can be.
    """
    names = largest(dict(incompatible))
    models, colours = list(counts), model_colours(counts)
    height = 0.8 / len(models)
    figure = new_figure(
        9,
        1.8 + (0.3 + 0.2 * len(models)) * len(names),
        "False positives by pair type at each model's validated threshold",
    )
    axes = figure.add_subplot()
    positions = np.arange(len(names))
    for index, model in enumerate(models):
        offsets = positions + (index - (len(models) - 1) / 2) * height
        values = [counts[model].get(name, 0) for name in names]
        axes.barh(offsets, values, height=0.9 * height, color=colours[model], label=literal(model))
        for offset, name, value in zip(offsets, names, values, strict=True):
            if incompatible[name]:
                axes.annotate(
                    f"{value:,}",
                    (value, offset),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=SMALL,
                )
    for position, name in zip(positions, names, strict=True):
        if not incompatible[name]:
            axes.annotate(
                "n/a (n=0)",
                (0, position),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=NO_DATA_COLOUR,
            )
    most = max(max(found.values(), default=0) for found in counts.values())
    axes.set_xlim(0, max(1.0, 1.12 * most))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_yticks(
        positions,
        [f"{wrapped(name)}\nn={incompatible[name]:,}" for name in names],
        fontsize=SMALL,
    )
    axes.invert_yaxis()
    axes.set_xlabel("Incompatible pairs called compatible (n: incompatible pairs of the type)")
    figure.legend(loc="outside lower center", ncols=max(len(models), 1), frameon=False)
    tidy(axes, grid="x")
    note_left_out(figure, len(names), len(incompatible), "pair types")
    return figure


def _as_number(found: GroupMargin | None, missing: float = np.nan) -> float:
    return missing if found is None or found.margin is None else found.margin


def _cell(found: GroupMargin | None) -> str:
    if found is None or found.margin is None:
        return f"n/a (n={0 if found is None else found.n:,})"
    return f"{found.margin:+.3f}\nn={found.n:,}"


def _bar_text(found: GroupMargin) -> str:
    if found.margin is not None:
        return f"{found.margin:+.3f} (n={found.n:,})"
    only = "compatible" if found.compatible else "incompatible"
    return f"n/a (n={found.n:,}, {only} only)"
