import numpy as np
import pytest

from tests.charts.drawing import HOSTILE, collisions, cut_off, has_mathtext, texts, whiskers
from tuneproof.charts.intervals import Estimate
from tuneproof.charts.subsets import SubsetAuc, subset_aucs

SUBSETS = {
    "all": SubsetAuc(Estimate(0.65, (0.575, 0.725)), 158, 137),
    "clean": SubsetAuc(Estimate(0.8, None), 48, 7),
    "unseen_subcategories": SubsetAuc(Estimate(None, None), 4, 0),
}


def test_points_are_the_aucs_and_what_is_undefined_is_no_point() -> None:
    axes = subset_aucs({"baseline": SUBSETS}).axes[0]
    (points,) = (line for line in axes.lines if line.get_label() == "baseline")
    across = np.asarray(points.get_xdata(), dtype=np.float64)
    np.testing.assert_array_equal(across, [0.65, 0.8, np.nan])
    assert np.asarray(points.get_ydata()).tolist() == [0, 1, 2]


def test_whiskers_are_the_intervals() -> None:
    assert whiskers(subset_aucs({"baseline": SUBSETS}).axes[0]) == [([0.575, 0.725], [0, 0])]


def test_n_of_each_label_is_told() -> None:
    figure = subset_aucs({"baseline": SUBSETS})
    shown = texts(figure)
    assert {"all\nn=158+137", "clean\nn=48+7", "unseen_subcategories\nn=4+0"} <= set(shown)
    assert {"0.650 [0.575, 0.725]", "0.800", "n/a", "chance: 0.5"} <= set(shown)


def test_chance_and_the_lowest_auc_are_in_sight() -> None:
    low = {"all": SubsetAuc(Estimate(0.2, (0.1, 0.3)), 9, 9)}
    left, right = subset_aucs({"baseline": low}).axes[0].get_xlim()
    assert left < 0.1
    assert right > 1


@pytest.mark.parametrize("models", [1, 2, 4])
def test_nothing_covers_anything(models: int) -> None:
    found = {name: SubsetAuc(Estimate(0.9, (0.8, 1.0)), 9, 9) for name in HOSTILE}
    figure = subset_aucs({f"{number}$x$": found | SUBSETS for number in range(models)})
    assert not has_mathtext(figure)
    assert not collisions(figure)
    assert not cut_off(figure)
