from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.repeats import find_repeats, identity
from tuneproof.pairs import DatingPair

from .examples import pair

PAIRS = st.lists(
    st.builds(pair, st.sampled_from("abc"), st.sampled_from("abc"), st.integers(0, 1)), max_size=12
)


@given(PAIRS, PAIRS)
def test_every_repeated_row_is_listed_once(
    first: list[DatingPair], second: list[DatingPair]
) -> None:
    splits = {"train": first, "eval": second}
    found = find_repeats(splits)
    counts = Counter(identity(p) for p in [*first, *second])
    assert {repeat.texts: len(repeat.rows) for repeat in found} == {
        texts: count for texts, count in counts.items() if count > 1
    }
    for repeat in found:
        rows = [splits[row.split][row.row] for row in repeat.rows]
        assert {identity(p) for p in rows} == {repeat.texts}
        assert [p.label for p in rows] == [row.label for row in repeat.rows]
        assert repeat.conflicting == (len({p.label for p in rows}) == 2)


@pytest.mark.parametrize(
    ("text_1", "text_2"),
    [
        ("boy: i LIKE cats!", "girl: I like dogs"),
        ("girl: I like cats", "boy: I like dogs"),
        ("girl: I like dogs.", "boy: I  like \u201ccats\u201d"),
    ],
    ids=["case and punctuation", "prefixes", "order"],
)
def test_another_writing_is_a_repetition_and_may_be_a_conflict(text_1: str, text_2: str) -> None:
    known = pair("boy: I like cats", "girl: I like dogs", 1)
    for label in (0, 1):
        splits = {
            "train": [known],
            "eval": [pair("boy: x", "girl: y"), pair(text_1, text_2, label)],
        }
        (found,) = find_repeats(splits)
        assert [(row.split, row.row, row.label) for row in found.rows] == [
            ("train", 0, 1),
            ("eval", 1, label),
        ]
        assert found.conflicting == (label == 0)
        assert found.texts == min(identity(known), identity(splits["eval"][1]))


def test_other_words_are_no_repetition() -> None:
    rows = [
        pair("boy: I like cats", "girl: I like dogs"),
        pair("boy: I like cat", "girl: I like dogs"),
    ]
    assert find_repeats({"train": rows}) == []
