"""One look for all charts: sizes, frames, notes, and texts that come from the user's data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tuneproof.charts.fitting import largest_of, lines_of
from tuneproof.charts.palette import GUIDE_COLOUR

DPI: Final = 150
SMALL: Final = 9
BAR: Final[Mapping[str, Any]] = {"edgecolor": "white", "linewidth": 0}
"""What all bars of models have in common; the edge's colour is that of the hatch."""


def new_figure(width: float, height: float, title: str) -> Figure:
    """Make an empty figure with a title, in inches."""
    layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")
    figure.suptitle(title, fontsize=13, fontweight="bold")
    return figure


def empty_figure(title: str, message: str) -> Figure:
    """Make a figure that says why there is nothing to draw."""
    figure = new_figure(8, 2.5, title)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, message, ha="center", va="center", fontsize=12, transform=axes.transAxes)
    return figure


def tidy(axes: Axes, *, grid: Literal["x", "y", "both"] | None = None) -> None:
    """Take the frame's upper and right side away, and lay a light grid under the data."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid is not None:
        axes.grid(axis=grid, color="#d9d9d9", linewidth=0.7)
        axes.set_axisbelow(True)


def literal(text: str) -> str:
    """Write a text so that matplotlib shows it as it is: one line, no mathtext, nothing unseen."""
    seen = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(seen.split()).replace("$", r"\$")


def wrapped(name: str, width: int = 24, lines: int = 2) -> str:
    """Break a long name after spaces, underscores and hyphens; shorten what is longer still.

    Args:
        name: A name from the user's data.
        width: Most characters on a line.
        lines: Most lines; a name that needs more loses its middle.

    Returns:
        The name as matplotlib is to show it (see `literal`).
    """
    return "\n".join(map(literal, lines_of(" ".join(name.split()), width, lines)))


def left_out(shown: int, everything: int, what: str) -> str:
    """Say that a chart shows only the largest groups; nothing where it shows all."""
    told = largest_of(shown, everything)
    return f"{told.capitalize()} {what}; the report's tables hold all of them." if told else ""


def note(figure: Figure, *sentences: str) -> None:
    """Write the sentences that are not empty below a chart, one a line."""
    if text := "\n".join(filter(None, sentences)):
        figure.supxlabel(text, fontsize=SMALL, color=GUIDE_COLOUR)


def legend_below(
    figure: Figure, handles: Sequence[Artist | BarContainer], *sentences: str, columns: int
) -> None:
    """Put one legend below all axes, under the sentences that are not empty, one a line.

    The layout makes no room for a legend there and a `note`: they would cover each other.
    """
    legend = figure.legend(
        handles=[*handles],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title="\n".join(filter(None, sentences)) or None,
        title_fontproperties={"size": SMALL},
    )
    legend.get_title().set(color=GUIDE_COLOUR, multialignment="center")


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 pair, 2 pairs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
