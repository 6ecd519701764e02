"""What fine-tuning cost: general language that was forgotten, and a space that collapsed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneproof.charts.intervals import (
    Estimate,
    draw_whisker,
    set_limits,
    write_beside,
    written,
)
from tuneproof.charts.palette import GUIDE_COLOUR, model_colours, model_hatches
from tuneproof.charts.style import BAR, literal, new_figure, note, tidy


class Retention(NamedTuple):
    """What is left of general language and of the space in one model.

    Attributes:
        general_spearman: Spearman correlation of cosine and grade on general-language pairs.
        n_general: Number of those pairs.
        unrelated_mean_cosine: Mean cosine of those whose texts are unrelated.
        n_unrelated: Number of those.
        effective_rank: Dimensions in use, in [1, dimensions].
        anisotropy: Mean cosine of two different eval texts.
        n_texts: Number of different eval texts.
        dimensions: Dimensions of the space.
    """

    general_spearman: Estimate
    n_general: int
    unrelated_mean_cosine: Estimate
    n_unrelated: int
    effective_rank: float | None
    anisotropy: float | None
    n_texts: int
    dimensions: int


def forgetting_chart(models: Mapping[str, Retention]) -> Figure:
    """Draw four figures of each model, with the first model's as a line.

    Args:
        models: The figures of each model; the first is what the others began as.
    """
    figure = new_figure(12, 2.6 + 0.7 * max(len(models), 2), "Forgetting and collapse")
    spearman, unrelated, rank, anisotropy = figure.subplots(2, 2, sharey=True).ravel()
    found = list(models.values())
    first = found[0]
    names = list(models)
    _draw_figure(spearman, names, [each.general_spearman for each in found], 3)
    spearman.set_title(
        f"Spearman on general-language pairs, n={first.n_general:,}\n"
        "lower than before: general language is forgotten"
    )
    _draw_figure(unrelated, names, [each.unrelated_mean_cosine for each in found], 3)
    unrelated.set_title(
        f"Mean cosine of unrelated general pairs, n={first.n_unrelated:,}\n"
        "higher than before: unrelated texts move together"
    )
    _draw_figure(rank, names, [Estimate(each.effective_rank, None) for each in found], 1)
    rank.set_title(
        f"Effective rank of the eval texts, n={first.n_texts:,}\n"
        f"lower than before: fewer of {first.dimensions:,} dimensions are in use"
    )
    _draw_figure(anisotropy, names, [Estimate(each.anisotropy, None) for each in found], 3)
    anisotropy.set_title(
        f"Mean cosine of two different eval texts, n={first.n_texts:,}\n"
        "higher than before: the space narrows to a cone"
    )
    for axes in (spearman, unrelated, rank, anisotropy):
        axes.title.set(fontsize=10)
    note(
        figure,
        f"Dotted: {literal(names[0])}. Whiskers and brackets: 95 % bootstrap intervals "
        "over the general-language pairs.",
    )
    return figure


def _draw_figure(
    axes: Axes, models: Sequence[str], estimates: Sequence[Estimate], digits: int
) -> None:
    colours, hatches = model_colours(models), model_hatches(models)
    positions = np.arange(len(models))
    axes.barh(
        positions,
        [estimate.value or 0.0 for estimate in estimates],
        height=0.66,
        color=[colours[model] for model in models],
        hatch=[hatches[model] for model in models],
        **BAR,
    )
    for position, estimate in enumerate(estimates):
        draw_whisker(axes, position, estimate.interval)
        write_beside(axes, position, estimate, written(estimate, digits))
    if estimates[0].value is not None:
        axes.axvline(estimates[0].value, color=GUIDE_COLOUR, linestyle=":", linewidth=1.2)
    axes.axvline(0, color="black", linewidth=0.8)
    set_limits(axes, estimates, share=0.27)
    axes.set_yticks(positions, [literal(model) for model in models])
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    tidy(axes, grid="x")
