import numpy as np
import pytest
from matplotlib.axes import Axes

from tests.charts.drawing import bars, collisions, cut_off, texts, whiskers
from tuneproof.charts.forgetting import Retention, forgetting_chart
from tuneproof.charts.intervals import Estimate

BEFORE = Retention(
    general_spearman=Estimate(0.75, (0.65, 0.8)),
    n_general=256,
    unrelated_mean_cosine=Estimate(0.07, (0.03, 0.11)),
    n_unrelated=57,
    effective_rank=108.5,
    anisotropy=0.21,
    n_texts=234,
    dimensions=384,
)
AFTER = BEFORE._replace(
    general_spearman=Estimate(0.5, (0.4, 0.6)),
    unrelated_mean_cosine=Estimate(-0.3, None),
    effective_rank=None,
    anisotropy=0.5,
)


def test_bars_are_the_figures() -> None:
    panels = forgetting_chart({"baseline": BEFORE, "lora": AFTER}).axes
    widths = [[bar.get_width() for bar in bars(axes)] for axes in panels]
    assert widths == [[0.75, 0.5], [0.07, -0.3], [108.5, 0.0], [0.21, 0.5]]


def test_whiskers_are_the_intervals() -> None:
    spearman, unrelated, rank, anisotropy = forgetting_chart(
        {"baseline": BEFORE, "lora": AFTER}
    ).axes
    assert whiskers(spearman) == [([0.65, 0.8], [0, 0]), ([0.4, 0.6], [1, 1])]
    assert whiskers(unrelated) == [([0.03, 0.11], [0, 0])]
    assert whiskers(rank) == whiskers(anisotropy) == []


def test_what_the_model_began_as_is_a_line() -> None:
    def upright(axes: Axes) -> set[float]:
        return {float(np.asarray(line.get_xdata())[0]) for line in axes.lines if not line.get_gid()}

    panels = forgetting_chart({"baseline": BEFORE, "lora": AFTER}).axes
    assert [upright(axes) - {0.0} for axes in panels] == [{0.75}, {0.07}, {108.5}, {0.21}]


def test_every_figure_and_its_n_is_told() -> None:
    shown = texts(forgetting_chart({"baseline": BEFORE, "lora": AFTER}))
    assert {"0.750 [0.650, 0.800]", "-0.300", "108.5", "n/a", "0.210"} <= set(shown)
    titles = "\n".join(shown)
    assert "n=256" in titles
    assert "n=57" in titles
    assert titles.count("n=234") == 2
    assert "384 dimensions" in titles


def test_models_stand_from_above_in_their_order() -> None:
    for axes in forgetting_chart({"baseline": BEFORE, "lora": AFTER}).axes:
        bottom, top = axes.get_ylim()
        assert bottom > top


@pytest.mark.parametrize("models", [1, 2, 4])
def test_nothing_covers_anything(models: int) -> None:
    names = ("baseline", "standard", "lora", "$x$ and more")[:models]
    figure = forgetting_chart(dict.fromkeys(names, AFTER) | {"baseline": BEFORE})
    assert not collisions(figure)
    assert not cut_off(figure)
