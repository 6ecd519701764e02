import numpy as np
import pytest

from tests.comparison.examples import N, measured, some_pairs
from tuneproof.comparison.worst_errors import worst_errors

LABELS = np.arange(N) % 2
RIGHT = np.where(LABELS == 1, 0.9, 0.1) + 0.05 * np.sin(np.arange(N))
TRAIN = some_pairs([0, 1, 1], text_1=["t0", "t1", "t2"], text_2=["u0", "u1", "u2"])


def cosines_with(**wrong: float) -> np.ndarray:
    """Cosines that decide every pair rightly at 0.5, but for some rows, named r0, r1, ..."""
    cosines = RIGHT.copy()
    for row, cosine in wrong.items():
        cosines[int(row[1:])] = cosine
    return cosines


def test_errors_are_listed_by_distance_and_all_are_counted() -> None:
    model = measured("lora", cosines_with(r0=0.7, r2=0.95, r4=0.6, r6=0.7, r1=0.4, r3=-0.5))
    found = worst_errors(model, measured("baseline", RIGHT), TRAIN, 3)
    assert found.threshold == pytest.approx(0.5)
    assert (found.n_false_positives, found.n_false_negatives) == (4, 2)
    # Rows 0 and 6 lie equally far: the earlier one first.
    assert [pair.row for pair in found.false_positives] == [2, 0, 6]
    assert [pair.row for pair in found.false_negatives] == [3, 1]
    assert [pair.distance for pair in found.false_positives] == pytest.approx([0.45, 0.2, 0.2])
    assert [pair.distance for pair in found.false_negatives] == pytest.approx([1.0, 0.1])
    assert {pair.label for pair in found.false_positives} == {0}
    assert {pair.label for pair in found.false_negatives} == {1}


def test_an_error_tells_all_of_its_pair() -> None:
    pairs = some_pairs(category=[f"c{row}" for row in range(N)], pair_type=["kind"] * N)
    columns = {"leak_level": "one_text"}
    model = measured("lora", cosines_with(r2=0.95), pairs, columns=columns)
    baseline = measured("baseline", RIGHT, pairs, columns=columns)
    (pair,) = worst_errors(model, baseline, TRAIN, 3).false_positives
    assert (pair.text_1, pair.text_2) == ("boy: a2", "girl: b2")
    assert (pair.category, pair.pair_type, pair.leak_level) == ("c2", "kind", "one_text")
    assert (pair.cosine, pair.baseline_cosine) == (0.95, RIGHT[2])


def test_the_baseline_decides_at_its_own_threshold() -> None:
    wrong = cosines_with(r2=0.95, r4=0.95)
    # The base model puts row 2 at 0.65 and row 4 at 0.75, and calls pairs compatible from 0.7.
    baseline = measured("baseline", cosines_with(r2=0.65, r4=0.75), threshold=0.7)
    found = worst_errors(measured("lora", wrong), baseline, TRAIN, 3).false_positives
    assert [(each.row, each.baseline_right) for each in found] == [(2, True), (4, False)]
    own = worst_errors(baseline, baseline, TRAIN, 3)
    assert [each.row for each in own.false_positives] == [4]
    assert not own.false_positives[0].baseline_right


def test_the_nearest_train_pair_is_that_of_the_base_models_space() -> None:
    nearest = {
        "nearest_train_row": np.where(np.arange(N) == 2, 1, 2),
        "nearest_train_similarity": np.where(np.arange(N) == 2, 0.75, 0.25),
    }
    model = measured("lora", cosines_with(r2=0.95))
    baseline = measured("baseline", RIGHT, columns=nearest)
    (pair,) = worst_errors(model, baseline, TRAIN, 3).false_positives
    train = pair.nearest_train
    assert (train.row, train.text_1, train.text_2, train.label) == (1, "t1", "u1", 1)
    assert train.similarity == 0.75


def test_none_are_listed_but_all_are_counted_if_none_are_asked_for() -> None:
    found = worst_errors(
        measured("lora", cosines_with(r2=0.95, r3=0.2)), measured("baseline", RIGHT), TRAIN, 0
    )
    assert (found.false_positives, found.false_negatives) == ([], [])
    assert (found.n_false_positives, found.n_false_negatives) == (1, 1)


def test_a_model_without_errors_has_none() -> None:
    found = worst_errors(measured("lora", RIGHT), measured("baseline", RIGHT), TRAIN, 3)
    assert (found.n_false_positives, found.n_false_negatives) == (0, 0)
