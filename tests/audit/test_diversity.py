import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.diversity import (
    HDD_SAMPLE,
    category_entropy,
    diversity,
    label_balance,
    text_complexity,
    vocabulary_richness,
)
from tuneproof.pairs import DatingPair

from .examples import needs_published, pair, published, sample


def test_hdd_by_hand() -> None:
    # 44 words; a sample of 42 holds the rare one with chance 42 / 44
    found = vocabulary_richness([["a"] * 43, ["b"]])
    assert found.score == pytest.approx(100 * (1 + 42 / 44) / 42)


def test_hdd_is_100_for_words_that_all_differ_and_least_for_one_word() -> None:
    assert vocabulary_richness([[f"w{i}"] for i in range(90)]).score == pytest.approx(100)
    assert vocabulary_richness([["a"] * 90]).score == pytest.approx(100 / 42)


def test_hdd_is_the_mean_of_drawn_samples() -> None:
    words = [f"w{int(i)}" for i in np.random.default_rng(0).geometric(0.1, size=300)]
    generator = np.random.default_rng(1)
    drawn = [
        len(set(generator.choice(words, HDD_SAMPLE, replace=False))) / HDD_SAMPLE
        for _ in range(2000)
    ]
    assert vocabulary_richness([words]).score == pytest.approx(100 * np.mean(drawn), abs=0.5)


def test_hdd_does_not_fall_with_the_amount_of_text() -> None:
    texts = [["a", "b", "c", f"w{i % 40}"] for i in range(80)]
    once, often = vocabulary_richness(texts).score, vocabulary_richness(texts * 10).score
    assert once is not None
    assert often == pytest.approx(once, abs=5)  # the type-token ratio falls from 0.13 to 0.01


def test_few_words_have_no_richness() -> None:
    found = vocabulary_richness([["a"] * 41])
    assert found.score is None
    assert found.detail == "41 words, expected 42 at least"


def test_category_entropy_by_hand() -> None:
    expected = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert category_entropy(["a", "a", "a", "b"]).score == pytest.approx(100 * expected)
    assert category_entropy(["a", "b", "c"] * 5).score == pytest.approx(100)
    assert category_entropy(["a"] * 5).score is None


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 1], 100), ([1, 1, 1, 0], 50), ([1, 1], 0), ([0], 0)]
)
def test_label_balance_by_hand(labels: list[int], expected: float) -> None:
    assert label_balance(labels).score == expected


def test_text_complexity_by_hand() -> None:
    # of the 6 ordered couples of statements, 4 differ in length
    assert text_complexity([["a"], ["b"], ["a", "b"]]).score == pytest.approx(100 * 4 / 6)
    assert text_complexity([["a"]] * 5).score == 0
    assert text_complexity([["a"] * n for n in range(5)]).score == 100


@needs_published
def test_templates_are_poorer_in_words_than_free_sentences() -> None:
    templates = diversity(published()).sub_scores["vocabulary_richness"].score
    free = diversity(sample()).sub_scores["vocabulary_richness"].score
    assert templates is not None
    assert free is not None
    assert templates < free - 10


@given(st.lists(st.builds(pair, st.text(min_size=1), st.text(min_size=1)), min_size=1))
def test_diversity_does_not_depend_on_the_order_of_the_pairs(pairs: list[DatingPair]) -> None:
    assert diversity(pairs) == diversity(pairs[::-1])
