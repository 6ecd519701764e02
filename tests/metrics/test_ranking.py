import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from tuneproof.metrics.ranking import (
    auc_for_spearman,
    auc_roc,
    average_precision,
    spearman,
    spearman_ceiling,
)

# Negative scores, and so few levels that many tie.
tied_pairs = st.lists(
    st.tuples(st.integers(-5, 5).map(lambda n: n / 5), st.integers(0, 1)), min_size=2, max_size=40
)


@given(tied_pairs)
def test_auc_is_the_share_of_won_comparisons(rows: list[tuple[float, int]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    wins = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high, a in rows
        for low, b in rows
        if a == 1 and b == 0
    ]
    found = auc_roc(scores, labels)
    if not wins:
        assert found is None
        return
    assert found == pytest.approx(sum(wins) / len(wins), abs=1e-12)
    assert found == pytest.approx(float(roc_auc_score(labels, scores)), abs=1e-12)


@given(tied_pairs, st.randoms(use_true_random=False))
def test_average_precision_adds_up_threshold_by_threshold(
    rows: list[tuple[float, int]], source: random.Random
) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    found = average_precision(scores, labels)
    positives = int(labels.sum())
    if positives in (0, len(rows)):
        assert found is None
        return
    total = 0.0
    for threshold in set(scores):
        called = [label for s, label in rows if s >= threshold]
        gained = sum(label for s, label in rows if s == threshold)
        total += gained / positives * sum(called) / len(called)
    assert found == pytest.approx(total, abs=1e-12)
    assert found == pytest.approx(float(average_precision_score(labels, scores)), abs=1e-12)
    shuffled = source.sample(rows, len(rows))
    assert found == average_precision(
        np.array([s for s, _ in shuffled]), np.array([label for _, label in shuffled])
    )


@given(tied_pairs)
def test_spearman_is_the_correlation_of_mean_ranks(rows: list[tuple[float, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["score", "label"])
    scores, labels = frame["score"].to_numpy(), frame["label"].to_numpy()
    found = spearman(scores, labels)
    if len(set(scores)) == 1 or len(set(labels)) == 1:
        assert found is None
        return
    ranks = frame.rank(method="average").to_numpy()
    assert found == pytest.approx(np.corrcoef(ranks, rowvar=False)[0, 1], abs=1e-9)
    assert found == pytest.approx(float(stats.spearmanr(labels, scores)[0]), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_spearman_is_a_rescaled_auc_without_ties(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(10, 300))
    labels = generator.permutation(np.r_[np.ones(n // 3), np.zeros(n - n // 3)]).astype(np.int64)
    scores = generator.permutation(np.linspace(-1, 1, n)) + 0.3 * labels / n
    auc, rho = auc_roc(scores, labels), spearman(scores, labels)
    assert auc is not None
    n_1, n_0 = n // 3, n - n // 3
    assert rho == pytest.approx((2 * auc - 1) * (3 * n_0 * n_1 / (n**2 - 1)) ** 0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "auc", "rho"),
    [
        ([], [], None, None),
        ([0.3], [1], None, None),
        ([0.1, -0.2], [1, 1], None, None),
        ([0.1, -0.2], [0, 0], None, None),
        ([0.5, 0.5, 0.5], [0, 1, 1], 0.5, None),
        ([-0.9, -0.1], [0, 1], 1.0, 1.0),
        ([0.9, -0.1], [0, 1], 0.0, -1.0),
        ([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], 0.75, 1 / 5**0.5),
    ],
)
def test_known_answers(
    scores: list[float], labels: list[int], auc: float | None, rho: float | None
) -> None:
    arrays = np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int64)
    assert auc_roc(*arrays) == auc
    assert spearman(*arrays) == (None if rho is None else pytest.approx(rho, abs=1e-12))


def test_adjacent_floats_are_no_tie() -> None:
    scores = np.array([0.5, np.nextafter(0.5, 1)])
    assert auc_roc(scores, np.array([0, 1])) == 1.0
    assert auc_roc(scores, np.array([1, 0])) == 0.0


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([], [], None),
        ([0.3], [1], None),
        ([0.5, 0.5, 0.5], [0, 1, 1], 2 / 3),
        ([-0.9, -0.1], [0, 1], 1.0),
        ([0.9, -0.1], [0, 1], 0.5),
        # Found at ranks 1 and 3: precisions 1 and 2/3.
        ([0.4, 0.3, 0.2, 0.1], [1, 0, 1, 0], (1 + 2 / 3) / 2),
    ],
)
def test_known_average_precisions(
    scores: list[float], labels: list[int], expected: float | None
) -> None:
    found = average_precision(np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int64))
    assert found == (None if expected is None else pytest.approx(expected))


class TestSpearmanCeiling:
    @given(st.integers(1, 60), st.integers(1, 60))
    def test_is_what_a_perfect_ranking_reaches(self, n_1: int, n_0: int) -> None:
        labels = np.r_[np.zeros(n_0), np.ones(n_1)].astype(np.int64)
        reached = stats.spearmanr(np.linspace(-1, 1, n_0 + n_1), labels)[0]
        assert spearman_ceiling(n_1, n_0) == pytest.approx(reached, abs=1e-12)

    def test_published_labels(self) -> None:
        assert spearman_ceiling(158, 137) == pytest.approx(0.8638, abs=5e-5)
        assert auc_for_spearman(0.86, 158, 137) == pytest.approx(0.99778, abs=5e-6)

    def test_half_and_half_nears_root_three_over_two_from_above(self) -> None:
        found = spearman_ceiling(10**6, 10**6)
        assert found == pytest.approx(math.sqrt(3) / 2, abs=1e-9)

    def test_ties_inside_a_label_can_exceed_it(self) -> None:
        labels = np.array([0, 0, 1, 1])
        ceiling = spearman_ceiling(2, 2)
        assert ceiling is not None
        assert spearman(labels.astype(np.float64), labels) == pytest.approx(1)
        assert ceiling < 0.9

    @given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
    def test_needed_auc_belongs_to_the_target(self, n_1: int, n_0: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        labels = generator.permutation(np.r_[np.zeros(n_0), np.ones(n_1)]).astype(np.int64)
        scores = generator.permutation(np.linspace(-1, 1, n_0 + n_1))
        reached = spearman(scores, labels)
        assert reached is not None
        assert auc_for_spearman(reached, n_1, n_0) == pytest.approx(roc_auc_score(labels, scores))

    def test_target_out_of_reach_needs_more_than_one(self) -> None:
        needed = auc_for_spearman(0.9, 100, 100)
        assert needed is not None
        assert needed > 1

    @pytest.mark.parametrize(("n_1", "n_0"), [(0, 0), (0, 5), (3, 0)])
    def test_missing_label_is_none(self, n_1: int, n_0: int) -> None:
        assert spearman_ceiling(n_1, n_0) is None
        assert auc_for_spearman(0.5, n_1, n_0) is None
