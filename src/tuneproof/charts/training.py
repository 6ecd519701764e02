"""The course of each training run, and what a run did to each layer."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from tuneproof.charts.fitting import MOST_ROWS
from tuneproof.charts.palette import GUIDE_COLOUR, model_colours
from tuneproof.charts.style import (
    SMALL,
    count,
    empty_figure,
    left_out,
    literal,
    new_figure,
    note,
    tidy,
)

TITLE = "Training curves"
_VALIDATION: Final[Mapping[str, Any]] = {
    "color": "black",
    "linestyle": "--",
    "marker": "o",
    "markersize": 4,
}
"""How everything measured on the validation pairs is drawn."""


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


class Convergence(NamedTuple):
    """What is drawn of one run's convergence.

    Attributes:
        model: Name of the model.
        log: One row for each step; the columns of `TrainingCourse`.
        initial_spearman: Validation Spearman before the first step.
        best_step: Step with the best validation Spearman, from 1; None where none is defined.
        best_spearman: Validation Spearman of that step.
        clipped_above: Gradient norm that the run clips to.
        relative_updates: Change since the evaluation before over the weights' norm, by layer
            (rows) and step (columns); NaN where undefined.
        gradient_norms: Gradient norm of the same layers and steps.
    """

    log: pd.DataFrame
    model: str
    initial_spearman: float | None
    best_step: int | None
    best_spearman: float | None
    clipped_above: float
    relative_updates: pd.DataFrame
    gradient_norms: pd.DataFrame


def training_curves(runs: Mapping[str, TrainingCourse]) -> Figure:
    """Draw each run in a column: losses, validation Spearman, learning rate, gradient norm.

    Args:
        runs: The runs there are, by model; none at all gives a figure that says so.
    """
    if not runs:
        return empty_figure(TITLE, "no training run yet")
    figure = new_figure(1 + 5.2 * max(len(runs), 1.4), 10.5, TITLE)
    grid = figure.subplots(4, len(runs), sharex="col", squeeze=False)
    # Losses and Spearman can be compared between runs; rates and norms have their own scales.
    for row in grid[:2]:
        for axes in row[1:]:
            axes.sharey(row[0])
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
        **_VALIDATION,
        label="validation",
    )
    _draw_spearman(spearman, run, colour)
    rate.plot(run.log["step"], run.log["learning_rate"], color=colour)
    rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
    norm.plot(run.log["step"], run.log["gradient_norm"], color=colour)
    for axes in column:
        axes.axvline(run.best_step, color=GUIDE_COLOUR, linestyle=":", linewidth=1)
        tidy(axes, grid="y")
    losses.legend(fontsize=SMALL)
    spearman.legend(fontsize=SMALL)


def _draw_spearman(axes: Axes, run: TrainingCourse | Convergence, colour: str) -> None:
    curve = run.log.dropna(subset=["validation_spearman"])
    steps, values = list(curve["step"]), list(curve["validation_spearman"])
    if run.initial_spearman is not None:
        steps, values = [0, *steps], [run.initial_spearman, *values]
    axes.plot(steps, values, **_VALIDATION, label="each evaluation")
    if run.best_step is not None and run.best_spearman is not None:
        axes.plot(
            [run.best_step],
            [run.best_spearman],
            linestyle="",
            marker="*",
            markersize=15,
            color=colour,
            markeredgecolor="black",
            label=f"best: {run.best_spearman:.4f} at step {run.best_step:,}",
        )


def convergence_chart(run: Convergence) -> Figure:
    """Draw losses, Spearman and gradient norms, and below them how far each layer moved.

    Of a run with LoRA matrices the lower row shows A and B apart, and the gradient that reaches
    each; what is hatched got none.
    """
    maps = _heat_maps(run)
    rows = max((len(table) for _, table in maps), default=0)
    heights = [4.0, 1.6 + 0.16 * min(rows, MOST_ROWS)] if maps else [4.0]
    title = f"Convergence of the {literal(run.model)} run, {count(len(run.log), 'step')}"
    figure = new_figure(16, sum(heights) + 0.8, title)
    # Each row lays itself out: the long names below would else push the curves aside.
    upper, *lower = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    losses, spearman, norms = upper.subplots(1, 3)
    colour = model_colours([run.model])[run.model]
    _draw_losses(losses, run.log, colour)
    _draw_spearman(spearman, run, colour)
    spearman.set_ylabel("Validation Spearman")
    _draw_gradient_norms(norms, run, colour)
    for axes in (losses, spearman, norms):
        if run.best_step is not None:
            axes.axvline(run.best_step, color=GUIDE_COLOUR, linestyle=":", linewidth=1)
        axes.set_xlabel("Optimiser step")
        axes.legend(fontsize=SMALL)
        tidy(axes, grid="y")
    for part in lower:
        for axes, (name, table) in zip(
            part.subplots(1, len(maps), squeeze=False)[0], maps, strict=True
        ):
            _draw_heat_map(axes, table.head(MOST_ROWS), named=name == maps[0][0])
            axes.set_title(name, fontsize=10, loc="left")
    note(figure, left_out(min(rows, MOST_ROWS), rows, "layers"))
    return figure


def _draw_losses(axes: Axes, log: pd.DataFrame, colour: str) -> None:
    axes.plot(log["step"], log["loss"], color=colour, alpha=0.3, label="train, each step")
    width = max(1, len(log) // 16)
    smoothed = log["loss"].rolling(width, center=True, min_periods=1).mean()
    axes.plot(log["step"], smoothed, color=colour, label=f"train, mean of {width}")
    evaluated = log.dropna(subset=["validation_loss"])
    axes.plot(
        evaluated["step"],
        evaluated["validation_loss"],
        **_VALIDATION,
        label="validation",
    )
    axes.set_ylabel("Loss")


def _draw_gradient_norms(axes: Axes, run: Convergence, colour: str) -> None:
    log = run.log[run.log["gradient_norm"] > 0]
    axes.plot(log["step"], log["gradient_norm"], color=colour, linewidth=1, label="before clipping")
    axes.axhline(
        run.clipped_above,
        color=GUIDE_COLOUR,
        linestyle="--",
        linewidth=1,
        label=f"clipped to {run.clipped_above:g}",
    )
    axes.set_yscale("log")
    axes.set_ylabel("Gradient norm")


def _heat_maps(run: Convergence) -> list[tuple[str, pd.DataFrame]]:
    """Return the tables of the lower row with their titles; those of LoRA matrices by matrix."""
    updates, gradients = run.relative_updates, run.gradient_norms
    if updates.empty:
        return []
    matrices = [
        name for name in ("lora_A", "lora_B") if any(updates.index.str.endswith(f".{name}"))
    ]
    if not matrices:
        return [("Change of each layer between evaluations, relative to its weights", updates)]
    return [
        (f"{what} {name[-1]}", _of_matrix(table, name))
        for what, table in (("Relative change of", updates), ("Gradient norm at", gradients))
        for name in matrices
    ]


def _of_matrix(table: pd.DataFrame, matrix: str) -> pd.DataFrame:
    chosen = table[table.index.str.endswith(f".{matrix}")]
    return chosen.rename(index=lambda name: name.removesuffix(f".{matrix}"))


def _draw_heat_map(axes: Axes, table: pd.DataFrame, *, named: bool) -> None:
    values = table.to_numpy(dtype=np.float64)
    positive = values[values > 0]
    lowest, highest = (positive.min(), positive.max()) if positive.size else (1.0, 1.0)
    axes.patch.set(facecolor="white", hatch="//", edgecolor="#b0b0b0", linewidth=0)
    image = axes.imshow(
        np.ma.masked_where(~(values > 0), values),
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        norm=LogNorm(lowest, max(highest, 1.01 * lowest)),
    )
    axes.figure.colorbar(image, ax=axes, pad=0.02)
    axes.set_yticks(
        range(len(table)), [literal(str(name)) for name in table.index] if named else [], fontsize=7
    )
    shown = np.unique(np.linspace(0, table.shape[1] - 1, num=6).round().astype(int))
    axes.set_xticks(shown, [f"{table.columns[column]:,}" for column in shown], fontsize=SMALL)
    axes.set_xlabel("Optimiser step of the evaluation")
