import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, roc_auc_score

from tuneproof.metrics.groups import summarise_groups

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")

SCORES = np.array([0.8, 0.6, 0.2, 0.0, 0.9, -0.3, -0.5])
LABELS = np.array([1, 1, 0, 0, 1, 0, 0])
GROUPS = np.array(["mixed"] * 4 + ["all compatible"] + ["incompatible"] * 2, dtype=object)


def test_mixed_group_is_measured_on_its_own() -> None:
    mixed = summarise_groups(SCORES, LABELS, GROUPS, 0.7)["mixed"]
    assert (mixed.compatible, mixed.incompatible) == (2, 2)
    assert mixed.compatible_mean_cosine == pytest.approx(0.7)
    assert mixed.incompatible_mean_cosine == pytest.approx(0.1)
    assert mixed.compatibility_margin == pytest.approx(0.6)
    assert mixed.cohens_d == pytest.approx(0.6 / math.sqrt(0.02))
    assert mixed.auc_roc == 1.0
    assert mixed.decisions[:5] == (0.7, 1, 0, 2, 1)


@pytest.mark.parametrize(
    ("group", "means", "counts"),
    [
        ("all compatible", (0.9, None), (1, 0)),
        ("incompatible", (None, pytest.approx(-0.4)), (0, 2)),
    ],
)
def test_group_of_one_label_has_no_margin(
    group: str, means: tuple[float | None, float | None], counts: tuple[int, int]
) -> None:
    found = summarise_groups(SCORES, LABELS, GROUPS, 0.7)[group]
    assert (found.compatible, found.incompatible) == counts
    assert (found.compatible_mean_cosine, found.incompatible_mean_cosine) == means
    assert (found.compatibility_margin, found.cohens_d, found.auc_roc) == (None, None, None)


def test_names_are_in_alphabetical_order() -> None:
    names = list(summarise_groups(SCORES, LABELS, GROUPS, 0.7))
    assert names == ["all compatible", "incompatible", "mixed"]


@pytest.mark.parametrize(
    ("group", "expected"), [("mixed", 0.25), ("all compatible", 0.0), ("incompatible", 0.0)]
)
def test_error_rate_is_defined_for_one_label_too(group: str, expected: float) -> None:
    assert summarise_groups(SCORES, LABELS, GROUPS, 0.7)[group].error_rate == expected


@given(
    st.lists(
        st.tuples(
            st.integers(-10, 10).map(lambda n: n / 10),
            st.integers(0, 1),
            st.sampled_from(["b", "a", "ä c", ""]),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_agrees_with_libraries_group_by_group(
    rows: list[tuple[float, int, str]], as_objects: bool
) -> None:
    scores = np.array([s for s, *_ in rows], dtype=np.float64)
    labels = np.array([label for _, label, _ in rows], dtype=np.int64)
    groups = np.array([group for *_, group in rows], dtype=object if as_objects else str)

    found = summarise_groups(scores, labels, groups, 0.25)

    assert list(found) == sorted(set(groups.tolist()))
    for name, summary in found.items():
        inside = [(s, label) for s, label, group in rows if group == name]
        of_1 = [s for s, label in inside if label == 1]
        of_0 = [s for s, label in inside if label == 0]
        truth, called = [label for _, label in inside], [int(s >= 0.25) for s, _ in inside]
        assert (summary.compatible, summary.incompatible) == (len(of_1), len(of_0))
        assert summary.error_rate == pytest.approx(1 - accuracy_score(truth, called))
        assert summary.compatible_mean_cosine == (
            pytest.approx(sum(of_1) / len(of_1), abs=1e-12) if of_1 else None
        )
        assert summary.incompatible_mean_cosine == (
            pytest.approx(sum(of_0) / len(of_0), abs=1e-12) if of_0 else None
        )
        if not of_1 or not of_0:
            assert summary[4:10] == (None,) * 6
            continue
        values = [s for s, _ in inside]
        assert summary.auc_roc == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
        assert summary.compatibility_margin == pytest.approx(
            sum(of_1) / len(of_1) - sum(of_0) / len(of_0), abs=1e-12
        )
        if len(set(values)) > 1:
            expected = stats.spearmanr(values, truth)[0]
            assert summary.spearman_correlation == pytest.approx(expected, abs=1e-12)
        if min(len(of_1), len(of_0)) > 1 and max(len(set(of_1)), len(set(of_0))) > 1:
            welch = stats.ttest_ind(of_1, of_0, equal_var=False)
            assert summary.t_statistic == pytest.approx(welch[0], rel=1e-6, abs=1e-9)
            assert summary.p_value == pytest.approx(welch[1], rel=1e-5, abs=1e-12)
