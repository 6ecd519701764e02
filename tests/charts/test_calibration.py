import numpy as np
import pytest
from matplotlib.axes import Axes
from scipy.stats import norm

from tests.charts.drawing import collisions, cut_off, texts, whiskers
from tuneproof.charts.calibration import Reliability, reliability_diagrams
from tuneproof.metrics.calibration import wilson_interval

FOUND = Reliability([(0.2, 0.25, 20), (0.5, 0.4, 30), (0.9, 1.0, 10)], 0.2041, 0.0833)


def bins(axes: Axes) -> list[list[float]]:
    (points,) = (line for line in axes.lines if line.get_gid() == "bins")
    return [[float(x), float(y)] for x, y in np.asarray(points.get_xydata())]


def test_points_are_the_bins() -> None:
    axes = reliability_diagrams({"lora": FOUND}).axes[0]
    assert bins(axes) == [[0.2, 0.25], [0.5, 0.4], [0.9, 1.0]]


def test_whiskers_are_the_wilson_intervals() -> None:
    found = whiskers(reliability_diagrams({"lora": FOUND}).axes[0])
    assert [across[0] for across, _ in found] == [0.2, 0.5, 0.9]
    for (_, share, n), (_, up) in zip(FOUND.bins, found, strict=True):
        # Wilson (1927): where the normal approximation around p just reaches the share.
        for end in up:
            if 0 < end < 1:
                assert abs(share - end) == pytest.approx(
                    norm.ppf(0.975) * np.sqrt(end * (1 - end) / n)
                )
        assert up[0] <= share <= up[1]


def test_a_share_that_rounding_moved_is_still_a_count() -> None:
    assert wilson_interval(17 / 29, 29) == wilson_interval(17 / 29 + 1e-15, 29)


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
    one_bin = Reliability([(0.5, 0.5, 2000)], 0.25, 0.0)
    figure = reliability_diagrams(dict.fromkeys(names, one_bin))
    assert not collisions(figure)
    assert not cut_off(figure)
