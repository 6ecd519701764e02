"""Where the pairs lie: their cosines by label, and their texts in the plane."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tuneproof.charts.fitting import bin_edges
from tuneproof.charts.palette import LABEL_COLOURS, LABEL_NAMES
from tuneproof.measurement.measure import TEXTS
from tuneproof.metrics import Scores
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.figures.style import (
    GUIDE_COLOUR,
    Part,
    at,
    axis,
    label_pattern,
    legend_mark,
    new_figure,
    numbers,
    panel_title,
    wrapped,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_PAIRS: Final = 3_000
"""Pairs that the plane has room for."""

THRESHOLD: Final = "threshold:"
"""Beginning of the name of the line at a model's threshold; the model's name follows."""

_SYMBOLS: Mapping[str, str] = {"text_1": "circle", "text_2": "triangle-up"}
_SEED = 0
_HISTOGRAMS_IN_A_ROW, _PLANES_IN_A_ROW = 2, 4
_TEXT_WIDTH, _TEXT_LINES = 60, 5


def cosines(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw the cosines of both labels, a panel for each model, in the same bins.

    A line at each model's validated threshold has the name `threshold:<model>`.
    """
    edges = bin_edges(np.concatenate([found.scores["cosine"] for found in evidence.values()]))
    width = edges[1] - edges[0]
    thresholds = [found.metrics.best_threshold for found in evidence.values()]
    reach = [min(edges[0], *thresholds) - width, max(edges[-1], *thresholds) + width]
    traces: list[Part] = []
    layout: Part = {"shapes": [], "annotations": [], "barmode": "overlay", "hovermode": "x"}
    for panel, (model, found) in enumerate(evidence.items()):
        # The hatched bars come last: the full ones show through them.
        labels = sorted(LABEL_NAMES, key=label_pattern)
        traces += [_histogram(panel, found.scores, edges, label) for label in labels]
        layout["shapes"].append(
            _threshold_line(panel, model, found.metrics.best_threshold, sum(reach) / 2)
        )
        layout["annotations"].append(panel_title(panel, model))
        layout[axis("y", panel)] = {"title": {"text": "Pairs in a bin"}, "rangemode": "tozero"}
        layout[axis("x", panel)] = {"range": numbers(reach), "matches": "x" if panel else None}
    columns = min(len(evidence), _HISTOGRAMS_IN_A_ROW)
    for panel in range(len(evidence))[-columns:]:
        layout[axis("x", panel)]["title"] = {"text": "Cosine of the two texts of a pair"}
    return new_figure(traces, [150] * len(evidence), columns, **layout)


def _histogram(panel: int, scores: pd.DataFrame, edges: Scores, label: int) -> Part:
    of_label = scores.loc[scores["label"] == label, "cosine"].to_numpy(dtype=np.float64)
    # A cosine at the outermost edge must not fall beyond it by rounding.
    counts, _ = np.histogram(np.clip(of_label, edges[0], edges[-1]), edges)
    return {
        "type": "bar",
        "x": numbers((edges[:-1] + edges[1:]) / 2),
        "y": counts.tolist(),
        "width": float(edges[1] - edges[0]),
        "marker": {
            "color": LABEL_COLOURS[label],
            "pattern": {"shape": label_pattern(label), "size": 5, "solidity": 0.3},
            "line": {"color": LABEL_COLOURS[label], "width": 1},
        },
        "opacity": 1 if label_pattern(label) else 0.6,
        "name": f"{LABEL_NAMES[label]}, n={len(of_label):,}",
        "legendgroup": LABEL_NAMES[label],
        "showlegend": panel == 0,
        "hoverinfo": "text",
        "hovertext": [
            f"{low:.2f} to {high:.2f}<br>{LABEL_NAMES[label]}: {count:,}"
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
        **at(panel),
    }


def _threshold_line(panel: int, model: str, threshold: float, middle: float) -> Part:
    return {
        "type": "line",
        "name": f"{THRESHOLD}{model}",
        "xref": at(panel)["xaxis"],
        "yref": f"{at(panel)['yaxis']} domain",
        "x0": threshold,
        "x1": threshold,
        "y0": 0,
        "y1": 1,
        "line": {"color": GUIDE_COLOUR, "width": 2, "dash": "dash"},
        # The text follows the line where the page moves it.
        "label": {
            "texttemplate": "threshold %{x0:.3f}",
            "textposition": "end",
            "textangle": 0,
            "xanchor": "left" if threshold < middle else "right",
            "yanchor": "top",
        },
    }


def umap(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw the projected texts of the eval pairs, a panel for each model, the same pairs in each.

    Points are drawn in a random order, so that neither label hides the other. `customdata` of a
    point is its pair's position among the eval pairs.
    """
    n = max(len(found.scores) for found in evidence.values())
    rows = np.random.default_rng(_SEED).permutation(n)[:MOST_PAIRS]
    traces: list[Part] = []
    layout: Part = {"annotations": []}
    for panel, (model, found) in enumerate(evidence.items()):
        chosen = found.projection["points"].isin(TEXTS) & found.projection["row"].isin(rows)
        points = found.projection[chosen].sample(frac=1, random_state=_SEED)
        drawn = found.scores[found.scores["row"].isin(rows)]
        traces.append(_points(panel, points, _hover_texts(drawn)))
        layout["annotations"].append(panel_title(panel, f"{model}, {_texts_drawn(len(rows), n)}"))
        layout |= {
            axis(letter, panel): {
                "showticklabels": False,
                "showgrid": False,
                "zeroline": False,
                "title": {"text": f"UMAP {number}"},
            }
            for number, letter in enumerate(("x", "y"), start=1)
        }
    heights = [320] * len(evidence)
    return new_figure(
        [*traces, *_point_legend()], heights, min(len(evidence), _PLANES_IN_A_ROW), **layout
    )


def _points(panel: int, points: pd.DataFrame, hover_texts: Mapping[int, str]) -> Part:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(points["x"]),
        "y": numbers(points["y"]),
        "customdata": points["row"].tolist(),
        "marker": {
            "color": [LABEL_COLOURS[label] for label in points["label"]],
            "symbol": [_SYMBOLS[side] for side in points["points"]],
            "size": 7,
            "opacity": 0.75,
        },
        "hoverinfo": "text",
        "hovertext": [hover_texts[row] for row in points["row"]],
        "showlegend": False,
        **at(panel),
    }


def _hover_texts(scores: pd.DataFrame) -> dict[int, str]:
    """Describe each pair by its row: both texts, label, cosine and pair type."""
    fields = ("row", "text_1", "text_2", "label", "cosine", "pair_type")
    return {
        row: "<br>".join(
            [
                wrapped(text_1, _TEXT_WIDTH, _TEXT_LINES),
                wrapped(text_2, _TEXT_WIDTH, _TEXT_LINES),
                f"{LABEL_NAMES[label]}, cosine {cosine:.3f}",
                f"pair type {wrapped(pair_type, _TEXT_WIDTH, 1)}",
            ]
        )
        for row, text_1, text_2, label, cosine, pair_type in zip(
            *(scores[field].tolist() for field in fields), strict=True
        )
    }


def _texts_drawn(drawn: int, n: int) -> str:
    return f"{2 * n:,} points, two a pair" if drawn == n else f"texts of {drawn:,} of {n:,} pairs"


def _point_legend() -> list[Part]:
    return [
        *(legend_mark(name, "square", LABEL_COLOURS[label]) for label, name in LABEL_NAMES.items()),
        *(
            legend_mark(points.replace("_", " "), symbol, GUIDE_COLOUR)
            for points, symbol in _SYMBOLS.items()
        ),
    ]
