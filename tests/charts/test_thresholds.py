import numpy as np
import pytest
from matplotlib.axes import Axes

from tests.charts.drawing import collisions, cut_off, has_mathtext, texts, whiskers
from tuneproof.charts.intervals import Estimate
from tuneproof.charts.thresholds import ThresholdCurves, threshold_curves

CURVES = ThresholdCurves(
    thresholds=np.array([-0.5, 0.0, 0.5]),
    f1=np.array([0.6, 0.7, 0.4]),
    accuracy=np.array([0.5, 0.65, 0.55]),
    precision=np.array([0.5, 0.6, 1.0]),
    recall=np.array([1.0, 0.8, 0.2]),
    validated=0.1,
    at_validated={
        "f1": Estimate(0.68, (0.625, 0.75)),
        "accuracy": Estimate(0.64, (0.5, 0.7)),
        "precision": Estimate(None, None),
        "recall": Estimate(0.7, None),
    },
)


def curve(axes: Axes, name: str) -> list[list[float]]:
    (line,) = (line for line in axes.lines if str(line.get_label()).startswith(name))
    return [[float(x), float(y)] for x, y in np.asarray(line.get_xydata())]


def test_curves_are_the_decisions() -> None:
    axes = threshold_curves({"lora": CURVES}, 10).axes[0]
    for name, values in (
        ("F1", CURVES.f1),
        ("accuracy", CURVES.accuracy),
        ("precision", CURVES.precision),
        ("recall", CURVES.recall),
    ):
        assert curve(axes, name) == np.c_[CURVES.thresholds, values].tolist()


def test_a_threshold_below_all_cosines_lies_on_the_curves() -> None:
    axes = threshold_curves({"lora": CURVES._replace(validated=-0.75)}, 10).axes[0]
    assert curve(axes, "recall")[:2] == [[-0.75, 1.0], [-0.5, 1.0]]
    assert len(curve(axes, "F1")) == 4


def test_curves_differ_without_colour() -> None:
    axes = threshold_curves({"lora": CURVES}, 10).axes[0]
    styles = {
        line.get_linestyle() for line in axes.lines if not str(line.get_label()).startswith("_")
    }
    assert len(styles) == 4


def test_the_validated_threshold_is_marked_with_its_figures_and_intervals() -> None:
    figure = threshold_curves({"lora": CURVES}, 1234)
    axes = figure.axes[0]
    points = {
        (float(x), float(y))
        for line in axes.lines
        for x, y in np.asarray(line.get_xydata())
        if line.get_marker() == "o"
    }
    assert points == {(0.1, 0.68), (0.1, 0.64), (0.1, 0.7)}
    assert whiskers(axes) == [([0.1, 0.1], [0.625, 0.75]), ([0.1, 0.1], [0.5, 0.7])]
    shown = texts(figure)
    assert {
        "F1 0.680 [0.625, 0.750]",
        "precision n/a",
        "recall 0.700",
        "at the validated threshold 0.100",
    } <= set(shown)
    assert any("n=1,234 eval pairs" in text for text in shown)


@pytest.mark.parametrize("models", [1, 2, 4])
def test_models_share_their_scale_and_nothing_covers_anything(models: int) -> None:
    names = ("baseline", "standard", "lora", "$x$ and more")[:models]
    figure = threshold_curves(dict.fromkeys(names, CURVES), 10)
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert not has_mathtext(figure)
    assert not collisions(figure)
    assert not cut_off(figure)
