import numpy as np
import pytest
from matplotlib.container import BarContainer

from tests.charts.drawing import (
    HOSTILE,
    bars,
    collisions,
    cut_off,
    has_mathtext,
    texts,
    whiskers,
)
from tuneproof.charts.fitting import MOST_ROWS
from tuneproof.charts.groups import (
    FalsePositives,
    GroupMargin,
    category_margins,
    false_positives,
    group_margins,
)

MARGINS = {
    "values": GroupMargin(0.25, 3, 4, (0.1, 0.375)),
    "one_label": GroupMargin(None, 0, 5, None),
    "pets": GroupMargin(-0.1, 1, 2, None),
}
HOSTILE_MARGINS = {name: GroupMargin(0.1, 1, 1, (-0.2, 0.3)) for name in HOSTILE}


class TestCategoryMargins:
    @pytest.mark.parametrize("models", [("baseline",), ("baseline", "standard", "lora")])
    def test_cells_hold_margin_and_n(self, models: tuple[str, ...]) -> None:
        shown = texts(category_margins(dict.fromkeys(models, MARGINS)))
        assert shown.count("+0.250 (n=3+4)\n[+0.100, +0.375]") == len(models)
        assert shown.count("-0.100 (n=1+2)") == len(models)
        assert shown.count("n/a (n=0+5)") == len(models)
        assert set(models) | set(MARGINS) <= set(shown)

    def test_colours_are_centred_at_zero_and_missing_cells_are_masked(self) -> None:
        mesh = category_margins({"baseline": MARGINS}).axes[0].collections[0]
        assert (mesh.norm.vmin, mesh.norm.vmax) == (-0.25, 0.25)
        assert np.ma.getmaskarray(np.ma.asarray(mesh.get_array())).ravel().tolist() == [
            False,
            True,
            False,
        ]

    def test_what_may_be_chance_has_no_colour(self) -> None:
        margins = {
            "sure": GroupMargin(0.2, 9, 9, (0.1, 0.3)),
            "unsure": GroupMargin(0.5, 2, 2, (-0.1, 0.9)),
            "few": GroupMargin(-0.5, 1, 1, None),
        }
        mesh = category_margins({"baseline": margins}).axes[0].collections[0]
        assert np.asarray(mesh.get_array()).ravel() == pytest.approx([0.2, 0, 0])
        assert mesh.norm.vmax == 0.5

    def test_no_margin_at_all(self) -> None:
        shown = texts(category_margins({"baseline": {"c": GroupMargin(None, 2, 0, None)}}))
        assert "n/a (n=2+0)" in shown

    def test_category_missing_for_a_model(self) -> None:
        shown = texts(category_margins({"baseline": MARGINS, "lora": {}}))
        assert shown.count("n/a (n=0)") == 3

    def test_hostile_names_are_shown_as_they_are_and_do_not_overlap(self) -> None:
        figure = category_margins({"baseline": HOSTILE_MARGINS})
        assert {"$x$", "[/b]", "100$ or 200$"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not collisions(figure)
        assert not cut_off(figure)

    def test_many_categories_are_cut_and_said_so(self) -> None:
        many = {f"c{row}": GroupMargin(0.1, row + 1, 1, None) for row in range(MOST_ROWS + 40)}
        figure = category_margins({"baseline": many})
        names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert names == [f"c{row}" for row in range(40, MOST_ROWS + 40)]
        assert f"The {MOST_ROWS} largest of 100 categories" in figure.get_supxlabel()


class TestGroupMargins:
    @pytest.mark.parametrize("n", [16, 160, 16_000])
    def test_long_texts_on_both_sides_leave_the_names_alone(self, n: int) -> None:
        wide = {
            "values_and_lifestyle": GroupMargin(0.069, n, n, (-0.106, 0.233)),
            "lifestyle_and_values": GroupMargin(-0.110, n + 4, n, (-0.219, 0.021)),
        }
        figure = group_margins(wide, "baseline", "category")
        assert not collisions(figure)
        assert not cut_off(figure)

    def test_tiny_margins_do_not_fill_the_chart(self) -> None:
        figure = group_margins({"a": GroupMargin(0.001, 9, 9, None)}, "baseline", "category")
        low, high = figure.axes[0].get_xlim()
        assert low <= -0.05
        assert high >= 0.05

    def test_bars_are_the_margins_largest_first_missing_last(self) -> None:
        figure = group_margins(MARGINS, "baseline", "category")
        axes = figure.axes[0]
        assert [bar.get_width() for bar in bars(axes)] == [0.25, -0.1, 0.0]
        shown = texts(figure)
        assert {
            "+0.250 [+0.100, +0.375] (n=3+4)",
            "-0.100 (n=1+2)",
            "n/a (n=0+5, incompatible only)",
        } <= set(shown)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["values", "pets", "one_label"]
        assert "Compatibility margin by category: baseline" in shown

    def test_whiskers_are_the_intervals_beside_their_bars(self) -> None:
        (axes,) = group_margins(MARGINS, "baseline", "category").axes
        assert whiskers(axes) == [([0.1, 0.375], [0, 0])]
        low, high = axes.get_xlim()
        assert low < -0.1
        assert high > 0.375

    def test_an_interval_beside_its_figure_is_drawn_as_it_is(self) -> None:
        outside = {"a": GroupMargin(0.3, 9, 9, (-0.2, 0.25))}
        figure = group_margins(outside, "baseline", "category")
        assert whiskers(figure.axes[0]) == [([-0.2, 0.25], [0, 0])]
        assert not cut_off(figure)

    @pytest.mark.parametrize("margin", [1e-6, -0.3, 0.0])
    def test_texts_stay_on_the_page(self, margin: float) -> None:
        found = {"a": GroupMargin(margin, 1000, 1000, (-0.4, 0.1)), "b": MARGINS["one_label"]}
        figure = group_margins(found, "baseline", "category")
        assert not cut_off(figure)
        assert not collisions(figure)

    def test_nothing_but_missing_margins(self) -> None:
        figure = group_margins({"a": GroupMargin(None, 4, 0, None)}, "baseline", "pair type")
        assert "n/a (n=4+0, compatible only)" in texts(figure)

    def test_hostile_names(self) -> None:
        figure = group_margins(HOSTILE_MARGINS, "baseline", "category")
        assert {"$x$", "[/b]"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not collisions(figure)
        assert not cut_off(figure)


COUNTS = {
    "baseline": {
        "dealbreaker": FalsePositives(4, 10, (0.25, 0.75)),
        "match": FalsePositives(0, 0, None),
        "subtle": FalsePositives(0, 3, None),
    },
    "lora": {
        "dealbreaker": FalsePositives(1, 10, (0.0, 0.5)),
        "match": FalsePositives(0, 0, None),
        "subtle": FalsePositives(2, 3, None),
    },
}


class TestFalsePositives:
    def test_bars_are_the_counts_before_all_incompatible_pairs(self) -> None:
        axes = false_positives(COUNTS).axes[0]
        widths = [
            [bar.get_width() for bar in model.patches]
            for model in axes.containers
            if isinstance(model, BarContainer)
        ]
        assert widths == [[10, 0, 3], [4, 0, 0], [1, 0, 2]]

    def test_whiskers_are_the_intervals_of_the_rate_times_n(self) -> None:
        found = whiskers(false_positives(COUNTS).axes[0])
        assert [across for across, _ in found] == [[2.5, 7.5], [0.0, 5.0]]

    def test_models_differ_without_colour(self) -> None:
        axes = false_positives(COUNTS).axes[0]
        _, baseline, lora = (model for model in axes.containers if isinstance(model, BarContainer))
        assert baseline.patches[0].get_hatch() != lora.patches[0].get_hatch()

    def test_n_of_incompatible_pairs_and_missing_ones(self) -> None:
        shown = texts(false_positives(COUNTS))
        assert {"dealbreaker\nn=10", "match\nn=0", "subtle\nn=3"} <= set(shown)
        assert shown.count("n/a (n=0)") == 1
        assert {"baseline", "lora", "4", "1", "2"} <= set(shown)

    def test_no_incompatible_pair_at_all(self) -> None:
        figure = false_positives({"baseline": {"match": FalsePositives(0, 0, None)}})
        assert "n/a (n=0)" in texts(figure)

    @pytest.mark.parametrize("models", [1, 2, 4])
    def test_hostile_names(self, models: int) -> None:
        found = {name: FalsePositives(1, 2, (0.2, 0.9)) for name in HOSTILE}
        figure = false_positives({f"model_{number}": found for number in range(models)})
        assert {"$x$\nn=2", "[/b]\nn=2"} <= set(texts(figure))
        assert not has_mathtext(figure)
        assert not collisions(figure)
        assert not cut_off(figure)
