import numpy as np
import pandas as pd
import pytest

from tests.charts.drawing import texts
from tuneproof.charts.training import TrainingCourse, training_curves


def course() -> TrainingCourse:
    step = np.arange(1, 7)
    evaluated = step % 2 == 0
    log = pd.DataFrame(
        {
            "step": step,
            "loss": 1.0 / step,
            "learning_rate": 1e-5 * step,
            "gradient_norm": 2.0 * step,
            "validation_loss": np.where(evaluated, 2.0 / step, np.nan),
            "validation_spearman": np.where(evaluated, 0.1 * step, np.nan),
        }
    )
    return TrainingCourse(log, initial_spearman=0.05, best_step=4, best_spearman=0.4)


def test_no_training_run() -> None:
    assert "no training run yet" in texts(training_curves({}))


@pytest.mark.parametrize("models", [("lora",), ("standard", "lora")])
def test_a_column_for_each_run(models: tuple[str, ...]) -> None:
    figure = training_curves({model: course() for model in models})
    assert len(figure.axes) == 4 * len(models)
    shown = texts(figure)
    for model in models:
        assert f"{model}, 6 steps" in shown
    assert {"Loss", "Validation Spearman", "Learning rate", "Gradient norm"} <= set(shown)


def test_curves_are_the_log() -> None:
    losses, spearman, rate, norm = training_curves({"standard": course()}).axes
    assert np.asarray(losses.lines[0].get_ydata()).tolist() == [1 / step for step in range(1, 7)]
    assert np.asarray(losses.lines[1].get_xydata()).tolist() == [[2, 1.0], [4, 0.5], [6, 2 / 6]]
    assert np.asarray(spearman.lines[0].get_xdata()).tolist() == [0, 2, 4, 6]
    assert np.asarray(spearman.lines[0].get_ydata())[0] == 0.05
    assert np.asarray(rate.lines[0].get_ydata())[-1] == pytest.approx(6e-5)
    assert np.asarray(norm.lines[0].get_ydata())[-1] == 12


def test_best_step_is_marked() -> None:
    figure = training_curves({"standard": course()})
    star = figure.axes[1].lines[1]
    assert np.asarray(star.get_xydata()).tolist() == [[4, 0.4]]
    assert "best: 0.4000 at step 4" in texts(figure)
