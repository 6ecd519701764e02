import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.texts import normalised_tokens, prefix, statement


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


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("boy: I DON\u2019T  like\ncats!", ("i", "don", "t", "like", "cats")),
        ("girl: \uff23\uff21\uff34\uff33 \ufb01nd us", ("cats", "find", "us")),
        ("Stra\u00dfe cafe\u0301", ("strasse", "caf\u00e9")),
        ("girl: \U0001f600\n \U0001f600", ("\U0001f600 \U0001f600",)),
        ("boy:", ("boy",)),
        ("?!", ("?!",)),
        (" ", ("",)),
    ],
)
def test_normalised_tokens_by_hand(text: str, tokens: tuple[str, ...]) -> None:
    assert normalised_tokens(text) == tokens


@given(st.text())
def test_every_text_has_tokens_that_no_writing_changes(text: str) -> None:
    tokens = normalised_tokens(text)
    assert tokens
    assert normalised_tokens(" ".join(tokens)) == tokens
