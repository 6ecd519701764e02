import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from tuneproof.metrics.ranking import auc_roc, spearman

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
