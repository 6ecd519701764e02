"""Does the AUC hold on the pairs that are fit to judge it?"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tuneproof.charts.intervals import (
    INTERVALS_NOTE,
    Estimate,
    draw_whisker,
    write_beside,
    written,
)
from tuneproof.charts.palette import GUIDE_COLOUR, model_colours, model_markers
from tuneproof.charts.style import SMALL, legend_below, literal, new_figure, tidy, wrapped

CHANCE = 0.5


class SubsetAuc(NamedTuple):
    """The AUC of one model on a subset of the eval pairs.

    Attributes:
        auc: Area under the ROC curve; None where a label is missing.
        compatible: Number of pairs of the subset with label 1.
        incompatible: Number of them with label 0.
    """

    auc: Estimate
    compatible: int
    incompatible: int


def subset_aucs(subsets: Mapping[str, Mapping[str, SubsetAuc]]) -> Figure:
    """Draw the AUC of each model on each subset of the eval pairs, with chance as a line.

    Args:
        subsets: For each model, its AUC on each subset; subsets, and numbers of pairs, as in the
            first model.
    """
    models = list(subsets)
    sizes = subsets[models[0]]
    figure = new_figure(
        9.5, 2.2 + (0.25 + 0.25 * len(models)) * len(sizes), "AUC by subset of the eval pairs"
    )
    axes = figure.add_subplot()
    chance = axes.axvline(
        CHANCE, color=GUIDE_COLOUR, linestyle=":", linewidth=1, label="chance: 0.5"
    )
    drawn: list[Line2D] = []
    colours, markers = model_colours(models), model_markers(models)
    positions = np.arange(len(sizes))
    lowest = CHANCE
    for index, model in enumerate(models):
        offsets = positions + (index - (len(models) - 1) / 2) * 0.8 / len(models)
        found = [subsets[model][name].auc for name in sizes]
        for offset, auc in zip(offsets, found, strict=True):
            draw_whisker(axes, offset, auc.interval)
            # Where there is nothing to draw, 'n/a' stands at chance.
            beside = auc if auc.value is not None else Estimate(CHANCE, None)
            write_beside(axes, offset, beside, written(auc, 3))
            lowest = min(lowest, auc.value or CHANCE, *(auc.interval or ()))
        drawn += axes.plot(
            [np.nan if auc.value is None else auc.value for auc in found],
            offsets,
            linestyle="",
            marker=markers[model],
            markersize=8,
            color=colours[model],
            markeredgecolor="white",
            label=literal(model),
            zorder=4.5,
        )
    axes.set_xlim(lowest - 0.05, 1 + 0.25 * (1.05 - lowest))
    axes.set_xticks([tick for tick in np.linspace(0, 1, 11) if tick >= lowest - 0.05])
    axes.set_yticks(
        positions,
        [
            f"{wrapped(name)}\nn={each.compatible:,}+{each.incompatible:,}"
            for name, each in sizes.items()
        ],
        fontsize=SMALL,
    )
    axes.set_ylim(len(sizes) - 0.5, -0.5)
    axes.set_xlabel("AUC (n: compatible + incompatible pairs)")
    tidy(axes, grid="x")
    legend_below(figure, [*drawn, chance], INTERVALS_NOTE, columns=min(len(models) + 1, 5))
    return figure
