"""Charts of where the texts lie and whether their clusters follow the labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tuneproof.charts.style import (
    GUIDE_COLOUR,
    LABEL_COLOURS,
    LABEL_NAMES,
    SMALL,
    count,
    literal,
    model_colours,
    new_figure,
    tidy,
)

_MARKERS: Mapping[str, str] = {"text_1": "o", "text_2": "^"}
_LABELLED_SHARE = 0.035


class ClusterPurities(NamedTuple):
    """A clustering beside the labels.

    Attributes:
        clusters: (cluster, number of points, purity in [0.5, 1]) of each cluster, noise left out.
        noise: Number of points in no cluster.
        cluster_purity: Purity of all clustered points together; None where all points are noise.
        majority_share: Share of the more frequent label among all points: the purity of one
            cluster that holds everything.
    """

    clusters: Sequence[tuple[int, int, float]]
    noise: int
    cluster_purity: float | None
    majority_share: float


def umap_projections(projections: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the UMAP projection of the texts, models side by side.

    Args:
        projections: Frame of each model with columns points (`text_1` or `text_2`; other rows are
            left out), x, y and label (0 or 1).
    """
    figure = new_figure(
        1 + 4.2 * max(len(projections), 2), 5.4, "UMAP projection of the texts of the eval pairs"
    )
    row = figure.subplots(1, len(projections), squeeze=False)[0]
    for axes, (model, frame) in zip(row, projections.items(), strict=True):
        for points, marker in _MARKERS.items():
            for label, colour in LABEL_COLOURS.items():
                chosen = frame[(frame["points"] == points) & (frame["label"] == label)]
                axes.scatter(
                    chosen["x"],
                    chosen["y"],
                    s=34,
                    marker=marker,
                    color=colour,
                    alpha=0.7,
                    edgecolors="white",
                    linewidths=0.4,
                )
        drawn = int(frame["points"].isin(list(_MARKERS)).sum())
        axes.set_title(f"{literal(model)}, n={drawn:,} texts", fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("UMAP 1")
        axes.set_ylabel("UMAP 2")
    figure.legend(handles=_point_legend(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def cluster_purities(purities: Mapping[str, Mapping[str, ClusterPurities]]) -> Figure:
    """Draw each cluster as a bar: as high as it is pure, as wide as it has points.

    Args:
        purities: For each kind of points (a row of the chart), the clustering of each model.
    """
    columns = max(len(by_model) for by_model in purities.values())
    figure = new_figure(
        1 + 4.2 * max(columns, 2), 1 + 3.3 * len(purities), "Purity of the HDBSCAN clusters"
    )
    grid = figure.subplots(len(purities), columns, sharey=True, squeeze=False)
    for row, (kind, by_model) in zip(grid, purities.items(), strict=True):
        colours = model_colours(by_model)
        for axes, (model, found) in zip(row, by_model.items(), strict=False):
            _draw_purities(axes, found, colours[model])
            overall = "n/a" if found.cluster_purity is None else f"{found.cluster_purity:.3f}"
            axes.set_title(
                f"{literal(model)}, {literal(kind)}: overall {overall}\n"
                f"{count(len(found.clusters), 'cluster')}, noise {_noise_share(found)}",
                fontsize=10,
            )
        row[0].set_ylabel("Purity")
    figure.legend(
        handles=[
            Line2D([], [], color="#D55E00", label="overall purity, noise ignored"),
            Line2D(
                [], [], color=GUIDE_COLOUR, linestyle=":", label="share of the more frequent label"
            ),
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return figure


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
    if found.cluster_purity is not None:
        axes.axhline(found.cluster_purity, color="#D55E00")
    axes.set_xlim(0, max(total, 1))
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("Points, clusters by purity")
    tidy(axes)


def _noise_share(found: ClusterPurities) -> str:
    total = sum(size for _, size, _ in found.clusters) + found.noise
    share = found.noise / total if total else 0.0
    return f"{share:.0%} (n={found.noise:,} of {total:,})"


def _point_legend() -> list[Line2D]:
    colours = [
        Line2D([], [], linestyle="", marker="s", color=LABEL_COLOURS[label], label=name)
        for label, name in LABEL_NAMES.items()
    ]
    shapes = [
        Line2D([], [], linestyle="", marker=marker, color=GUIDE_COLOUR, label=points)
        for points, marker in _MARKERS.items()
    ]
    return colours + shapes
