import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.errors import InvalidPairsError
from tuneproof.general_pairs import UNRELATED, GeneralPair, parse_general_pairs
from tuneproof.pairs import LISTED_PROBLEMS, RawLines

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data" / "01_raw"
FILE = RAW / "general_pairs.jsonl"
SOURCE = "in/general.jsonl"
ROW: dict[str, Any] = {
    "text_1": "It rains.",
    "text_2": "Rain falls.",
    "score": 5,
    "topic": "weather",
}
UNLIKE: dict[str, Any] = {**ROW, "text_1": "It snows.", "text_2": "Pay me!", "score": 0}


def line(**changes: Any) -> bytes:
    return json.dumps({**ROW, **changes}).encode()


def parse(*lines: bytes, source: str = SOURCE) -> list[GeneralPair]:
    return parse_general_pairs(RawLines(source, b"\n".join(lines)))


def problems_of(*lines: bytes, source: str = SOURCE) -> list[str]:
    """What the error lists, without its first line."""
    with pytest.raises(InvalidPairsError) as caught:
        parse(*lines, source=source)
    return str(caught.value).splitlines()[1:]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def rank_correlation(first: list[float], second: list[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


@pytest.fixture(scope="module")
def shipped() -> list[GeneralPair]:
    return parse_general_pairs(RawLines(str(FILE), FILE.read_bytes()))


class TestShippedPairs:
    def test_every_grade_is_well_filled(self, shipped: list[GeneralPair]) -> None:
        grades = Counter(int(pair.score) for pair in shipped)
        assert len(shipped) >= 160
        assert grades[0] >= 45
        assert all(grades[grade] >= 18 for grade in range(1, 6))

    def test_grades_go_by_halves(self, shipped: list[GeneralPair]) -> None:
        assert {pair.score % 0.5 for pair in shipped} == {0}

    def test_every_topic_has_related_and_unrelated_pairs(self, shipped: list[GeneralPair]) -> None:
        related = Counter(pair.topic for pair in shipped if pair.score != UNRELATED)
        unrelated = Counter(pair.topic for pair in shipped if pair.score == UNRELATED)
        assert set(related) == set(unrelated)
        assert len(related) >= 15
        assert min(related.values()) >= 5

    def test_no_sentence_stands_twice(self, shipped: list[GeneralPair]) -> None:
        counts = Counter(" ".join(words(text)) for pair in shipped for text in pair.texts)
        assert [text for text, count in counts.items() if count > 1] == []

    def test_sentences_are_4_to_20_words_long(self, shipped: list[GeneralPair]) -> None:
        lengths = {text: len(text.split()) for pair in shipped for text in pair.texts}
        assert [text for text, length in lengths.items() if not 4 <= length <= 20] == []

    def test_no_frame_repeats(self, shipped: list[GeneralPair]) -> None:
        openings = Counter(tuple(words(pair.text_1)[:3]) for pair in shipped)
        assert max(openings.values()) <= 3

    def test_nothing_comes_from_the_dating_pairs(self, shipped: list[GeneralPair]) -> None:
        dating = {
            " ".join(words(row[field].partition(":")[2]))
            for path in (RAW / "dating_pairs.jsonl", RAW / "eval_pairs.jsonl")
            for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
            for field in ("text_1", "text_2")
        }
        texts = [text for pair in shipped for text in pair.texts]
        assert len(dating) > 100
        assert dating.isdisjoint(" ".join(words(text)) for text in texts)
        assert [text for text in texts if re.match(r"\w+\s*:", text)] == []

    def test_shared_words_do_not_give_the_grade_away(self, shipped: list[GeneralPair]) -> None:
        sets = [(set(words(pair.text_1)), set(words(pair.text_2))) for pair in shipped]
        overlap = [len(first & second) / len(first | second) for first, second in sets]
        scores = [pair.score for pair in shipped]
        assert 0 < rank_correlation(scores, overlap) < 0.5
        traps = [s for s, share in zip(scores, overlap, strict=True) if share >= 0.5 and s <= 2.5]
        hidden = [s for s, share in zip(scores, overlap, strict=True) if share <= 0.1 and s >= 4]
        assert len(traps) >= 10
        assert len(hidden) >= 10

    def test_the_base_model_ranks_them(self, shipped: list[GeneralPair]) -> None:
        from tuneproof.base_model import load_base_model
        from tuneproof.encoding import embed_texts, pair_cosines

        transformer = load_base_model("all-MiniLM-L6-v2", None, "cpu").transformer
        vectors = embed_texts(transformer, [t for pair in shipped for t in pair.texts], 64)
        cosines = pair_cosines(vectors.reshape(len(shipped), 2, -1))
        scores = [pair.score for pair in shipped]
        assert rank_correlation(scores, cosines.tolist()) == pytest.approx(0.742, abs=0.005)
        unrelated = cosines[np.array(scores) == UNRELATED]
        assert unrelated.mean() == pytest.approx(0.070, abs=0.005)


def test_pairs_keep_their_order_and_score() -> None:
    pairs = parse(line(), line(**UNLIKE), line(text_1="é", score=2.5, note="not in the schema"))
    assert [pair.texts for pair in pairs] == [
        ("It rains.", "Rain falls."),
        ("It snows.", "Pay me!"),
        ("é", "Rain falls."),
    ]
    assert [pair.score for pair in pairs] == [5, 0, 2.5]


@given(
    st.lists(
        st.builds(
            GeneralPair,
            text_1=st.text(st.characters(codec="utf-8"), min_size=1).map(lambda t: f"x{t}"),
            text_2=st.text(st.characters(codec="utf-8"), min_size=1).map(lambda t: f"{t}x"),
            score=st.floats(0, 5),
            topic=st.just("any"),
        ),
        max_size=8,
    ),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_what_was_written_is_read(drawn: list[GeneralPair], end: bytes, closed: bool) -> None:
    pairs = [*drawn, GeneralPair(**{**ROW, "score": 5.0}), GeneralPair(**{**UNLIKE, "score": 0.0})]
    content = end.join(pair.model_dump_json().encode() for pair in pairs) + end * closed
    assert parse_general_pairs(RawLines(SOURCE, content)) == pairs


# Each: the bad line, and what is said of it.
BAD_LINES: dict[str, tuple[bytes, str]] = {
    "cut off": (line()[:-9], "line: found broken JSON (EOF while parsing"),
    "blank": (b"  ", "line: found broken JSON (EOF while parsing a value at column 2)"),
    "two objects": (line() * 2, "line: found broken JSON (trailing characters at column"),
    "byte-order mark": (b"\xef\xbb\xbf" + line(), "line: found broken JSON (expected value"),
    "not UTF-8": (line().replace(b"rains", b"\xff"), "line: found broken JSON (invalid unicode"),
    "lone surrogate": (line(text_1="\ud800"), "line: found broken JSON ("),
    "too deep": (b"[" * 5_000, "line: found broken JSON (recursion limit"),
    "no object": (b"[1]", "line: found [1], expected a JSON object"),
    "no text": (line(text_1=None), "text_1: found None, expected a text that is not blank"),
    "blank text": (line(text_2=" \u00a0"), r"text_2: found ' \xa0', expected a text that is not"),
    "no topic": (line(topic=""), "topic: found '', expected a text that is not blank"),
    "missing": (
        json.dumps({k: v for k, v in ROW.items() if k != "score"}).encode(),
        "score: found nothing, expected a number from 0 to 5",
    ),
    "too high": (line(score=5.1), "score: found 5.1, expected a number from 0 to 5"),
    "negative": (line(score=-1), "score: found -1, expected a number from 0 to 5"),
    "as a text": (line(score="3"), "score: found '3', expected a number from 0 to 5"),
    "as a truth value": (line(score=True), "score: found True, expected a number from 0 to 5"),
    "not a number": (line(score=float("nan")), "score: found nan, expected a number from 0 to 5"),
}


@pytest.mark.parametrize(("bad", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named(bad: bytes, message: str) -> None:
    [problem] = problems_of(line(), bad, line(**UNLIKE))
    assert problem.startswith(f"{SOURCE}:2: {message}")


def test_all_problems_of_all_lines_are_listed() -> None:
    bad = line(text_1="", score=9)
    assert [problem.split(" found")[0] for problem in problems_of(bad, line(), b"{", line())] == [
        f"{SOURCE}:1: text_1:",
        f"{SOURCE}:1: score:",
        f"{SOURCE}:3: line:",
        f"{SOURCE}: score:",
        f"{SOURCE}: score:",
    ]


def test_a_long_list_of_problems_ends_with_their_number() -> None:
    listed = problems_of(line(), line(**UNLIKE), *[b"{}"] * 10)
    assert len(listed) == LISTED_PROBLEMS + 1
    assert listed[-1] == "... and 20 more"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ["found 0 valid pair(s), expected at least 2"]),
        ([line(score=0)], ["found 1 valid pair(s), expected at least 2"]),
        (
            [line(score=0)] * 2,
            ["score: found only 0.0 in 2 pairs, expected different scores"],
        ),
        (
            [line(score=4), line(score=0.5)],
            ["score: found no 0 in 2 pairs, expected at least one unrelated pair"],
        ),
        (
            [line()] * 3,
            [
                "score: found only 5.0 in 3 pairs, expected different scores",
                "score: found no 0 in 3 pairs, expected at least one unrelated pair",
            ],
        ),
    ],
    ids=["empty", "one pair", "all unrelated", "none unrelated", "one score, not 0"],
)
def test_pairs_that_prove_nothing_are_refused(lines: list[bytes], expected: list[str]) -> None:
    assert problems_of(*lines) == [f"{SOURCE}: {problem}" for problem in expected]


def test_what_a_terminal_would_obey_is_escaped_and_cut() -> None:
    hostile = "\x1b[2J\r\u202e" + "x" * 500
    listed = problems_of(line(score=hostile), source="in/\x1b[2J.jsonl")
    assert all(problem.isprintable() and len(problem) < 200 for problem in listed)
    assert "\\x1b[2J" in listed[0]
