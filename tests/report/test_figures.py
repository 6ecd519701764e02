import html
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from tests.browsing import chromium
from tests.charts.drawing import bars
from tests.comparison.examples import compared, measured, noisy, origin, some_pairs
from tuneproof.charts import fitting
from tuneproof.charts.intervals import Estimate
from tuneproof.charts.palette import LABEL_COLOURS
from tuneproof.charts.separation import cosine_distributions
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult
from tuneproof.measurement.frames import first_projection
from tuneproof.metrics import Scores
from tuneproof.metrics.uncertainty import (
    BootstrapOptions,
    Interval,
    bootstrap,
    percentile_interval,
)
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.report.figures import bands, curves, distributions, figures, style
from tuneproof.report.figures.training_runs import MOST_STEPS
from tuneproof.training.convergence import ConvergenceReport
from tuneproof.training.result import TRAINING_LOG, TrainingResult

Drawn = Mapping[str, Any]

SHIFTS = {"baseline": 0.05, "standard": 0.3, "lora": 0.2}
OPTIONS = BootstrapOptions(rounds=200, seed=3)
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    '<a href="javascript:alert(2)">x</a> & co',
    "%{x} &lt;b&gt; <b>bold</b>",
]
ALL_NAMES = {
    "cosines",
    "umap",
    "roc",
    "precision_recall",
    "group_heatmap",
    "training",
    "false_positives",
    "subsets",
    "calibration",
    "losses",
    "differences",
}


@cache
def models() -> dict[str, MeasuredModel]:
    """Three models of known separation, on pairs whose texts and names are hostile."""
    n = 80
    labels = [row % 2 for row in range(n)]
    pairs = some_pairs(
        labels,
        text_1=[f"boy: {HOSTILE[row % 3]} {row}" for row in range(n)],
        # One category holds compatible pairs alone, one pair type likewise.
        category=["only" if row in (1, 3, 5) else HOSTILE[row % 3] for row in range(n)],
        pair_type=["match" if row % 4 == 1 else f"hard_{row % 3}" for row in range(n)],
    )
    return {
        model: measured(
            model,
            noisy(shift, seed),
            pairs,
            manifest=origin(
                model,
                parameters={**origin().parameters, "bootstrap": {"rounds": 200, "seed": 3}},
            ),
        )
        for seed, (model, shift) in enumerate(SHIFTS.items())
    }


def as_evidence(model: MeasuredModel) -> ModelEvidence:
    return ModelEvidence(model.metrics, model.rows, first_projection(model.projection))


@cache
def evidence() -> dict[str, ModelEvidence]:
    return {name: as_evidence(model) for name, model in models().items()}


@cache
def comparison() -> ComparisonResult:
    return compared(*models().values())


def run_of(steps: int = 40) -> TrainingRun:
    step = np.arange(1, steps + 1)
    evaluated = step % 10 == 0
    log = pd.DataFrame(
        {
            "step": step,
            "epoch": step / 10,
            "loss": 1 / step,
            "learning_rate": 2e-5 * (1 - step / steps),
            "gradient_norm": 1 + np.sin(step),
            "validation_loss": np.where(evaluated, 2 / step, np.nan),
            "validation_spearman": np.where(evaluated, step / (steps + 10), np.nan),
            "evaluation_seconds": np.where(evaluated, 0.5, np.nan),
            "peak_memory_mb": np.where(evaluated, 900.0, np.nan),
        }
    ).astype(dict(TRAINING_LOG))
    facts: dict[str, Any] = {
        "initial_spearman": 0.1,
        "best_step": steps,
        "best_spearman": steps / (steps + 10),
    }
    result = TrainingResult.model_construct(**facts)
    unused: dict[str, Any] = {}
    return TrainingRun(result, log, ConvergenceReport.model_construct(**unused))


def as_drawn(figure: Any) -> Drawn:
    """Read a figure as plotly.js would; NaN and infinity are no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"found {constant} in a figure")

    drawn: Drawn = json.loads(figure.to_json(validate=False), parse_constant=refuse)
    return drawn


@cache
def drawn() -> dict[str, Drawn]:
    runs = {"standard": run_of(), "lora": run_of(30)}
    found = figures(evidence(), runs, comparison())
    return {name: as_drawn(figure) for name, figure in found.items()}


def traces(name: str, **wanted: Any) -> list[dict[str, Any]]:
    """Return the traces of a figure that have these values."""
    return [
        trace
        for trace in drawn()[name]["data"]
        if all(trace.get(key) == value for key, value in wanted.items())
    ]


def annotations(name: str) -> list[str]:
    return [each["text"] for each in drawn()[name]["layout"].get("annotations", [])]


def curve_of(name: str, model: str) -> dict[str, Any]:
    (curve,) = (trace for trace in traces(name, legendgroup=model) if "customdata" in trace)
    return curve


class TestAll:
    def test_importing_it_loads_nothing_heavy(self) -> None:
        code = (
            "import sys, tuneproof.report.figures; "
            "print(sorted({'torch', 'sklearn', 'plotly', 'matplotlib', 'umap'} & set(sys.modules)))"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == "[]"

    def test_every_figure_is_there_in_order(self) -> None:
        assert set(drawn()) == ALL_NAMES

    def test_what_there_is_nothing_to_draw_of_is_left_out(self) -> None:
        alone = figures({"baseline": evidence()["baseline"]}, {}, None)
        assert set(alone) == ALL_NAMES - {"training", "differences"}
        for figure in alone.values():
            assert as_drawn(figure)["data"]

    def test_the_same_evidence_gives_the_same_bytes(self) -> None:
        again = figures(
            {name: as_evidence(model) for name, model in models().items()},
            {"standard": run_of(), "lora": run_of(30)},
            comparison(),
        )
        assert {name: as_drawn(figure) for name, figure in again.items()} == drawn()

    @pytest.mark.parametrize("name", sorted(ALL_NAMES))
    def test_the_page_decides_on_theme_and_title(self, name: str) -> None:
        layout = drawn()[name]["layout"]
        assert "title" not in layout
        assert "layout" not in layout["template"]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
        assert "family" not in json.dumps(layout)

    @pytest.mark.parametrize("name", sorted(ALL_NAMES))
    def test_a_narrow_page_stacks_the_panels(self, name: str) -> None:
        layout = drawn()[name]["layout"]
        narrow = layout["meta"]["narrow"]
        across = [value for key, value in narrow.items() if re.match(r"xaxis\d*\.domain", key)]
        up = [value for key, value in narrow.items() if re.match(r"yaxis\d*\.domain", key)]
        assert across == [[0, 1]] * len(across)
        ends = sorted(up)
        assert all(one[1] < other[0] for one, other in pairwise(ends))
        assert narrow["height"] >= layout["height"]

    @pytest.mark.parametrize("name", sorted(ALL_NAMES))
    def test_a_wide_page_is_where_it_starts(self, name: str) -> None:
        layout = drawn()[name]["layout"]
        for path, value in layout["meta"]["wide"].items():
            found = layout
            for key in path.split("."):
                found = found[key]
            assert found == value

    @pytest.mark.parametrize("name", sorted(ALL_NAMES))
    def test_no_text_of_the_data_is_markup(self, name: str) -> None:
        shown = json.dumps(drawn()[name], ensure_ascii=False)
        tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*(\w+)", shown)}
        assert tags <= {"br", "extra"}

    def test_hostile_texts_are_there(self) -> None:
        assert "&lt;img src=x onerror=alert(1)&gt;" in json.dumps(drawn()["umap"])

    @pytest.mark.parametrize("name", sorted(ALL_NAMES))
    def test_no_template_is_filled_from_data(self, name: str) -> None:
        for trace in drawn()[name]["data"]:
            written = trace.get("hovertemplate", "") + trace.get("texttemplate", "")
            fields = set(re.findall(r"%{([^:}]*)", written))
            assert fields <= {"x", "y", "meta", "customdata", "text"}


class TestCosines:
    @pytest.mark.parametrize("panel", range(3))
    def test_bins_hold_every_pair_once(self, panel: int) -> None:
        metrics = list(evidence().values())[panel].metrics
        sums = [sum(trace["y"]) for trace in traces("cosines")[2 * panel : 2 * panel + 2]]
        assert sums == [metrics.n_compatible, metrics.n_incompatible]

    def test_a_bar_counts_the_pairs_in_its_bin(self) -> None:
        scores = evidence()["lora"].scores
        for label, trace in zip((1, 0), traces("cosines")[4:6], strict=True):
            cosines = scores.loc[scores["label"] == label, "cosine"].to_numpy()
            for middle, count in zip(trace["x"], trace["y"], strict=True):
                low = middle - trace["width"] / 2
                inside = (cosines >= low - 1e-9) & (cosines < low + trace["width"] - 1e-9)
                assert inside.sum() == count

    def test_all_models_share_bins_and_range(self) -> None:
        assert len({tuple(trace["x"]) for trace in traces("cosines")}) == 1
        layout = drawn()["cosines"]["layout"]
        assert layout["xaxis2"]["matches"] == layout["xaxis3"]["matches"] == "x"

    def test_a_named_line_stands_at_each_validated_threshold(self) -> None:
        lines = {
            shape["name"]: (shape["x0"], shape["x1"])
            for shape in drawn()["cosines"]["layout"]["shapes"]
        }
        assert lines == {
            f"threshold:{model}": (found.metrics.best_threshold,) * 2
            for model, found in evidence().items()
        }

    def test_the_chart_has_the_same_bars(self) -> None:
        chart = cosine_distributions(
            {model: found.scores for model, found in evidence().items()},
            {model: found.metrics.best_threshold for model, found in evidence().items()},
            {model: Estimate(0.1, None) for model in evidence()},
        )
        for axes, panel in zip(chart.axes, range(3), strict=True):
            charted = {
                (round(bar.get_x() + bar.get_width() / 2, 6), bar.get_height())
                for bar in bars(axes)
            }
            drawn_bars = {
                (round(x, 6), y)
                for trace in traces("cosines")
                if trace["yaxis"] == f"y{panel + 1 if panel else ''}"
                for x, y in zip(trace["x"], trace["y"], strict=True)
            }
            assert charted == drawn_bars


class TestUmap:
    @pytest.mark.parametrize("panel", range(3))
    def test_points_stand_where_the_projection_puts_them(self, panel: int) -> None:
        trace = traces("umap", showlegend=False)[panel]
        model = list(evidence())[panel]
        projection = evidence()[model].projection
        known = projection[projection["points"] != "pair"].set_index(["points", "row"])
        sides = {"circle": "text_1", "triangle-up": "text_2"}
        places = [
            (sides[symbol], row)
            for symbol, row in zip(trace["marker"]["symbol"], trace["customdata"], strict=True)
        ]
        assert set(places) == set(known.index)
        expected = known.loc[places]
        assert trace["x"] == pytest.approx(expected["x"].tolist(), rel=1e-4)
        assert trace["y"] == pytest.approx(expected["y"].tolist(), rel=1e-4)
        assert trace["marker"]["color"] == [LABEL_COLOURS[each] for each in expected["label"]]

    def test_neither_label_covers_the_other(self) -> None:
        (colours, *_) = (trace["marker"]["color"] for trace in traces("umap", showlegend=False))
        half = len(colours) // 2
        for label in (0, 1):
            assert 0.3 < colours[:half].count(LABEL_COLOURS[label]) / half < 0.7

    def test_hover_tells_of_the_pair(self) -> None:
        trace = traces("umap", showlegend=False)[2]
        scores = evidence()["lora"].scores.set_index("row")
        for row, text in zip(trace["customdata"], trace["hovertext"], strict=True):
            first, *_, label, pair_type = text.split("<br>")
            told = html.unescape(text.replace("<br>", " "))
            assert scores.loc[row, "text_1"] in told
            assert scores.loc[row, "text_2"] in told
            assert f"cosine {scores.loc[row, 'cosine']:.3f}" in label
            assert scores.loc[row, "pair_type"] in pair_type
            assert len(html.unescape(first)) <= 60

    def test_many_pairs_are_sampled_alike_in_all_panels(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(distributions, "MOST_PAIRS", 10)
        figure = as_drawn(distributions.umap(evidence()))
        rows = [trace["customdata"] for trace in figure["data"] if "customdata" in trace]
        assert rows[0] == rows[1] == rows[2]
        assert len(rows[0]) == 2 * len(set(rows[0])) == 20
        titles = [each["text"].replace("<br>", " ") for each in figure["layout"]["annotations"]]
        assert all("10 of 80 pairs" in title for title in titles)


class TestCurves:
    def test_roc_by_hand(self) -> None:
        found = measured("baseline", [0.9, 0.8, 0.4, 0.3], some_pairs([1, 0, 1, 0]))
        figure = as_drawn(figures({"baseline": as_evidence(found)}, {}, None)["roc"])
        (curve,) = (trace for trace in figure["data"] if "customdata" in trace)
        points = list(zip(curve["x"], curve["y"], curve["customdata"], strict=True))
        assert points == [
            (0, 0, "above all cosines"),
            (0, 0.5, "0.900"),
            (0.5, 0.5, "0.800"),
            (0.5, 1, "0.400"),
            (1, 1, "0.300"),
        ]
        assert "AUC 0.750" in curve["name"]

    @pytest.mark.parametrize("model", SHIFTS)
    def test_the_area_under_the_roc_curve_is_the_auc(self, model: str) -> None:
        curve, metrics = curve_of("roc", model), evidence()[model].metrics
        assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(metrics.auc_roc, abs=1e-4)
        low, high = metrics.intervals["auc_roc"] or (None, None)
        assert f"AUC {metrics.auc_roc:.3f} [{low:.3f}, {high:.3f}]" in curve["name"]

    @pytest.mark.parametrize("model", SHIFTS)
    def test_the_area_under_the_steps_is_the_average_precision(self, model: str) -> None:
        curve, metrics = curve_of("precision_recall", model), evidence()[model].metrics
        # Up or down first, then across: a step has the height of its right end.
        assert curve["line"]["shape"] == "vh"
        area = np.sum(np.diff(curve["x"]) * np.array(curve["y"][1:]))
        assert area == pytest.approx(metrics.average_precision, abs=1e-4)
        assert re.search(
            rf"AP {metrics.average_precision:.3f} \[0\.\d+, [01]\.\d+\]", curve["name"]
        )

    @pytest.mark.parametrize("name", ["roc", "precision_recall"])
    def test_points_mark_the_validated_thresholds(self, name: str) -> None:
        marks = {trace["meta"]: trace for trace in traces(name, mode="markers")}
        for model, found in evidence().items():
            decided = found.metrics.decisions
            rate = decided.false_positives / (decided.false_positives + decided.true_negatives)
            expected = {
                "roc": (rate, decided.recall),
                "precision_recall": (decided.recall, decided.precision),
            }[name]
            place = (marks[model]["x"][0], marks[model]["y"][0])
            assert place == pytest.approx(expected, rel=1e-4)

    def test_the_chance_line_of_precision_is_the_share_of_compatible_pairs(self) -> None:
        (line,) = (
            trace for trace in traces("precision_recall") if "chance" in trace.get("name", "")
        )
        assert line["y"] == [0.5, 0.5]

    def test_the_note_says_how_often_groups_were_resampled(self) -> None:
        assert "200 times" in drawn()["roc"]["layout"]["xaxis"]["title"]["text"]

    def test_without_a_record_of_resampling_there_is_no_band(self) -> None:
        found = as_evidence(measured("baseline", noisy(0.3, 0)))
        figure = as_drawn(figures({"baseline": found}, {}, None)["roc"])
        assert not [trace for trace in figure["data"] if trace.get("fill")]
        note = figure["layout"]["xaxis"]["title"]["text"].replace("<br>", " ")
        assert "No bands: too many pairs to resample, or no record of how to." in note

    @pytest.mark.parametrize("name", ["roc", "precision_recall"])
    def test_long_curves_are_thinned_and_keep_their_ends(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr(curves, "_MOST_POINTS", 5)
        figure = as_drawn(figures({"baseline": evidence()["baseline"]}, {}, None)[name])
        (thinned,) = (trace for trace in figure["data"] if "customdata" in trace)
        whole = curve_of(name, "baseline")
        for axis in ("x", "y", "customdata"):
            assert len(thinned[axis]) == 5
            assert (thinned[axis][0], thinned[axis][-1]) == (whole[axis][0], whole[axis][-1])

    def test_calibration_draws_the_bins(self) -> None:
        for model, found in evidence().items():
            (trace,) = (
                each for each in traces("calibration") if each["name"].startswith(f"{model}:")
            )
            bins = found.metrics.calibration.bins
            assert trace["x"] == pytest.approx([each.mean_probability for each in bins], rel=1e-4)
            assert trace["y"] == pytest.approx([each.observed_share for each in bins], rel=1e-4)
            areas = np.square(trace["marker"]["size"]) / [each.n for each in bins]
            assert areas == pytest.approx(areas[0], rel=1e-3)
            assert f"Brier {found.metrics.calibration.brier_score:.3f}" in trace["name"]


def example(n: int, seed: int = 0) -> tuple[Scores, Any, Any]:
    """Scores with ties, labels, and groups of several pairs."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    return np.round(0.2 * labels + random.normal(0, 0.3, n), 1), labels, random.integers(0, n, n)


class TestBands:
    def test_each_resample_is_measured_as_sklearn_does(self) -> None:
        scores, labels, groups = example(60)
        drawn_weights: list[Scores] = []

        def capture(weights: Scores) -> dict[str, Scores]:
            drawn_weights.append(weights)
            return {"n": weights.sum(axis=1)}

        bootstrap(capture, groups, OPTIONS)
        heights, precisions = [], []
        for weights in np.concatenate(drawn_weights):
            false_rate, true_rate, _ = roc_curve(
                labels, scores, sample_weight=weights, drop_intermediate=False
            )
            last = [int(np.flatnonzero(false_rate <= x)[-1]) for x in bands.POINTS]
            heights.append(
                [
                    true_rate[i]
                    if i + 1 == len(true_rate)
                    else true_rate[i]
                    + (true_rate[i + 1] - true_rate[i])
                    * (x - false_rate[i])
                    / (false_rate[i + 1] - false_rate[i])
                    for x, i in zip(bands.POINTS, last, strict=True)
                ]
            )
            precision, recall, _ = precision_recall_curve(labels, scores, sample_weight=weights)
            # Recall falls with the threshold's rise; the last point is sklearn's convention.
            precisions.append(
                [precision[:-1][recall[:-1] >= max(r, 1e-6) - 1e-12][-1] for r in bands.POINTS]
            )
        found = bands.curve_bands(scores, labels, groups, OPTIONS)
        assert found is not None
        assert found.true_positive_rate is not None
        assert found.precision is not None
        n_groups = min(len(np.unique(groups[labels == label])) for label in (0, 1))
        for draws, band in ((heights, found.true_positive_rate), (precisions, found.precision)):
            for point, column in enumerate(np.array(draws).T):
                interval = percentile_interval(column, n_groups) or (column[0], column[0])
                assert (band.low[point], band.high[point]) == pytest.approx(interval, abs=1e-9)

    def test_more_pairs_give_narrower_bands(self) -> None:
        widths = []
        for n in (60, 600):
            found = bands.curve_bands(*example(n), OPTIONS)
            assert found is not None
            assert found.true_positive_rate is not None
            widths.append(np.mean(found.true_positive_rate.high - found.true_positive_rate.low))
        assert widths[1] < 0.5 * widths[0]

    def test_too_few_groups_have_no_band(self) -> None:
        scores, labels, _ = example(60)
        found = bands.curve_bands(scores, labels, np.arange(60) % 5, OPTIONS)
        assert found is not None
        assert found.true_positive_rate is None
        assert found.precision is None

    def test_separated_labels_show_no_spread(self) -> None:
        labels = np.arange(40) % 2
        found = bands.curve_bands(labels.astype(float), labels, np.arange(40), OPTIONS)
        assert found is not None
        assert found.true_positive_rate is None

    def test_many_pairs_are_resampled_less_and_too_many_not_at_all(self) -> None:
        options = BootstrapOptions(rounds=2_000, seed=0)
        some = bands.curve_bands(*example(20_000), options)
        assert some is not None
        assert some.rounds == 300
        assert bands.curve_bands(*example(31_000), options) is None


class TestGroups:
    @pytest.mark.parametrize(("panel", "field"), [(0, "auc_roc"), (1, "compatibility_margin")])
    def test_cells_hold_the_metrics(self, panel: int, field: str) -> None:
        for grouping, trace in zip(
            ("category_metrics", "pair_type_metrics"),
            traces("group_heatmap", type="heatmap")[panel::2],
            strict=True,
        ):
            tables = [getattr(found.metrics, grouping) for found in evidence().values()]
            for row, name in enumerate(tables[0]):
                for column, table in enumerate(tables):
                    group = table[name]
                    value = getattr(group, field)
                    shown = trace["z"][row][column]
                    interval = group.intervals.get(field)
                    neutral = (trace["zmin"] + trace["zmax"]) / 2
                    sure = interval and (interval[0] > neutral or interval[1] < neutral)
                    assert shown == (value if value is None or sure else neutral)
                    sizes = f"<br>{group.compatible}+{group.incompatible}"
                    assert (sizes in trace["text"][row][column]) == (value is not None)

    def test_a_group_without_both_labels_is_not_available(self) -> None:
        row = list(evidence()["baseline"].metrics.category_metrics).index("only")
        cells, texts = traces("group_heatmap")[:2]
        assert cells["z"][row] == [None] * 3
        written = zip(texts["x"], texts["y"], texts["text"], strict=True)
        assert list(written) == [(column, row, "n/a<br>3+0") for column in range(3)]

    def test_colours_are_centred_on_nothing_found(self) -> None:
        centres = [
            (trace["zmin"] + trace["zmax"]) / 2 for trace in traces("group_heatmap", type="heatmap")
        ]
        assert centres == [0.5, 0, 0.5, 0]

    def test_small_margins_stay_pale(self) -> None:
        found = measured("baseline", noisy(0.01, 0))
        assert abs(found.metrics.compatibility_margin) < 0.1
        figure = as_drawn(figures({"baseline": as_evidence(found)}, {}, None)["group_heatmap"])
        margins = [trace for trace in figure["data"] if trace.get("zmin", 0) < 0]
        assert [trace["zmax"] for trace in margins] == [0.2, 0.2]

    def test_only_the_largest_groups_are_drawn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fitting, "MOST_ROWS", 2)
        figure = as_drawn(figures(evidence(), {}, None)["group_heatmap"])
        assert [len(trace["z"]) for trace in figure["data"] if "z" in trace] == [2] * 4
        titles = [each["text"].replace("<br>", " ") for each in figure["layout"]["annotations"]]
        assert titles[0] == "AUC by category, the 2 largest of 4"

    def test_false_positives_add_up(self) -> None:
        for trace, found in zip(traces("false_positives"), evidence().values(), strict=True):
            assert sum(trace["x"]) == found.metrics.decisions.false_positives
        totals = np.sum([trace["x"] for trace in traces("false_positives")], axis=0)
        assert list(totals) == sorted(totals, reverse=True)

    def test_types_without_incompatible_pairs_are_left_out(self) -> None:
        names = drawn()["false_positives"]["layout"]["yaxis"]["ticktext"]
        assert len(names) == 3
        assert not any(name.startswith("match") for name in names)
        groups = evidence()["baseline"].metrics.pair_type_metrics
        for name in names:
            pair_type, n = name.split("<br>n=")
            assert groups[pair_type].incompatible == int(n)

    def test_subsets_show_auc_and_interval(self) -> None:
        known = evidence()["standard"].metrics.subsets
        (points,) = traces("subsets", mode="markers", legendgroup="standard")
        (spans,) = traces("subsets", mode="lines+markers", legendgroup="standard")
        defined = [each for each in known.values() if each.auc_roc is not None]
        assert points["x"] == pytest.approx([each.auc_roc for each in defined], rel=1e-4)
        ends = [end for each in defined for end in (each.intervals["auc_roc"] or ())]
        assert [end for end in spans["x"] if end is not None] == pytest.approx(ends, rel=1e-4)

    def test_an_undefined_subset_says_so(self) -> None:
        labels = [row % 2 for row in range(80)]
        pairs = some_pairs(labels)
        found = measured(
            "baseline",
            noisy(0.3, 0),
            pairs,
            columns={"clean": [row in (1, 3) for row in range(80)]},
        )
        assert found.metrics.subsets["clean"].auc_roc is None
        figure = as_drawn(figures({"baseline": as_evidence(found)}, {}, None)["subsets"])
        assert [each["text"] for each in figure["layout"]["annotations"]] == ["baseline: n/a"]


class TestChanges:
    def test_losses_show_what_was_measured(self) -> None:
        shown = [trace["x"][0] for trace in traces("losses", mode="markers")]
        metrics = [found.metrics for found in evidence().values()]
        expected = [
            *(each.general.spearman_correlation for each in metrics),
            *(each.general.unrelated_mean_cosine for each in metrics),
            *(each.geometry.effective_rank for each in metrics),
            *(each.geometry.anisotropy for each in metrics),
        ]
        assert shown == pytest.approx(expected, rel=1e-4)

    def test_each_metric_has_a_panel_and_a_scale_of_its_own(self) -> None:
        titles = [title.replace("<br>", " ") for title in annotations("differences")]
        assert [title for title in titles if title != "n/a"] == list(HEADLINE_METRICS.values())
        layout = drawn()["differences"]["layout"]
        assert not [
            axis for axis in layout.values() if isinstance(axis, dict) and "matches" in axis
        ]

    def test_a_filled_point_is_shown_to_differ(self) -> None:
        points = [
            trace for trace in traces("differences", mode="markers") if trace.get("hovertext")
        ]
        against = [each for each in comparison().differences if each.first == "baseline"]
        expected = [
            (found.difference, found.outcome in ("improved", "worsened"))
            for metric in HEADLINE_METRICS
            for found in (each.metrics[metric] for each in against)
            if found.difference is not None
        ]
        shown = [
            (trace["x"][0], not trace["marker"]["symbol"].endswith("-open")) for trace in points
        ]
        assert {filled for _, filled in shown} == {True, False}
        assert [filled for _, filled in shown] == [filled for _, filled in expected]
        assert [value for value, _ in shown] == pytest.approx(
            [value for value, _ in expected], rel=1e-4
        )


class TestTraining:
    def test_curves_are_those_of_the_log(self) -> None:
        log = run_of().log
        loss, validation, spearman, best, rate, norm = traces("training", legendgroup="standard")
        assert loss["y"] == pytest.approx(log["loss"].tolist(), rel=1e-4)
        assert validation["x"] == [10, 20, 30, 40]
        assert spearman["x"] == [0, 10, 20, 30, 40]
        assert spearman["y"][0] == 0.1
        assert (best["x"], best["y"]) == ([40], [0.8])
        assert rate["y"] == pytest.approx(log["learning_rate"].tolist(), rel=1e-4, abs=1e-12)
        assert norm["y"] == pytest.approx(log["gradient_norm"].tolist(), rel=1e-4)

    def test_long_runs_are_thinned(self) -> None:
        figure = as_drawn(
            figures(evidence(), {"standard": run_of(3 * MOST_STEPS)}, None)["training"]
        )
        lengths = [len(trace["x"]) for trace in figure["data"]]
        assert max(lengths) == MOST_STEPS

    def test_figures_that_are_not_finite_are_left_out(self) -> None:
        run = run_of()
        run.log.loc[3, "gradient_norm"] = np.inf
        figure = as_drawn(figures(evidence(), {"standard": run}, None)["training"])
        assert figure["data"][-1]["y"][3] is None


class TestStyle:
    @given(st.text())
    def test_escaped_texts_read_as_they_are(self, text: str) -> None:
        shown = style.escaped(text)
        assert "<" not in shown
        assert ">" not in shown
        assert html.unescape(shown).isprintable()
        if text.isprintable() and text == " ".join(text.split()):
            assert html.unescape(shown) == text

    def test_what_is_unseen_is_spelt_out(self) -> None:
        assert style.escaped("a\u202eb\x00\nc") == "a\\u202eb\\x00 c"

    @given(st.text(st.characters(blacklist_categories=["Cs"])), st.integers(5, 30))
    def test_wrapped_lines_fit(self, text: str, width: int) -> None:
        lines = style.wrapped(text, width, 3).split("<br>")
        assert len(lines) <= 3
        assert all(len(html.unescape(line)) <= width for line in lines)

    def test_names_break_at_underscores(self) -> None:
        assert style.wrapped("shared_dealbreaker_smoking", 20, 3) == (
            "shared_dealbreaker_<br>smoking"
        )

    def test_no_two_models_differ_by_colour_alone(self) -> None:
        looks = style.model_looks(["baseline", "standard", "lora", "instructed"])
        for field in ("colour", "dash", "symbol", "pattern"):
            assert len({getattr(look, field) for look in looks.values()}) == 4

    def test_a_black_line_is_seen_on_a_dark_page(self) -> None:
        assert style.model_looks(["baseline"])["baseline"].colour != "#000000"

    def test_an_interval_need_not_hold_its_point(self) -> None:
        look = style.model_looks(["baseline"])["baseline"]
        span, point = style.dots(0, look, [style.Dot(0.0, 0.9, Interval(0.2, 0.8), "hover")])
        assert span["x"] == [0.2, 0.8, None]
        assert point["x"] == [0.9]


def test_a_browser_draws_every_figure(tmp_path: Path) -> None:
    """plotly.js takes all figures without an error, and shows hostile texts as texts."""
    from plotly.offline import get_plotlyjs

    written = json.dumps(drawn()).replace("<", "\\u003c")
    page = tmp_path / "figures.html"
    page.write_text(
        f"""<!doctype html><meta charset="utf-8"><body><script>{get_plotlyjs()}</script><script>
        const failed = [];
        window.onerror = message => failed.push(message);
        window.alert = () => failed.push("alert");
        (async () => {{
          for (const [name, figure] of Object.entries({written})) {{
            const place = document.createElement("div");
            place.style.width = "390px";
            document.body.append(place);
            try {{
              await Plotly.newPlot(place, figure.data, figure.layout);
              await Plotly.relayout(place, figure.layout.meta.narrow);
              if (name === "umap") Plotly.Fx.hover(place, [{{curveNumber: 0, pointNumber: 0}}]);
              if (name === "group_heatmap") Plotly.Fx.hover(place, {{xval: 0, yval: 0}}, "xy");
            }} catch (error) {{ failed.push(name + ": " + error); }}
          }}
          const hovers = [...document.querySelectorAll(".hoverlayer")];
          document.body.dataset.hovers = hovers.map(each => each.textContent).join("\\n");
          const run = document.querySelectorAll("a[href^=javascript], img[src=x]").length;
          document.body.dataset.failed = JSON.stringify(failed);
          document.body.dataset.run = run;
          document.body.dataset.drawn = document.querySelectorAll(".subplot").length;
        }})();
        </script></body>""",
        encoding="utf-8",
    )
    with chromium() as browser:
        opened = browser.new_page()
        opened.goto(page.as_uri())
        opened.wait_for_selector("body[data-drawn]", timeout=60_000)
        body = opened.evaluate("({...document.body.dataset})")
    assert (body["failed"], body["run"]) == ("[]", "0")
    panels = sum(
        len([key for key in each["layout"] if re.fullmatch(r"xaxis\d*", key)])
        for each in drawn().values()
    )
    assert body["drawn"] == str(panels)
    hovers = body["hovers"]
    pair = traces("umap", showlegend=False)[0]["customdata"][0]
    assert evidence()["baseline"].scores.set_index("row").loc[pair, "text_2"] in hovers
    assert "baseline: AUC" in hovers
