"""Charts of where a model does well and where it fails: by category and by pair type."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tuneproof.charts.fitting import largest
from tuneproof.charts.intervals import (
    INTERVALS_NOTE,
    Estimate,
    Interval,
    draw_whisker,
    set_limits,
    write_beside,
    written,
)
from tuneproof.charts.palette import model_colours, model_hatches, shade
from tuneproof.charts.style import (
    BAR,
    SMALL,
    left_out,
    legend_below,
    literal,
    new_figure,
    note,
    tidy,
    wrapped,
)

_LEAST_REACH = 0.05
"""Margins up to here do not fill a chart, however small all others are."""

_CHARACTER = 0.0115
"""Share of the width of a chart's axes that a character beside a bar takes."""


class GroupMargin(NamedTuple):
    """The compatibility margin of one group of pairs.

    Attributes:
        margin: Mean cosine of the compatible pairs minus that of the incompatible ones; None
            where a label is missing.
        compatible: Number of pairs with label 1.
        incompatible: Number of pairs with label 0.
        interval: 95 % interval of the margin.
    """

    margin: float | None
    compatible: int
    incompatible: int
    interval: Interval

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.compatible + self.incompatible

    @property
    def sizes(self) -> str:
        """Number of compatible and of incompatible pairs: the fewer decide how sure a margin is."""
        return f"n={self.compatible:,}+{self.incompatible:,}"

    @property
    def estimate(self) -> Estimate:
        """The margin with its interval."""
        return Estimate(self.margin, self.interval)


class FalsePositives(NamedTuple):
    """The incompatible pairs of one pair type that a model calls compatible.

    Attributes:
        wrong: Number of them, at the model's validated threshold.
        incompatible: Number of incompatible pairs of the type: the most there can be.
        rate_interval: 95 % interval of their share, in [0, 1].
    """

    wrong: int
    incompatible: int
    rate_interval: Interval

    @property
    def estimate(self) -> Estimate:
        """Their number with the interval of the share times the incompatible pairs there are."""
        if not self.incompatible:
            return Estimate(None, None)
        if self.rate_interval is None:
            return Estimate(self.wrong, None)
        low, high = self.rate_interval
        return Estimate(self.wrong, (low * self.incompatible, high * self.incompatible))


def category_margins(margins: Mapping[str, Mapping[str, GroupMargin]]) -> Figure:
    """Draw the margin of each category and model as a heatmap around 0.

    Args:
        margins: For each model, the margin of each category; categories as in the first model.
    """
    models = list(margins)
    sizes = {name: found.n for name, found in margins[models[0]].items()}
    names = largest(sizes)
    table = np.array(
        [[_shade(margins[model].get(name)) for model in models] for name in names],
        dtype=np.float64,
    )
    texts = np.array([[_cell(margins[model].get(name)) for model in models] for name in names])
    figure = new_figure(
        3.8 + 1.9 * max(len(models), 2),
        2.1 + 0.55 * len(names),
        "Compatibility margin by category",
    )
    axes = figure.add_subplot()
    axes.patch.set(facecolor="white", hatch="//", edgecolor="#d0d0d0", linewidth=0)
    known = [
        found.margin
        for each in margins.values()
        for name in names
        if (found := each.get(name)) and found.margin is not None
    ]
    reach = float(np.abs(known).max(initial=0.0)) or 1.0
    sns.heatmap(
        np.nan_to_num(table),
        mask=np.isnan(table),
        annot=texts,
        fmt="",
        annot_kws={"fontsize": SMALL, "color": "black"},
        vmin=-reach,
        vmax=reach,
        cmap=sns.diverging_palette(40, 262, s=90, l=62, as_cmap=True),
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
    note(
        figure,
        "Brackets: 95 % bootstrap intervals over groups of pairs. Only a margin whose interval\n"
        "leaves out 0 is coloured; where groups are too few, there is none.",
        left_out(len(names), len(sizes), "categories"),
    )
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
    figure = new_figure(
        9.5, 1.9 + 0.46 * len(names), f"Compatibility margin by {grouping}: {literal(model)}"
    )
    axes = figure.add_subplot()
    positions = np.arange(len(names))
    axes.barh(
        positions,
        [_as_number(margins[name], missing=0.0) for name in names],
        height=0.65,
        color=model_colours([model])[model],
        hatch=model_hatches([model])[model],
        **BAR,
    )
    texts = [_bar_text(margins[name]) for name in names]
    for position, (name, text) in enumerate(zip(names, texts, strict=True)):
        draw_whisker(axes, position, margins[name].interval)
        write_beside(axes, position, margins[name].estimate, text)
    axes.axvline(0, color="black", linewidth=0.8)
    share = min(_CHARACTER * max(map(len, texts), default=0), 0.45)
    set_limits(axes, [margins[name].estimate for name in names], share)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -_LEAST_REACH), max(high, _LEAST_REACH))
    axes.set_yticks(positions, [wrapped(name) for name in names], fontsize=SMALL)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("Mean cosine, compatible minus incompatible")
    tidy(axes, grid="x")
    note(figure, INTERVALS_NOTE, left_out(len(names), len(margins), f"groups by {grouping}"))
    return figure


def false_positives(counts: Mapping[str, Mapping[str, FalsePositives]]) -> Figure:
    """Draw how many incompatible pairs each model calls compatible, by pair type.

    Args:
        counts: For each model, the false positives of each pair type; pair types, and numbers of
            incompatible pairs, as in the first model.
    """
    models = list(counts)
    sizes = {name: found.incompatible for name, found in counts[models[0]].items()}
    names = largest(sizes)
    height = 0.84 / len(models)
    figure = new_figure(
        9.5,
        2.2 + (0.3 + 0.22 * len(models)) * len(names),
        "False positives by pair type at each model's validated threshold",
    )
    axes = figure.add_subplot()
    positions = np.arange(len(names))
    colours, hatches = model_colours(models), model_hatches(models)
    every = axes.barh(
        positions,
        [sizes[name] for name in names],
        height=0.9,
        color="#f0f0f0",
        edgecolor="#b0b0b0",
        label="all n",
    )
    drawn: list[BarContainer] = []
    for index, model in enumerate(models):
        offsets = positions + (index - (len(models) - 1) / 2) * height
        found = [counts[model][name] for name in names]
        drawn.append(
            axes.barh(
                offsets,
                [each.wrong for each in found],
                height=0.86 * height,
                color=colours[model],
                hatch=hatches[model],
                label=literal(model),
                **BAR,
            )
        )
        for offset, each in zip(offsets, found, strict=True):
            if each.incompatible:
                draw_whisker(axes, offset, each.estimate.interval)
                write_beside(axes, offset, each.estimate, f"{each.wrong:,}")
    for position, name in enumerate(names):
        if not sizes[name]:
            write_beside(axes, position, Estimate(None, None), "n/a (n=0)")
    axes.set_xlim(0, 1.08 * max(1, *sizes.values()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_yticks(
        positions, [f"{wrapped(name)}\nn={sizes[name]:,}" for name in names], fontsize=SMALL
    )
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("Incompatible pairs called compatible (n: incompatible pairs of the type)")
    tidy(axes, grid="x")
    legend_below(
        figure,
        [*drawn, every],
        "Whiskers: 95 % bootstrap intervals of the rate, over groups of pairs, times n; "
        "none where groups are too few or all resamples agree.",
        left_out(len(names), len(sizes), "pair types"),
        columns=min(len(models) + 1, 5),
    )
    return figure


def _as_number(found: GroupMargin | None, missing: float) -> float:
    return missing if found is None or found.margin is None else found.margin


def _shade(found: GroupMargin | None) -> float:
    value = None if found is None else shade(found.margin, found.interval, 0.0)
    return np.nan if value is None else value


def _cell(found: GroupMargin | None) -> str:
    if found is None or found.margin is None:
        return f"n/a ({'n=0' if found is None else found.sizes})"
    if found.interval is None:
        return f"{found.margin:+.3f} ({found.sizes})"
    low, high = found.interval
    return f"{found.margin:+.3f} ({found.sizes})\n[{low:+.3f}, {high:+.3f}]"


def _bar_text(found: GroupMargin) -> str:
    if found.margin is not None:
        return f"{written(found.estimate, 3, sign=True)} ({found.sizes})"
    only = "compatible" if found.compatible else "incompatible"
    return f"n/a ({found.sizes}, {only} only)"
