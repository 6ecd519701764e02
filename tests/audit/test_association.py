import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuneproof.audit.association import (
    FEWEST,
    cramers_v,
    out_of_fold_auc,
    point_biserial,
    too_few,
)
from tuneproof.pairs import DatingPair

from .examples import pair

HALVES = [0] * 20 + [1] * 20


def test_cramers_v_by_hand() -> None:
    values = ["a"] * 15 + ["b"] * 5 + ["a"] * 5 + ["b"] * 15
    found = cramers_v(values, HALVES)
    assert found is not None
    # chi^2 = 40 (15 * 15 - 5 * 5)^2 / 20^4 = 10, phi^2 = 10 / 40 - 1 / 39, room = 1 - 1 / 39
    assert found.size == pytest.approx(math.sqrt((10 / 40 - 1 / 39) / (38 / 39)))
    assert found.p_value == pytest.approx(stats.chi2.sf(10, df=1))
    assert found.n == 40


def test_cramers_v_is_0_for_none_and_1_for_a_perfect_association() -> None:
    independent = cramers_v(["a", "b"] * 20, HALVES)
    perfect = cramers_v(HALVES, HALVES)
    assert independent is not None
    assert perfect is not None
    assert (independent.size, independent.p_value) == (0, 1)
    assert perfect.size == pytest.approx(1)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 1)), min_size=2 * FEWEST, max_size=80
    )
)
def test_cramers_v_is_the_one_of_scipy_but_for_the_correction(rows: list[tuple[str, int]]) -> None:
    values, labels = [value for value, _ in rows], [label for _, label in rows]
    found = cramers_v(values, labels)
    kinds = sorted(set(values))
    if min(sum(labels), len(labels) - sum(labels)) < FEWEST or len(kinds) < 2:
        assert found is None
        return
    table = np.array([[rows.count((kind, label)) for label in (0, 1)] for kind in kinds])
    plain = stats.contingency.association(table, method="cramer", correction=False)
    n, k = len(rows), len(kinds)
    room = min(k - 1 - (k - 1) ** 2 / (n - 1), 1 - 1 / (n - 1))
    expected = max(0.0, plain**2 - (k - 1) / (n - 1)) / room
    assert found is not None
    assert found.size == pytest.approx(math.sqrt(min(1, expected)), abs=1e-6)


def test_the_correction_takes_away_what_chance_adds() -> None:
    generator = np.random.default_rng(0)
    labels = [0, 1] * 100
    sizes = []
    for _ in range(50):
        found = cramers_v(generator.integers(0, 15, size=200).tolist(), labels)
        assert found is not None
        sizes.append(found.size**2)
    assert np.mean(sizes) < 0.025  # uncorrected: 14 / 199 = 0.07


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["a"] * 40, HALVES),
        (list(range(40)), HALVES),
        (["a", "b"] * 20, [1] * 40),
        (["a", "b"], [0, 1]),
        ([], []),
    ],
    ids=["one value", "all different", "one label", "two pairs", "nothing"],
)
def test_an_undefined_association_is_none(values: list[Any], labels: list[int]) -> None:
    assert cramers_v(values, labels) is None


def test_point_biserial_by_hand() -> None:
    found = point_biserial([1.0, 2.0] * 10 + [2.0, 3.0] * 10, HALVES)
    # r = (M_1 - M_0) / s * sqrt(p q) = (2.5 - 1.5) / sqrt(0.5) / 2
    assert found is not None
    assert found.size == pytest.approx(1 / math.sqrt(0.5) / 2)


def test_point_biserial_has_no_sign() -> None:
    values = [float(i % 7) + 3 * label for i, label in enumerate(HALVES)]
    assert point_biserial(values, HALVES) == pytest.approx(
        point_biserial([-value for value in values], HALVES)
    )


def test_a_constant_has_no_correlation() -> None:
    assert point_biserial([5.0] * 40, HALVES) is None
    assert point_biserial([1.0, 2.0], [0, 1]) is None


def test_too_few_says_what_is_missing() -> None:
    assert too_few(HALVES) is None
    reason = too_few([1, 1, 0])
    assert reason == "2 compatible and 1 incompatible pairs, expected 10 of each at least"


def labelled(labels: list[int]) -> list[DatingPair]:
    """One pair for each label; no two share a text."""
    return [pair(f"first {row}", f"second {row}", label) for row, label in enumerate(labels)]


def test_a_telling_word_is_found_in_unseen_pairs() -> None:
    features = [["tea", "yes" if label else "no"] for label in HALVES]
    assert out_of_fold_auc(features, labelled(HALVES)) == 1


def test_repeated_pairs_are_not_learned_by_heart() -> None:
    labels = np.random.default_rng(0).permutation([0, 1] * 100).tolist()
    features = [[f"word{i}", "tea"] for i in range(200)]
    found = out_of_fold_auc(features * 3, labelled(labels) * 3)
    assert isinstance(found, float)
    assert found < 0.6  # 1.0 if a pair stood in fit and test


def test_texts_are_not_learned_by_heart() -> None:
    # 40 texts of a word and a label each, in 10 pairs each: only a text seen before tells.
    generator = np.random.default_rng(0)
    texts = generator.permutation([0, 1] * 20).tolist()
    pairs = [
        pair(f"text {text}", f"partner {text} {n}", texts[text])
        for text in range(40)
        for n in range(10)
    ]
    found = out_of_fold_auc([[p.text_1] for p in pairs], pairs)
    assert isinstance(found, float)
    assert found < 0.6  # 1.0 if a text stood in fit and test


def test_pairs_in_conflict_are_left_out() -> None:
    clean = [["yes" if label else "no"] for label in HALVES]
    conflict = [pair("a", "b", 0), pair("b", "a", 1)]
    assert out_of_fold_auc([*clean, ["yes"], ["yes"]], [*labelled(HALVES), *conflict]) == 1


def test_prediction_does_not_depend_on_the_order_of_the_pairs() -> None:
    generator = np.random.default_rng(1)
    pairs = [pair(f"first {row // 3}", f"second {row}", row % 2) for row in range(60)]
    features = [[f"w{generator.integers(8)}", f"v{generator.integers(8)}"] for _ in pairs]
    order = generator.permutation(60)
    found = out_of_fold_auc(features, pairs)
    assert isinstance(found, float)
    assert found == out_of_fold_auc([features[i] for i in order], [pairs[i] for i in order])


@pytest.mark.parametrize(
    ("features", "pairs", "reason"),
    [
        ([["a"]] * 40, labelled([1] * 40), "conflict: 40 compatible and 0 incompatible pairs"),
        ([[]] * 40, labelled(HALVES), "no words"),
        ([], [], "0 compatible and 0 incompatible"),
        ([["a"]] * 40, [pair(label=label) for label in HALVES], "0 compatible and 0 incomp"),
        (
            [["a"]] * 40,
            [pair(f"first {row % 4}", f"second {row}", row // 4 % 2) for row in range(40)],
            "4 group(s) of pairs that share texts, the largest of 10 of 40 pairs",
        ),
        (
            [["a"]] * 40,
            [pair(f"first {max(row, 15)}", f"second {row}", row % 2) for row in range(40)],
            None,
        ),
        (
            [["a"]] * 40,
            [pair(f"first {max(row, 24)}", f"second {row}", row % 2) for row in range(40)],
            "16 group(s) of pairs that share texts, the largest of 25 of 40 pairs",
        ),
    ],
    ids=["one label", "no words", "nothing", "conflicts", "4 groups", "large group", "giant group"],
)
def test_what_cannot_be_predicted_says_why(
    features: list[list[str]], pairs: list[DatingPair], reason: str | None
) -> None:
    found = out_of_fold_auc(features, pairs)
    if reason is None:
        assert isinstance(found, float)
    else:
        assert reason in str(found)
