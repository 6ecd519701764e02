"""Figures with their 95 % intervals: how they are drawn, and how they are written."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from tuneproof.charts.palette import NO_DATA_COLOUR
from tuneproof.charts.style import SMALL

Interval = tuple[float, float] | None
"""Lower and upper end; None where resampling shows none."""

INTERVALS_NOTE: Final = (
    "Whiskers, brackets: 95 % bootstrap intervals over groups of pairs;\n"
    "none where groups are too few or all resamples agree."
)


class Estimate(NamedTuple):
    """A figure with its interval.

    Attributes:
        value: The figure; None where it is undefined.
        interval: Its 95 % interval, which need not hold the figure: percentiles of resamples.
    """

    value: float | None
    interval: Interval


def written(estimate: Estimate, digits: int, *, sign: bool = False) -> str:
    """Write a figure with its interval in brackets: `0.652 [0.576, 0.726]`, or `n/a`."""
    shape = f"{'+' if sign else ''}.{digits}f"
    if estimate.value is None:
        return "n/a"
    figure = f"{estimate.value:{shape}}"
    if estimate.interval is None:
        return figure
    low, high = estimate.interval
    return f"{figure} [{low:{shape}}, {high:{shape}}]"


def draw_whisker(axes: Axes, position: float, interval: Interval) -> None:
    """Draw an interval along x, with a white rim that keeps it visible on a bar of any colour."""
    if interval is None:
        return
    axes.plot(
        interval,
        (position, position),
        color="black",
        linewidth=1.3,
        marker="|",
        markersize=7,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        zorder=4,
        gid="interval",
    )


def write_beside(axes: Axes, position: float, estimate: Estimate, text: str) -> None:
    """Write a text beyond the end of a bar along x and of its whisker."""
    ends = _ends(estimate)
    below = (estimate.value or 0.0) < 0
    axes.annotate(
        text,
        (min(ends) if below else max(ends), position),
        xytext=(-7 if below else 7, 0),
        textcoords="offset points",
        ha="right" if below else "left",
        va="center",
        fontsize=SMALL,
        color="black" if estimate.value is not None else NO_DATA_COLOUR,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        zorder=5,
    )


def set_limits(axes: Axes, estimates: Iterable[Estimate], share: float) -> None:
    """Make room along x for bars from 0, their whiskers, and the texts beside them.

    Args:
        axes: Where they are drawn.
        estimates: What is drawn, at least one.
        share: Part of the width that the longest text takes, in (0, 0.5).
    """
    drawn = list(estimates)
    ends = [end for estimate in drawn for end in _ends(estimate)]
    negative = any((estimate.value or 0.0) < 0 for estimate in drawn)
    positive = any((estimate.value or 0.0) >= 0 for estimate in drawn)
    span = (max(ends) - min(ends)) or 1.0
    room = span * share / (1 - share * (negative + positive))
    axes.set_xlim(
        min(ends) - (room if negative else 0.02 * span * (min(ends) < 0)),
        max(ends) + (room if positive else 0.02 * span),
    )


def _ends(estimate: Estimate) -> tuple[float, ...]:
    return (0.0, estimate.value or 0.0, *(estimate.interval or ()))
