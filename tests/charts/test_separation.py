import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import roc_auc_score

from tests.charts.drawing import (
    bars,
    collisions,
    cut_off,
    has_mathtext,
    scores,
    texts,
    whiskers,
)
from tuneproof.charts.intervals import Estimate
from tuneproof.charts.separation import cohens_d_bars, cosine_distributions, roc_curves

MODELS = ("baseline", "standard", "lora")
MARGIN = Estimate(0.1, (0.05, 0.15))


class TestCosineDistributions:
    @pytest.mark.parametrize("models", [MODELS, MODELS[:1], ("baseline", "lora")])
    def test_a_panel_for_each_model_with_threshold_and_counts(
        self, models: tuple[str, ...]
    ) -> None:
        frames = {model: scores(0.1, seed=row) for row, model in enumerate(models)}
        figure = cosine_distributions(
            frames,
            {model: 0.31 + i for i, model in enumerate(models)},
            dict.fromkeys(models, MARGIN),
        )
        shown = texts(figure)
        assert len(figure.axes) == len(models)
        for index, model in enumerate(models):
            assert f"{model}: margin +0.100 [+0.050, +0.150]" in shown
            assert f"validated threshold {0.31 + index:.3f}" in shown
        assert shown.count("compatible (1), n=20") == len(models)
        assert not collisions(figure)
        assert not cut_off(figure)

    def test_bars_count_every_pair_of_both_labels(self) -> None:
        figure = cosine_distributions({"m": scores(0.2, n=50)}, {"m": 0.4}, {"m": MARGIN})
        heights = [bar.get_height() for bar in bars(figure.axes[0])]
        assert sum(heights) == 50

    @pytest.mark.parametrize("cosines", [[0.5] * 6, [-1.0, 1.0] * 3])
    def test_constant_and_extreme_cosines(self, cosines: list[float]) -> None:
        frame = pd.DataFrame({"cosine": cosines, "label": [0, 0, 0, 1, 1, 1]})
        figure = cosine_distributions({"m": frame}, {"m": 0.5}, {"m": MARGIN})
        heights = [bar.get_height() for bar in bars(figure.axes[0])]
        assert sum(heights) == 6

    def test_one_label_only(self) -> None:
        frame = scores(0.1).query("label == 1")
        figure = cosine_distributions({"m": frame}, {"m": 0}, {"m": Estimate(None, None)})
        assert {"incompatible (0), n=0", "m: margin n/a"} <= set(texts(figure))

    def test_labels_differ_without_colour(self) -> None:
        axes = cosine_distributions({"m": scores(0.2)}, {"m": 0.4}, {"m": MARGIN}).axes[0]
        assert {bar.get_hatch() or "" for bar in bars(axes)} == {"", "///"}
        smooth = [line for line in axes.lines if len(np.asarray(line.get_xdata())) > 2]
        assert len({line.get_linestyle() for line in smooth}) == 2

    def test_panels_share_both_scales(self) -> None:
        frames = {"baseline": scores(0.0), "lora": scores(0.5, n=400)}
        figure = cosine_distributions(
            frames, dict.fromkeys(frames, 0.4), dict.fromkeys(frames, MARGIN)
        )
        assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1


def roc(frames: dict[str, pd.DataFrame], threshold: float = 0.4) -> Figure:
    return roc_curves(frames, dict.fromkeys(frames, threshold), dict.fromkeys(frames, (0.25, 0.75)))


def marks_on(curve: Line2D) -> list[list[float]]:
    places = np.asarray(curve.get_markevery(), dtype=np.int64)
    return [[float(x), float(y)] for x, y in np.asarray(curve.get_xydata())[places]]


class TestRocCurves:
    def test_legend_holds_the_auc_of_scikit_learn_and_its_interval(self) -> None:
        frames = {model: scores(0.1 * row, seed=row) for row, model in enumerate(MODELS)}
        figure = roc(frames)
        shown = texts(figure)
        for model, frame in frames.items():
            area = roc_auc_score(frame["label"], frame["cosine"])
            assert f"{model}: AUC {area:.3f} [0.250, 0.750]" in shown
        assert "20 compatible and 20 incompatible pairs" in shown
        assert not cut_off(figure)

    def test_curve_runs_from_corner_to_corner_and_bounds_its_auc(self) -> None:
        frame = scores(0.2)
        axes = roc({"m": frame}).axes[0]
        across, up = np.asarray(axes.lines[0].get_xydata()).T
        assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
        area = roc_auc_score(frame["label"], frame["cosine"])
        assert np.trapezoid(up, across) == pytest.approx(area)

    @pytest.mark.parametrize("threshold", [-2.0, 0.3, 0.41, 2.0])
    def test_the_marker_decides_like_the_threshold(self, threshold: float) -> None:
        frame = scores(0.2)
        curve = roc({"m": frame}, threshold).axes[0].lines[0]
        (marked,) = marks_on(curve)
        called = frame["cosine"] >= threshold
        rates = [called[frame["label"] == label].mean() for label in (0, 1)]
        assert marked == pytest.approx(rates)

    def test_the_marker_lies_on_a_score_that_equals_the_threshold(self) -> None:
        frame = pd.DataFrame({"cosine": [0.1, 0.2, 0.3, 0.4], "label": [0, 1, 0, 1]})
        curve = roc({"m": frame}, 0.3).axes[0].lines[0]
        (marked,) = marks_on(curve)
        assert marked == [0.5, 0.5]

    def test_one_label_is_not_available(self) -> None:
        frame = scores(0.1).query("label == 0")
        assert "m: n/a (one label only)" in texts(roc({"m": frame}))

    def test_hostile_model_name(self) -> None:
        figure = roc({"$x$": scores(0.1)})
        assert any(text.startswith("$x$: AUC") for text in texts(figure))
        assert not has_mathtext(figure)


def marks(figure: Figure) -> set[float]:
    """Return where the upright lines of the first axes stand."""
    return {
        float(np.asarray(line.get_xdata())[0])
        for line in figure.axes[0].lines
        if not line.get_gid()
    }


class TestCohensD:
    def test_bars_whiskers_conventional_marks_and_n(self) -> None:
        effects = {
            "baseline": Estimate(0.41, (0.25, 0.5)),
            "standard": Estimate(-1.3, None),
            "lora": Estimate(None, None),
        }
        figure = cohens_d_bars(effects, 80)
        axes = figure.axes[0]
        assert [bar.get_width() for bar in bars(axes)] == [0.41, -1.3, 0.0]
        assert whiskers(axes) == [([0.25, 0.5], [0, 0])]
        shown = texts(figure)
        assert {"+0.41 [+0.25, +0.50]", "-1.30", "n/a"} <= set(shown)
        assert "dotted: Cohen's conventions, 0.2 small, 0.5 medium, 0.8 large" in shown
        assert {0.2, 0.5, 0.8, -0.2, -0.5, -0.8} <= marks(figure)
        assert any("80 eval pairs" in text for text in shown)

    def test_marks_of_negative_effects_only_where_there_are_any(self) -> None:
        figure = cohens_d_bars({"baseline": Estimate(0.1, (-0.1, 0.3))}, 8)
        assert not {-0.2, -0.5, -0.8} & marks(figure)

    @pytest.mark.parametrize("effect", [0.01, -0.01, 0.4, -3.0, 25.0])
    def test_marks_stay_in_sight_and_nothing_covers_anything(self, effect: float) -> None:
        found = Estimate(effect, (effect - 0.2, effect + 0.2))
        figure = cohens_d_bars(dict.fromkeys(("baseline", "lora"), found), 80)
        low, high = figure.axes[0].get_xlim()
        assert all(low <= mark < high for mark in marks(figure))
        assert not collisions(figure)
        assert not cut_off(figure)
