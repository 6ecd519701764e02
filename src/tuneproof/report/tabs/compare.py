"""Tab `Compare`: the models side by side. Where nothing was trained its parts show the baseline."""

from collections.abc import Callable, Iterator, Sequence

from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult, ModelHeadline
from tuneproof.comparison.verdict import BASELINE
from tuneproof.comparison.wording import figure, once_each_kind, signed, with_span
from tuneproof.measurement.records import SUBSETS, BaselineMetrics, SubsetMetrics
from tuneproof.report.layout import (
    Cell,
    Plot,
    Section,
    Tab,
    Table,
    counts,
    interval_cell,
    number,
)
from tuneproof.report.tabs.groups import false_positives, groups
from tuneproof.report.tabs.losses import losses
from tuneproof.report.tabs.model import differences_table
from tuneproof.report.tabs.naming import each_model, sources_of
from tuneproof.training.result import TrainingResult


def compare_tab(
    models: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult,
) -> Tab:
    """Lay the models side by side.

    Args:
        models: Metrics of the baseline, then of the variants.
        trainings: Facts of the training runs there were.
        comparison: The models as compared.
    """
    return Tab(
        "compare",
        "Compare",
        [
            _headline_metrics(models, comparison),
            _differences(comparison),
            *side_by_side(models),
            *([_training(trainings)] if trainings else []),
        ],
    )


def side_by_side(models: Sequence[BaselineMetrics]) -> list[Section]:
    """Return the sections with interactive figures of all models, or of one alone."""
    return [
        _cosines(models),
        _curves(models),
        _projections(models),
        groups(models),
        false_positives(models),
        _subsets(models),
        _calibration(models),
        losses(models),
    ]


def _headline_metrics(models: Sequence[BaselineMetrics], comparison: ComparisonResult) -> Section:
    baseline = models[0]
    headlines = comparison.models
    before = headlines[0]

    def false_positives(count: Callable[[ModelHeadline], int]) -> list[Cell]:
        cells = []
        for each in headlines:
            cells.append(Cell(str(count(each))))
            if each.differences:
                cells.append(Cell(f"{count(each) - count(before):+d}"))
        return cells

    table = Table(
        caption="Headline metrics of all models with 95 % intervals, and their differences from "
        "the baseline",
        corner="Metric",
        columns=[
            column
            for each in headlines
            for column in (["Value", "Difference"] if each.differences else ["Value"])
        ],
        rows=[
            *(
                (name, [cell for each in headlines for cell in _headline_cells(each, metric)])
                for metric, name in HEADLINE_METRICS.items()
            ),
            (
                "False positives at the validated threshold (fewer is better)",
                false_positives(lambda each: each.false_positives),
            ),
            (
                "False positives at matched recall (fewer is better)",
                false_positives(lambda each: each.false_positives_at_matched_recall),
            ),
        ],
        groups=[(each.model, 2 if each.differences else 1) for each in headlines],
    )
    return Section(
        "metrics",
        "Headline metrics",
        [
            "A higher value is better, but for the false positives. n/a: the pairs leave it open. "
            "Spearman's correlation with these labels is at most "
            f"{figure(baseline.spearman_ceiling)}.",
            *once_each_kind(comparison.beside_headline, [each.model for each in headlines[1:]]),
        ],
        [table],
        sources=("comparison",),
    )


def _headline_cells(found: ModelHeadline, metric: str) -> Iterator[Cell]:
    yield interval_cell(found.figures.get(metric), found.intervals.get(metric))
    if found.differences:
        yield Cell(signed(found.differences.get(metric)))


def _differences(comparison: ComparisonResult) -> Section:
    against_baseline = [each for each in comparison.differences if each.first == BASELINE]
    auc = "; ".join(
        f"{each.second} {signed(found.difference, 3)}, {found.outcome}"
        for each in against_baseline
        if (found := each.metrics["auc_roc"])
    )
    return Section(
        "differences",
        "Differences",
        [
            "Intervals by paired bootstrap over groups of pairs that share a text; p by exchanging "
            "the models' scores group by group; Holm's correction over the metrics of a table. A "
            "change is shown where the interval leaves out 0 and the corrected p stays at or below "
            "0.05. The tab of each model holds its table against the baseline; here the fine-tuned "
            "models stand against each other."
        ],
        [differences_table(each) for each in comparison.differences if each.first != BASELINE],
        plots=[
            Plot(
                "differences",
                "Differences from the baseline with 95 % intervals",
                f"A line for each metric and model, zero marked. Difference of the AUC: {auc}.",
            )
        ],
        sources=("comparison",),
    )


def _cosines(models: Sequence[BaselineMetrics]) -> Section:
    means = each_model(
        models, lambda m: f"{m.compatible_mean_cosine:.3f} and {m.incompatible_mean_cosine:.3f}"
    )
    return Section(
        "cosines",
        "Cosines and threshold",
        [
            "A pair at or above the threshold is called compatible. The line starts at the "
            "threshold that was chosen on the validation pairs. Moving it shows what another one "
            "would have done to the eval pairs: no threshold may be chosen that way, for it has "
            "then seen the pairs it is judged on."
        ],
        plots=[
            Plot(
                "cosines",
                "Cosines by label",
                "Histograms of the eval pairs' cosines with the threshold as a line. Mean cosine "
                f"of the compatible and of the incompatible pairs: {means}.",
            )
        ],
        sources=sources_of(models, "scores", "metrics"),
        widget="thresholds",
    )


def _curves(models: Sequence[BaselineMetrics]) -> Section:
    return Section(
        "curves",
        "Ranking",
        [
            "Both curves look at the order of the cosines alone, at every threshold. Bands hold "
            "each point of a curve with 95 % confidence, groups of pairs resampled together."
        ],
        plots=[
            Plot(
                "roc",
                "ROC curves",
                "Recall against the share of false positives, with the diagonal of chance and the "
                "validated threshold of each model. AUC: "
                + each_model(models, lambda m: with_span(m.auc_roc, m.intervals["auc_roc"]))
                + ".",
            ),
            Plot(
                "precision_recall",
                "Precision and recall",
                "Precision against recall; the line of chance is the share of compatible pairs, "
                f"{models[0].n_compatible / models[0].n_pairs:.3f}. Average precision: "
                + each_model(
                    models,
                    lambda m: with_span(m.average_precision, m.intervals["average_precision"]),
                )
                + ".",
            ),
        ],
        sources=sources_of(models, "scores", "metrics"),
    )


def _projections(models: Sequence[BaselineMetrics]) -> Section:
    return Section(
        "umap",
        "Projection",
        [
            "UMAP puts texts that are near in the model's space near each other. Distances between "
            "groups, and the axes, mean nothing."
        ],
        plots=[
            Plot(
                "umap",
                "UMAP projection of the texts",
                "The texts of the eval pairs in the plane, a panel for each model, coloured by "
                "label. Purity of the clusters of texts: "
                + each_model(models, lambda m: f"{figure(m.cluster_purity, 3)}")
                + ".",
            )
        ],
        sources=sources_of(models, "projection", "scores", "metrics"),
        widget="umap",
    )


def _subsets(models: Sequence[BaselineMetrics]) -> Section:
    def cells(name: str, metric: str) -> list[Cell]:
        return [
            interval_cell(getattr(held, metric), held.intervals.get(metric))
            if (held := metrics.subsets.get(name))
            else Cell("n/a")
            for metrics in models
        ]

    def table(caption: str, metric: str) -> Table:
        return Table(
            caption=caption,
            corner="Eval pairs",
            columns=["Pairs", "Compatible", *(metrics.model for metrics in models)],
            rows=[
                (meaning, [*_sizes(models[0].subsets.get(name)), *cells(name, metric)])
                for name, meaning in SUBSETS.items()
            ],
        )

    clean = models[0].subsets.get("clean")
    return Section(
        "subsets",
        "Subsets",
        [
            "The same models and thresholds on parts of the eval pairs. What holds on all pairs, "
            "but not on clean ones, may be memory. A figure without brackets has no interval: too "
            "few pairs, or every resample of them gives the same value."
        ],
        [
            table("AUC-ROC by subset, with 95 % interval", "auc_roc"),
            table("Compatibility margin by subset, with 95 % interval", "compatibility_margin"),
            table("Error rate by subset at the validated threshold", "error_rate"),
        ],
        plots=[
            Plot(
                "subsets",
                "AUC by subset",
                "AUC of each subset and model with its interval; the first table holds the same "
                f"figures. Clean pairs: {clean.n if clean else 0} of {models[0].n_pairs}.",
            )
        ],
        sources=sources_of(models, "metrics"),
    )


def _sizes(held: SubsetMetrics | None) -> list[Cell]:
    return counts(held.n, held.compatible) if held else counts(0, 0)


def _calibration(models: Sequence[BaselineMetrics]) -> Section:
    table = Table(
        caption="Calibrated on the validation pairs, judged on the eval pairs",
        corner="Model",
        columns=[
            "Brier score",
            "Brier score of a constant",
            "Expected calibration error",
            "The same by chance alone",
            "Slope",
        ],
        rows=[
            (
                metrics.model,
                [
                    number(metrics.calibration.brier_score),
                    number(metrics.calibration.constant_brier_score),
                    number(metrics.calibration.expected_calibration_error),
                    number(metrics.calibration.chance_calibration_error),
                    number(metrics.calibration.slope, 1),
                ],
            )
            for metrics in models
        ],
    )
    return Section(
        "calibration",
        "Calibration",
        [
            "Platt's logistic curve turns a cosine into a probability. A negative slope says that "
            "higher cosines speak against compatibility. A Brier score at or above that of a "
            "constant, the share of compatible pairs given to each, says that the cosine tells "
            "nothing; a calibration error near that of chance is one that perfectly calibrated "
            "probabilities would show on as many pairs."
        ],
        [table],
        plots=[
            Plot(
                "calibration",
                "Reliability",
                "Share of compatible pairs against their mean probability, by bin; on the diagonal "
                "both agree. Expected calibration error: "
                + each_model(models, lambda m: figure(m.calibration.expected_calibration_error, 3))
                + ".",
            )
        ],
        sources=sources_of(models, "metrics"),
    )


def _training(trainings: Sequence[TrainingResult]) -> Section:
    runs = "; ".join(
        f"{run.model_type} reaches its best validation Spearman {run.best_spearman:.4f} at step "
        f"{run.best_step} of {run.total_steps}"
        for run in trainings
    )
    return Section(
        "training",
        "Training",
        ["The facts of each run stand on the tab of its model."],
        plots=[
            Plot(
                "training",
                "Training curves",
                f"Losses, validation Spearman, learning rate and gradient norm by step: {runs}.",
            )
        ],
        sources=[
            f"{run.model_type}_training_{artifact}"
            for run in trainings
            for artifact in ("log", "info")
        ],
    )
