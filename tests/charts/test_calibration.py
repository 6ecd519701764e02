import numpy as np
import pytest
from matplotlib.axes import Axes

from tests.charts.drawing import collisions, cut_off, texts, whiskers
from tuneproof.charts.calibration import Reliability, reliability_diagrams

FOUND = Reliability(
    [(0.2, 0.25, (0.1, 0.5), 20), (0.5, 0.4, (0.25, 0.6), 30), (0.9, 1.0, (0.7, 1.0), 10)],
    0.2041,
    0.0833,
)


def bins(axes: Axes) -> list[list[float]]:
    (points,) = (line for line in axes.lines if line.get_gid() == "bins")
    return [[float(x), float(y)] for x, y in np.asarray(points.get_xydata())]


def test_points_are_the_bins() -> None:
    axes = reliability_diagrams({"lora": FOUND}).axes[0]
    assert bins(axes) == [[0.2, 0.25], [0.5, 0.4], [0.9, 1.0]]


def test_whiskers_are_the_intervals() -> None:
    found = whiskers(reliability_diagrams({"lora": FOUND}).axes[0])
    expected = [([x, x], list(interval)) for x, _, interval, _ in FOUND.bins]
    assert [(list(across), list(up)) for across, up in found] == expected


def test_errors_n_and_both_guides_are_told() -> None:
    shown = texts(reliability_diagrams({"lora": FOUND}))
    assert "lora, n=60, 10 to 30 a bin\ncalibration error 0.083, Brier score 0.204" in shown
    assert {"perfectly calibrated", "share among all eval pairs"} <= set(shown)


def test_the_share_of_all_pairs_is_the_bins_mean() -> None:
    axes = reliability_diagrams({"lora": FOUND}).axes[0]
    (share,) = (
        float(np.asarray(line.get_ydata())[0]) for line in axes.lines if line.get_linestyle() == ":"
    )
    assert share == pytest.approx((0.25 * 20 + 0.4 * 30 + 10) / 60)


@pytest.mark.parametrize("models", [1, 2, 4])
def test_nothing_covers_anything(models: int) -> None:
    names = ("baseline", "standard", "lora", "$x$ and more")[:models]
    one_bin = Reliability([(0.5, 0.5, (0.48, 0.52), 2000)], 0.25, 0.0)
    figure = reliability_diagrams(dict.fromkeys(names, one_bin))
    assert not collisions(figure)
    assert not cut_off(figure)
