import random as standard_random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.audit.language import (
    FEWEST_STATEMENTS,
    coherence,
    linguistic_quality,
    naturalness,
    readability,
    repetition,
)
from tuneproof.audit.text import statements
from tuneproof.pairs import DatingPair

from .examples import (
    needs_published,
    pair,
    permute_partners,
    published,
    sample,
    shuffle_words,
)


def test_flesch_by_hand() -> None:
    # three sentences of 1 + 1 + 4, 1 + 1 + 1 + 4 and 1 syllables
    found = readability(["I love meditation.", "I do not meditation. It"])
    words, sentences, syllables = 8, 3, 14
    expected = 206.835 - 1.015 * words / sentences - 84.6 * syllables / words
    assert found.score == pytest.approx(expected)


def test_simple_english_is_cut_to_100_and_hard_english_to_0() -> None:
    assert readability(["The cat sat on the mat."]).score == 100
    assert readability(["The internationalisation of organisational responsibility"]).score == 0


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["..."], "no words"),
        ([], "no words"),
        (["Ich mag Katzen und lange Spazierg\u00e4nge am Meer"], "not English?"),
        (["\u6211\u559c\u6b22\u732b", "\u044f \u043b\u044e\u0431\u043b\u044e"], "not English?"),
    ],
)
def test_readability_does_not_apply_everywhere(texts: list[str], reason: str) -> None:
    found = readability(texts)
    assert found.score is None
    assert reason in found.detail


def test_partners_that_say_the_same_cohere() -> None:
    pairs = [pair(f"boy: hobby{i}", f"girl: hobby{i}") for i in range(100, 140)]
    found = coherence(pairs)
    assert found.score == pytest.approx(100)


def test_partners_without_a_common_letter_group_do_not_cohere() -> None:
    pairs = [pair(f"boy: a{i}a", f"girl: zzz{'xyz'[i % 3]}") for i in range(20)]
    assert coherence(pairs).score == 0


def test_equal_overlaps_count_half() -> None:
    found = coherence([pair("boy: tea", "girl: tea")] * 20)
    assert found.score == 0
    assert "in 50% of comparisons" in found.detail


@pytest.mark.parametrize("seed", range(3))
def test_random_partners_do_not_cohere(seed: int) -> None:
    real, random = coherence(sample()).score, coherence(permute_partners(sample(), seed)).score
    assert real is not None
    assert random is not None
    assert random < real
    assert random < 12


@needs_published
def test_random_partners_of_the_published_pairs_do_not_cohere() -> None:
    real, random = coherence(published()).score, coherence(permute_partners(published(), 0)).score
    assert real is not None
    assert random is not None
    assert real > 35
    assert random < 10


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([pair()] * 9, "9 pairs, expected 10 at least"),
        ([pair("boy: ...", "\U0001f600")] * 10, "no words"),
    ],
)
def test_coherence_does_not_apply_everywhere(pairs: list[DatingPair], reason: str) -> None:
    found = coherence(pairs)
    assert found.score is None
    assert reason in found.detail


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_words_are_not_natural(seed: int) -> None:
    real = naturalness(statements(sample())).score
    shuffled = naturalness(statements(shuffle_words(sample(), seed))).score
    assert real is not None
    assert shuffled is not None
    assert real > 85
    assert shuffled < 20


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_words_lower_linguistic_quality_below_60(seed: int) -> None:
    real = linguistic_quality(sample()).score
    shuffled = linguistic_quality(shuffle_words(sample(), seed)).score
    assert real is not None
    assert shuffled is not None
    assert real > 65
    assert shuffled < 60


@needs_published
def test_shuffled_words_of_the_published_pairs_are_not_natural() -> None:
    real = linguistic_quality(published())
    shuffled = linguistic_quality(shuffle_words(published(), 0))
    assert real.score is not None
    assert shuffled.score is not None
    assert shuffled.score < real.score - 5
    assert shuffled.score < 60
    assert real.sub_scores["naturalness"].score == pytest.approx(98, abs=3)
    assert shuffled.sub_scores["naturalness"].score == pytest.approx(0, abs=5)


def test_naturalness_needs_no_capitals_and_no_marks() -> None:
    plain = [text.lower().rstrip(".?!").replace(",", "") for text in statements(sample())]
    score = naturalness(plain).score
    assert score is not None
    assert score > 60


def test_each_distinct_statement_counts_once() -> None:
    texts = statements(sample())
    assert naturalness(texts) == naturalness([*texts, *texts[:50]])
    assert repetition(texts) == repetition([*texts, *texts[:50]])


def test_a_statement_does_not_vouch_for_itself() -> None:
    texts = [" ".join(f"{'zyxwv'[i % 5]}{i}{c}" for c in "edcba") for i in range(60)]
    found = naturalness(texts).score
    assert found is not None
    # In these, words end in e, d, c, b, a: an order that the other statements teach.
    assert found > 90
    alone = [" ".join(f"{c}{i}{c}{i}" for c in "edcba") for i in range(1000, 1060)]
    unknown = naturalness(alone).score
    assert unknown is not None
    # Here the endings are the number: no other statement says anything.
    assert unknown < 15


@pytest.mark.parametrize(
    "texts", [["I like cats"], ["a b"] * 100, ["\u6211\u559c\u6b22\u732b"], []]
)
def test_naturalness_does_not_apply_everywhere(texts: list[str]) -> None:
    found = naturalness(texts)
    assert found.score is None
    assert f"expected {FEWEST_STATEMENTS} at least" in found.detail


def test_phrases_that_come_once_score_100() -> None:
    assert repetition([f"a{i} b{i} c{i} d{i}" for i in range(60)]).score == 100


def test_repetition_by_hand() -> None:
    # Two of 201 statements share one phrase: 100 of the 200 others miss it with chance 1/2.
    texts = [*(f"a{i} b{i} c{i}" for i in range(199)), "x y z p", "x y z q"]
    assert repetition(texts).score == pytest.approx(100 * (199 + 2 * 0.5 + 2) / 203)


def test_a_phrase_repeated_in_its_own_statement_counts() -> None:
    # x y z x y z: four phrases, the last of which came before; 59 others of one phrase each
    texts = [*(f"a{i} b{i} c{i}" for i in range(59)), "x y z x y z"]
    assert repetition(texts).score == pytest.approx(100 * 62 / 63)


def test_templates_are_repetitive() -> None:
    templates = repetition([f"I really enjoy {thing}" for thing in range(60)]).score
    free = repetition(statements(sample())).score
    assert templates == pytest.approx(50)
    assert free is not None
    assert free > 95


@pytest.mark.parametrize("texts", [["I like cats"] * 80, ["\U0001f600"], []])
def test_repetition_does_not_apply_everywhere(texts: list[str]) -> None:
    assert repetition(texts).score is None


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_linguistic_quality_does_not_depend_on_the_order_of_the_pairs(
    random: standard_random.Random,
) -> None:
    pairs = sample()[:60]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    for first, second in zip(
        linguistic_quality(pairs).sub_scores.values(),
        linguistic_quality(shuffled).sub_scores.values(),
        strict=True,
    ):
        assert first.score == pytest.approx(second.score)
