import pytest
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_rgb

from tests.charts.drawing import HOSTILE, texts
from tuneproof.charts.style import (
    LABEL_COLOURS,
    count,
    empty_figure,
    largest,
    literal,
    model_colours,
    wrapped,
)


class TestModelColours:
    def test_known_models_keep_their_colour_in_any_company(self) -> None:
        everyone = model_colours(["baseline", "standard", "lora"])
        assert model_colours(["lora"])["lora"] == everyone["lora"]
        assert len(set(everyone.values())) == 3

    def test_further_models_differ_from_the_known_ones_and_the_labels(self) -> None:
        found = model_colours(["baseline", "mine", "standard", "yours", "lora"])
        colours = {to_rgb(colour) for colour in (*found.values(), *LABEL_COLOURS.values())}
        assert len(colours) == 7


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


def test_largest_keeps_the_given_order() -> None:
    assert largest({"a": 1, "b": 9, "c": 5}, most=2) == ["b", "c"]
    assert largest({"a": 1, "b": 9, "c": 5}) == ["a", "b", "c"]


def test_count() -> None:
    assert [count(number, "pair") for number in (0, 1, 1200)] == [
        "0 pairs",
        "1 pair",
        "1,200 pairs",
    ]


def test_empty_figure_says_why() -> None:
    assert set(texts(empty_figure("Title", "nothing yet"))) == {"Title", "nothing yet"}
