"""Charts of how well the cosines tell the labels apart."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from sklearn.metrics import roc_auc_score, roc_curve

from tuneproof.charts.fitting import bin_edges
from tuneproof.charts.intervals import (
    INTERVALS_NOTE,
    Estimate,
    Interval,
    draw_whisker,
    set_limits,
    write_beside,
    written,
)
from tuneproof.charts.palette import (
    GUIDE_COLOUR,
    LABEL_COLOURS,
    LABEL_HATCHES,
    LABEL_LINE_STYLES,
    LABEL_NAMES,
    NO_DATA_COLOUR,
    model_colours,
    model_hatches,
    model_line_styles,
    model_markers,
)
from tuneproof.charts.style import BAR, SMALL, count, literal, new_figure, note, tidy

CONVENTIONAL_EFFECTS: Mapping[str, float] = {"small": 0.2, "medium": 0.5, "large": 0.8}
"""Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2."""


def cosine_distributions(
    scores: Mapping[str, pd.DataFrame],
    thresholds: Mapping[str, float],
    margins: Mapping[str, Estimate],
) -> Figure:
    """Draw the cosines of both labels, model by model, with the threshold between them.

    Args:
        scores: Frame of each model with columns cosine (in [-1, 1]) and label (0 or 1).
        thresholds: Validated threshold of each model.
        margins: Mean cosine of the compatible pairs minus that of the incompatible ones.
    """
    figure = new_figure(9.5, 1.1 + 2.6 * len(scores), "Cosines of the eval pairs by label")
    edges = bin_edges(np.concatenate([frame["cosine"].to_numpy() for frame in scores.values()]))
    rows = figure.subplots(len(scores), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (model, frame) in zip(rows, scores.items(), strict=True):
        handles: list[Patch | Line2D] = []
        for label, name in LABEL_NAMES.items():
            cosines = frame.loc[frame["label"] == label, "cosine"].to_numpy(dtype=np.float64)
            colour, hatch = LABEL_COLOURS[label], LABEL_HATCHES[label]
            if len(cosines):
                sns.histplot(
                    # A cosine at the outermost edge must not fall beyond it by rounding.
                    x=np.clip(cosines, edges[0], edges[-1]),
                    bins=edges,
                    kde=len(np.unique(cosines)) > 2,
                    color=colour,
                    alpha=0.35,
                    edgecolor=colour,
                    hatch=hatch,
                    linewidth=0.5,
                    line_kws={"linestyle": LABEL_LINE_STYLES[label]},
                    ax=axes,
                )
            handles.append(
                Patch(
                    facecolor=colour,
                    edgecolor=colour,
                    hatch=hatch,
                    alpha=0.6,
                    label=f"{name}, n={len(cosines):,}",
                )
            )
        handles.append(
            axes.axvline(
                thresholds[model],
                color="black",
                linestyle="-.",
                linewidth=1.2,
                label=f"validated threshold {thresholds[model]:.3f}",
            )
        )
        margin = written(margins[model], 3, sign=True)
        axes.set_title(f"{literal(model)}: margin {margin}", fontsize=11, loc="left")
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
    note(figure, "Margin: mean cosine of the compatible pairs minus incompatible.", INTERVALS_NOTE)
    return figure


def roc_curves(
    scores: Mapping[str, pd.DataFrame],
    thresholds: Mapping[str, float],
    intervals: Mapping[str, Interval],
) -> Figure:
    """Draw the ROC curves of all models in one plane, with their AUC and the chance diagonal.

    Args:
        scores: Frame of each model with columns cosine and label; all of the same pairs.
        thresholds: Validated threshold of each model, marked on its curve.
        intervals: 95 % interval of each model's AUC.
    """
    figure = new_figure(7.4, 7.6, "ROC curves on the eval pairs")
    axes = figure.add_subplot()
    colours, styles, markers = (
        model_colours(scores),
        model_line_styles(scores),
        model_markers(scores),
    )
    for model, frame in scores.items():
        labels, cosines = frame["label"], frame["cosine"]
        if labels.nunique() < 2:
            axes.plot([], [], color=colours[model], label=f"{literal(model)}: n/a (one label only)")
            continue
        false_positive_rate, true_positive_rate, cuts = roc_curve(
            labels, cosines, drop_intermediate=False
        )
        area = Estimate(float(roc_auc_score(labels, cosines)), intervals[model])
        axes.plot(
            false_positive_rate,
            true_positive_rate,
            color=colours[model],
            linestyle=styles[model],
            linewidth=2,
            marker=markers[model],
            markersize=10,
            markeredgecolor="white",
            # The cuts descend from infinity: the last at or above the threshold decides like it.
            markevery=[int(np.flatnonzero(cuts >= thresholds[model])[-1])],
            label=f"{literal(model)}: AUC {written(area, 3)}",
        )
    axes.plot([0, 1], [0, 1], color=NO_DATA_COLOUR, linewidth=1, label="chance: AUC 0.5")
    axes.set_title(_label_counts(scores), fontsize=10)
    axes.set_xlabel("False positive rate (incompatible pairs called compatible)")
    axes.set_ylabel("True positive rate (compatible pairs called compatible)")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=10, handlelength=3)
    tidy(axes, grid="both")
    note(figure, "Marker: the validated threshold.", INTERVALS_NOTE)
    return figure


def cohens_d_bars(effects: Mapping[str, Estimate], n_pairs: int) -> Figure:
    """Draw Cohen's d of each model beside Cohen's conventional marks.

    Args:
        effects: d of each model; None is drawn as 'n/a'.
        n_pairs: Number of eval pairs behind each figure.
    """
    figure = new_figure(8.5, 2.2 + 0.6 * len(effects), "Cohen's d of the cosines")
    axes = figure.add_subplot()
    colours, hatches = model_colours(effects), model_hatches(effects)
    positions = np.arange(len(effects))
    axes.barh(
        positions,
        [effect.value or 0.0 for effect in effects.values()],
        height=0.6,
        color=[colours[model] for model in effects],
        hatch=[hatches[model] for model in effects],
        **BAR,
    )
    for position, effect in enumerate(effects.values()):
        draw_whisker(axes, position, effect.interval)
        write_beside(axes, position, effect, written(effect, 2, sign=True))
    # The marks stay in sight: a small d is small beside them.
    reach = [Estimate(0.9, None), *effects.values()]
    negative = any((effect.value or 0.0) < 0 for effect in effects.values())
    set_limits(axes, [*reach, Estimate(-0.9, None)] if negative else reach, share=0.22)
    for sign in (1, -1) if negative else (1,):
        for mark in CONVENTIONAL_EFFECTS.values():
            axes.axvline(sign * mark, color=GUIDE_COLOUR, linestyle=":", linewidth=1, zorder=3)
    # Beside a large d the marks lie too close together to be labelled where they stand.
    marks = ", ".join(f"{mark:g} {name}" for name, mark in CONVENTIONAL_EFFECTS.items())
    axes.set_title(f"dotted: Cohen's conventions, {marks}", fontsize=SMALL, color=GUIDE_COLOUR)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(positions, [literal(model) for model in effects])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"Standardised difference of the labels' mean cosines ({count(n_pairs, 'eval pair')})"
    )
    tidy(axes)
    note(figure, INTERVALS_NOTE)
    return figure


def _label_counts(scores: Mapping[str, pd.DataFrame]) -> str:
    labels = next(iter(scores.values()))["label"]
    compatible = int((labels == 1).sum())
    return f"{compatible:,} compatible and {len(labels) - compatible:,} incompatible pairs"
