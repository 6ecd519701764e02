"""The evidence as one HTML page that needs nothing else: no network, no script, no second file."""

import base64
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.comparison.compare import headline
from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult, ModelHeadline
from tuneproof.comparison.wording import chance, figure, signed
from tuneproof.manifest import Environment, Manifest
from tuneproof.measurement.records import (
    BaselineMetrics,
    CosineDistribution,
    DecisionMetrics,
    GroupMetrics,
)
from tuneproof.report.layout import (
    Cell,
    Section,
    Table,
    counts,
    interval_cell,
    number,
    prose,
)
from tuneproof.report.proof import (
    NO_VARIANT,
    calibration,
    cluster_stability,
    differences,
    losses,
    probes,
    subsets,
    threats,
    worst_errors,
)
from tuneproof.training.result import TrainingResult

NO_TRAINING: Final = "There is no training run yet."

_PLACES: Final[Mapping[str, str]] = {
    "cohens_d_chart": "metrics",
    "roc_chart": "metrics",
    "cosine_distributions_chart": "cosines",
    "category_margin_chart": "categories",
    "baseline_category_margins_chart": "categories",
    "baseline_pair_type_margins_chart": "pair-types",
    "false_positives_chart": "false-positives",
    "umap_chart": "clusters",
    "cluster_purity_chart": "clusters",
    "training_curves_chart": "training",
}
"""The section in which each chart stands."""


class Drawing(Protocol):
    """What is needed of a matplotlib figure, for annotations that must not import matplotlib."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the image to a path or an open file."""


class Chart(NamedTuple):
    """A chart of the page.

    Attributes:
        title: Shown above the chart.
        alt: What the chart shows, for those who do not see it.
        image: A matplotlib figure.
    """

    title: str
    alt: str
    image: Drawing


def render_report(
    quality: DataQualityScore,
    baseline: BaselineMetrics,
    variants: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult | None,
    charts: Mapping[str, tuple[str, str, Drawing]],
) -> str:
    """Write the page.

    Args:
        quality: The audit of the pairs.
        baseline: Metrics of the base model.
        variants: Metrics of the fine-tuned models, those that were measured.
        trainings: Facts of the training runs there were.
        comparison: The models side by side; None where nothing was compared.
        charts: Title, alt text and figure of each chart, by dataset name.

    Returns:
        HTML; every text in it is escaped, and nothing in it is fetched from elsewhere.
    """
    models = [baseline, *variants]
    sections = [
        _summary(models, trainings, comparison),
        threats(comparison, quality),
        _headline_metrics(baseline, comparison),
        differences(comparison),
        _criteria(models, comparison),
        subsets(models),
        losses(models),
        _data_quality(quality),
        _cosines(models),
        _groups("categories", "Categories", "category", models, lambda m: m.category_metrics),
        _groups("pair-types", "Pair types", "pair type", models, lambda m: m.pair_type_metrics),
        _false_positives(models),
        _thresholds(models),
        calibration(models),
        _clusters(models),
        worst_errors(comparison),
        _training(trainings),
        _origin(quality, models),
    ]
    placed: dict[str, list[Chart]] = {section.anchor: [] for section in sections}
    for name, chart in charts.items():
        placed[_PLACES[name]].append(Chart(*chart))
    templates = Templates(
        loader=PackageLoader("tuneproof.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    templates.filters["data_uri"] = png_data_uri
    return templates.get_template("page.html.jinja").render(sections=sections, charts=placed)


def _visible(value: object) -> object:
    """Escape the control characters of a text, which could reorder or hide what stands beside."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    # No-break spaces are not printable to Python, but keep intervals on one line.
    return "".join(
        each
        if each.isprintable() or each in "\n\t" or unicodedata.category(each) == "Zs"
        else ascii(each)[1:-1]
        for each in value
    )


def png_data_uri(image: Drawing) -> str:
    """Return a figure as a `data:` address, which holds the image itself."""
    buffer = io.BytesIO()
    image.savefig(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def describe_charts(
    baseline: BaselineMetrics,
    variants: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
) -> dict[str, tuple[str, str]]:
    """Return the title and the alt text of each chart, with its main figures."""
    models = [baseline, *variants]

    def each(value: Callable[[BaselineMetrics], str]) -> str:
        return ", ".join(f"{metrics.model} {value(metrics)}" for metrics in models)

    runs = "; ".join(
        f"{run.model_type} reaches its best validation Spearman {run.best_spearman:.4f} at step "
        f"{run.best_step} of {run.total_steps}"
        for run in trainings
    )
    return {
        "cosine_distributions_chart": (
            "Cosines by label",
            "Histograms of the eval pairs' cosines by label with the validated threshold. Mean of "
            "the compatible and of the incompatible pairs: "
            + each(
                lambda m: f"{m.compatible_mean_cosine:.3f} and {m.incompatible_mean_cosine:.3f}"
            ),
        ),
        "umap_chart": (
            "UMAP projection of the texts",
            "The texts of the eval pairs in the plane, a panel for each model, coloured by label: "
            + each(lambda m: f"{2 * m.n_pairs} texts"),
        ),
        "cluster_purity_chart": (
            "Purity of the clusters",
            "A bar for each HDBSCAN cluster, its height the purity, its width the number of "
            "points. Overall purity of the texts' clusters: "
            + each(lambda m: f"{figure(m.cluster_purity, 3)} with noise {m.noise_ratio:.0%}"),
        ),
        "roc_chart": (
            "ROC curves",
            "ROC curves of all models above the chance diagonal or below it. AUC: "
            + each(lambda m: figure(m.auc_roc)),
        ),
        "category_margin_chart": (
            "Margin by category and model",
            "Heatmap of the compatibility margin; the categories' table holds the same figures. "
            "Over all categories: " + each(lambda m: f"{m.compatibility_margin:+.3f}"),
        ),
        "cohens_d_chart": (
            "Cohen's d",
            "Bars beside Cohen's marks for small (0.2), medium (0.5) and large (0.8) effects: "
            + each(lambda m: figure(m.cohens_d, 2)),
        ),
        "training_curves_chart": (
            "Training curves",
            "Losses, validation Spearman, learning rate and gradient norm by step: " + runs
            if runs
            else NO_TRAINING,
        ),
        "false_positives_chart": (
            "False positives by pair type",
            "Incompatible pairs called compatible at each model's validated threshold; the table "
            "beside it holds the same counts. In all: "
            + each(
                lambda m: f"{m.decisions.false_positives} of {m.n_incompatible} incompatible pairs"
            ),
        ),
        "baseline_category_margins_chart": (
            "The baseline's margin by category",
            _describe_margins(baseline.category_metrics, "categories"),
        ),
        "baseline_pair_type_margins_chart": (
            "The baseline's margin by pair type",
            _describe_margins(baseline.pair_type_metrics, "pair types"),
        ),
    }


def _describe_margins(groups: Mapping[str, GroupMetrics], what: str) -> str:
    known = {
        name: group.compatibility_margin
        for name, group in groups.items()
        if group.compatibility_margin is not None
    }
    start = (
        f"Bars of the baseline's margin for {len(groups)} {what}, {len(groups) - len(known)} n/a"
    )
    if not known:
        return f"{start}."
    best, worst = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    return f"{start}; largest {best} {known[best]:+.3f}, smallest {worst} {known[worst]:+.3f}."


def _summary(
    models: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult | None,
) -> Section:
    baseline = models[0]
    names = ", ".join(metrics.model for metrics in models)
    paragraphs = [
        f"Measured on {baseline.n_pairs} eval pairs ({baseline.n_compatible} compatible, "
        f"{baseline.n_incompatible} incompatible) in {baseline.n_groups} groups that share no "
        f"text: {names}. The base model is {baseline.manifest.base_model.name}. Brackets hold 95 % "
        "intervals."
    ]
    paragraphs += [
        f"{run.model_type}: no checkpoint ranked the validation pairs better than the base model "
        f"did ({run.initial_spearman:.3f} before training, {run.best_spearman:.3f} at best)."
        for run in trainings
        if run.initial_spearman is not None and run.best_spearman <= run.initial_spearman
    ]
    if comparison is None:
        return Section("summary", "Verdict", [*paragraphs, NO_VARIANT])
    return Section(
        "summary", "Verdict", paragraphs, points=[*comparison.verdict, *comparison.left_out]
    )


def _headline_metrics(baseline: BaselineMetrics, comparison: ComparisonResult | None) -> Section:
    headlines = comparison.models if comparison else [headline(baseline, baseline)]
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
            *(comparison.beside_headline if comparison else []),
        ],
        [table],
    )


def _headline_cells(found: ModelHeadline, metric: str) -> Iterator[Cell]:
    yield interval_cell(found.figures.get(metric), found.intervals.get(metric))
    if found.differences:
        yield Cell(signed(found.differences.get(metric)))


def _criteria(models: Sequence[BaselineMetrics], comparison: ComparisonResult | None) -> Section:
    title = "Success criteria"
    if comparison is None:
        return Section("criteria", title, ["The models have not been compared yet."])
    if not comparison.criteria:
        return Section("criteria", title, ["No success criteria are set."])
    names = [metrics.model for metrics in models]
    table = Table(
        caption="Success criteria by model",
        corner="Criterion",
        columns=names,
        rows=[
            (
                f"{HEADLINE_METRICS.get(result.metric, result.metric)} {result.criterion}",
                [_met(result.met.get(name), result.sure.get(name)) for name in names],
            )
            for result in comparison.criteria
        ],
    )
    notes = [
        f"{HEADLINE_METRICS.get(result.metric, result.metric)} {result.criterion}: {result.note}."
        for result in comparison.criteria
        if result.note
    ]
    return Section(
        "criteria",
        title,
        ["A criterion is surely met where the lower end of the interval meets it too.", *notes],
        [table],
    )


def _met(met: bool | None, sure: bool | None) -> Cell:
    if met is None:
        return Cell("n/a")
    if not met:
        return Cell("not met", "bad")
    return Cell("surely met" if sure else "met, but not surely", "good" if sure else "")


def _data_quality(quality: DataQualityScore) -> Section:
    verdict = "meets" if quality.target_met else "misses"
    scores = Table(
        caption="The dimensions, from 0 (bad) to 100 (good)",
        corner="Dimension",
        columns=["Score"],
        rows=[
            *((each.name, [Cell(show_score(each.score))]) for each in quality.dimensions),
            ("Overall", [Cell(show_score(quality.overall))]),
        ],
    )
    details = Table(
        caption="What the scores are made of",
        corner="Sub-score",
        columns=["Dimension", "Score", "Evidence"],
        rows=[
            (sub.name, [Cell(each.name, "text"), Cell(show_score(sub.score)), prose(sub.detail)])
            for each in quality.dimensions
            for sub in each.sub_scores.values()
        ],
    )
    splits = Table(
        caption="The pairs of each split",
        corner="Split",
        columns=["Pairs", "Compatible", "Incompatible", "Distinct texts", "Duplicate rows"],
        rows=[
            (
                split,
                counts(
                    held.n,
                    held.compatible,
                    held.incompatible,
                    held.distinct_texts,
                    held.duplicate_rows,
                ),
            )
            for split, held in quality.counts.items()
        ],
    )
    leakage = Table(
        caption="What train and validation pairs give away, gravest first; each pair counts once",
        corner="Pairs",
        columns=["Of validation", "Of eval"],
        rows=[
            (
                level.replace("_", " "),
                counts(quality.leakage["validation"].levels[level], number_of_eval),
            )
            for level, number_of_eval in quality.leakage["eval"].levels.items()
        ],
    )
    gates = Table(
        caption="Gates",
        corner="Gate",
        columns=["Found and expected", "Action", "Passed"],
        rows=[
            (
                gate.name,
                [
                    prose(gate.message),
                    Cell(gate.action),
                    Cell("yes", "good") if gate.passed else Cell("no", "bad"),
                ],
            )
            for gate in quality.gates
        ],
    )
    return Section(
        "data-quality",
        "Data quality",
        [
            f"The pairs score {quality.overall:.1f} of 100, which {verdict} the target of "
            f"{quality.target:g}. Rejected rows: {quality.rejected_rows}. Warnings: "
            f"{len(quality.warnings) or 'none'}."
        ],
        [scores, details, splits, leakage, probes(quality.probes), gates],
        quality.warnings,
    )


def _cosines(models: Sequence[BaselineMetrics]) -> Section:
    columns = ["n", "Mean", "Std", "Minimum", "25 %", "Median", "75 %", "Maximum"]
    table = Table(
        caption="Cosines of the eval pairs by label",
        corner="Model",
        columns=columns * 2,
        rows=[
            (
                metrics.model,
                [
                    *_distribution(metrics.compatible_distribution),
                    *_distribution(metrics.incompatible_distribution),
                ],
            )
            for metrics in models
        ],
        groups=[("Compatible", len(columns)), ("Incompatible", len(columns))],
    )
    tests = "; ".join(
        f"{metrics.model} t = {figure(metrics.t_statistic, 2)}, p = {chance(metrics.p_value)}"
        for metrics in models
    )
    return Section(
        "cosines",
        "Cosines by label",
        [
            f"Welch's t-test of the two means: {tests}. It takes the pairs as independent, which "
            "pairs that share a text are not."
        ],
        [table],
    )


def _distribution(found: CosineDistribution) -> list[Cell]:
    numbers = (found.mean, found.std, found.minimum, *found.quartiles, found.maximum)
    return [Cell(f"{found.n:,}"), *(Cell(figure(number, 3)) for number in numbers)]


def _groups(
    anchor: str,
    title: str,
    name: str,
    models: Sequence[BaselineMetrics],
    groups_of: Callable[[BaselineMetrics], Mapping[str, GroupMetrics]],
) -> Section:
    sizes = ["Pairs", "Compatible", "Incompatible"]

    def table(caption: str, columns: Mapping[str, Callable[[GroupMetrics], Cell]]) -> Table:
        return Table(
            caption=caption,
            corner=name.capitalize(),
            columns=[*sizes, *(list(columns) * len(models))],
            rows=[
                (
                    group,
                    [
                        *counts(held.n, held.compatible, held.incompatible),
                        *(
                            cell(groups_of(metrics)[group])
                            for metrics in models
                            for cell in columns.values()
                        ),
                    ],
                )
                for group, held in groups_of(models[0]).items()
            ],
            groups=[
                ("n", len(sizes)),
                *((metrics.model, len(columns)) for metrics in models),
            ],
        )

    return Section(
        anchor,
        title,
        [
            f"A {name} whose pairs all have one label has no margin, no Cohen's d and no AUC: n/a; "
            "its mean and its error rate stand instead. Brackets hold 95 % intervals, left out "
            "where there are too few pairs. With this many groups about one interval in twenty "
            "misses the truth by chance."
        ],
        [
            table(
                f"Cosines by {name}",
                {
                    "Mean cosine, compatible": lambda g: number(g.compatible_mean_cosine),
                    "Mean cosine, incompatible": lambda g: number(g.incompatible_mean_cosine),
                    "Margin": lambda g: interval_cell(
                        g.compatibility_margin, g.intervals["compatibility_margin"]
                    ),
                },
            ),
            table(
                f"Separation and decisions by {name}",
                {
                    "Cohen's d": lambda g: number(g.cohens_d, 2),
                    "AUC-ROC": lambda g: interval_cell(g.auc_roc, g.intervals["auc_roc"]),
                    "Error rate": lambda g: interval_cell(g.error_rate, g.intervals["error_rate"]),
                },
            ),
        ],
    )


def _false_positives(models: Sequence[BaselineMetrics]) -> Section:
    incompatible = {name: group.incompatible for name, group in models[0].pair_type_metrics.items()}
    table = Table(
        caption="Incompatible pairs called compatible, by pair type",
        corner="Pair type",
        columns=["Incompatible pairs", *(metrics.model for metrics in models)],
        rows=[
            (
                name,
                [
                    Cell(f"{n:,}"),
                    *(
                        Cell(f"{metrics.false_positive_counts.get(name, 0):,}" if n else "n/a")
                        for metrics in models
                    ),
                ],
            )
            for name, n in incompatible.items()
        ],
    )
    return Section(
        "false-positives",
        "False positives",
        ["At each model's validated threshold. n/a: no pair of the type is incompatible."],
        [table],
    )


def _thresholds(models: Sequence[BaselineMetrics]) -> Section:
    table = Table(
        caption="Decisions on the eval pairs by threshold",
        corner="Model and threshold",
        columns=[
            "Threshold",
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
            row
            for metrics in models
            for row in (
                (f"{metrics.model}, validated", _decisions(metrics.decisions)),
                (
                    f"{metrics.model}, optimistic best on eval",
                    _decisions(metrics.optimistic_decisions),
                ),
                (
                    f"{metrics.model}, matched recall on eval",
                    _decisions(metrics.matched_recall_decisions),
                ),
            )
        ],
    )
    return Section(
        "thresholds",
        "Thresholds",
        [
            "A pair is called compatible when its cosine is at or above the threshold. The "
            "validated threshold has the best F1 on the validation pairs and has not seen the eval "
            "pairs. The optimistic one is the best on the eval pairs themselves: it stands here "
            "only to show how much that flatters. At matched recall every model finds the same "
            "share of the compatible eval pairs, so that their false positives compare."
        ],
        [table],
    )


def _decisions(found: DecisionMetrics) -> list[Cell]:
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


def _clusters(models: Sequence[BaselineMetrics]) -> Section:
    table = Table(
        caption="Clusters of the eval pairs",
        corner="Model and points",
        columns=["Points", "Clusters", "Purity", "Noise"],
        rows=[
            row
            for m in models
            for row in (
                (
                    f"{m.model}, texts",
                    [
                        *counts(2 * m.n_pairs, m.n_clusters),
                        number(m.cluster_purity),
                        Cell(f"{m.noise_ratio:.1%}"),
                    ],
                ),
                (
                    f"{m.model}, pairs",
                    [
                        *counts(m.n_pairs, m.pair_n_clusters),
                        number(m.pair_cluster_purity),
                        Cell(f"{m.pair_noise_ratio:.1%}"),
                    ],
                ),
            )
        ],
    )
    return Section(
        "clusters",
        "Clusters",
        [
            "UMAP and HDBSCAN, once on both texts of each pair and once on a vector of each pair "
            "(|u - v| beside u * v). Purity ignores noise, rises with the number of clusters, and "
            "depends on the seed: the second table holds it against permuted labels and other "
            "seeds."
        ],
        [table, cluster_stability(models)],
    )


def _training(trainings: Sequence[TrainingResult]) -> Section:
    if not trainings:
        return Section("training", "Training", [NO_TRAINING])
    facts = [_training_facts(run) for run in trainings]
    table = _facts_table(
        "Facts of each training run",
        {r.model_type: f for r, f in zip(trainings, facts, strict=True)},
    )
    return Section(
        "training",
        "Training",
        ["The kept model is the one with the best Spearman correlation on the validation pairs."],
        [table],
    )


def _training_facts(run: TrainingResult) -> dict[str, str]:
    facts = {
        "Loss": run.loss,
        "Epochs": f"{run.epochs:,}",
        "Pairs a step": f"{run.batch_size:,}",
        "Peak learning rate": f"{run.learning_rate:g}",
        "Warm-up steps": f"{run.warmup_steps:,}",
        "Steps": f"{run.total_steps:,}",
        "Steps between evaluations": f"{run.evaluation_steps:,}",
        "Train pairs": f"{run.n_train_pairs:,}",
        "Validation pairs": f"{run.n_validation_pairs:,}",
        "Training time": f"{run.training_time_seconds:,.1f} s",
        "Validation Spearman before training": figure(run.initial_spearman),
        "Validation Spearman after the last step": figure(run.final_spearman),
        "Best validation Spearman": figure(run.best_spearman),
        "Step of the best": f"{run.best_step:,}",
        "Trainable parameters": f"{run.trainable_parameters:,} of {run.total_parameters:,} "
        f"({run.trainable_parameters / run.total_parameters:.2%})",
    }
    if run.lora is None:
        return facts
    facts |= {
        "LoRA rank": str(run.lora.rank),
        "LoRA alpha": f"{run.lora.alpha:g}",
        "LoRA dropout": f"{run.lora.dropout:g}",
        "LoRA target modules": ", ".join(run.lora.target_modules),
    }
    check = run.lora.check
    if check is None:
        return facts | {"Adapter check": "not made"}
    return facts | {
        "Reloaded against trained (near 0)": f"{check.reloaded_against_trained:.2e}",
        "Reloaded against base (well above 0)": f"{check.reloaded_against_base:.2e}",
        "Merged against unmerged (near 0)": f"{check.merged_against_unmerged:.2e}",
    }


def _origin(quality: DataQualityScore, models: Sequence[BaselineMetrics]) -> Section:
    facts = {"data quality": _pair_facts(quality.pairs) | _environment_facts(quality.environment)}
    for metrics in models:
        if metrics.manifest.model is not None:
            facts[f"{metrics.model} model"] = _manifest_facts(metrics.manifest.model)
        facts[f"{metrics.model} metrics"] = _manifest_facts(metrics.manifest)
    return Section(
        "origin",
        "Origin",
        ["What each artifact was made from. Equal hashes mean equal pairs or weights."],
        [_facts_table("Origin of the artifacts", facts, kind="code")],
    )


def _manifest_facts(manifest: Manifest) -> dict[str, str]:
    return {
        "Base model": manifest.base_model.name,
        "Revision": manifest.base_model.revision or "none recorded",
        "sha256 of the weights": manifest.base_model.sha256,
        **_pair_facts(manifest.pairs),
        "Seed": "none" if manifest.seed is None else str(manifest.seed),
        "Parameters": json.dumps(manifest.parameters, ensure_ascii=False, sort_keys=True),
        **_environment_facts(manifest.environment),
    }


def _pair_facts(pairs: Mapping[str, str]) -> dict[str, str]:
    return {f"sha256 of the {split} pairs": digest for split, digest in pairs.items()}


def _environment_facts(environment: Environment) -> dict[str, str]:
    return {
        "Git commit": environment.git_commit or "none: not in git",
        "Python": environment.python,
        **environment.libraries,
    }


def _facts_table(caption: str, facts: Mapping[str, Mapping[str, str]], kind: str = "") -> Table:
    """Lay facts side by side: a row for each fact that any column knows."""
    names: Iterable[str] = dict.fromkeys(name for column in facts.values() for name in column)
    return Table(
        caption=caption,
        corner="Fact",
        columns=list(facts),
        rows=[
            (name, [Cell(column.get(name, "n/a"), kind) for column in facts.values()])
            for name in names
        ],
    )
