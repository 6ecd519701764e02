"""May a cosine be read as a probability, once it is calibrated?"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tuneproof.charts.palette import GUIDE_COLOUR, model_colours, model_markers
from tuneproof.charts.style import legend_below, literal, new_figure, tidy


class Reliability(NamedTuple):
    """How well one model's probabilities agree with the eval pairs.

    Attributes:
        bins: (mean probability, share of compatible pairs, its interval, number of pairs) of each
            bin.
        brier_score: Mean squared error of the probabilities.
        expected_calibration_error: Mean distance of probability and share, over the bins.
    """

    bins: Sequence[tuple[float, float, tuple[float, float], int]]
    brier_score: float
    expected_calibration_error: float


def reliability_diagrams(models: Mapping[str, Reliability]) -> Figure:
    """Draw predicted probability against observed share, models side by side.

    Args:
        models: The bins and errors of each model.
    """
    figure = new_figure(
        0.8 + 3.7 * max(len(models), 2), 5.6, "Calibrated probabilities against the eval pairs"
    )
    row = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    colours, markers = model_colours(models), model_markers(models)
    for axes, (model, found) in zip(row, models.items(), strict=True):
        _draw_bins(axes, found, colours[model], markers[model])
        axes.set_title(
            f"{literal(model)}, {_bin_sizes(found)}\n"
            f"calibration error {found.expected_calibration_error:.3f}, "
            f"Brier score {found.brier_score:.3f}",
            fontsize=10,
        )
        axes.set_xlabel("Mean predicted probability")
    row[0].set_ylabel("Share of compatible pairs")
    legend_below(
        figure,
        [
            Line2D([], [], color=GUIDE_COLOUR, linestyle="--", label="perfectly calibrated"),
            Line2D([], [], color=GUIDE_COLOUR, linestyle=":", label="share among all eval pairs"),
        ],
        "Whiskers: 95 % Wilson intervals. They take pairs as independent: "
        "where pairs share texts, they are too narrow.",
        columns=2,
    )
    return figure


def _draw_bins(axes: Axes, found: Reliability, colour: str, marker: str) -> None:
    axes.plot([0, 1], [0, 1], color=GUIDE_COLOUR, linestyle="--", linewidth=1)
    probabilities, shares, _, sizes = (list(column) for column in zip(*found.bins, strict=True))
    axes.axhline(np.average(shares, weights=sizes), color=GUIDE_COLOUR, linestyle=":", linewidth=1)
    for probability, _, interval, _ in found.bins:
        axes.plot(
            (probability, probability),
            interval,
            color=colour,
            linewidth=1.2,
            marker="_",
            gid="interval",
        )
    axes.plot(
        probabilities,
        shares,
        linestyle="",
        marker=marker,
        markersize=8,
        color=colour,
        markeredgecolor="white",
        gid="bins",
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    tidy(axes, grid="both")


def _bin_sizes(found: Reliability) -> str:
    sizes = [size for *_, size in found.bins]
    low, high = min(sizes), max(sizes)
    return f"n={sum(sizes):,}, {low:,}{f' to {high:,}' if high > low else ''} a bin"
