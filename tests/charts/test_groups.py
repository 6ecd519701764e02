import numpy as np
import pytest
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from tests.charts.drawing import HOSTILE, bars, has_mathtext, texts
from tuneproof.charts.groups import GroupMargin, category_margins, false_positives, group_margins
from tuneproof.charts.style import MOST_ROWS

MARGINS = {
    "values": GroupMargin(0.25, 3, 4),
    "one_label": GroupMargin(None, 0, 5),
    "pets": GroupMargin(-0.1, 1, 2),
}
HOSTILE_MARGINS = {name: GroupMargin(0.1, 1, 1) for name in HOSTILE}


def label_boxes_overlap(figure: Figure) -> bool:
    """Whether two names beside the rows cover each other."""
    texts(figure)
    boxes = [
        label.get_window_extent() for label in figure.axes[0].get_yticklabels() if label.get_text()
    ]
    return any(
        first.overlaps(second) for row, first in enumerate(boxes) for second in boxes[row + 1 :]
    )


class TestCategoryMargins:
    @pytest.mark.parametrize("models", [("baseline",), ("baseline", "standard", "lora")])
    def test_cells_hold_margin_and_n(self, models: tuple[str, ...]) -> None:
        shown = texts(category_margins(dict.fromkeys(models, MARGINS)))
        assert shown.count("+0.250\nn=7") == len(models)
        assert shown.count("-0.100\nn=3") == len(models)
        assert shown.count("n/a (n=5)") == len(models)
        assert set(models) | set(MARGINS) <= set(shown)

    def test_colours_are_centred_at_zero_and_missing_cells_are_masked(self) -> None:
        mesh = category_margins({"baseline": MARGINS}).axes[0].collections[0]
        assert (mesh.norm.vmin, mesh.norm.vmax) == (-0.25, 0.25)
        assert np.ma.getmaskarray(np.ma.asarray(mesh.get_array())).ravel().tolist() == [
            False,
            True,
            False,
        ]

    def test_no_margin_at_all(self) -> None:
        shown = texts(category_margins({"baseline": {"c": GroupMargin(None, 2, 0)}}))
        assert "n/a (n=2)" in shown

    def test_category_missing_for_a_model(self) -> None:
        shown = texts(category_margins({"baseline": MARGINS, "lora": {}}))
        assert shown.count("n/a (n=0)") == 3

    def test_hostile_names_are_shown_as_they_are_and_do_not_overlap(self) -> None:
        figure = category_margins({"baseline": HOSTILE_MARGINS})
        assert {"$x$", "[/b]", "100$ or 200$"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not label_boxes_overlap(figure)

    def test_many_categories_are_cut_and_said_so(self) -> None:
        many = {f"c{row}": GroupMargin(0.1, row + 1, 1) for row in range(MOST_ROWS + 40)}
        shown = texts(category_margins({"baseline": many}))
        assert "c99" in shown
        assert "c0" not in shown
        assert any(text.startswith(f"The {MOST_ROWS} largest of 100 categories") for text in shown)


class TestGroupMargins:
    def test_bars_are_the_margins_largest_first_missing_last(self) -> None:
        figure = group_margins(MARGINS, "baseline", "category")
        axes = figure.axes[0]
        assert [bar.get_width() for bar in bars(axes)] == [0.25, -0.1, 0.0]
        shown = texts(figure)
        assert {"+0.250 (n=7)", "-0.100 (n=3)", "n/a (n=5, incompatible only)"} <= set(shown)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["values", "pets", "one_label"]
        assert "Compatibility margin by category: baseline" in shown

    def test_nothing_but_missing_margins(self) -> None:
        figure = group_margins({"a": GroupMargin(None, 4, 0)}, "baseline", "pair type")
        assert "n/a (n=4, compatible only)" in texts(figure)

    def test_hostile_names(self) -> None:
        figure = group_margins(HOSTILE_MARGINS, "baseline", "category")
        assert {"$x$", "[/b]"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not label_boxes_overlap(figure)


COUNTS = {
    "baseline": {"dealbreaker": 4, "match": 0, "subtle": 0},
    "lora": {"dealbreaker": 1, "match": 0, "subtle": 2},
}
INCOMPATIBLE = {"dealbreaker": 9, "match": 0, "subtle": 3}


class TestFalsePositives:
    def test_bars_are_the_counts(self) -> None:
        axes = false_positives(COUNTS, INCOMPATIBLE).axes[0]
        widths = [
            [bar.get_width() for bar in model.patches]
            for model in axes.containers
            if isinstance(model, BarContainer)
        ]
        assert widths == [[4, 0, 0], [1, 0, 2]]

    def test_n_of_incompatible_pairs_and_missing_ones(self) -> None:
        shown = texts(false_positives(COUNTS, INCOMPATIBLE))
        assert {"dealbreaker\nn=9", "match\nn=0", "subtle\nn=3"} <= set(shown)
        assert shown.count("n/a (n=0)") == 1
        assert {"baseline", "lora"} <= set(shown)

    def test_one_model_and_hostile_names(self) -> None:
        figure = false_positives({"baseline": dict.fromkeys(HOSTILE, 1)}, dict.fromkeys(HOSTILE, 2))
        assert {"$x$\nn=2", "[/b]\nn=2"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not label_boxes_overlap(figure)
