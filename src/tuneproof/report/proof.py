"""The sections that take the second look: verdict, differences, subsets, losses, errors."""

from collections.abc import Callable, Sequence
from typing import Final

from tuneproof.audit.score import DataQualityScore
from tuneproof.audit.shortcuts import ShortcutProbe
from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    ComparisonResult,
    Difference,
    ErrorPair,
    ModelErrors,
)
from tuneproof.comparison.wording import chance, figure, signed, span
from tuneproof.measurement.records import (
    SUBSETS,
    BaselineMetrics,
    ClusterMetrics,
    SubsetMetrics,
)
from tuneproof.report.layout import Cell, Section, Table, counts, interval_cell, number, prose

NO_VARIANT: Final = (
    "No fine-tuned model has been compared with the base model yet. Run: "
    "kedro run --pipelines=training_standard,training_lora,evaluation"
)
_OUTCOMES: Final = {"improved": "good", "worsened": "bad", "not shown": "", "not tested": ""}


def threats(comparison: ComparisonResult | None, quality: DataQualityScore) -> Section:
    """List what makes the figures prove less; without a comparison what the audit found."""
    return Section(
        "threats",
        "Threats to validity",
        ["What makes the figures prove less than they seem to."],
        points=comparison.threats if comparison else quality.warnings,
    )


def differences(comparison: ComparisonResult | None) -> Section:
    """Show how far two models are apart, and whether that may be chance."""
    if comparison is None:
        return Section("differences", "Differences", [NO_VARIANT])
    tables = [
        Table(
            caption=f"{each.second} against {each.first}: {each.decisions.gained} decisions turn "
            f"right, {each.decisions.lost} turn wrong (p by exchanging groups: "
            f"{chance(each.decisions.group_p_value)})",
            corner="Metric",
            columns=["Before", "After", "Difference", "95 % interval", "p", "Holm p", "Outcome"],
            rows=[
                (HEADLINE_METRICS[metric], _difference(found))
                for metric, found in each.metrics.items()
            ],
        )
        for each in comparison.differences
    ]
    return Section(
        "differences",
        "Differences",
        [
            "Intervals by paired bootstrap over groups of pairs that share a text; p by exchanging "
            "the models' scores group by group; Holm's correction over the metrics of a table. A "
            "change is shown where the interval leaves out 0 and the corrected p stays at or below "
            "0.05."
        ],
        tables,
    )


def subsets(models: Sequence[BaselineMetrics]) -> Section:
    """Show the models on each subset of the eval pairs."""

    def cells(name: str, value: Callable[[SubsetMetrics], Cell]) -> list[Cell]:
        return [
            value(metrics.subsets[name]) if name in metrics.subsets else Cell("n/a")
            for metrics in models
        ]

    def table(caption: str, metric: str) -> Table:
        def show(held: SubsetMetrics) -> Cell:
            return interval_cell(getattr(held, metric), held.intervals.get(metric))

        return Table(
            caption=caption,
            corner="Eval pairs",
            columns=["Pairs", "Compatible", *(metrics.model for metrics in models)],
            rows=[
                (meaning, [*_sizes(models[0].subsets.get(name)), *cells(name, show)])
                for name, meaning in SUBSETS.items()
            ],
        )

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
    )


def losses(models: Sequence[BaselineMetrics]) -> Section:
    """Show what the models forgot, how far they collapsed, and whether they read the prefixes."""
    names = [metrics.model for metrics in models]

    def row(name: str, value: Callable[[BaselineMetrics], Cell]) -> tuple[str, list[Cell]]:
        return name, [value(metrics) for metrics in models]

    general = Table(
        caption=f"General language: {models[0].general.n} pairs graded 0 to 5",
        corner="Figure",
        columns=names,
        rows=[
            row(
                "Spearman of cosine and grade",
                lambda m: interval_cell(
                    m.general.spearman_correlation, m.general.intervals["spearman_correlation"]
                ),
            ),
            row(
                f"Mean cosine of the {models[0].general.n_unrelated} unrelated pairs",
                lambda m: interval_cell(
                    m.general.unrelated_mean_cosine, m.general.intervals["unrelated_mean_cosine"]
                ),
            ),
        ],
    )
    space = Table(
        caption=f"Geometry of the {models[0].geometry.n_texts} different eval texts",
        corner="Figure",
        columns=names,
        rows=[
            row(
                "Effective rank (dimensions in use)", lambda m: number(m.geometry.effective_rank, 1)
            ),
            row(
                "Mean cosine of two texts (anisotropy)", lambda m: number(m.geometry.anisotropy, 3)
            ),
            row(
                "Distance of compatible texts (alignment)",
                lambda m: number(m.geometry.alignment, 3),
            ),
            row("Uniformity (lower is more even)", lambda m: number(m.geometry.uniformity, 3)),
        ],
    )
    swapped = [metrics for metrics in models if metrics.prefix_swap is not None]
    prefixes = [
        Table(
            caption="The eval pairs with their two prefixes exchanged",
            corner="Model",
            columns=[
                "Pairs",
                "Mean change of the cosine",
                "Mean size",
                "Largest",
                "Flipped",
                "AUC",
            ],
            rows=[
                (
                    metrics.model,
                    [
                        *counts(found.n),
                        interval_cell(found.mean_change, found.intervals["mean_change"]),
                        interval_cell(
                            found.mean_absolute_change, found.intervals["mean_absolute_change"]
                        ),
                        number(found.largest_change, 3),
                        *counts(found.flipped_decisions),
                        Cell(f"{figure(found.auc_roc_before, 3)} to {figure(found.auc_roc, 3)}"),
                    ],
                )
                for metrics in swapped
                if (found := metrics.prefix_swap)
            ],
        )
    ]
    return Section(
        "losses",
        "What was lost",
        [
            "A model that learns one task may forget general language, or move all texts to one "
            "place. A fair one does not care which text carries which prefix."
        ],
        [general, space, *(prefixes if swapped else [])],
    )


def calibration(models: Sequence[BaselineMetrics]) -> Section:
    """Show how far the cosines can be read as probabilities."""
    table = Table(
        caption="Calibrated on the validation pairs, judged on the eval pairs",
        corner="Model",
        columns=["Brier score", "Expected calibration error", "Average precision", "Slope"],
        rows=[
            (
                metrics.model,
                [
                    number(metrics.calibration.brier_score),
                    number(metrics.calibration.expected_calibration_error),
                    number(metrics.average_precision),
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
            "higher cosines speak against compatibility."
        ],
        [table],
    )


def cluster_stability(models: Sequence[BaselineMetrics]) -> Table:
    """Lay out purity beside chance, agreement and stability."""

    def cells(found: ClusterMetrics) -> list[Cell]:
        first = found.draws[0]
        return [
            number(first.purity, 3),
            number(first.purity_with_noise, 3),
            Cell(f"{figure(found.mean_purity, 3)} ± {figure(found.purity_std, 3)}"),
            number(found.chance_purity, 3),
            Cell(chance(found.p_value)),
            number(first.adjusted_rand_index, 3),
            number(first.adjusted_mutual_information, 3),
        ]

    return Table(
        caption="Purity beside chance, agreement and stability over seeds",
        corner="Model and points",
        columns=[
            "Purity",
            "Noise counted as wrong",
            "Over seeds",
            "By chance",
            "p",
            "Adjusted Rand",
            "Adjusted mutual information",
        ],
        rows=[
            row
            for m in models
            for row in (
                (f"{m.model}, texts", cells(m.text_clusters)),
                (f"{m.model}, pairs", cells(m.pair_clusters)),
            )
        ],
    )


def probes(found: Sequence[ShortcutProbe]) -> Table:
    """Lay out what suffices to tell the labels of the eval pairs."""
    return Table(
        caption="Shortcut probes: what tells the label with no model of meaning",
        corner="Probe",
        columns=["It sees", "AUC on eval", "AUC on pairs that share no text with train"],
        rows=[
            (
                probe.name,
                [
                    prose(probe.sees),
                    interval_cell(probe.auc, probe.interval)
                    if probe.reason is None
                    else Cell(f"n/a: {probe.reason}"),
                    interval_cell(
                        probe.auc_without_shared_text, probe.interval_without_shared_text
                    ),
                ],
            )
            for probe in found
        ],
    )


def worst_errors(comparison: ComparisonResult | None) -> Section:
    """Show the pairs that each model decides most wrongly."""
    if comparison is None:
        return Section("errors", "Worst errors", [NO_VARIANT])
    kinds: tuple[tuple[str, Callable[[ModelErrors], tuple[int, list[ErrorPair]]]], ...] = (
        ("false positives", lambda e: (e.n_false_positives, e.false_positives)),
        ("false negatives", lambda e: (e.n_false_negatives, e.false_negatives)),
    )
    tables = []
    for model, errors in comparison.errors.items():
        for kind, pick in kinds:
            total, listed = pick(errors)
            if not listed:
                continue
            tables.append(
                Table(
                    caption=f"{model}: {len(listed)} of {total} {kind}, farthest from the "
                    f"threshold {figure(errors.threshold, 2)} first",
                    corner="Eval pair",
                    columns=["Texts", "Pair type", "Leak", "Cosine", "Baseline", "Nearest train"],
                    rows=[(str(pair.row), _error(pair)) for pair in listed],
                )
            )
    return Section(
        "errors",
        "Worst errors",
        ["The nearest train pair is the one most like the pair in the base model's space."],
        tables,
    )


def _error(pair: ErrorPair) -> list[Cell]:
    train = pair.nearest_train
    said = "right" if pair.baseline_right else "wrong"
    return [
        prose(f"{pair.text_1} / {pair.text_2}"),
        prose(pair.pair_type),
        prose(pair.leak_level.replace("_", " ")),
        number(pair.cosine, 2),
        Cell(f"{figure(pair.baseline_cosine, 2)}, {said}"),
        prose(
            f"{train.text_1} / {train.text_2} (label {train.label}, similarity "
            f"{figure(train.similarity, 2)})"
        ),
    ]


def _difference(found: Difference) -> list[Cell]:
    return [
        number(found.before, 3),
        number(found.after, 3),
        Cell(signed(found.difference, 3)),
        Cell(span(found.interval)),
        Cell(chance(found.p_value)),
        Cell(chance(found.adjusted_p_value)),
        Cell(found.outcome, _OUTCOMES[found.outcome]),
    ]


def _sizes(held: SubsetMetrics | None) -> list[Cell]:
    return counts(held.n, held.compatible) if held else counts(0, 0)
