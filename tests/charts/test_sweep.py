"""The chart of a sweep shows every configuration, the spread over seeds, and the ceiling."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from tests.charts.drawing import HOSTILE, has_mathtext, texts
from tuneproof.charts.sweep import sweep_chart


def rows(field: str, values: list[object], **changes: object) -> pd.DataFrame:
    n = len(values)
    figures: dict[str, object] = {
        "spearman_mean": np.linspace(0.80, 0.85, n),
        "spearman_sd": np.full(n, 0.004),
        "n_seeds": 3,
        "seconds": np.linspace(10, 50, n),
        "peak_memory_mb": np.linspace(900, 1100, n),
        "best_of_value": True,
    }
    return pd.DataFrame({field: values} | figures | changes)


def bar_ends(axes: Axes) -> list[list[float]]:
    """Return lower and upper end of each error bar."""
    (container,) = (c for c in axes.containers if isinstance(c, ErrorbarContainer))
    (bars,) = container.lines[2]
    return [[float(y) for _, y in segment] for segment in bars.get_segments()]


def test_nothing_varied() -> None:
    assert "no field was varied, or no run finished" in texts(sweep_chart({}, 0.86))
    empty = rows("epochs", [1]).iloc[:0]
    assert "no field was varied, or no run finished" in texts(sweep_chart({"epochs": empty}, 0.86))


def test_a_column_for_each_field_with_spearman_time_and_memory() -> None:
    fields = {
        "epochs": rows("epochs", [1, 2, 4]),
        "loss": rows("loss", ["cosine_similarity", "cosent"]),
    }
    figure = sweep_chart(fields, 0.8638)
    assert len(figure.axes) == 6
    shown = texts(figure)
    assert {"epochs", "loss", "Validation Spearman", "Training time (s)", "Peak memory (MiB)"} <= {
        *shown
    }
    assert shown.count("ceiling 0.8638") == 2
    assert {"1", "2", "4", "cosent"} <= set(shown)
    assert any(text.startswith("Seeds a point: 3.") for text in shown)


def test_points_bars_and_line_are_the_figures() -> None:
    frame = rows("epochs", [1, 2, 4], spearman_sd=[0.01, np.nan, 0.02])
    spearman, seconds, memory = sweep_chart({"epochs": frame}, None).axes
    ends = bar_ends(spearman)
    assert ends[0] == pytest.approx([0.79, 0.81])
    assert ends[1] == pytest.approx([0.825, 0.825]), "one seed has no bar"
    assert ends[2] == pytest.approx([0.83, 0.87])
    for axes, figure in ((seconds, "seconds"), (memory, "peak_memory_mb")):
        line = axes.lines[-1]
        assert np.asarray(line.get_ydata()).tolist() == frame[figure].tolist()
        assert axes.get_ylim()[0] == 0


def test_no_column_runs_out_of_the_axes_that_it_shares() -> None:
    short, long = rows("epochs", [1, 2]), rows("batch_size", [8, 16], seconds=[400, 900])
    figure = sweep_chart({"epochs": short, "batch_size": long}, 0.86)
    for axes in figure.axes:
        bottom, top = axes.get_ylim()
        for line in axes.lines:
            values = np.asarray(line.get_ydata(), dtype=float)
            assert (bottom <= values).all()
            assert (values <= top).all()


def test_in_a_grid_others_than_the_best_of_a_value_are_dots_apart() -> None:
    frame = rows("epochs", [1, 1, 2, 2], best_of_value=[False, True, True, False])
    spearman = sweep_chart({"epochs": frame}, None).axes[0]
    dots = spearman.lines[0]
    assert np.asarray(dots.get_ydata()).tolist() == [0.80, 0.85]
    assert len(bar_ends(spearman)) == 2


def test_what_has_no_order_is_not_joined() -> None:
    figure = sweep_chart(
        {"epochs": rows("epochs", [1, 2]), "loss": rows("loss", ["cosent", "angle"])}, None
    )
    epochs, loss = figure.axes[:2]
    styles = [{line.get_linestyle() for line in axes.lines} for axes in (epochs, loss)]
    assert "-" in styles[0]
    assert "-" not in styles[1]


def test_null_is_named_has_one_place_and_is_not_joined() -> None:
    frame = rows(
        "dropout",
        [0.0, 0.1, np.nan, float("nan")],
        best_of_value=[True, True, False, True],
    )
    figure = sweep_chart({"dropout": frame}, None)
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["0", "0.1", "null"]
    spearman = figure.axes[0]
    (dots, *best) = spearman.lines
    assert np.asarray(dots.get_xdata()).tolist() == [2]
    joined = [line for line in best if line.get_linestyle() == "-"]
    assert [np.asarray(line.get_xdata()).tolist() for line in joined] == [[0, 1]]
    assert any(np.asarray(line.get_xdata()).tolist() == [2] for line in best)


def test_one_seed_says_that_the_spread_is_unknown() -> None:
    frame = rows("epochs", [1, 2], n_seeds=1, spearman_sd=np.nan)
    assert "Seeds a point: 1. The spread over seeds is n/a." in texts(
        sweep_chart({"epochs": frame}, None)
    )


def test_hostile_values_are_shown_as_they_are() -> None:
    figure = sweep_chart({"lora.target_modules": rows("lora.target_modules", list(HOSTILE))}, 0.8)
    assert "$x$" in texts(figure)
    assert not has_mathtext(figure)
