"""Where a model does well and where it fails: by category, by pair type, by subset."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from tuneproof.charts.fitting import largest
from tuneproof.charts.palette import shade
from tuneproof.comparison.wording import figure, signed, with_span
from tuneproof.measurement.records import SUBSETS, GroupMetrics
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.figures.style import (
    Dot,
    Part,
    at,
    axis,
    dots,
    escaped,
    guide,
    left_out_note,
    model_looks,
    names_axis,
    new_figure,
    not_available,
    panel_title,
    wrapped,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_Groups = Mapping[str, GroupMetrics]

# From orange to blue, as the labels, over a grey that is neither; light enough for dark text.
_DIVERGING: Final = [[0, "#f2a97c"], [0.5, "#f2f2f2"], [1, "#7fbbe0"]]
_ON_CELLS: Final = "#222222"
# Margins below this stay pale, also where no group has a larger one.
_LEAST_REACH: Final = 0.2
_NAME_WIDTH, _NAME_LINES = 18, 3
_CELL_HEIGHT = 44
_NARROW_ANGLE = -30  # of the models' names, which are wider than a cell there
_BAR_HEIGHT = 18
_ROW_HEIGHT = 22


class _Scale(NamedTuple):
    """A figure of a group, and the values at both ends of its colours; grey lies between them."""

    field: str
    name: str
    low: float
    high: float


class _Cell(NamedTuple):
    """The value whose colour a figure gets, what is written on it, and what is said of it."""

    value: float | None
    text: str
    hover: str


def group_heatmap(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw AUC and margin of each category and pair type, model by model.

    Both figures stand side by side, on a narrow screen one below the other: nothing has to be
    switched to be seen, printed, or reached by keyboard.
    """
    metrics = {model: found.metrics for model, found in evidence.items()}
    tables: dict[str, dict[str, _Groups]] = {
        "category": {model: each.category_metrics for model, each in metrics.items()},
        "pair type": {model: each.pair_type_metrics for model, each in metrics.items()},
    }
    margins = [
        group.compatibility_margin or 0.0
        for table in tables.values()
        for groups in table.values()
        for group in groups.values()
    ]
    reach = max(_LEAST_REACH, *map(abs, margins))
    scales = (
        _Scale("auc_roc", "AUC", 0.0, 1.0),
        _Scale("compatibility_margin", "Margin", -reach, reach),
    )
    traces: list[Part] = []
    heights: list[int] = []
    layout: Part = {"annotations": []}
    for grouping, table in tables.items():
        sizes = {name: group.n for name, group in next(iter(table.values())).items()}
        names = largest(sizes)
        note = left_out_note(len(names), len(sizes))
        for scale in scales:
            panel = len(heights)
            heights.append(_CELL_HEIGHT * len(names))
            traces += _cells(panel, table, names, scale)
            layout["annotations"].append(panel_title(panel, f"{scale.name} by {grouping}{note}"))
            layout[axis("x", panel)] = {
                "tickmode": "array",
                "tickvals": list(range(len(table))),
                "ticktext": [wrapped(model, _NAME_WIDTH, 1) for model in table],
                "showgrid": False,
                "zeroline": False,
            }
            layout[axis("y", panel)] = names_axis(
                [wrapped(name, _NAME_WIDTH, _NAME_LINES) for name in names]
            )
    wide: Part = {}
    narrow: Part = {}
    for panel in range(len(heights)):
        names_shown, angle = f"{axis('y', panel)}.showticklabels", f"{axis('x', panel)}.tickangle"
        wide |= {names_shown: panel % 2 == 0, angle: 0}
        narrow |= {names_shown: True, angle: _NARROW_ANGLE}
    return new_figure(traces, heights, 2, wide=wide, narrow=narrow, **layout)


def _cells(
    panel: int, table: Mapping[str, _Groups], names: Sequence[str], scale: _Scale
) -> list[Part]:
    """Draw the cells, and write 'n/a' where there is none, in the page's own colour."""
    cells = [[_cell(model, name, table[model][name], scale) for model in table] for name in names]
    missing = [
        (row, column, cell)
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
        if cell.value is None
    ]
    both: Part = {"hoverinfo": "text", "showlegend": False, **at(panel)}
    return [
        {
            **both,
            "type": "heatmap",
            "z": [[cell.value for cell in line] for line in cells],
            "text": [["" if cell.value is None else cell.text for cell in line] for line in cells],
            "texttemplate": "%{text}",
            "textfont": {"size": 11, "color": _ON_CELLS},
            "hovertext": [[cell.hover for cell in line] for line in cells],
            "hoverongaps": False,
            "colorscale": _DIVERGING,
            "zmin": scale.low,
            "zmax": scale.high,
            "showscale": False,
            "xgap": 2,
            "ygap": 2,
        },
        {
            **both,
            "type": "scatter",
            "mode": "text",
            "x": [column for _, column, _ in missing],
            "y": [row for row, _, _ in missing],
            "text": [cell.text for *_, cell in missing],
            "textfont": {"size": 11},
            "hovertext": [cell.hover for *_, cell in missing],
        },
    ]


def _cell(model: str, name: str, group: GroupMetrics, scale: _Scale) -> _Cell:
    value: float | None = getattr(group, scale.field)
    wording = signed if scale.low < 0 else figure
    return _Cell(
        _shade(group, scale.field, (scale.low + scale.high) / 2),
        f"{wording(value, 3)}<br>{group.compatible:,}+{group.incompatible:,}",
        f"{escaped(name)}<br>{escaped(model)}: {scale.name} "
        f"{with_span(value, group.intervals.get(scale.field))}<br>"
        f"{group.compatible:,} compatible, {group.incompatible:,} incompatible pairs",
    )


def _shade(group: GroupMetrics, field: str, neutral: float) -> float | None:
    return shade(getattr(group, field), group.intervals.get(field), neutral)


def false_positives(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw how many incompatible pairs of each type each model calls compatible.

    Each model decides at its validated threshold. The type with the most errors stands first; types
    without incompatible pairs are left out.
    """
    groups = next(iter(evidence.values())).metrics.pair_type_metrics
    possible = {name: group.incompatible for name, group in groups.items() if group.incompatible}
    counts = {model: found.metrics.false_positive_counts for model, found in evidence.items()}
    names = sorted(
        largest(possible), key=lambda name: (-sum(each[name] for each in counts.values()), name)
    )
    traces: list[Part] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [counts[model][name] for name in names],
            "y": list(range(len(names))),
            "marker": {
                "color": look.colour,
                "pattern": {
                    "shape": look.pattern,
                    "size": 6,
                    "solidity": 0.2,
                    "fillmode": "overlay",
                },
            },
            "text": [f"{counts[model][name]:,}" for name in names],
            "textposition": "outside",
            "cliponaxis": False,
            "name": escaped(model),
            "hoverinfo": "text",
            "hovertext": [
                f"{escaped(name)}<br>{escaped(model)}: {counts[model][name]:,} of "
                f"{possible[name]:,} incompatible pairs<br>share "
                + with_span(
                    counts[model][name] / possible[name],
                    evidence[model]
                    .metrics.pair_type_metrics[name]
                    .intervals.get("false_positive_rate"),
                )
                for name in names
            ],
        }
        for model, look in model_looks(evidence).items()
    ]
    note = f"n: incompatible pairs of the type{left_out_note(len(names), len(possible))}"
    return new_figure(
        traces,
        [(_ROW_HEIGHT + _BAR_HEIGHT * len(evidence)) * len(names)],
        barmode="group",
        below=("Incompatible pairs called compatible", note),
        xaxis={"rangemode": "tozero"},
        yaxis=names_axis(
            [f"{wrapped(name, _NAME_WIDTH, _NAME_LINES)}<br>n={possible[name]:,}" for name in names]
        ),
    )


def subsets(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw the AUC of each subset of the eval pairs, with its interval, and the chance line."""
    known = next(iter(evidence.values())).metrics.subsets
    step = 0.8 / len(evidence)
    traces: list[Part] = []
    annotations: list[Part] = []
    for number, (model, look) in enumerate(model_looks(evidence).items()):
        shift = (number - (len(evidence) - 1) / 2) * step
        points = []
        for position, name in enumerate(known):
            found = evidence[model].metrics.subsets[name]
            interval = found.intervals.get("auc_roc")
            described = (
                f"{SUBSETS[name]}<br>{escaped(model)}: AUC {with_span(found.auc_roc, interval)}"
            )
            points.append(Dot(position + shift, found.auc_roc, interval, described))
            if found.auc_roc is None:
                annotations.append(not_available(0, position + shift, f"{escaped(model)}: n/a"))
        traces += dots(0, look, points, escaped(model))
    names = [
        f"{wrapped(name, _NAME_WIDTH, _NAME_LINES)}<br>"
        f"n={group.n:,} ({group.compatible:,}+{group.incompatible:,})"
        for name, group in known.items()
    ]
    return new_figure(
        traces,
        [(_ROW_HEIGHT + _BAR_HEIGHT * len(evidence)) * len(known)],
        shapes=[guide(0, 0.5)],
        annotations=annotations,
        below=(
            "AUC",
            "Bars: 95 % intervals, where the pairs suffice for one. Upright line: chance. In "
            "brackets: compatible + incompatible pairs.",
        ),
        xaxis={"zeroline": False},
        yaxis=names_axis(names),
    )
