import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from tests.charts.drawing import HOSTILE, texts
from tuneproof.charts.style import (
    count,
    empty_figure,
    left_out,
    literal,
    new_figure,
    note,
    wrapped,
)


class TestWrapped:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_never_mathtext_and_never_too_long(self, name: str) -> None:
        shown = wrapped(name, width=20, lines=2)
        assert not is_math_text(shown)
        lines = shown.replace(r"\$", "$").split("\n")
        assert len(lines) <= 2
        assert max(map(len, lines)) <= 20

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("short", "short"),
            ("lifestyle_and_values", "lifestyle_\nand_values"),
            ("two words more", "two words\nmore"),
            ("a\nb\tc", "a b c"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghi…\nqrstuvwxyz"),
        ],
    )
    def test_known_answers(self, name: str, shown: str) -> None:
        assert wrapped(name, width=10, lines=2) == shown

    def test_shortening_keeps_both_ends(self) -> None:
        shown = wrapped("begin" + "x" * 90 + "end", width=20, lines=2).replace("\n", "")
        assert shown.startswith("begin")
        assert shown.endswith("end")
        assert "…" in shown
        assert len(shown) == 40


def test_literal_shows_dollars_and_hides_control_characters() -> None:
    assert literal("$x$") == r"\$x\$"
    assert literal("a\x1b[31m\u202eb") == "a [31m b"


def test_count() -> None:
    assert [count(number, "pair") for number in (0, 1, 1200)] == [
        "0 pairs",
        "1 pair",
        "1,200 pairs",
    ]


def test_what_is_left_out_is_told_and_only_then() -> None:
    assert left_out(60, 1200, "categories").startswith("The 60 largest of 1,200 categories;")
    assert left_out(60, 60, "categories") == ""


def test_a_note_holds_the_sentences_there_are() -> None:
    figure = new_figure(4, 2, "Title")
    note(figure, "One.", "", "Two.")
    assert "One.\nTwo." in texts(figure)
    silent = Figure()
    note(silent, "", "")
    assert texts(silent) == []


def test_empty_figure_says_why() -> None:
    assert set(texts(empty_figure("Title", "nothing yet"))) == {"Title", "nothing yet"}
