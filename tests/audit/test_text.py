import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.text import (
    count_sentences,
    count_syllables,
    prefix,
    printable,
    statement,
    statements,
    word_overlap,
    words,
    words_and_neighbours,
    words_of_both,
)

from .examples import pair


@pytest.mark.parametrize(
    ("text", "expected_prefix", "expected_statement"),
    [
        ("boy: I like cats", "boy", "I like cats"),
        ("Girl:I like: cats", "girl", "I like: cats"),
        ("  Frau : Ich mag Katzen", "frau", "Ich mag Katzen"),
        ("I like cats: all of them", None, "I like cats: all of them"),
        ("10:30 is late", None, "10:30 is late"),
        ("https://example.org", None, "https://example.org"),
        ("boy:", "boy", ""),
        ("no prefix", None, "no prefix"),
        (": nothing before", None, ": nothing before"),
    ],
)
def test_a_prefix_is_the_one_word_before_the_first_colon(
    text: str, expected_prefix: str | None, expected_statement: str
) -> None:
    assert prefix(text) == expected_prefix
    assert statement(text) == expected_statement


def test_the_statements_of_a_pair_stand_side_by_side() -> None:
    pairs = [pair("boy: a", "girl: b"), pair("boy: c", "d")]
    assert statements(pairs) == ["a", "b", "c", "d"]


def test_words_are_lower_case_and_keep_apostrophes() -> None:
    assert words("I'm NOT into Rock-'n'-roll, you\u2019re 100% \u2764\ufe0f!") == [
        "i'm",
        "not",
        "into",
        "rock",
        "n",
        "roll",
        "you\u2019re",
        "100",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I run. I swim!", 2),
        ("I run", 1),
        ("Really?! Yes... I do", 3),
        ("3.5 miles", 1),
        ("...", 0),
        ("", 0),
    ],
)
def test_sentences_end_at_marks_before_a_space_or_the_end(text: str, expected: int) -> None:
    assert count_sentences(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("i", 1),
        ("cat", 1),
        ("love", 1),
        ("table", 2),
        ("meditation", 4),
        ("rhythm", 1),
        ("caf\u00e9", 2),
        ("the", 1),
        ("philosophy", 4),
        ("42", 1),
    ],
)
def test_syllables_are_groups_of_vowels_without_a_silent_e(word: str, expected: int) -> None:
    assert count_syllables(word) == expected


@given(st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert text.endswith(statement(text))
    assert count_sentences(text) <= max(1, len(words(text)))
    assert all(count_syllables(word) >= 1 for word in words(text))


def test_words_and_their_neighbours() -> None:
    assert words_and_neighbours("boy: I'm in") == ["boy", "i'm", "in", "boy i'm", "i'm in"]
    assert words_and_neighbours("...") == []


def test_the_words_of_both_keep_their_side() -> None:
    found = words_of_both(pair("boy: tea now", "girl: no tea"))
    assert found == ["1 tea", "1 now", "2 no", "2 tea", "both tea"]


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("boy: a b", "girl: b a", 1.0),
        ("boy: a b", "girl: b c", 1 / 3),
        ("boy: a", "girl: b", 0.0),
        ("boy: ...", "girl: !", 0.0),
    ],
)
def test_the_overlap_of_words(first: str, second: str, overlap: float) -> None:
    assert word_overlap(pair(first, second)) == pytest.approx(overlap)


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("caf\u00e9 [/x]") == "caf\u00e9 [/x]"
    assert printable("a\n\x1b[31m") == r"a\n\x1b[31m"
