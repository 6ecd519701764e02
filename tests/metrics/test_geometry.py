import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import linalg, stats
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

from tuneproof.metrics import geometry
from tuneproof.metrics.geometry import alignment, anisotropy, effective_rank, uniformity

Vectors = npt.NDArray[np.float64]


def directed(vectors: Vectors) -> bool:
    return bool((np.linalg.norm(vectors, axis=1) > 1e-3).all())


# From 2 texts, of 1 to 5 dimensions, duplicates and opposites among them.
vector_sets = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 12), st.integers(1, 5)),
    elements=st.integers(-20, 20).map(lambda n: n / 10),
).filter(directed)


def unit(vectors: Vectors) -> Vectors:
    return np.array([row / math.sqrt(sum(x * x for x in row)) for row in vectors])


def random_vectors(count: int, dimensions: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


class TestAnisotropy:
    @given(vector_sets)
    def test_is_the_mean_cosine_of_all_pairs(self, vectors: Vectors) -> None:
        cosines = cosine_similarity(vectors)[np.triu_indices(len(vectors), k=1)]
        assert anisotropy(vectors) == pytest.approx(cosines.mean(), abs=1e-12)

    def test_known_answers(self) -> None:
        assert anisotropy(np.eye(4)) == pytest.approx(0)
        assert anisotropy(np.tile([3.0, 4.0], (5, 1))) == pytest.approx(1)
        assert anisotropy(np.array([[1.0, 0], [-2.0, 0]])) == pytest.approx(-1)
        assert anisotropy(np.array([[1.0, 0], [1.0, 1.0]])) == pytest.approx(math.sqrt(0.5))


class TestEffectiveRank:
    @given(vector_sets)
    def test_is_the_entropy_of_the_shares_of_variance(self, vectors: Vectors) -> None:
        directions = unit(vectors)
        found = effective_rank(vectors)
        if np.ptp(directions, axis=0).max() < 1e-9:
            assert found is None
            return
        assert found is not None
        shares = PCA().fit(directions).explained_variance_ratio_
        assert found == pytest.approx(math.exp(stats.entropy(np.clip(shares, 0, None))), rel=1e-6)
        # Roy and Vetterli's definition, of the covariance matrix.
        singular = linalg.svdvals(np.atleast_2d(np.cov(directions, rowvar=False)))
        assert found == pytest.approx(math.exp(stats.entropy(singular)), rel=1e-6)
        assert 1 - 1e-9 <= found <= min(len(vectors) - 1, vectors.shape[1]) + 1e-9

    @pytest.mark.parametrize("rank", [1, 2, 5, 16])
    def test_counts_dimensions_of_equal_spread(self, rank: int) -> None:
        axes = np.eye(20)[:rank]
        assert effective_rank(np.concatenate([axes, -axes])) == pytest.approx(rank)

    def test_what_all_texts_share_does_not_count(self) -> None:
        axes = 0.1 * np.eye(20)[:8]
        spread = np.concatenate([axes, -axes]) + np.eye(20)[19]
        assert effective_rank(spread) == pytest.approx(8)

    def test_sinks_as_the_texts_collapse_onto_a_plane(self) -> None:
        vectors = random_vectors(200, 30)
        found = [
            effective_rank(vectors * np.r_[1, 1, np.full(28, kept)])
            for kept in (1.0, 0.3, 0.1, 0.0)
        ]
        ranks = [rank for rank in found if rank is not None]
        assert len(ranks) == 4
        assert ranks == sorted(ranks, reverse=True)
        assert ranks[0] == pytest.approx(28, abs=1.5)
        assert ranks[-1] == pytest.approx(2, abs=0.05)

    def test_total_collapse_is_none_whatever_rounding_leaves(self) -> None:
        one = random_vectors(1, 384)
        exact = np.tile(one, (50, 1))
        assert effective_rank(exact) is None
        # Lengths that differ leave directions that differ by rounding alone.
        assert effective_rank(exact * np.linspace(0.1, 3, 50)[:, None]) is None
        # Differences ten times what float32 resolves are real.
        moved = exact / np.linalg.norm(one) + 1e-6 * random_vectors(50, 384, seed=1)
        found = effective_rank(moved)
        assert found is not None
        assert found > 30


class TestAlignment:
    @given(st.integers(1, 10), st.integers(1, 5), st.integers(0, 99))
    def test_agrees_with_a_loop(self, count: int, dimensions: int, seed: int) -> None:
        first = random_vectors(count, dimensions, seed)
        second = random_vectors(count, dimensions, seed + 100)
        gaps = [
            sum((a - b) ** 2 for a, b in zip(u, v, strict=True))
            for u, v in zip(unit(first), unit(second), strict=True)
        ]
        assert alignment(first, second) == pytest.approx(sum(gaps) / count)
        cosines = np.diag(cosine_similarity(first, second))
        assert alignment(first, second) == pytest.approx(2 - 2 * cosines.mean())
        assert alignment(second, first) == alignment(first, second)

    def test_known_answers(self) -> None:
        east = np.array([[2.0, 0.0]])
        assert alignment(east, 5 * east) == 0
        assert alignment(east, -east) == 4
        assert alignment(east, np.array([[0.0, 0.1]])) == pytest.approx(2)
        assert alignment(east[:0], east[:0]) is None

    def test_shapes_that_differ_are_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"found shapes \(3, 2\) and \(2, 2\)"):
            alignment(np.ones((3, 2)), np.ones((2, 2)))


class TestUniformity:
    @given(vector_sets, st.integers(1, 5))
    def test_agrees_with_all_distances_whatever_the_tile(self, vectors: Vectors, tile: int) -> None:
        expected = math.log(np.exp(-2 * pdist(unit(vectors)) ** 2).mean())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(geometry, "_TILE", tile)
            assert uniformity(vectors) == pytest.approx(expected, abs=1e-9)
        assert uniformity(vectors) == pytest.approx(expected, abs=1e-9)

    def test_known_answers(self) -> None:
        assert uniformity(np.tile([0.6, 0.8], (3, 1))) == pytest.approx(0, abs=1e-12)
        assert uniformity(np.array([[1.0, 0], [-1.0, 0]])) == pytest.approx(-8)
        assert uniformity(np.eye(3)) == pytest.approx(-4)

    def test_even_spread_in_many_dimensions_nears_minus_four(self) -> None:
        assert uniformity(random_vectors(1500, 384)) == pytest.approx(-4, abs=0.05)

    def test_never_above_zero_by_rounding(self) -> None:
        for seed in range(20):
            found = uniformity(np.tile(random_vectors(1, 7, seed), (9, 1)))
            assert found is not None
            assert found <= 0


@pytest.mark.parametrize("count", [0, 1])
def test_below_two_texts_is_none(count: int) -> None:
    vectors = np.ones((count, 3))
    assert (anisotropy(vectors), effective_rank(vectors), uniformity(vectors)) == (None,) * 3


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_embedding_without_direction_is_an_error(bad: float) -> None:
    vectors = np.ones((3, 2))
    vectors[1] = bad
    for measure in (anisotropy, effective_rank, uniformity):
        with pytest.raises(ValueError, match="found 1 zero or non-finite"):
            measure(vectors)
    for first, second in ((vectors, np.ones((3, 2))), (np.ones((3, 2)), vectors)):
        with pytest.raises(ValueError, match="found 1 zero or non-finite"):
            alignment(first, second)


@given(vector_sets, st.floats(0.01, 100))
def test_length_and_order_do_not_matter(vectors: Vectors, scale: float) -> None:
    order = np.random.default_rng(len(vectors)).permutation(len(vectors))
    stretched = scale * vectors[order] * np.linspace(1, 3, len(vectors))[:, None]
    for measure in (anisotropy, effective_rank, uniformity):
        before, after = measure(vectors), measure(stretched)
        assert after == (None if before is None else pytest.approx(before, rel=1e-6, abs=1e-9))


def test_float32_embeddings_are_measured_in_float64() -> None:
    vectors = random_vectors(50, 16).astype(np.float32)
    wide = vectors.astype(np.float64)
    assert anisotropy(vectors) == anisotropy(wide)
    assert effective_rank(vectors) == effective_rank(wide)
    assert uniformity(vectors) == uniformity(wide)
    assert alignment(vectors[:25], vectors[25:]) == alignment(wide[:25], wide[25:])
