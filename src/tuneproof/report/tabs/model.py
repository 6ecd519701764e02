"""A tab for each model: its figures, decisions, groups, clusters, errors and training."""

from typing import Final

from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    ComparisonResult,
    Difference,
    ErrorPair,
    ModelDifference,
    ModelErrors,
)
from tuneproof.comparison.verdict import BASELINE
from tuneproof.comparison.wording import chance, figure, signed, span
from tuneproof.measurement.records import (
    BaselineMetrics,
    ClusterMetrics,
    CosineDistribution,
    DecisionMetrics,
)
from tuneproof.metrics.decisions import Decisions, call_all
from tuneproof.report.evidence import TrainingRun
from tuneproof.report.layout import (
    Cell,
    Section,
    Tab,
    Table,
    counts,
    interval_cell,
    number,
    prose,
    word,
)
from tuneproof.report.tabs.groups import model_groups
from tuneproof.report.tabs.training import convergence_sentences, facts_table, training_facts
from tuneproof.report.tabs.verdict import OUTCOME_KINDS

_TITLES: Final = {"lora": "LoRA"}


def model_tab(
    metrics: BaselineMetrics, training: TrainingRun | None, comparison: ComparisonResult | None
) -> Tab:
    """Lay out what is known of one model.

    Args:
        metrics: Its metrics.
        training: Its training; None for the baseline, or where they are gone.
        comparison: The models side by side; None where nothing was compared.
    """
    name = metrics.model
    sections = [
        _headline(metrics, comparison),
        _decisions(metrics),
        _cosines(metrics),
        model_groups(metrics, "category", "Categories", metrics.category_metrics),
        model_groups(metrics, "pair type", "Pair types", metrics.pair_type_metrics),
        _clusters(metrics),
    ]
    if comparison is not None and name in comparison.errors:
        sections.append(_worst_errors(name, comparison.errors[name]))
    if training is not None:
        sections.append(_training(training))
    return Tab(name, _TITLES.get(name, name.capitalize()), sections)


def differences_table(found: ModelDifference) -> Table:
    """Lay out how far two models are apart, and whether that may be chance."""
    return Table(
        caption=f"{found.second} against {found.first}: {found.decisions.gained} decisions turn "
        f"right, {found.decisions.lost} turn wrong (p by exchanging groups: "
        f"{chance(found.decisions.group_p_value)})",
        corner="Metric",
        columns=["Before", "After", "Difference", "95 % interval", "p", "Holm p", "Outcome"],
        rows=[
            (HEADLINE_METRICS[metric], _difference(each)) for metric, each in found.metrics.items()
        ],
    )


def _difference(found: Difference) -> list[Cell]:
    return [
        number(found.before, 3),
        number(found.after, 3),
        Cell(signed(found.difference, 3)),
        Cell(span(found.interval)),
        Cell(chance(found.p_value)),
        Cell(chance(found.adjusted_p_value)),
        Cell(found.outcome, OUTCOME_KINDS[found.outcome]),
    ]


def _headline(metrics: BaselineMetrics, comparison: ComparisonResult | None) -> Section:
    name = metrics.model
    values = Table(
        caption=f"{name}: headline figures with 95 % intervals",
        corner="Metric",
        columns=["Value"],
        rows=[
            (title, [interval_cell(getattr(metrics, metric), metrics.intervals.get(metric))])
            for metric, title in HEADLINE_METRICS.items()
        ],
    )
    against = [
        each
        for each in (comparison.differences if comparison else [])
        if (each.first, each.second) == (BASELINE, name)
    ]
    return Section(
        f"{name}-figures",
        "Figures",
        [
            "A higher value is better. n/a: the pairs leave it open. Spearman's correlation with "
            f"these labels is at most {figure(metrics.spearman_ceiling)}."
        ],
        [values, *map(differences_table, against)],
        sources=(f"{name}_metrics", *(["comparison"] * bool(against))),
    )


def _decisions(metrics: BaselineMetrics) -> Section:
    name = metrics.model
    trivial = call_all(metrics.n_compatible, metrics.n_incompatible)
    table = Table(
        caption=f"{name}: decisions on the eval pairs by threshold",
        corner="Threshold",
        columns=[
            "Cosine",
            "True positives",
            "False positives",
            "True negatives",
            "False negatives",
            "Accuracy",
            "Precision",
            "Recall",
            "F1",
        ],
        rows=[
            ("validated", _decision_cells(metrics.decisions)),
            ("optimistic, best on eval", _decision_cells(metrics.optimistic_decisions)),
            ("at matched recall on eval", _decision_cells(metrics.matched_recall_decisions)),
            ("none: every pair is called compatible", _decision_cells(trivial)),
        ],
    )
    return Section(
        f"{name}-thresholds",
        "Thresholds",
        [
            "A pair is called compatible when its cosine is at or above the threshold. The "
            "validated threshold has the best F1 on the validation pairs and has not seen the eval "
            "pairs. The optimistic one is the best on the eval pairs themselves: it stands here "
            "only to show how much that flatters. At matched recall every model finds the same "
            "share of the compatible eval pairs, so that their false positives compare. A model "
            "whose F1 and accuracy do not stand out against calling every pair compatible decides "
            "next to nothing."
        ],
        [table],
        sources=(f"{name}_metrics",),
    )


def _decision_cells(found: DecisionMetrics | Decisions) -> list[Cell]:
    return [
        number(found.threshold),
        *counts(
            found.true_positives,
            found.false_positives,
            found.true_negatives,
            found.false_negatives,
        ),
        *(number(rate) for rate in (found.accuracy, found.precision, found.recall, found.f1)),
    ]


def _cosines(metrics: BaselineMetrics) -> Section:
    name = metrics.model
    table = Table(
        caption=f"{name}: cosines of the eval pairs by label",
        corner="Pairs",
        columns=["n", "Mean", "Std", "Minimum", "25 %", "Median", "75 %", "Maximum"],
        rows=[
            ("compatible", _distribution(metrics.compatible_distribution)),
            ("incompatible", _distribution(metrics.incompatible_distribution)),
        ],
    )
    return Section(
        f"{name}-cosines",
        "Cosines",
        [
            f"Welch's t-test of the two means: t = {figure(metrics.t_statistic, 2)}, p = "
            f"{chance(metrics.p_value)}. It takes the pairs as independent, which pairs that share "
            "a text are not."
        ],
        [table],
        sources=(f"{name}_metrics",),
    )


def _distribution(found: CosineDistribution) -> list[Cell]:
    numbers = (found.mean, found.std, found.minimum, *found.quartiles, found.maximum)
    return [Cell(f"{found.n:,}"), *(Cell(figure(each, 3)) for each in numbers)]


def _clusters(metrics: BaselineMetrics) -> Section:
    name = metrics.model
    sizes = Table(
        caption=f"{name}: clusters of the eval pairs",
        corner="Points",
        columns=["n", "Clusters", "Purity", "Noise"],
        rows=[
            (
                "texts",
                [
                    *counts(2 * metrics.n_pairs, metrics.n_clusters),
                    number(metrics.cluster_purity),
                    Cell(f"{metrics.noise_ratio:.1%}"),
                ],
            ),
            (
                "pairs",
                [
                    *counts(metrics.n_pairs, metrics.pair_n_clusters),
                    number(metrics.pair_cluster_purity),
                    Cell(f"{metrics.pair_noise_ratio:.1%}"),
                ],
            ),
        ],
    )
    stability = Table(
        caption=f"{name}: purity beside chance, agreement and stability over seeds",
        corner="Points",
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
            ("texts", _stability(metrics.text_clusters)),
            ("pairs", _stability(metrics.pair_clusters)),
        ],
    )
    return Section(
        f"{name}-clusters",
        "Clusters",
        [
            "UMAP and HDBSCAN, once on both texts of each pair and once on a vector of each pair "
            "(|u - v| beside u * v). Purity ignores noise, rises with the number of clusters, and "
            "depends on the seed: the second table holds it against permuted labels and other "
            "seeds."
        ],
        [sizes, stability],
        sources=(f"{name}_metrics", f"{name}_projection"),
    )


def _stability(found: ClusterMetrics) -> list[Cell]:
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


def _worst_errors(name: str, errors: ModelErrors) -> Section:
    tables = [
        Table(
            caption=f"{name}: {len(listed)} of {total} {kind}, farthest from the threshold "
            f"{figure(errors.threshold, 2)} first",
            corner="Eval pair",
            columns=[
                *("Texts", "Pair type", "Leak", "Cosine"),
                *(["Baseline"] if name != BASELINE else []),
                "Nearest train",
            ],
            rows=[(str(pair.row), _error(name, pair)) for pair in listed],
        )
        for kind, total, listed in (
            ("false positives", errors.n_false_positives, errors.false_positives),
            ("false negatives", errors.n_false_negatives, errors.false_negatives),
        )
        if listed
    ]
    return Section(
        f"{name}-errors",
        "Worst errors",
        [
            "The nearest train pair is the one most like the pair in the base model's space. The "
            "Pairs tab lists all errors."
        ],
        tables,
        sources=("comparison",),
    )


def _error(name: str, pair: ErrorPair) -> list[Cell]:
    train = pair.nearest_train
    said = "right" if pair.baseline_right else "wrong"
    return [
        prose(f"{pair.text_1} / {pair.text_2}"),
        word(pair.pair_type),
        word(pair.leak_level.replace("_", " ")),
        number(pair.cosine, 2),
        *([Cell(f"{figure(pair.baseline_cosine, 2)}, {said}")] if name != BASELINE else []),
        prose(
            f"{train.text_1} / {train.text_2} (label {train.label}, similarity "
            f"{figure(train.similarity, 2)})"
        ),
    ]


def _training(run: TrainingRun) -> Section:
    name = run.result.model_type
    return Section(
        f"{name}-training",
        "Training",
        [
            "The kept model is the one with the best Spearman correlation on the validation pairs.",
            *convergence_sentences(run.convergence),
        ],
        [facts_table(f"Facts of the {name} training run", {name: training_facts(run.result)})],
        points=run.convergence.recommendations,
        sources=(f"{name}_training_info", f"{name}_convergence"),
    )
