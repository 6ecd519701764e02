from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tuneproof.metrics.clusters import (
    ClusterSummary,
    HdbscanOptions,
    UmapOptions,
    hdbscan_clusters,
    purity_by_cluster,
    summarise_clusters,
    symmetric_pair_vectors,
    umap_projection,
)


def umap_options(n_neighbors: int = 15, seed: int = 42) -> UmapOptions:
    return UmapOptions(n_neighbors=n_neighbors, min_dist=0.1, metric="cosine", random_state=seed)


def hdbscan_options(min_cluster_size: int = 5, min_samples: int = 3) -> HdbscanOptions:
    return HdbscanOptions(
        min_cluster_size=min_cluster_size, min_samples=min_samples, cluster_selection_method="eom"
    )


def random_vectors(count: int, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


class TestSymmetricPairVectors:
    def test_known_answer(self) -> None:
        vectors = np.array([[[1, -2], [3, 4]]], dtype=np.float32)
        assert symmetric_pair_vectors(vectors).tolist() == [[2, 6, 3, -8]]

    def test_order_of_the_texts_does_not_matter(self) -> None:
        vectors = random_vectors(40).reshape(10, 2, 16)
        swapped = symmetric_pair_vectors(vectors[:, ::-1])
        assert np.array_equal(symmetric_pair_vectors(vectors), swapped)


class TestUmapProjection:
    @pytest.mark.parametrize("count", [4, 5, 6, 7, 10])
    @pytest.mark.parametrize("n_neighbors", [2, 15])
    def test_tiny_inputs(self, count: int, n_neighbors: int) -> None:
        points = umap_projection(random_vectors(count), umap_options(n_neighbors))
        assert points.shape == (count, 2)
        assert np.isfinite(points).all()

    @pytest.mark.parametrize("count", [0, 3])
    def test_too_few_points_is_an_error(self, count: int) -> None:
        with pytest.raises(ValueError, match=f"found {count} points, expected at least 4"):
            umap_projection(random_vectors(count), umap_options())

    @pytest.mark.parametrize(
        ("vectors", "n_neighbors"),
        [
            (random_vectors(4), 15),
            (random_vectors(60), 15),
            (random_vectors(60), 2),
            (np.repeat(random_vectors(6), 20, axis=0), 15),
        ],
        ids=["tiny", "usual", "two neighbours", "repeated texts"],
    )
    def test_seed_decides(self, vectors: np.ndarray, n_neighbors: int) -> None:
        first = umap_projection(vectors, umap_options(n_neighbors))
        assert np.array_equal(first, umap_projection(vectors, umap_options(n_neighbors)))
        other_seed = umap_projection(vectors, umap_options(n_neighbors, seed=7))
        assert not np.array_equal(first, other_seed)

    def test_neighbours_stay_together(self) -> None:
        centres = np.repeat(np.eye(8, dtype=np.float32)[:2], 20, axis=0)
        points = umap_projection(centres + 0.05 * random_vectors(40), umap_options(5))
        clusters = hdbscan_clusters(points, hdbscan_options())
        first, second = set(clusters[:20].tolist()), set(clusters[20:].tolist())
        assert not (first & second) - {-1}


class TestHdbscanClusters:
    def test_finds_separate_blobs_and_noise(self) -> None:
        blobs = np.concatenate([0.1 * random_vectors(20, 2), 0.1 * random_vectors(20, 2, 1) + 9])
        clusters = hdbscan_clusters(np.concatenate([blobs, [[50.0, -50.0]]]), hdbscan_options())
        first, second = set(clusters[:20].tolist()), set(clusters[20:40].tolist())
        assert {frozenset(first), frozenset(second)} == {frozenset({0}), frozenset({1})}
        assert clusters[40] == -1

    @pytest.mark.parametrize(
        ("count", "min_cluster_size", "min_samples"), [(0, 5, 3), (1, 2, 1), (4, 5, 1), (5, 2, 5)]
    )
    def test_too_few_points_are_noise(
        self, count: int, min_cluster_size: int, min_samples: int
    ) -> None:
        options = hdbscan_options(min_cluster_size, min_samples)
        clusters = hdbscan_clusters(random_vectors(count, 2), options)
        assert clusters.tolist() == [-1] * count
        assert clusters.dtype == np.int64


class TestSummary:
    @pytest.mark.parametrize(
        ("clusters", "labels", "expected", "by_cluster"),
        [
            # Two of three and two of two: 4 of 5 points; the noise would change it to 5 of 8.
            (
                [0, 0, 0, 1, 1, -1, -1, -1],
                [1, 1, 0, 0, 0, 1, 0, 1],
                ClusterSummary(0.8, 2, 3 / 8),
                [(0, 3, pytest.approx(2 / 3)), (1, 2, 1.0)],
            ),
            ([-1, -1], [0, 1], ClusterSummary(None, 0, 1.0), []),
            ([], [], ClusterSummary(None, 0, 0.0), []),
            ([3, 3, 3, 3], [0, 1, 0, 1], ClusterSummary(0.5, 1, 0.0), [(3, 4, 0.5)]),
            ([0, 7], [0, 1], ClusterSummary(1.0, 2, 0.0), [(0, 1, 1.0), (7, 1, 1.0)]),
        ],
        ids=["noise ignored", "all noise", "empty", "even", "single points"],
    )
    def test_known_answers(
        self,
        clusters: Sequence[int],
        labels: Sequence[int],
        expected: ClusterSummary,
        by_cluster: list[tuple[int, int, float]],
    ) -> None:
        arrays = np.array(clusters, dtype=np.int64), np.array(labels, dtype=np.int64)
        assert summarise_clusters(*arrays) == pytest.approx(expected)
        assert purity_by_cluster(*arrays) == by_cluster

    @given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 1)), min_size=1, max_size=30))
    def test_purity_is_the_mean_of_the_clusters_purities(self, rows: list[tuple[int, int]]) -> None:
        clusters, labels = np.array(rows).T
        summary, parts = summarise_clusters(clusters, labels), purity_by_cluster(clusters, labels)
        assert summary.n_clusters == len(parts)
        clustered = sum(size for _, size, _ in parts)
        assert summary.noise_ratio == pytest.approx(1 - clustered / len(rows))
        if parts:
            weighted = sum(size * purity for _, size, purity in parts) / clustered
            assert summary.cluster_purity == pytest.approx(weighted)
            assert weighted >= 0.5


class TestOptions:
    @pytest.mark.parametrize(
        "change", [{"n_neighbors": 1}, {"min_dist": 1.5}, {"min_dist": -0.1}, {"neighbours": 3}]
    )
    def test_wrong_umap_options_are_refused(self, change: dict[str, object]) -> None:
        right: dict[str, Any] = {
            "n_neighbors": 2,
            "min_dist": 0.1,
            "metric": "cosine",
            "random_state": 0,
        }
        with pytest.raises(ValidationError, match=next(iter(change))):
            UmapOptions(**{**right, **change})

    @pytest.mark.parametrize(
        "change",
        [{"min_cluster_size": 1}, {"min_samples": 0}, {"cluster_selection_method": "eom or leaf"}],
    )
    def test_wrong_hdbscan_options_are_refused(self, change: dict[str, object]) -> None:
        right: dict[str, Any] = {
            "min_cluster_size": 2,
            "min_samples": 1,
            "cluster_selection_method": "leaf",
        }
        with pytest.raises(ValidationError, match=next(iter(change))):
            HdbscanOptions(**{**right, **change})
