"""What a decision at each threshold is worth."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from tuneproof.charts.intervals import INTERVALS_NOTE, Estimate, written
from tuneproof.charts.palette import GUIDE_COLOUR, model_colours
from tuneproof.charts.style import SMALL, literal, new_figure, note, tidy

FIGURES: Final[Mapping[str, str]] = {
    "f1": "F1",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
}
"""What is drawn, by field of `ThresholdCurves`."""

_LOOKS: Final[Mapping[str, tuple[str, float]]] = {
    "f1": ("solid", 2.4),
    "accuracy": ("dashed", 1.5),
    "precision": ("dashdot", 1.5),
    "recall": ("dotted", 2.0),
}

_BESIDE_THRESHOLD: Final[Mapping[str, float]] = {"f1": -7, "accuracy": 7}
"""How many points from the threshold a whisker stands, so that they do not cover each other."""

_Curve = npt.NDArray[np.float64]


class ThresholdCurves(NamedTuple):
    """The decisions of one model over the threshold; the arrays are of equal length.

    Attributes:
        thresholds: Thresholds, ascending.
        f1: F1 at each, in [0, 1].
        accuracy: Accuracy at each, in [0, 1].
        precision: Precision at each, in [0, 1].
        recall: Recall at each, in [0, 1].
        validated: Threshold chosen on the validation pairs.
        at_validated: What is measured at that threshold, by field.
    """

    thresholds: _Curve
    f1: _Curve
    accuracy: _Curve
    precision: _Curve
    recall: _Curve
    validated: float
    at_validated: Mapping[str, Estimate]


def threshold_curves(models: Mapping[str, ThresholdCurves], n_pairs: int) -> Figure:
    """Draw F1, accuracy, precision and recall over the threshold, models one below the other.

    Args:
        models: The curves of each model.
        n_pairs: Number of eval pairs behind each point.
    """
    figure = new_figure(
        10, 1.3 + 2.7 * len(models), f"Decisions over the threshold, n={n_pairs:,} eval pairs"
    )
    rows = figure.subplots(len(models), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    colours = model_colours(models)
    for axes, (model, curves) in zip(rows, models.items(), strict=True):
        _draw_curves(figure, axes, curves, colours[model])
        axes.set_title(literal(model), fontsize=11, loc="left")
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("Share, or F1")
    rows[-1].set_xlabel("Threshold: a pair is called compatible at or above this cosine")
    note(figure, INTERVALS_NOTE, "Left of the threshold stands that of F1, right that of accuracy.")
    return figure


def _draw_curves(figure: Figure, axes: Axes, curves: ThresholdCurves, colour: str) -> None:
    # Below the lowest cosine nothing changes: all pairs are called compatible.
    before = [curves.validated] if curves.validated < curves.thresholds[0] else []
    for field, name in FIGURES.items():
        values = getattr(curves, field)
        style, width = _LOOKS[field]
        at = curves.at_validated[field]
        axes.plot(
            np.r_[before, curves.thresholds],
            np.r_[[values[0]] * len(before), values],
            color=colour,
            linestyle=style,
            linewidth=width,
            label=f"{name} {written(at, 3)}",
        )
        if at.value is not None:
            axes.plot(
                [curves.validated],
                [at.value],
                linestyle="",
                marker="o",
                markersize=6,
                color=colour,
                markeredgecolor="white",
                zorder=4,
            )
        if at.interval is not None:
            beside = offset_copy(
                axes.transData, figure, x=_BESIDE_THRESHOLD.get(field, 0), units="points"
            )
            axes.plot(
                (curves.validated, curves.validated),
                at.interval,
                color=colour,
                linewidth=1.4,
                marker="_",
                transform=beside,
                gid="interval",
            )
    axes.axvline(curves.validated, color=GUIDE_COLOUR, linestyle="--", linewidth=1)
    axes.legend(
        title=f"at the validated threshold {curves.validated:.3f}",
        title_fontsize=SMALL,
        fontsize=SMALL,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        handlelength=3.2,
        alignment="left",
    )
    tidy(axes, grid="both")
