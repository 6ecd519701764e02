"""Charts of how well the cosines tell the labels apart."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from sklearn.metrics import roc_auc_score, roc_curve

from tuneproof.charts.style import (
    GUIDE_COLOUR,
    LABEL_COLOURS,
    LABEL_NAMES,
    NO_DATA_COLOUR,
    SMALL,
    count,
    literal,
    model_colours,
    model_line_styles,
    new_figure,
    tidy,
)

CONVENTIONAL_EFFECTS: Mapping[str, float] = {"small": 0.2, "medium": 0.5, "large": 0.8}
"""Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2."""

_BINS = 20


def cosine_distributions(
    scores: Mapping[str, pd.DataFrame], thresholds: Mapping[str, float]
) -> Figure:
    """Draw the cosines of both labels, model by model, with the threshold between them.

    Args:
        scores: Frame of each model with columns cosine (in [-1, 1]) and label (0 or 1).
        thresholds: Validated threshold of each model.
    """
    figure = new_figure(9, 0.9 + 2.6 * len(scores), "Cosines of the eval pairs by label")
    edges = _bin_edges(scores)
    rows = figure.subplots(len(scores), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (model, frame) in zip(rows, scores.items(), strict=True):
        handles: list[Patch | Line2D] = []
        for label, name in LABEL_NAMES.items():
            cosines = frame.loc[frame["label"] == label, "cosine"].to_numpy(dtype=np.float64)
            if len(cosines):
                sns.histplot(
                    x=cosines,
                    bins=edges,
                    kde=len(np.unique(cosines)) > 2,
                    color=LABEL_COLOURS[label],
                    alpha=0.35,
                    linewidth=0.5,
                    ax=axes,
                )
            handles.append(
                Patch(color=LABEL_COLOURS[label], alpha=0.6, label=f"{name}, n={len(cosines):,}")
            )
        handles.append(
            axes.axvline(
                thresholds[model],
                color=GUIDE_COLOUR,
                linestyle="--",
                label=f"validated threshold {thresholds[model]:.3f}",
            )
        )
        axes.set_title(literal(model), fontsize=11, loc="left")
        axes.set_ylabel("Pairs in a bin")
        axes.legend(
            handles=handles,
            fontsize=SMALL,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
        )
        tidy(axes, grid="y")
    rows[-1].set_xlabel("Cosine of the two texts of a pair")
    return figure


def roc_curves(scores: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the ROC curves of all models in one plane, with their AUC and the chance diagonal.

    Args:
        scores: Frame of each model with columns cosine and label; all of the same pairs.
    """
    figure = new_figure(7, 6.6, "ROC curves on the eval pairs")
    axes = figure.add_subplot()
    colours, styles = model_colours(scores), model_line_styles(scores)
    for model, frame in scores.items():
        labels, cosines = frame["label"], frame["cosine"]
        if labels.nunique() < 2:
            axes.plot([], [], color=colours[model], label=f"{literal(model)}: n/a (one label only)")
            continue
        false_positive_rate, true_positive_rate, _ = roc_curve(
            labels, cosines, drop_intermediate=False
        )
        axes.plot(
            false_positive_rate,
            true_positive_rate,
            color=colours[model],
            linestyle=styles[model],
            linewidth=2,
            label=f"{literal(model)}: AUC {roc_auc_score(labels, cosines):.4f}",
        )
    axes.plot([0, 1], [0, 1], color=NO_DATA_COLOUR, linewidth=1, label="chance: AUC 0.5")
    axes.set_title(_label_counts(scores), fontsize=10)
    axes.set_xlabel("False positive rate (incompatible pairs called compatible)")
    axes.set_ylabel("True positive rate (compatible pairs called compatible)")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=10)
    tidy(axes, grid="both")
    return figure


def cohens_d_bars(effects: Mapping[str, float | None], n_pairs: int) -> Figure:
    """Draw Cohen's d of each model beside Cohen's conventional marks.

    Args:
        effects: d of each model; None is drawn as 'n/a'.
        n_pairs: Number of eval pairs behind each figure.
    """
    figure = new_figure(8.5, 1.9 + 0.6 * len(effects), "Cohen's d of the cosines")
    axes = figure.add_subplot()
    colours = model_colours(effects)
    values = [0.0 if effect is None else effect for effect in effects.values()]
    positions = np.arange(len(effects))
    axes.barh(positions, values, height=0.6, color=[colours[model] for model in effects])
    for position, effect in zip(positions, effects.values(), strict=True):
        text = f"n/a (n={n_pairs:,})" if effect is None else f"{effect:+.2f}"
        below = effect is not None and effect < 0
        axes.annotate(
            text,
            (effect or 0.0, position),
            xytext=(-5 if below else 5, 0),
            textcoords="offset points",
            ha="right" if below else "left",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
    lowest, highest = min(0.0, *values), max(1.0, *values)
    signs = (1, -1) if lowest < 0 else (1,)
    lowest = min(lowest, -1.0) if lowest < 0 else lowest
    for sign in signs:
        for mark in CONVENTIONAL_EFFECTS.values():
            axes.axvline(sign * mark, color=GUIDE_COLOUR, linestyle=":", linewidth=1, zorder=3)
    # Beside a large d the marks lie too close together to be labelled where they stand.
    marks = ", ".join(f"{mark:g} {name}" for name, mark in CONVENTIONAL_EFFECTS.items())
    axes.set_title(f"dotted: Cohen's conventions, {marks}", fontsize=SMALL, color=GUIDE_COLOUR)
    axes.axvline(0, color="black", linewidth=0.8)
    span = highest - lowest
    axes.set_xlim(lowest - (0.15 * span if lowest < 0 else 0), highest + 0.15 * span)
    axes.set_yticks(positions, [literal(model) for model in effects])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"Standardised difference of the labels' mean cosines ({count(n_pairs, 'eval pair')})"
    )
    tidy(axes)
    return figure


def _bin_edges(scores: Mapping[str, pd.DataFrame]) -> list[float]:
    cosines = np.concatenate([frame["cosine"].to_numpy() for frame in scores.values()])
    lowest, highest = float(cosines.min()), float(cosines.max())
    if highest - lowest < 1e-6:
        lowest, highest = lowest - 0.05, highest + 0.05
    return [float(edge) for edge in np.linspace(lowest, highest, _BINS + 1)]


def _label_counts(scores: Mapping[str, pd.DataFrame]) -> str:
    labels = next(iter(scores.values()))["label"]
    compatible = int((labels == 1).sum())
    return f"{compatible:,} compatible and {len(labels) - compatible:,} incompatible pairs"
