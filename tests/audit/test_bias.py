import numpy as np
import pytest

from tuneproof.audit.bias import (
    bias,
    category_by_label,
    gender_by_label,
    length_by_label,
    vocabulary_by_label,
)
from tuneproof.pairs import DatingPair

from .examples import needs_published, pair, permute_labels, published, sample

LABELS = [0, 1] * 40


def gendered(first: list[str], second: list[str]) -> list[DatingPair]:
    return [
        pair(f"{a}: I like {i}", f"{b}: I like {i}", label)
        for i, (a, b, label) in enumerate(zip(first, second, LABELS, strict=True))
    ]


BOYS = ["boy"] * 80
EITHER = ["boy", "boy", "girl", "girl"] * 20
BY_LABEL = ["girl" if label else "boy" for label in LABELS]


@pytest.mark.parametrize(
    ("first", "second", "side"),
    [(BY_LABEL, EITHER, "text_1"), (EITHER, BY_LABEL, "text_2"), (BOYS, BY_LABEL, "text_2")],
)
def test_a_gender_that_tells_the_label_is_found_on_either_side(
    first: list[str], second: list[str], side: str
) -> None:
    found = gender_by_label(gendered(first, second))
    assert found.score == pytest.approx(0, abs=1)
    assert side in found.detail or "both texts" in found.detail


def test_a_combination_of_genders_that_tells_the_label_is_found() -> None:
    second = [
        a if label else {"boy": "girl", "girl": "boy"}[a]
        for a, label in zip(EITHER, LABELS, strict=True)
    ]
    found = gender_by_label(gendered(EITHER, second))
    assert found.score == pytest.approx(0, abs=2)
    assert "both texts" in found.detail


def test_a_gender_without_influence_scores_100() -> None:
    found = gender_by_label(gendered(EITHER, EITHER[::-1]))
    assert found.score == 100
    assert "Cramer's V 0.00, chi-squared p = 1 (80 pairs)" in found.detail


def test_a_planted_gender_association_lowers_the_bias_score() -> None:
    pairs = [
        p.model_copy(update={"text_1": f"{'boy' if p.label else 'girl'}: {p.text_1[5:]}"})
        for p in sample()
    ]
    before, after = bias(sample()), bias(pairs)
    assert before.score is not None
    assert after.score is not None
    assert after.score < before.score - 20
    assert after.sub_scores["gender_by_label"].score == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([pair("cats", "dogs", label) for label in LABELS], "no text has a prefix"),
        (gendered(BOYS, BOYS), "each side has one prefix only"),
        (gendered(BOYS, ["girl"] * 80), "each side has one prefix only"),
        (gendered(EITHER, EITHER)[:6], "3 compatible and 3 incompatible pairs"),
        (
            [pair("boy: a"), pair("girl: b"), *(pair("c", "d", label) for label in LABELS)],
            "too few pairs with a prefix",
        ),
    ],
)
def test_gender_does_not_apply_everywhere(pairs: list[DatingPair], reason: str) -> None:
    found = gender_by_label(pairs)
    assert found.score is None
    assert reason in found.detail


def test_any_prefix_will_do() -> None:
    languages = ["Frau" if label else "mann" for label in LABELS]
    assert gender_by_label(gendered(languages, BOYS)).score == pytest.approx(0, abs=1)


def test_categories_of_one_label_each_score_0() -> None:
    pairs = [pair(category=f"c{label}", label=label) for label in LABELS]
    assert category_by_label(pairs).score == pytest.approx(0, abs=1e-6)


def test_balanced_categories_score_100() -> None:
    pairs = [pair(category=f"c{i // 2 % 4}", label=label) for i, label in enumerate(LABELS)]
    assert category_by_label(pairs).score == 100


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([pair(label=label) for label in LABELS], "one category only"),
        (
            [pair(label=label, category=str(i)) for i, label in enumerate(LABELS)],
            "almost one category a pair",
        ),
        ([pair(label=1, category=str(i % 2)) for i in range(40)], "0 incompatible"),
    ],
)
def test_category_does_not_apply_everywhere(pairs: list[DatingPair], reason: str) -> None:
    found = category_by_label(pairs)
    assert found.score is None
    assert reason in found.detail


def test_longer_texts_of_one_label_score_0() -> None:
    pairs = [pair(text_2="girl: I like " + "very " * 9 * label, label=label) for label in LABELS]
    found = length_by_label(pairs)
    assert found.score == pytest.approx(0, abs=1e-6)
    assert "|r| = 1.00" in found.detail


def test_opposite_lengths_do_not_cancel_out() -> None:
    pairs = [
        pair("boy: a" + " a" * label, "girl: a" + " a" * (1 - label), label) for label in LABELS
    ]
    assert length_by_label(pairs).score == pytest.approx(0, abs=1e-6)


def test_lengths_that_tell_only_together_are_found() -> None:
    lengths = [1 + i // 2 % 5 for i in range(80)]
    pairs = [
        pair("boy:" + " a" * n, "girl:" + " a" * (6 - n + label), label)
        for n, label in zip(lengths, LABELS, strict=True)
    ]
    found = length_by_label(pairs)
    assert found.score == pytest.approx(0, abs=1e-6)
    assert "both texts" in found.detail


def test_a_prefix_is_no_part_of_the_length() -> None:
    pairs = [pair("a b" if label else "boy: a b", "c", label) for label in LABELS]
    found = length_by_label(pairs)
    assert found.score is None
    assert found.detail == "all texts have the same length"


def test_one_partner_that_tells_the_label_is_found() -> None:
    pairs = [
        pair(f"boy: I like {i}", f"girl: I {'like' if label else 'hate'} {i}", label)
        for i, label in enumerate(LABELS)
    ]
    found = vocabulary_by_label(pairs)
    assert found.score == pytest.approx(0, abs=1e-6)
    assert "the words of text_2 alone predict the label with AUC 1.00" in found.detail


def test_words_that_tell_only_together_are_no_bias() -> None:
    words = ["tea", "coffee"]
    generator = np.random.default_rng(0)
    pairs = []
    for i in range(400):
        first, second = generator.integers(0, 2, size=2)
        pairs.append(
            pair(f"boy: {words[first]} {i}", f"girl: {words[second]} {i}", int(first == second))
        )
    found = vocabulary_by_label(pairs)
    assert found.score is not None
    assert found.score > 85


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("boy: ...", "girl: \U0001f600", label) for label in LABELS],
        [pair(f"boy: {i}") for i in range(40)],
        [pair(label=0), pair("a", "b")],
    ],
)
def test_vocabulary_does_not_apply_everywhere(pairs: list[DatingPair]) -> None:
    assert vocabulary_by_label(pairs).score is None


def test_vocabulary_does_not_apply_where_all_pairs_share_a_text() -> None:
    pairs = [pair("boy: I like tea", f"girl: I like {i}", label) for i, label in enumerate(LABELS)]
    found = vocabulary_by_label(pairs)
    assert found.score is None
    assert "1 group(s) of pairs that share texts, the largest of 80 of 80 pairs" in found.detail


def test_a_text_that_stands_in_many_pairs_is_no_vocabulary() -> None:
    # Each first text has one label, and nothing but that it stood before tells which.
    labels = np.random.default_rng(0).permutation([0, 1] * 20).tolist()
    pairs = [pair(f"boy: word{i // 5}", f"girl: I like {i}", labels[i // 5]) for i in range(5 * 40)]
    found = vocabulary_by_label(pairs)
    assert found.score is not None
    assert found.score > 85


def test_the_shipped_pairs_can_hardly_be_told_by_one_partner() -> None:
    found = vocabulary_by_label(sample())
    assert found.score is not None
    assert found.score > 75


@needs_published
def test_the_published_pairs_can_be_told_by_one_partner() -> None:
    real, random = (
        vocabulary_by_label(published()),
        vocabulary_by_label(permute_labels(published(), 0)),
    )
    assert real.score is not None
    assert random.score is not None
    assert real.score < 35
    assert random.score > 85
    assert "text_2" in real.detail
    assert gender_by_label(published()).score is None
