import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuneproof.metrics.separation import (
    WelchTest,
    cohens_d,
    margin,
    mean_or_none,
    split_by_label,
    welch_t,
)

# SciPy warns where a label's scores hardly vary; the figures are compared all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")

cosines = st.lists(st.integers(-1000, 1000).map(lambda n: n / 1000), min_size=2, max_size=25)


def both(compatible: list[float], incompatible: list[float]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([1] * len(compatible) + [0] * len(incompatible), dtype=np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    return np.array(compatible + incompatible, dtype=np.float64)[order], labels[order]


def test_known_answers() -> None:
    # Means 0.7 and 0.2, sums of squares 0.02 and 0.08, so pooled variance 0.1 / 3.
    scores, labels = both([0.8, 0.6], [0.2, 0.0, 0.4])
    assert margin(scores, labels) == pytest.approx(0.5)
    assert cohens_d(scores, labels) == pytest.approx(0.5 / math.sqrt(0.1 / 3))
    # Squared standard errors 0.02 / 2 and 0.04 / 3.
    assert welch_t(scores, labels).t_statistic == pytest.approx(0.5 / math.sqrt(0.01 + 0.04 / 3))


def test_direction_is_compatible_minus_incompatible() -> None:
    scores, labels = both([-0.5, -0.4], [0.5, 0.6])
    assert margin(scores, labels) == pytest.approx(-1.0)
    d, t = cohens_d(scores, labels), welch_t(scores, labels).t_statistic
    assert d is not None
    assert t is not None
    assert d < 0
    assert t < 0


@given(cosines, cosines)
def test_welch_follows_its_formula(compatible: list[float], incompatible: list[float]) -> None:
    scores, labels = both(compatible, incompatible)
    found = welch_t(scores, labels)
    if len(set(compatible)) == len(set(incompatible)) == 1:
        assert found == WelchTest(None, None)
        return
    errors = [float(np.var(side, ddof=1)) / len(side) for side in (compatible, incompatible)]
    t = (np.mean(compatible) - np.mean(incompatible)) / math.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(side) - 1)
        for error, side in zip(errors, (compatible, incompatible), strict=True)
    )
    assert found.t_statistic == pytest.approx(t, rel=1e-6, abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-5, abs=1e-12)
    reference = stats.ttest_ind(compatible, incompatible, equal_var=False)
    assert found.t_statistic == pytest.approx(reference[0], rel=1e-6, abs=1e-9)
    assert found.p_value == pytest.approx(reference[1], rel=1e-5, abs=1e-12)


@given(cosines, cosines)
def test_d_and_margin_follow_their_formulas(
    compatible: list[float], incompatible: list[float]
) -> None:
    scores, labels = both(compatible, incompatible)
    difference = sum(compatible) / len(compatible) - sum(incompatible) / len(incompatible)
    assert margin(scores, labels) == pytest.approx(difference, abs=1e-12)
    found = cohens_d(scores, labels)
    if len(set(compatible)) == len(set(incompatible)) == 1:
        assert found is None
        return
    within = sum((len(side) - 1) * statistics.variance(side) for side in (compatible, incompatible))
    pooled = math.sqrt(within / (len(compatible) + len(incompatible) - 2))
    assert found == pytest.approx(difference / pooled, rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(*[st.integers(-1000, 1000)] * 2), min_size=2, max_size=25))
def test_d_is_a_rescaled_t_for_groups_of_one_size(rows: list[tuple[int, int]]) -> None:
    compatible, incompatible = [a / 1000 for a, _ in rows], [b / 1000 for _, b in rows]
    scores, labels = both(compatible, incompatible)
    d, t = cohens_d(scores, labels), welch_t(scores, labels).t_statistic
    if len(set(compatible)) == len(set(incompatible)) == 1:
        assert d is None
        return
    assert d is not None
    assert t == pytest.approx(d * math.sqrt(len(rows) / 2), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("compatible", "incompatible"),
    [
        ([], []),
        ([0.5], []),
        ([], [0.5, 0.4]),
        ([0.5], [0.4]),
        ([0.1] * 3, [0.7] * 5),  # The mean of three times 0.1 is not 0.1 in floats.
        ([0.3] * 3, [0.3] * 3),
    ],
)
def test_undefined_is_none(compatible: list[float], incompatible: list[float]) -> None:
    scores, labels = both(compatible, incompatible)
    assert cohens_d(scores, labels) is None
    assert welch_t(scores, labels) == WelchTest(None, None)
    if not compatible or not incompatible:
        assert margin(scores, labels) is None
    else:
        assert margin(scores, labels) == pytest.approx(compatible[0] - incompatible[0])


def test_one_pair_of_a_label_has_an_effect_size_but_no_test() -> None:
    scores, labels = both([0.9], [0.1, 0.3])
    assert cohens_d(scores, labels) == pytest.approx(0.7 / math.sqrt(0.02))
    assert welch_t(scores, labels) == WelchTest(None, None)


def test_variance_that_underflows_is_none() -> None:
    assert cohens_d(*both([0.0, 1e-200], [0.0, 1e-200])) is None


def test_parts() -> None:
    compatible, incompatible = split_by_label(np.array([0.1, 0.2, 0.3]), np.array([1, 0, 1]))
    assert compatible.tolist() == [0.1, 0.3]
    assert incompatible.tolist() == [0.2]
    assert mean_or_none(compatible) == pytest.approx(0.2)
    assert mean_or_none(compatible[:0]) is None
