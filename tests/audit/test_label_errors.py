import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.label_errors import confidently_other, find_eval_errors, find_train_errors
from tuneproof.pairs import DatingPair

from .examples import pair, permute_labels


def learnable_pairs(n: int, seed: int) -> list[DatingPair]:
    """Pairs of new texts whose label follows from the words of both sides."""
    random = np.random.default_rng(seed)
    words = {1: [f"good{i}" for i in range(12)], 0: [f"bad{i}" for i in range(12)]}

    def text(label: int) -> str:
        noise = [f"w{i}" for i in random.integers(0, 300, size=3)]
        return " ".join([*random.choice(words[label], size=3), *noise])

    return [pair(text(i % 2), text(i % 2), i % 2) for i in range(n)]


def flip(pairs: list[DatingPair], share: float, seed: int) -> tuple[list[DatingPair], set[int]]:
    rows = np.random.default_rng(seed).choice(len(pairs), int(share * len(pairs)), replace=False)
    chosen = {int(row) for row in rows}
    return [
        p.model_copy(update={"label": 1 - p.label}) if row in chosen else p
        for row, p in enumerate(pairs)
    ], chosen


@pytest.mark.parametrize("seed", range(3))
def test_flipped_labels_are_found_and_few_others(seed: int) -> None:
    pairs, flipped = flip(learnable_pairs(600, seed), 0.05, seed)
    train = find_train_errors(pairs[:500], pairs[500:])
    found = {error.row + (500 if error.split == "validation" else 0) for error in train.found}
    assert train.judged == 600
    # The rule asks for more than the likelier label: it is surer than it is complete.
    assert len(found & flipped) / len(flipped) >= 0.75
    assert len(found & flipped) / len(found) >= 0.95
    doubtful, wrong = flip(learnable_pairs(200, 100 + seed), 0.05, seed)
    evaluation = {error.row for error in find_eval_errors(pairs, doubtful).found}
    assert len(evaluation & wrong) / len(wrong) >= 0.6
    assert len(evaluation & wrong) / len(evaluation) >= 0.95


@pytest.mark.parametrize("seed", range(3))
def test_clean_separable_labels_are_not_doubted(seed: int) -> None:
    pairs = learnable_pairs(300, seed)
    assert find_train_errors(pairs, []).found == []
    assert find_eval_errors(pairs, learnable_pairs(100, 50 + seed)).found == []


def test_random_labels_are_not_judged_at_all() -> None:
    found = find_train_errors(permute_labels(learnable_pairs(300, 0), 0), [])
    assert (found.judged, found.found) == (0, [])
    assert found.reason is not None
    assert "expected 0.7 at least to judge a single label" in found.reason


def test_errors_are_listed_with_row_and_texts_the_surest_first() -> None:
    pairs, _ = flip(learnable_pairs(300, 0), 0.05, 0)
    found = find_train_errors(pairs, []).found
    probabilities = [error.probability for error in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert min(probabilities) > 0.5
    for error in found:
        row = pairs[error.row]
        assert (error.text_1, error.text_2, error.label) == (row.text_1, row.text_2, row.label)


def test_repeated_rows_are_all_listed_and_conflicts_are_left_to_the_conflicts() -> None:
    pairs, flipped = flip(learnable_pairs(300, 0), 0.05, 0)
    wrong = next(error.row for error in find_train_errors(pairs, []).found if error.row in flipped)
    repeated = find_train_errors([*pairs, pairs[wrong]], [])
    assert {wrong, 300} <= {error.row for error in repeated.found}
    contradicted = pairs[wrong].model_copy(update={"label": 1 - pairs[wrong].label})
    conflicting = find_train_errors([*pairs, contradicted], [])
    assert not {wrong, 300} & {error.row for error in conflicting.found}


def test_the_order_of_the_pairs_changes_rows_only() -> None:
    pairs, _ = flip(learnable_pairs(200, 0), 0.05, 0)
    forth, back = find_train_errors(pairs, []), find_train_errors(pairs[::-1], [])
    assert [error.model_copy(update={"row": 199 - error.row}) for error in back.found] == (
        forth.found
    )


@pytest.mark.parametrize(
    ("training", "evaluation", "reason"),
    [
        (learnable_pairs(60, 0), [], "distinct eval pairs: 0 compatible"),
        ([pair(f"a{i}", "b", 1) for i in range(40)], learnable_pairs(60, 0), "distinct train pair"),
        (
            [pair("...", f"{'!' * (i + 1)}", i % 2) for i in range(40)],
            learnable_pairs(60, 0),
            "no wo",
        ),
    ],
)
def test_what_cannot_be_judged_says_why(
    training: list[DatingPair], evaluation: list[DatingPair], reason: str
) -> None:
    found = find_eval_errors(training, evaluation)
    assert found.found == []
    assert found.reason is not None
    assert found.reason.startswith(reason)


def test_the_rule_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.1, 0.1, 0.3, 0.95])
    # Thresholds: 0.6 for label 1, the mean of 0.9, 0.7 and 0.05 = 0.55 for label 0.
    assert np.flatnonzero(confidently_other(labels, probabilities)).tolist() == [2, 5]


def test_a_model_that_tells_nothing_doubts_nothing() -> None:
    labels = np.array([1] * 9 + [0])
    assert not confidently_other(labels, np.full(10, 0.5)).any()


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_the_rule_is_symmetric_in_the_labels(examples: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in examples])
    probabilities = np.array([probability for _, probability in examples])
    if len(set(labels.tolist())) == 2:
        there = confidently_other(labels, probabilities)
        assert there.tolist() == confidently_other(1 - labels, 1 - probabilities).tolist()
        # Whatever is doubted is at least as likely of the other label as the others are on average.
        threshold = {k: np.abs(1 - k - probabilities)[labels == k].mean() for k in (0, 1)}
        for row in np.flatnonzero(there):
            other = 1 - labels[row]
            assert abs(1 - other - probabilities[row]) >= threshold[other] - 1e-6
