import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from tests.charts.drawing import texts, whiskers
from tuneproof.charts.intervals import (
    Estimate,
    draw_whisker,
    set_limits,
    write_beside,
    written,
)


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (Estimate(0.6524, (0.5762, 0.7258)), "0.652 [0.576, 0.726]"),
        (Estimate(0.6524, None), "0.652"),
        (Estimate(None, None), "n/a"),
        (Estimate(None, (0.1, 0.2)), "n/a"),
    ],
)
def test_written(estimate: Estimate, shown: str) -> None:
    assert written(estimate, 3) == shown


def test_written_with_signs() -> None:
    assert written(Estimate(0.5, (-0.1, 1)), 2, sign=True) == "+0.50 [-0.10, +1.00]"


def test_a_whisker_is_drawn_where_there_is_an_interval() -> None:
    axes = Figure().add_subplot()
    draw_whisker(axes, 2, (0.25, 0.5))
    draw_whisker(axes, 3, None)
    assert whiskers(axes) == [([0.25, 0.5], [2, 2])]


@pytest.mark.parametrize(
    ("estimate", "end", "side"),
    [
        (Estimate(0.5, None), 0.5, "left"),
        (Estimate(0.5, (0.2, 0.75)), 0.75, "left"),
        (Estimate(-0.5, (-0.75, 0.2)), -0.75, "right"),
        (Estimate(-0.5, (-0.4, -0.2)), -0.5, "right"),
        (Estimate(None, None), 0.0, "left"),
    ],
)
def test_texts_begin_beyond_bar_and_whisker(estimate: Estimate, end: float, side: str) -> None:
    figure = Figure()
    axes = figure.add_subplot()
    write_beside(axes, 1, estimate, "text")
    (annotation,) = axes.texts
    assert isinstance(annotation, Annotation)
    assert (annotation.xy, annotation.get_horizontalalignment()) == ((end, 1), side)
    assert "text" in texts(figure)


@pytest.mark.parametrize(
    ("values", "room"),
    [([0.5], (False, True)), ([-0.5], (True, False)), ([0.5, -0.5], (True, True))],
)
def test_limits_leave_the_share_that_texts_take(
    values: list[float], room: tuple[bool, bool]
) -> None:
    axes = Figure().add_subplot()
    set_limits(axes, [Estimate(value, None) for value in values], share=0.25)
    low, high = axes.get_xlim()
    left, right = min(0, *values, 0) - low, high - max(0, *values, 0)
    shares = [side / (high - low) for side in (left, right)]
    for share, needed in zip(shares, room, strict=True):
        assert share == pytest.approx(0.25, abs=0.01) if needed else share < 0.03


def test_limits_of_nothing_but_missing_figures() -> None:
    axes = Figure().add_subplot()
    set_limits(axes, [Estimate(None, None)], share=0.3)
    low, high = axes.get_xlim()
    assert low <= 0 < high
