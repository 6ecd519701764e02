"""The charts of `reporting` show what the metrics hold."""

from functools import cache

import numpy as np
import pytest
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from tests.charts.drawing import bars, texts, whiskers
from tests.comparison.examples import measured, noisy, some_pairs
from tuneproof.measurement.frames import first_projection
from tuneproof.pipelines.reporting import create_pipeline, nodes
from tuneproof.report.evidence import ModelEvidence

N = 80
PAIRS = some_pairs(
    # Whole categories and pair types hold one label, others both.
    category=[f"c{row // 20}" for row in range(N)],
    pair_type=[("hard", "match", "mixed", "mixed")[row % 4] for row in range(N)],
    labels=[row % 2 for row in range(N)],
)


@cache
def evidence(*models: str) -> dict[str, ModelEvidence]:
    found = {}
    for seed, model in enumerate(models):
        each = measured(model, noisy(0.1 + 0.1 * seed, seed), PAIRS)
        rows = each.rows[each.rows["split"] == "eval"]
        found[model] = ModelEvidence(each.metrics, rows, first_projection(each.projection))
    return found


BOTH = ("baseline", "lora")
DRAWN = {
    node.outputs[0]: node.func
    for node in create_pipeline().nodes
    if node.inputs == ["evidence"] and node.outputs[0].endswith("_chart")
}


def test_every_chart_of_the_catalog_is_drawn() -> None:
    assert {
        "threshold_curves_chart",
        "calibration_chart",
        "forgetting_chart",
        "subset_auc_chart",
    } < set(DRAWN)


@pytest.mark.parametrize("models", [BOTH[:1], (*BOTH, "standard", "instructed")])
@pytest.mark.parametrize("chart", DRAWN)
def test_each_chart_is_drawn_of_one_and_of_four_models(chart: str, models: tuple[str, ...]) -> None:
    drawn = DRAWN[chart](evidence(*models))
    assert isinstance(drawn, Figure)
    shown = "\n".join(texts(drawn))
    if not chart.startswith("baseline_"):
        assert all(model in shown for model in models)


def test_false_positives_of_a_type_of_one_label_have_the_interval_of_its_errors() -> None:
    found = evidence("baseline")
    groups = found["baseline"].metrics.pair_type_metrics
    axes = nodes.draw_false_positives(found).axes[0]
    every, wrong = (drawn for drawn in axes.containers if isinstance(drawn, BarContainer))
    assert [bar.get_width() for bar in every] == [group.incompatible for group in groups.values()]
    assert [bar.get_width() for bar in wrong] == [
        found["baseline"].metrics.false_positive_counts[name] for name in groups
    ]
    interval = groups["hard"].intervals["error_rate"]
    assert groups["hard"].compatible == 0
    assert interval is not None
    ends = [end * groups["hard"].incompatible for end in interval]
    assert any(across == pytest.approx(ends) for across, _ in whiskers(axes))


def test_threshold_curves_pass_through_the_decisions() -> None:
    found = evidence(*BOTH)
    figure = nodes.draw_threshold_curves(found)
    for axes, each in zip(figure.axes, found.values(), strict=True):
        decisions = each.metrics.decisions
        for name, value in (("F1", decisions.f1), ("recall", decisions.recall)):
            (line,) = (line for line in axes.lines if str(line.get_label()).startswith(name))
            across, up = np.asarray(line.get_xydata()).T
            # Between two neighbouring thresholds of the sweep lies one score, where decisions turn.
            before = up[across <= decisions.threshold][-1]
            after = up[across >= decisions.threshold][0]
            assert value in (pytest.approx(before), pytest.approx(after))
        marked = [
            float(np.asarray(line.get_ydata())[0])
            for line in axes.lines
            if line.get_marker() == "o"
        ]
        assert marked == [decisions.f1, decisions.accuracy, decisions.precision, decisions.recall]
        intervals = each.metrics.intervals
        assert [tuple(up) for _, up in whiskers(axes)] == [
            intervals["best_f1"],
            intervals["accuracy_at_best_threshold"],
        ]


def test_calibration_forgetting_and_subsets_are_the_metrics() -> None:
    found = evidence(*BOTH)
    lora = found["lora"].metrics
    (bins,) = (
        line for line in nodes.draw_calibration(found).axes[1].lines if line.get_gid() == "bins"
    )
    assert np.asarray(bins.get_xydata()).tolist() == [
        [each.mean_probability, each.observed_share] for each in lora.calibration.bins
    ]
    spearman, unrelated, rank, anisotropy = (
        bars(axes)[1].get_width() for axes in nodes.draw_forgetting(found).axes
    )
    assert spearman == lora.general.spearman_correlation
    assert unrelated == lora.general.unrelated_mean_cosine
    assert (rank, anisotropy) == (lora.geometry.effective_rank, lora.geometry.anisotropy)
    (points,) = (
        line for line in nodes.draw_subset_auc(found).axes[0].lines if line.get_label() == "lora"
    )
    assert np.asarray(points.get_xdata()).tolist() == [
        each.auc_roc for each in lora.subsets.values()
    ]


def test_headline_charts_hold_the_intervals_of_the_metrics() -> None:
    found = evidence(*BOTH)
    effects = [each.metrics.intervals["cohens_d"] for each in found.values()]
    assert [tuple(across) for across, _ in whiskers(nodes.draw_cohens_d(found).axes[0])] == effects
    low, high = found["lora"].metrics.intervals["auc_roc"] or (0, 0)
    assert f"[{low:.3f}, {high:.3f}]" in "\n".join(texts(nodes.draw_roc(found)))
    low, high = found["lora"].metrics.intervals["compatibility_margin"] or (0, 0)
    assert f"[{low:+.3f}, {high:+.3f}]" in "\n".join(texts(nodes.draw_cosine_distributions(found)))
