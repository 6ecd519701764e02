"""The course of the training runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from tuneproof.report.evidence import TrainingRun
from tuneproof.report.figures.style import (
    Look,
    Part,
    at,
    axis,
    escaped,
    faded,
    model_looks,
    new_figure,
    numbers,
    panel_title,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_STEPS: Final = 2_000
"""Steps of a run that a figure has room for; of longer runs it shows each second, third, ... ."""

_HEIGHT = 220
_PANELS = {
    "loss": "Loss: thin each train step, thick validation",
    "validation_spearman": "Validation Spearman, the best step marked",
    "learning_rate": "Learning rate",
    "gradient_norm": "Gradient norm before clipping",
}


def training(runs: Mapping[str, TrainingRun]) -> "Figure | None":
    """Draw losses, validation Spearman, learning rate and gradient norm by step, run by run.

    Returns:
        None where nothing was trained.
    """
    if not runs:
        return None
    traces: list[Part] = []
    for model, look in model_looks(runs).items():
        traces += _run(model, runs[model], look)
    layout: Part = {
        "annotations": [panel_title(panel, title) for panel, title in enumerate(_PANELS.values())]
    }
    for panel in range(len(_PANELS)):
        layout[axis("x", panel)] = {
            "title": {"text": "Optimiser step"},
            "zeroline": False,
            "matches": "x" if panel else None,
        }
        layout[axis("y", panel)] = {"zeroline": False}
    rate = list(_PANELS).index("learning_rate")
    layout[axis("y", rate)] |= {"exponentformat": "e", "showexponent": "all"}
    return new_figure(traces, [_HEIGHT] * len(_PANELS), 2, **layout)


def _run(model: str, run: TrainingRun, look: Look) -> list[Part]:
    each = run.log.iloc[:: -(-len(run.log) // MOST_STEPS)]
    evaluated = run.log.dropna(subset=["validation_loss"])
    ranked = run.log.dropna(subset=["validation_spearman"])
    steps, correlations = ranked["step"].tolist(), ranked["validation_spearman"].tolist()
    if run.result.initial_spearman is not None:
        steps, correlations = [0, *steps], [run.result.initial_spearman, *correlations]
    thin = {"color": faded(look.colour, 0.45), "width": 1}
    thick = {"color": look.colour, "dash": look.dash, "width": 2}
    dotted = {"mode": "lines+markers", "line": thick, "marker": {"symbol": look.symbol, "size": 7}}
    loss, spearman, rate, norm = range(len(_PANELS))
    return [
        _line(model, loss, each["step"], each["loss"], "train loss", line=thin),
        _line(
            model,
            loss,
            evaluated["step"],
            evaluated["validation_loss"],
            "validation loss",
            name=escaped(model),
            showlegend=True,
            **dotted,
        ),
        _line(model, spearman, steps, correlations, "validation Spearman", **dotted),
        _line(
            model,
            spearman,
            [run.result.best_step],
            [run.result.best_spearman],
            "best validation Spearman",
            mode="markers",
            marker={
                "color": look.colour,
                "symbol": "star",
                "size": 16,
                "line": {"width": 1, "color": "#ffffff"},
            },
        ),
        _line(model, rate, each["step"], each["learning_rate"], "learning rate", line=thick),
        _line(model, norm, each["step"], each["gradient_norm"], "gradient norm", line=thin),
    ]


def _line(
    model: str,
    panel: int,
    steps: Sequence[int] | pd.Series,
    values: Sequence[float] | pd.Series,
    what: str,
    **changes: Any,
) -> Part:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [int(step) for step in steps],
        "y": numbers(values),
        "meta": f"{escaped(model)}: {what}",
        "hovertemplate": "step %{x:,}<br>%{meta} %{y:.4g}<extra></extra>",
        "legendgroup": model,
        "showlegend": False,
        **at(panel),
        **changes,
    }
