"""Charts of where the texts lie and whether their clusters follow the labels."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path

from tuneproof.charts.intervals import Estimate, Interval, written
from tuneproof.charts.palette import (
    GUIDE_COLOUR,
    LABEL_COLOURS,
    LABEL_NAMES,
    model_colours,
)
from tuneproof.charts.style import SMALL, count, legend_below, literal, new_figure, tidy

_QUARTERS: Final[Mapping[tuple[str, int], tuple[float, float]]] = {
    ("text_1", 1): (90, 180),
    ("text_2", 1): (0, 90),
    ("text_1", 0): (180, 270),
    ("text_2", 0): (270, 360),
}
"""Which quarter of a disc stands for a text, by side and label: from and to angle in degrees."""

_DRAWING_SEED = 0
_LABELLED_SHARE = 0.035


class ClusterPurities(NamedTuple):
    """A clustering beside the labels.

    Attributes:
        clusters: (cluster, number of points, purity in [0.5, 1]) of each cluster, noise left out.
        noise: Number of points in no cluster.
        cluster_purity: Purity of all clustered points together; None where all points are noise.
        interval: 95 % interval of `cluster_purity`, the clusters taken as given.
        chance: 95th percentile of the purity of the same clusters under permuted labels.
        majority_share: Share of the more frequent label among all points: the purity of one
            cluster that holds everything.
    """

    clusters: Sequence[tuple[int, int, float]]
    noise: int
    cluster_purity: float | None
    interval: Interval
    chance: float | None
    majority_share: float


def umap_projections(projections: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the UMAP projection of the texts, models side by side.

    One text can stand on either side of pairs of both labels, so each of its pairs draws a quarter
    of a disc: what lies at one place does not hide what else lies there. Places that touch are
    drawn in random order, so that no label lies above the other.

    Args:
        projections: Frame of each model with columns points (`text_1` or `text_2`; other rows are
            left out), x, y and label (0 or 1).
    """
    figure = new_figure(
        1 + 4.2 * max(len(projections), 2), 5.6, "UMAP projection of the texts of the eval pairs"
    )
    row = figure.subplots(1, len(projections), squeeze=False)[0]
    for axes, (model, frame) in zip(row, projections.items(), strict=True):
        texts = frame[frame["points"].isin(["text_1", "text_2"])]
        _draw_texts(axes, texts.sample(frac=1, random_state=_DRAWING_SEED))
        axes.set_title(f"{literal(model)}, {len(texts):,} points, two a pair", fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("UMAP 1")
        axes.set_ylabel("UMAP 2")
    legend_below(
        figure,
        _quarter_legend(),
        "Each pair draws a quarter of a disc at the place of each of its texts.",
        columns=2 if len(projections) < 3 else 4,
    )
    return figure


def cluster_purities(purities: Mapping[str, Mapping[str, ClusterPurities]]) -> Figure:
    """Draw each cluster as a bar: as high as it is pure, as wide as it has points.

    Args:
        purities: For each kind of points (a row of the chart), the clustering of each model.
    """
    columns = max(len(by_model) for by_model in purities.values())
    figure = new_figure(
        1 + 4.2 * max(columns, 2), 1.4 + 3.3 * len(purities), "Purity of the HDBSCAN clusters"
    )
    grid = figure.subplots(len(purities), columns, sharey=True, squeeze=False)
    for row, (kind, by_model) in zip(grid, purities.items(), strict=True):
        colours = model_colours(by_model)
        for axes, (model, found) in zip(row, by_model.items(), strict=False):
            _draw_purities(axes, found, colours[model])
            overall = written(Estimate(found.cluster_purity, found.interval), 3)
            axes.set_title(
                f"{literal(model)}, {literal(kind)}: overall {overall}\n"
                f"{count(len(found.clusters), 'cluster')}, noise {_noise_share(found)}",
                fontsize=10,
            )
        row[0].set_ylabel("Purity")
    legend_below(
        figure,
        [
            Line2D([], [], color="black", label="overall purity, noise ignored"),
            Patch(color="black", alpha=0.2, label="its 95 % interval"),
            Line2D(
                [],
                [],
                color=GUIDE_COLOUR,
                linestyle="--",
                label="95th percentile under permuted labels",
            ),
            Line2D(
                [], [], color=GUIDE_COLOUR, linestyle=":", label="share of the more frequent label"
            ),
        ],
        columns=2 if columns < 3 else 4,
    )
    return figure


def _draw_texts(axes: Axes, texts: pd.DataFrame) -> None:
    points = axes.scatter(
        texts["x"],
        texts["y"],
        s=70,
        c=[LABEL_COLOURS[label] for label in texts["label"]],
        alpha=0.85,
        linewidths=0,
    )
    kinds = zip(texts["points"], texts["label"], strict=True)
    # One collection for all kinds: each of its own would lie above those before it.
    points.set_paths([_quarter(point, label) for point, label in kinds])


def _quarter(points: str, label: int) -> Path:
    wedge = Path.wedge(*_QUARTERS[points, label])
    return Path(0.5 * np.asarray(wedge.vertices), wedge.codes)


def _draw_purities(axes: Axes, found: ClusterPurities, colour: str) -> None:
    ordered = sorted(found.clusters, key=lambda cluster: (-cluster[2], -cluster[1]))
    total = sum(size for _, size, _ in ordered) + found.noise
    left = 0
    for _, size, purity in ordered:
        axes.bar(left, purity, width=size, align="edge", color=colour, alpha=0.4, edgecolor="white")
        if size >= _LABELLED_SHARE * total:
            axes.text(
                left + size / 2,
                0.03,
                f"n={size:,}",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=SMALL,
            )
        left += size
    if found.noise:
        axes.axvspan(left, total, facecolor="#f0f0f0", edgecolor="#b0b0b0", hatch="//", zorder=0)
        if found.noise >= _LABELLED_SHARE * total:
            axes.text(
                left + found.noise / 2,
                0.03,
                f"noise n={found.noise:,}",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=SMALL,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
    axes.axhline(found.majority_share, color=GUIDE_COLOUR, linestyle=":")
    if found.chance is not None:
        axes.axhline(found.chance, color=GUIDE_COLOUR, linestyle="--", linewidth=1)
    if found.interval is not None:
        axes.axhspan(*found.interval, color="black", alpha=0.2, linewidth=0, zorder=3)
    if found.cluster_purity is not None:
        axes.axhline(found.cluster_purity, color="black")
    axes.set_xlim(0, max(total, 1))
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("Points, clusters by purity")
    tidy(axes)


def _noise_share(found: ClusterPurities) -> str:
    total = sum(size for _, size, _ in found.clusters) + found.noise
    share = found.noise / total if total else 0.0
    return f"{share:.0%} (n={found.noise:,} of {total:,})"


def _quarter_legend() -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=_quarter(points, label),
            markersize=14,
            color=LABEL_COLOURS[label],
            label=f"{points}, {LABEL_NAMES[label]}",
        )
        for points, label in _QUARTERS
    ]
