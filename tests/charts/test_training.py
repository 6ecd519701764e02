import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.charts.drawing import texts
from tuneproof.charts.palette import model_colours
from tuneproof.charts.training import (
    Convergence,
    TrainingCourse,
    convergence_chart,
    training_curves,
)


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


def test_a_run_has_its_models_colour_and_validation_differs_without_colour() -> None:
    for model in ("standard", "lora"):
        losses = training_curves({model: course()}).axes[0]
        train, validation = losses.lines[:2]
        assert train.get_color() == model_colours([model])[model]
        assert train.get_linestyle() != validation.get_linestyle()
        found = convergence(layer_tables("a"), model=model)
        assert convergence_chart(found).axes[0].lines[0].get_color() == train.get_color()


def test_runs_share_the_scale_of_what_can_be_compared() -> None:
    worse = course()._replace(log=course().log.assign(loss=9.0, learning_rate=1.0))
    figure = training_curves({"standard": course(), "lora": worse})
    rows = [figure.axes[row : row + 2] for row in range(0, 8, 2)]
    shared = [len({axes.get_ylim() for axes in row}) == 1 for row in rows]
    assert shared[:3] == [True, True, False]
    assert rows[0][0].get_ylim()[1] > 9


def test_best_step_is_marked() -> None:
    figure = training_curves({"standard": course()})
    star = figure.axes[1].lines[1]
    assert np.asarray(star.get_xydata()).tolist() == [[4, 0.4]]
    assert "best: 0.4000 at step 4" in texts(figure)


def layer_tables(*layers: str) -> pd.DataFrame:
    values = np.arange(1.0, 3 * len(layers) + 1).reshape(len(layers), 3)
    return pd.DataFrame(values, index=list(layers), columns=[2, 4, 6])


def convergence(updates: pd.DataFrame, **changes: object) -> Convergence:
    found = Convergence(
        model="standard",
        log=course().log,
        initial_spearman=0.05,
        best_step=4,
        best_spearman=0.4,
        clipped_above=1.0,
        relative_updates=updates,
        gradient_norms=10 * updates,
    )
    return found._replace(**changes)  # type: ignore[arg-type]  # what a test changes


def maps(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.images]


def pixels(axes: Axes) -> npt.NDArray[np.float64]:
    drawn = axes.images[0].get_array()
    assert isinstance(drawn, np.ma.MaskedArray)
    return drawn.filled(np.nan)


def test_convergence_curves_are_the_log() -> None:
    figure = convergence_chart(convergence(layer_tables("a", "b")))
    losses, spearman, norms = figure.axes[:3]
    assert np.asarray(losses.lines[0].get_ydata()).tolist() == [1 / step for step in range(1, 7)]
    assert np.asarray(losses.lines[2].get_xdata()).tolist() == [2, 4, 6]
    assert np.asarray(spearman.lines[1].get_xydata()).tolist() == [[4, 0.4]]
    assert np.asarray(norms.lines[0].get_ydata())[-1] == 12
    assert {"clipped to 1", "best: 0.4000 at step 4", "Validation Spearman"} <= set(texts(figure))


def test_the_loss_is_smoothed_without_a_shift() -> None:
    log = pd.concat([course().log] * 12, ignore_index=True).assign(step=np.arange(1, 73))
    straight = log.assign(loss=np.arange(72.0))
    figure = convergence_chart(convergence(layer_tables(), log=straight))
    smoothed = np.asarray(figure.axes[0].lines[1].get_ydata())
    assert np.abs(smoothed - np.arange(72.0)).max() <= 1.5


def test_a_full_run_has_one_map_of_its_layers() -> None:
    updates = layer_tables("embeddings", "encoder.layer.0")
    (axes,) = maps(convergence_chart(convergence(updates)))
    assert pixels(axes).tolist() == updates.to_numpy().tolist()
    assert [label.get_text() for label in axes.get_yticklabels()] == list(updates.index)


def test_lora_matrices_are_drawn_apart_with_their_gradients() -> None:
    updates = layer_tables("q.lora_A", "q.lora_B", "v.lora_A", "v.lora_B")
    update_a, update_b, gradient_a, gradient_b = maps(convergence_chart(convergence(updates)))
    assert pixels(update_a)[:, 0].tolist() == [1, 7]
    assert pixels(update_b)[:, 0].tolist() == [4, 10]
    assert pixels(gradient_a)[:, 0].tolist() == [10, 70]
    assert pixels(gradient_b)[:, 0].tolist() == [40, 100]
    assert [label.get_text() for label in update_a.get_yticklabels()] == ["q", "v"]


def test_what_got_nothing_is_left_open_and_not_drawn_as_the_smallest() -> None:
    updates = layer_tables("dead", "alive")
    updates.loc["dead"] = [0.0, np.nan, 0.0]
    (axes,) = maps(convergence_chart(convergence(updates)))
    assert np.isnan(pixels(axes)).tolist() == [[True] * 3, [False] * 3]


def test_a_run_without_evaluation_or_gradient_is_drawn_all_the_same() -> None:
    log = course().log.assign(gradient_norm=0.0, validation_loss=np.nan, validation_spearman=np.nan)
    bare = convergence(
        layer_tables(), log=log, initial_spearman=None, best_step=None, best_spearman=None
    )
    figure = convergence_chart(bare)
    figure.canvas.draw()
    assert len(figure.axes) == 3


def test_only_so_many_layers_are_drawn_and_the_rest_is_told() -> None:
    figure = convergence_chart(convergence(layer_tables(*(f"layer.{i}" for i in range(90)))))
    assert pixels(*maps(figure)).shape == (60, 3)
    assert "The 60 largest of 90 layers" in figure.get_supxlabel()
