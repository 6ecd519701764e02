"""What all interactive figures share: looks, texts from the user's data, places of the panels.

Figures bring no title, template, background or font: the page sets them, for light and for dark.
Traces are plain dictionaries as plotly.js reads them; `new_figure` has plotly validate them.
"""

import html
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tuneproof.charts.fitting import largest_of, lines_of
from tuneproof.charts.palette import (
    LABEL_HATCHES,
    model_colours,
    model_hatches,
    model_line_styles,
    model_markers,
)
from tuneproof.metrics.uncertainty import Interval

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Part = dict[str, Any]
"""A trace, shape, annotation or layout, as plotly.js reads it."""

GUIDE_COLOUR: Final = "#808080"
"""Of thresholds, chance lines and the like: it stands out from a light and from a dark page."""

_DASHES = {"solid": "solid", "dashed": "dash", "dashdot": "dashdot", "dotted": "dot"}
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
}
_PATTERNS = {"": "", "///": "/", "...": ".", "xxx": "x", "\\\\\\": "\\", "++": "+"}
# Characters that stand beside long names on a narrow screen.
_LINE_WIDTH, _TITLE_LINES = 32, 2
_WIDE_LINE_WIDTH = 110

# In pixels, but for the gutter: a share of the width.
_GUTTER = 0.09
_BETWEEN_ROWS = 72
_TOP = 40
_BOTTOM = 56
_LEGEND_ROW = 22
_ENTRIES_IN_A_WIDE_ROW = 3


class Look(NamedTuple):
    """How a model is drawn, as plotly names it: no two models differ by colour alone."""

    colour: str
    dash: str
    symbol: str
    pattern: str


def model_looks(models: Iterable[str]) -> dict[str, Look]:
    """Give each model the looks that it has in the charts too."""
    names = list(models)
    colours, styles = model_colours(names), model_line_styles(names)
    markers, hatches = model_markers(names), model_hatches(names)
    return {
        name: Look(
            colours[name],
            _DASHES[styles[name]],
            _SYMBOLS[markers[name]],
            _PATTERNS[hatches[name]],
        )
        for name in names
    }


def label_pattern(label: int) -> str:
    """Return the pattern of a label's bars."""
    return _PATTERNS[LABEL_HATCHES[label]]


def faded(colour: str, opacity: float) -> str:
    """Return a colour such as `#0072B2` with an opacity in [0, 1]."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgba({red},{green},{blue},{opacity})"


def escaped(text: str) -> str:
    """Write a text so that plotly shows it as it is, on one line; what is unseen is spelt out.

    plotly reads tags and entities in all texts: `<b>`, `<a href>`, `&lt;`.
    """
    return html.escape(_one_line(text), quote=False)


def wrapped(text: str, width: int, lines: int) -> str:
    """Break a text, and cut out what needs more lines (see `lines_of`).

    Args:
        text: A text from the user's data.
        width: Most characters on a line.
        lines: Most lines.

    Returns:
        The lines as plotly is to show them (see `escaped`).
    """
    return "<br>".join(map(escaped, lines_of(_one_line(text), width, lines)))


def _with_note(title: str, note: str, width: int) -> str:
    return "<br>".join(line for text in (title, note) for line in textwrap.wrap(text, width))


def numbers(values: npt.ArrayLike | Sequence[float | None]) -> list[float | None]:
    """Round values to five significant digits; None where one is not finite."""
    return [
        float(f"{value:.5g}") if np.isfinite(value) else None
        for value in np.asarray(values, dtype=np.float64).tolist()
    ]


def axis(letter: str, panel: int) -> str:
    """Name an axis of a panel, from 0, as a layout does: xaxis, xaxis2."""
    return f"{letter}axis{panel + 1 if panel else ''}"


def at(panel: int) -> dict[str, str]:
    """Name the axes of a panel as its traces do: x2 and y2."""
    return {f"{letter}axis": axis(letter, panel).replace("axis", "") for letter in ("x", "y")}


def panel_title(panel: int, text: str) -> Part:
    """Write a text above a panel, in two lines where a narrow screen has no room for one."""
    return {
        "text": wrapped(text, _LINE_WIDTH, _TITLE_LINES),
        "showarrow": False,
        **_domain(panel),
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "font": {"size": 13},
    }


def not_available(panel: int, position: float, text: str) -> Part:
    """Write what is undefined at its position on the y-axis, at the left edge of the panel."""
    return {
        "text": text,
        "showarrow": False,
        "xref": _domain(panel)["xref"],
        "yref": at(panel)["yaxis"],
        "x": 0.01,
        "y": position,
        "xanchor": "left",
        "font": {"size": 11},
    }


def guide(panel: int, x: float) -> Part:
    """Draw a line from the bottom to the top of a panel."""
    return {
        "type": "line",
        "layer": "below",
        "xref": at(panel)["xaxis"],
        "yref": _domain(panel)["yref"],
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": GUIDE_COLOUR, "width": 1.5},
    }


class Dot(NamedTuple):
    """A figure on its interval.

    Attributes:
        position: On the y-axis.
        value: Undefined figures are not drawn.
        interval: Its 95 % interval.
        hover: What is said of it.
    """

    position: float
    value: float | None
    interval: Interval | None
    hover: str


def dots(panel: int, look: Look, points: Sequence[Dot], name: str | None = None) -> list[Part]:
    """Draw figures as points on their 95 % intervals; with a name they stand in the legend.

    The interval is a line of its own, not an error bar: it need not hold the point.
    """
    drawn = [point for point in points if point.value is not None]
    spans = [(each.position, each.interval) for each in drawn if each.interval is not None]
    both: Part = {"type": "scatter", **at(panel), **({"legendgroup": name} if name else {})}
    return [
        {
            **both,
            "mode": "lines+markers",
            "x": [end for _, interval in spans for end in (*numbers(interval), None)],
            "y": [end for position, _ in spans for end in (position, position, None)],
            "line": {"color": look.colour, "width": 2},
            "marker": {"symbol": "line-ns-open", "size": 9, "line": {"width": 2}},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {
            **both,
            "mode": "markers",
            "x": numbers([each.value for each in drawn]),
            "y": [each.position for each in drawn],
            "marker": {"color": look.colour, "symbol": look.symbol, "size": 10},
            "hoverinfo": "text",
            "hovertext": [each.hover for each in drawn],
            "name": name,
            "showlegend": name is not None,
        },
    ]


def legend_mark(name: str, symbol: str, colour: str) -> Part:
    """Explain a mark in the legend, beside what is drawn."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "marker": {"color": colour, "symbol": symbol, "size": 10},
        "name": name,
    }


def names_axis(names: Sequence[str]) -> Part:
    """Describe a y-axis whose positions 0, 1, ... have these names, from top to bottom.

    Names are no categories of plotly: two that look alike once cut off would fall together.
    """
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        "zeroline": False,
    }


def left_out_note(shown: int, everything: int) -> str:
    """Say that a figure shows the largest groups alone; nothing where it shows all."""
    told = largest_of(shown, everything)
    return f", {told}" if told else ""


def new_figure(
    traces: Sequence[Part],
    heights: Sequence[int],
    columns: int = 1,
    *,
    below: tuple[str, str] | None = None,
    wide: Part | None = None,
    narrow: Part | None = None,
    **layout: Any,
) -> "Figure":
    """Make a figure whose panels stand in rows, and say how they stand on a narrow screen.

    Args:
        traces: What is drawn.
        heights: Height of each panel in pixels.
        columns: Panels in a row of a wide screen; a narrow one has one below the other.
        below: Title of the first panel's x axis, and a note of plain words under it.
        wide: What else differs on a wide screen, such as `{"yaxis2.showticklabels": False}`.
        narrow: The same of a narrow screen.
        layout: Axes by name, shapes, annotations and the like.

    Returns:
        A figure laid out for a wide screen. `layout.meta` holds `wide` and `narrow`, updates that
        `Plotly.relayout` takes, for the page to change from one to the other.
    """
    from plotly.graph_objects import Figure
    from plotly.graph_objs.layout import Template

    entries = sum(trace.get("showlegend", True) for trace in traces)
    places = {
        "wide": _places(heights, columns, -(-entries // _ENTRIES_IN_A_WIDE_ROW)) | (wide or {}),
        "narrow": _places(heights, 1, entries) | (narrow or {}),
    }
    if below is not None:
        for place, line_width in (("wide", _WIDE_LINE_WIDTH), ("narrow", _LINE_WIDTH)):
            places[place]["xaxis.title.text"] = _with_note(*below, line_width)
    axes = {
        axis(letter, panel): {
            "anchor": at(panel)[f"{other}axis"],
            "automargin": True,
            "nticks": 6,
            "tickangle": 0,
            "ticks": "",
            "title": {"font": {"size": 13}, "standoff": 6},
        }
        for panel in range(len(heights))
        for letter, other in (("x", "y"), ("y", "x"))
    }
    figure = Figure(
        data=list(traces),
        layout={
            "template": Template(),
            "autosize": True,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"t": _TOP, "r": 12, "b": 8, "l": 8},
            "hoverlabel": {"align": "left"},
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "bottom",
                "yref": "container",
            },
            "meta": places,
            **axes,
        },
    )
    figure.update_layout(layout)
    figure.update_layout({name.replace(".", "_"): value for name, value in places["wide"].items()})
    return figure


def _places(heights: Sequence[int], columns: int, legend_rows: int) -> Part:
    """Return the height of a figure and the domains of its axes, by the names of `relayout`."""
    rows = [heights[start : start + columns] for start in range(0, len(heights), columns)]
    room = sum(max(row) for row in rows) + _BETWEEN_ROWS * (len(rows) - 1)
    width = (1 - _GUTTER * (columns - 1)) / columns
    places: Part = {"height": _TOP + room + _BOTTOM + _LEGEND_ROW * legend_rows}
    top, panel = room, 0
    for row in rows:
        for column, height in enumerate(row):
            left = column * (width + _GUTTER)
            places[f"{axis('x', panel)}.domain"] = [round(left, 4), round(left + width, 4)]
            places[f"{axis('y', panel)}.domain"] = [
                round((top - height) / room, 4),
                round(top / room, 4),
            ]
            panel += 1
        top -= max(row) + _BETWEEN_ROWS
    return places


def _domain(panel: int) -> Part:
    own = at(panel)
    return {"xref": f"{own['xaxis']} domain", "yref": f"{own['yaxis']} domain"}


def _one_line(text: str) -> str:
    seen = "".join(
        character if character.isprintable() or character.isspace() else ascii(character)[1:-1]
        for character in text
    )
    return " ".join(seen.split())
