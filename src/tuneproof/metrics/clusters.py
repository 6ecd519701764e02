"""Do the embeddings fall into clusters that follow the labels?"""

import warnings
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.metrics import Array, Labels

NOISE = -1
SMALLEST_PROJECTION = 4


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class UmapOptions:
    """Parameters of UMAP (McInnes, Healy and Melville, 2018), named as in umap-learn.

    Attributes:
        n_neighbors: Neighbours that make a point's surroundings, at least 2.
        min_dist: Least distance of points in the plane, in [0, 1].
        metric: Distance between the vectors.
        random_state: Seed; a fixed one makes the projection repeatable.
    """

    n_neighbors: Annotated[int, Field(ge=2)]
    min_dist: Annotated[float, Field(ge=0, le=1)]
    metric: str
    random_state: int


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HdbscanOptions:
    """Parameters of HDBSCAN (Campello, Moulavi and Sander, 2013), named as in hdbscan.

    Attributes:
        min_cluster_size: Fewest points that make a cluster, at least 2.
        min_samples: Neighbours that make a point a core point, at least 1.
        cluster_selection_method: `eom` (excess of mass) or `leaf`.
    """

    min_cluster_size: Annotated[int, Field(ge=2)]
    min_samples: Annotated[int, Field(ge=1)]
    cluster_selection_method: Annotated[str, Field(pattern="^(eom|leaf)$")]


class ClusterSummary(NamedTuple):
    """What a clustering looks like beside the labels.

    Attributes:
        cluster_purity: Share of the clustered points that bear their cluster's more frequent
            label, noise ignored, in [0.5, 1]; None if every point is noise.
        n_clusters: Number of clusters, noise not counted.
        noise_ratio: Share of the points that belong to no cluster, in [0, 1].
    """

    cluster_purity: float | None
    n_clusters: int
    noise_ratio: float


def symmetric_pair_vectors(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Make one vector of each pair, whatever the order of its texts: |u - v| beside u * v.

    Source: the classifier features of Reimers and Gurevych (2019), Sentence-BERT, without the
    parts that depend on the order.

    Args:
        vectors: Shape (n, 2, d).

    Returns:
        Shape (n, 2 d).
    """
    first, second = vectors[:, 0], vectors[:, 1]
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def umap_projection(vectors: Array, options: UmapOptions) -> npt.NDArray[np.float64]:
    """Project vectors onto the plane with UMAP, on one thread so that the seed decides.

    Args:
        vectors: Shape (n, d), n at least 4.
        options: Parameters; `n_neighbors` is lowered to n - 1 where there are fewer points.

    Returns:
        Shape (n, 2).

    Raises:
        ValueError: There are fewer than 4 points.
    """
    count = len(vectors)
    if count < SMALLEST_PROJECTION:
        raise ValueError(f"found {count} points, expected at least {SMALLEST_PROJECTION} for UMAP")
    import umap

    neighbors = min(options.n_neighbors, count - 1)
    reducer = umap.UMAP(
        n_neighbors=neighbors,
        min_dist=options.min_dist,
        metric=options.metric,
        random_state=options.random_state,
        n_jobs=1,
        # The spectral start solves for n_components + 1 eigenvectors: too many for tiny inputs.
        # Pairs of neighbours make a graph of many parts, where ARPACK restarts without the seed.
        init="spectral" if count > SMALLEST_PROJECTION + 2 and neighbors > 2 else "random",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="umap|sklearn")
        return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)


def hdbscan_clusters(points: Array, options: HdbscanOptions) -> Labels:
    """Cluster points with HDBSCAN.

    Args:
        points: Shape (n, d).
        options: Parameters.

    Returns:
        Shape (n,): cluster of each point from 0, -1 for noise. All noise where there are fewer
        points than a cluster needs.
    """
    if len(points) < max(options.min_cluster_size, options.min_samples + 1):
        return np.full(len(points), NOISE, dtype=np.int64)
    import hdbscan

    clusterer = hdbscan.HDBSCAN(
        min_cluster_size=options.min_cluster_size,
        min_samples=options.min_samples,
        cluster_selection_method=options.cluster_selection_method,
    )
    return np.asarray(clusterer.fit_predict(points), dtype=np.int64)


def summarise_clusters(clusters: Labels, labels: Labels) -> ClusterSummary:
    """Compare a clustering with the labels.

    Purity follows Manning, Raghavan and Schuetze (2008), Introduction to Information Retrieval,
    section 16.3, over the points that belong to a cluster.
    """
    inside = clusters != NOISE
    majority = sum(
        int(np.bincount(labels[clusters == cluster]).max())
        for cluster in np.unique(clusters[inside])
    )
    return ClusterSummary(
        cluster_purity=majority / int(inside.sum()) if inside.any() else None,
        n_clusters=len(np.unique(clusters[inside])),
        noise_ratio=float(1 - inside.mean()) if len(inside) else 0.0,
    )


def purity_by_cluster(clusters: Labels, labels: Labels) -> list[tuple[int, int, float]]:
    """Return (cluster, number of points, purity in [0.5, 1]) of each cluster, noise left out."""
    return [
        (int(cluster), len(members), float(np.bincount(members).max() / len(members)))
        for cluster in np.unique(clusters[clusters != NOISE])
        for members in [labels[clusters == cluster]]
    ]
