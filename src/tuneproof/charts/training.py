"""The course of each training run."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneproof.charts.style import (
    GUIDE_COLOUR,
    SMALL,
    count,
    empty_figure,
    literal,
    model_colours,
    new_figure,
    tidy,
)

TITLE = "Training curves"


class TrainingCourse(NamedTuple):
    """What is drawn of one run.

    Attributes:
        log: One row for each step, with columns step (from 1), loss, validation_loss,
            validation_spearman (both NaN at steps without an evaluation), learning_rate and
            gradient_norm.
        initial_spearman: Validation Spearman before the first step.
        best_step: Step whose model is kept, from 1.
        best_spearman: Validation Spearman of that step.
    """

    log: pd.DataFrame
    initial_spearman: float | None
    best_step: int
    best_spearman: float


def training_curves(runs: Mapping[str, TrainingCourse]) -> Figure:
    """Draw each run in a column: losses, validation Spearman, learning rate, gradient norm.

    Args:
        runs: The runs there are, by model; none at all gives a figure that says so.
    """
    if not runs:
        return empty_figure(TITLE, "no training run yet")
    figure = new_figure(1 + 5.2 * max(len(runs), 1.4), 10.5, TITLE)
    grid = figure.subplots(4, len(runs), sharex="col", squeeze=False)
    colours = model_colours(runs)
    for column, (model, run) in zip(grid.T, runs.items(), strict=True):
        _draw_run(column, run, colours[model])
        column[0].set_title(
            f"{literal(model)}, {count(len(run.log), 'step')}", fontsize=11, loc="left"
        )
        column[-1].set_xlabel("Optimiser step")
    for axes, name in zip(
        grid[:, 0],
        ("Loss", "Validation Spearman", "Learning rate", "Gradient norm"),
        strict=True,
    ):
        axes.set_ylabel(name)
    return figure


def _draw_run(column: list[Axes], run: TrainingCourse, colour: str) -> None:
    losses, spearman, rate, norm = column
    evaluated = run.log.dropna(subset=["validation_loss"])
    losses.plot(run.log["step"], run.log["loss"], color=colour, alpha=0.5, label="train, each step")
    losses.plot(
        evaluated["step"],
        evaluated["validation_loss"],
        color="#0072B2",
        marker="o",
        markersize=4,
        label="validation",
    )
    curve = run.log.dropna(subset=["validation_spearman"])
    steps, values = list(curve["step"]), list(curve["validation_spearman"])
    if run.initial_spearman is not None:
        steps, values = [0, *steps], [run.initial_spearman, *values]
    spearman.plot(steps, values, color="#0072B2", marker="o", markersize=4, label="each evaluation")
    spearman.plot(
        [run.best_step],
        [run.best_spearman],
        linestyle="",
        marker="*",
        markersize=15,
        color="#D55E00",
        label=f"best: {run.best_spearman:.4f} at step {run.best_step:,}",
    )
    rate.plot(run.log["step"], run.log["learning_rate"], color=colour)
    rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
    norm.plot(run.log["step"], run.log["gradient_norm"], color=colour)
    for axes in column:
        axes.axvline(run.best_step, color=GUIDE_COLOUR, linestyle=":", linewidth=1)
        tidy(axes, grid="y")
    losses.legend(fontsize=SMALL)
    spearman.legend(fontsize=SMALL)
