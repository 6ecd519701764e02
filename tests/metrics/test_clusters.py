from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from threadpoolctl import threadpool_limits

from tuneproof.metrics.clusters import (
    ClusterSummary,
    HdbscanOptions,
    UmapOptions,
    chance_purity,
    cluster_agreement,
    hdbscan_clusters,
    purity_by_cluster,
    purity_draws,
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

    def test_the_number_of_threads_decides_nothing(self) -> None:
        vectors = random_vectors(600, 384)  # of fewer the threads are not used
        with threadpool_limits(1):
            alone = umap_projection(vectors, umap_options(15))
        with threadpool_limits(2):
            assert np.array_equal(umap_projection(vectors, umap_options(15)), alone)

    def test_neighbours_stay_together(self) -> None:
        centres = np.repeat(np.eye(8, dtype=np.float32)[:2], 20, axis=0)
        points = umap_projection(centres + 0.05 * random_vectors(40), umap_options(5))
        clusters = hdbscan_clusters(points, hdbscan_options())
        sides = [set(clusters[:20].tolist()), set(clusters[20:].tolist())]
        assert not sides[0] & sides[1] - {-1}
        assert all(side - {-1} for side in sides), "one of them is noise alone"
        assert (clusters != -1).mean() > 0.8

    @pytest.mark.parametrize("vector", [[1, 0, 0, 0], [0.5, 0.25, 1, 0], [0.1, 0.3, 0.7, 0.2]])
    def test_points_that_all_coincide_are_placed(self, vector: list[float]) -> None:
        """Principal components of nothing that varies are 0, and umap-learn divides by them."""
        vectors = np.tile(np.array(vector, dtype=np.float32), (16, 1))
        points = umap_projection(vectors, umap_options())
        assert np.isfinite(points).all()
        assert np.array_equal(points, umap_projection(vectors, umap_options()))


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


points = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 1)), min_size=1, max_size=30)


def purity_by_hand(rows: Sequence[tuple[int, int]]) -> float | None:
    """Purity, noise ignored, from scikit-learn's table of clusters and labels."""
    inside = [row for row in rows if row[0] != -1]
    if not inside:
        return None
    table = contingency_matrix([cluster for cluster, _ in inside], [label for _, label in inside])
    return float(table.max(axis=1).sum() / table.sum())


class TestAgreement:
    @given(points)
    def test_agrees_with_scikit_learn_and_a_loop(self, rows: list[tuple[int, int]]) -> None:
        clusters, labels = np.array(rows).T
        found = cluster_agreement(clusters, labels)
        purity, noise = purity_by_hand(rows), sum(cluster == -1 for cluster, _ in rows)
        assert summarise_clusters(clusters, labels).cluster_purity == (
            None if purity is None else pytest.approx(purity)
        )
        right = 0.0 if purity is None else purity * (len(rows) - noise)
        assert found.purity_with_noise == pytest.approx(right / len(rows))
        if len(set(labels.tolist())) == 1:
            assert found[1:] == (None, None)
            return
        alone = [f"noise {i}" if c == -1 else f"cluster {c}" for i, (c, _) in enumerate(rows)]
        assert found.adjusted_rand_index == pytest.approx(adjusted_rand_score(labels, alone))
        assert found.adjusted_mutual_information == pytest.approx(
            adjusted_mutual_info_score(labels, alone), abs=1e-9
        )

    @given(points)
    def test_rand_index_follows_its_formula_over_pairs_of_points(
        self, rows: list[tuple[int, int]]
    ) -> None:
        clusters, labels = np.array(rows).T
        found = cluster_agreement(clusters, labels).adjusted_rand_index
        together = both = alike = total = 0
        for i, (c, label) in enumerate(rows):
            for other_c, other_label in rows[:i]:
                total += 1
                together += c == other_c != -1
                alike += label == other_label
                both += c == other_c != -1 and label == other_label
        if found is None:
            assert len(set(labels.tolist())) == 1
            return
        by_chance = together * alike / total
        largest = (together + alike) / 2
        # Equal only where neither joins two points: two points, apart in both.
        expected = 1.0 if largest == by_chance else (both - by_chance) / (largest - by_chance)
        assert found == pytest.approx(expected, abs=1e-9)

    def test_noise_does_not_pay(self) -> None:
        labels = np.tile([0, 1], 50)
        perfect = cluster_agreement(labels.copy(), labels)
        assert perfect == pytest.approx((1, 1, 1))
        few = np.where(np.arange(100) < 10, labels, -1)
        assert summarise_clusters(few, labels).cluster_purity == 1
        sparse = cluster_agreement(few, labels)
        assert sparse.purity_with_noise == pytest.approx(0.1)
        assert sparse.adjusted_rand_index is not None
        assert sparse.adjusted_rand_index < 0.05
        nothing = cluster_agreement(np.full(100, -1), labels)
        assert nothing == pytest.approx((0, 0, 0), abs=1e-9)

    def test_names_of_the_clusters_do_not_matter(self) -> None:
        generator = np.random.default_rng(0)
        clusters, labels = generator.integers(-1, 4, 80), generator.integers(0, 2, 80)
        renamed = np.where(clusters == -1, -1, 10 - 2 * clusters)
        assert cluster_agreement(renamed, labels) == pytest.approx(
            cluster_agreement(clusters, labels)
        )

    def test_of_nothing_is_none(self) -> None:
        empty = np.array([], dtype=np.int64)
        assert cluster_agreement(empty, empty) == (None, None, None)

    def test_input_is_left_alone(self) -> None:
        clusters = np.array([0, -1, -1, 0])
        cluster_agreement(clusters, np.array([0, 1, 0, 1]))
        assert clusters.tolist() == [0, -1, -1, 0]


class TestChancePurity:
    @given(points, st.integers(0, 99))
    def test_agrees_with_permuting_one_by_one(self, rows: list[tuple[int, int]], seed: int) -> None:
        clusters, labels = np.array(rows).T
        generator = np.random.default_rng(seed)
        permuted = np.array([generator.permutation(labels) for _ in range(19)])
        found = chance_purity(clusters, labels, permuted)
        observed = purity_by_hand(rows)
        if observed is None:
            assert found is None
            return
        purities = [purity_by_hand(list(zip(clusters, draw, strict=True))) for draw in permuted]
        expected = np.array(purities, dtype=np.float64)
        at_least = sum(purity >= observed - 1e-12 for purity in expected)
        assert found == pytest.approx(
            (expected.mean(), np.quantile(expected, 0.95), (1 + at_least) / 20)
        )

    def test_labels_that_follow_the_clusters_are_found(self) -> None:
        clusters = np.repeat([0, 1, 2, -1], 20)
        labels = np.repeat([0, 1, 0, 1], 20)
        generator = np.random.default_rng(1)
        permuted = np.array([generator.permutation(labels) for _ in range(999)])
        found = chance_purity(clusters, labels, permuted)
        assert found is not None
        assert found.p_value == 1 / 1000
        assert 0.5 < found.mean < found.percentile_95 < 0.75

    def test_p_values_are_no_smaller_than_chance_under_the_null(self) -> None:
        generator = np.random.default_rng(2)
        clusters = np.repeat([0, 1, 2, 3, -1], 12)
        labels = np.tile([0, 1], 30)
        p_values = []
        for _ in range(400):
            draws = np.array([generator.permutation(labels) for _ in range(100)])
            found = chance_purity(clusters, draws[0], draws[1:])
            assert found is not None
            p_values.append(found.p_value)
        for level in (0.05, 0.1, 0.25, 0.5):
            # Binomial: three standard errors above the level.
            bound = level + 3 * (level * (1 - level) / 400) ** 0.5
            assert np.mean(np.array(p_values) <= level) <= bound

    def test_texts_that_share_a_label_must_be_permuted_together(self) -> None:
        # Both texts of a pair in one cluster: permuted apart, chance looks like a finding.
        clusters = np.tile(np.repeat(np.arange(20), 3), 2)
        generator = np.random.default_rng(3)
        together, apart = [], []
        for _ in range(100):
            pair_labels = generator.permutation(np.repeat([0, 1], 30))
            labels = np.tile(pair_labels, 2)
            pairs = np.array([generator.permutation(pair_labels) for _ in range(99)])
            texts = np.array([generator.permutation(labels) for _ in range(99)])
            right = chance_purity(clusters, labels, np.tile(pairs, (1, 2)))
            wrong = chance_purity(clusters, labels, texts)
            assert right is not None
            assert wrong is not None
            together.append(right.p_value <= 0.05)
            apart.append(wrong.p_value <= 0.05)
        assert np.mean(together) < 0.12
        assert np.mean(apart) > 0.5

    @pytest.mark.parametrize("shape", [(0, 3), (2, 4), (3,)])
    def test_wrong_shapes_are_an_error(self, shape: tuple[int, ...]) -> None:
        labels = np.array([0, 1, 0])
        with pytest.raises(ValueError, match="permuted labels: found shape"):
            chance_purity(labels, labels, np.zeros(shape, dtype=np.int64))


class TestPurityDraws:
    @given(points, st.integers(0, 99))
    def test_agrees_with_repeating_the_points(self, rows: list[tuple[int, int]], seed: int) -> None:
        clusters, labels = np.array(rows).T
        weights = np.random.default_rng(seed).poisson(0.7, size=(12, len(rows)))
        found = purity_draws(clusters, labels, weights)
        counts = Counter(row for row in rows if row[0] != -1)
        stands_for = {
            cluster: int(counts[cluster, 1] > counts[cluster, 0]) for cluster, _ in counts
        }
        for purity, times in zip(found, weights, strict=True):
            drawn = [row for row, count in zip(rows, times, strict=True) for _ in range(count)]
            right = [stands_for[cluster] == label for cluster, label in drawn if cluster != -1]
            assert purity == pytest.approx(np.mean(right) if right else np.nan, nan_ok=True)

    def test_resamples_are_on_average_as_pure_as_what_they_are_drawn_from(self) -> None:
        generator = np.random.default_rng(0)
        clusters = np.repeat(np.arange(20), 5)
        labels = generator.integers(0, 2, 100)
        weights = generator.multinomial(100, np.full(100, 0.01), size=4000)
        (purity,) = purity_draws(clusters, labels, np.ones((1, 100)))
        assert purity_draws(clusters, labels, weights).mean() == pytest.approx(purity, abs=0.005)

    def test_all_points_once_is_the_purity(self) -> None:
        clusters, labels = np.array([0, 0, 0, 1, -1]), np.array([1, 1, 0, 0, 1])
        assert purity_draws(clusters, labels, np.ones((1, 5))).tolist() == [0.75]

    def test_wrong_shapes_are_an_error(self) -> None:
        labels = np.array([0, 1, 0])
        with pytest.raises(ValueError, match=r"weights: found shape \(1, 2\), expected"):
            purity_draws(labels, labels, np.ones((1, 2)))


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
