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


class ClusterAgreement(NamedTuple):
    """How far a clustering follows the labels, by measures that a trivial clustering cannot win.

    The two indices count each noise point as a cluster of its own: a point outside all clusters is
    together with no other. Against two labels they stay below 1 where a label falls into several
    clusters, however pure: read them beside the purity.

    Attributes:
        purity_with_noise: Share of all points that lie in a cluster and bear its more frequent
            label, in [0, 1]; None of no points.
        adjusted_rand_index: Hubert and Arabie (1985); 0 by chance, 1 if clusters and labels are the
            same; None if a label is missing.
        adjusted_mutual_information: Vinh, Epps and Bailey (2010), likewise.
    """

    purity_with_noise: float | None
    adjusted_rand_index: float | None
    adjusted_mutual_information: float | None


class ChancePurity(NamedTuple):
    """Purity of the same clusters under permuted labels, noise ignored.

    Attributes:
        mean: Mean over the permutations, in [0.5, 1].
        percentile_95: 95th percentile, in [0.5, 1].
        p_value: Chance of a purity at least as high as the one found, in (0, 1].
    """

    mean: float
    percentile_95: float
    p_value: float


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
    from threadpoolctl import threadpool_limits

    neighbors = min(options.n_neighbors, count - 1)
    reducer = umap.UMAP(
        n_neighbors=neighbors,
        min_dist=options.min_dist,
        metric=options.metric,
        random_state=options.random_state,
        n_jobs=1,
        # The spectral start asks ARPACK, which draws without the seed where points coincide, as
        # those of a repeated text do. Principal components need coordinates that vary.
        init="pca" if np.ptp(vectors, axis=0).any() else "random",
    )
    # The number of threads moves the last bits of distances, and UMAP makes other clusters of them.
    with threadpool_limits(1), warnings.catch_warnings():
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
    return ClusterSummary(
        cluster_purity=_majority_count(clusters, labels) / int(inside.sum())
        if inside.any()
        else None,
        n_clusters=len(np.unique(clusters[inside])),
        noise_ratio=float(1 - inside.mean()) if len(inside) else 0.0,
    )


def cluster_agreement(clusters: Labels, labels: Labels) -> ClusterAgreement:
    """Compare a clustering with the labels, noise held against it.

    `purity_with_noise` counts noise as wrong: it is the purity times the share of clustered points,
    the weight that Moulavi et al. (2014), Density-Based Clustering Validation, give to noise.
    Noise as one more cluster would add half of it or more to the purity, and noise as clusters of
    one point all of it: the more noise, the purer.

    Args:
        clusters: Cluster of each point, -1 for noise, shape (n,).
        labels: 0 or 1, shape (n,).

    Returns:
        The three measures; the indices are computed by scikit-learn.
    """
    purity = _majority_count(clusters, labels) / len(labels) if len(labels) else None
    if labels.all() or not labels.any():
        return ClusterAgreement(purity, None, None)
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    alone = clusters.copy()
    noise = clusters == NOISE
    alone[noise] = clusters.max() + 1 + np.arange(noise.sum())
    return ClusterAgreement(
        purity_with_noise=purity,
        adjusted_rand_index=float(adjusted_rand_score(labels, alone)),
        adjusted_mutual_information=float(adjusted_mutual_info_score(labels, alone)),
    )


def chance_purity(clusters: Labels, labels: Labels, permuted_labels: Labels) -> ChancePurity | None:
    """Say how pure the same clusters would be if labels had nothing to do with them.

    The clusters stay, the labels move; so purity with noise counted has the same p-value, and a
    chance level smaller by the share of clustered points. The p-value is
    (1 + permutations at least as pure) / (1 + permutations): Phipson and Smyth (2010),
    Permutation P-values Should Never Be Zero.

    Args:
        clusters: Cluster of each point, -1 for noise, shape (n,).
        labels: 0 or 1, shape (n,).
        permuted_labels: Shape (rounds, n), at least one round. Permute what the labels belong to:
            where the points are both texts of pairs, permute the pairs' labels, then repeat them.

    Returns:
        The chance level; None if every point is noise.

    Raises:
        ValueError: The shapes do not fit, or there is no round.
    """
    rounds = _require_rounds("permuted labels", permuted_labels, len(clusters))
    membership = _membership(clusters)
    sizes = membership.sum(axis=0)
    if not len(sizes):
        return None
    # Counts are whole numbers, exact in floats, so that equal purities compare as equal. Row by
    # row, since the product of all rounds at once would copy them as floats.
    compatible = np.array([row @ membership for row in permuted_labels])
    majority = np.maximum(compatible, sizes - compatible).sum(axis=1)
    purities = majority / sizes.sum()
    as_pure = int((majority >= _majority_count(clusters, labels)).sum())
    return ChancePurity(
        mean=float(purities.mean()),
        percentile_95=float(np.quantile(purities, 0.95)),
        p_value=(1 + as_pure) / (1 + rounds),
    )


def purity_draws(clusters: Labels, labels: Labels, weights: Array) -> npt.NDArray[np.float64]:
    """Compute the purity, noise ignored, of each resample of the points.

    The clusters and the label that each stands for are kept: chosen anew in each resample, the more
    frequent label would make resamples purer than what they are drawn from.

    Args:
        clusters: Cluster of each point, -1 for noise, shape (n,).
        labels: 0 or 1, shape (n,).
        weights: How often each round drew each point, shape (rounds, n), at least one round.

    Returns:
        Shape (rounds,), in [0, 1]; NaN for a round that drew no clustered point.

    Raises:
        ValueError: The shapes do not fit, or there is no round.
    """
    _require_rounds("weights", weights, len(clusters))
    inside = clusters != NOISE
    agrees = np.zeros(len(clusters))
    for cluster in np.unique(clusters[inside]):
        members = clusters == cluster
        agrees[members] = labels[members] == np.bincount(labels[members]).argmax()
    drawn = weights @ inside.astype(np.float64)
    purities = np.full(len(weights), np.nan)
    np.divide(weights @ agrees, drawn, out=purities, where=drawn > 0)
    return purities


def purity_by_cluster(clusters: Labels, labels: Labels) -> list[tuple[int, int, float]]:
    """Return (cluster, number of points, purity in [0.5, 1]) of each cluster, noise left out."""
    return [
        (int(cluster), len(members), float(np.bincount(members).max() / len(members)))
        for cluster in np.unique(clusters[clusters != NOISE])
        for members in [labels[clusters == cluster]]
    ]


def _membership(clusters: Labels) -> npt.NDArray[np.float64]:
    """Return shape (n, clusters): 1 where the point lies in the cluster; rows of noise are 0."""
    members = clusters[:, None] == np.unique(clusters[clusters != NOISE])
    return np.asarray(members, dtype=np.float64)


def _majority_count(clusters: Labels, labels: Labels) -> int:
    """Count the points that lie in a cluster and bear its more frequent label."""
    return sum(
        int(np.bincount(labels[clusters == cluster]).max())
        for cluster in np.unique(clusters[clusters != NOISE])
    )


def _require_rounds(name: str, rows: Array, count: int) -> int:
    if rows.ndim != 2 or rows.shape[1] != count or not len(rows):
        raise ValueError(f"{name}: found shape {rows.shape}, expected (rounds, {count})")
    return len(rows)
