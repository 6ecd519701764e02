import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from tests.charts.drawing import bars, has_mathtext, scores, texts
from tuneproof.charts.separation import cohens_d_bars, cosine_distributions, roc_curves

MODELS = ("baseline", "standard", "lora")


class TestCosineDistributions:
    @pytest.mark.parametrize("models", [MODELS, MODELS[:1], ("baseline", "lora")])
    def test_a_panel_for_each_model_with_threshold_and_counts(
        self, models: tuple[str, ...]
    ) -> None:
        frames = {model: scores(0.1, seed=row) for row, model in enumerate(models)}
        figure = cosine_distributions(frames, {model: 0.31 + i for i, model in enumerate(models)})
        shown = texts(figure)
        assert len(figure.axes) == len(models)
        for index, model in enumerate(models):
            assert model in shown
            assert f"validated threshold {0.31 + index:.3f}" in shown
        assert shown.count("compatible (1), n=20") == len(models)

    def test_bars_count_every_pair_of_both_labels(self) -> None:
        figure = cosine_distributions({"m": scores(0.2, n=50)}, {"m": 0.4})
        heights = [bar.get_height() for bar in bars(figure.axes[0])]
        assert sum(heights) == 50

    @pytest.mark.parametrize("cosines", [[0.5] * 6, [-1.0, 1.0] * 3])
    def test_constant_and_extreme_cosines(self, cosines: list[float]) -> None:
        frame = pd.DataFrame({"cosine": cosines, "label": [0, 0, 0, 1, 1, 1]})
        figure = cosine_distributions({"m": frame}, {"m": 0.5})
        heights = [bar.get_height() for bar in bars(figure.axes[0])]
        assert sum(heights) == 6

    def test_one_label_only(self) -> None:
        frame = scores(0.1).query("label == 1")
        assert "incompatible (0), n=0" in texts(cosine_distributions({"m": frame}, {"m": 0}))


class TestRocCurves:
    def test_legend_holds_the_auc_of_scikit_learn(self) -> None:
        frames = {model: scores(0.1 * row, seed=row) for row, model in enumerate(MODELS)}
        shown = texts(roc_curves(frames))
        for model, frame in frames.items():
            assert f"{model}: AUC {roc_auc_score(frame['label'], frame['cosine']):.4f}" in shown
        assert "20 compatible and 20 incompatible pairs" in shown

    def test_curve_runs_from_corner_to_corner_and_bounds_its_auc(self) -> None:
        frame = scores(0.2)
        axes = roc_curves({"m": frame}).axes[0]
        across, up = np.asarray(axes.lines[0].get_xydata()).T
        assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
        area = roc_auc_score(frame["label"], frame["cosine"])
        assert np.trapezoid(up, across) == pytest.approx(area)

    def test_one_label_is_not_available(self) -> None:
        frame = scores(0.1).query("label == 0")
        assert "m: n/a (one label only)" in texts(roc_curves({"m": frame}))

    def test_hostile_model_name(self) -> None:
        figure = roc_curves({"$x$": scores(0.1)})
        assert any(text.startswith("$x$: AUC") for text in texts(figure))
        assert not has_mathtext(figure)


def marks(figure: Figure) -> set[float]:
    """Return where the vertical lines of the first axes stand."""
    return {float(np.asarray(line.get_xdata())[0]) for line in figure.axes[0].lines}


class TestCohensD:
    def test_bars_conventional_marks_and_n(self) -> None:
        effects = {"baseline": 0.41, "standard": -1.3, "lora": None}
        figure = cohens_d_bars(effects, 80)
        widths = [bar.get_width() for bar in bars(figure.axes[0])]
        assert widths == [0.41, -1.3, 0.0]
        shown = texts(figure)
        assert {"+0.41", "-1.30", "n/a (n=80)"} <= set(shown)
        assert "dotted: Cohen's conventions, 0.2 small, 0.5 medium, 0.8 large" in shown
        assert {0.2, 0.5, 0.8, -0.2, -0.5, -0.8} <= marks(figure)
        assert any("80 eval pairs" in text for text in shown)

    def test_marks_of_negative_effects_only_where_there_are_any(self) -> None:
        assert not {-0.2, -0.5, -0.8} & marks(cohens_d_bars({"baseline": 0.1}, 8))
