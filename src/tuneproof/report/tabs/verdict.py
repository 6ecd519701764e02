"""Tab `Verdict`: which model, how sure, at what price; then all claims and all doubts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import (
    HEADLINE_METRICS,
    ComparisonResult,
    Difference,
    ModelDifference,
)
from tuneproof.comparison.verdict import BASELINE
from tuneproof.comparison.wording import (
    chance,
    criteria_lines,
    figure,
    name_of,
    once_each_kind,
    signed,
    span,
    with_span,
)
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.report.layout import (
    Answer,
    Cell,
    Section,
    Tab,
    Table,
    interval_cell,
    number,
    unbroken,
)
from tuneproof.training.result import TrainingResult

NO_VARIANT: Final = (
    "No fine-tuned model has been compared with the base model yet. Run: "
    "kedro run --pipelines=training_standard,training_lora,evaluation"
)
OUTCOME_KINDS: Final = {"improved": "good", "worsened": "bad", "not shown": "", "not tested": ""}

_CRITERION_KINDS: Final = {
    "surely met": "good",
    "met, but not surely": "",
    "not met": "bad",
    "n/a": "",
}
_IN_SHORT: Final = "In short, "
_SHOWN_WARNINGS: Final = 3
_EACH_OTHER: Final = "models against each other"


def verdict_tab(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult | None,
) -> Tab:
    """Lay out the first screen, the criteria, the claims and the threats.

    Args:
        quality: The audit of the pairs.
        models: Metrics of the baseline, then of the variants.
        trainings: Facts of the training runs there were.
        comparison: The models side by side; None where nothing was compared.
    """
    sections = [_first_screen(quality, models, trainings, comparison)]
    if comparison is not None:
        sections += [_criteria(models, comparison), *_findings(comparison)]
    sections.append(
        Section(
            "threats",
            "Threats to validity",
            ["What makes the figures prove less than they seem to."],
            points=comparison.threats if comparison else quality.warnings,
            sources=("comparison",) if comparison else ("data_quality_report",),
        )
    )
    return Tab("verdict", "Verdict", sections)


def which_to_ship(comparison: ComparisonResult | None) -> Answer:
    """Say which models are shown to rank better than the base model, and whether one is best.

    No rule of its own: the standings are those of the comparison, and what a reservation or a loss
    is worth is left to the reader.
    """
    question = "Which model to ship?"
    if comparison is None:
        return Answer(question, "None is trained and compared yet.")
    better = [each.model for each in comparison.standings if each.better]
    if better:
        rest = [each.model for each in comparison.standings if not each.better]
        reserved = any(each.reasons for each in comparison.standings if each.better)
        alike = {found.metrics["auc_roc"].outcome for found in _among_variants(comparison)}
        of_rest = f"; of {_names(rest)} it is not shown" if rest else ""
        between = ", nor that the variants differ" if rest and alike == {"not shown"} else ""
        answer = (
            f"{_names(better)} {_are(better)} shown to rank better than the base model"
            f"{', with reservations' if reserved else ''}{of_rest}{between}."
        )
    else:
        answer = (
            "No model is shown to rank better than the base model: these figures give no reason to "
            "ship one."
        )
    return Answer(
        question,
        _capitalised(answer),
        [
            *(
                f"{_capitalised(name_of(each.model))}: {'; '.join(each.reasons)}."
                for each in comparison.standings
                if each.reasons
            ),
            *_among(better, comparison),
            *criteria_lines(comparison),
            f"Threats to validity, listed below: {len(comparison.threats) or 'none'}.",
            *(["Whether it is worth what was lost is not for the figures to say."] * bool(better)),
        ],
    )


def _first_screen(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult | None,
) -> Section:
    baseline = models[0]
    return Section(
        "summary",
        "In short",
        [
            f"Measured on {baseline.n_pairs} eval pairs ({baseline.n_compatible} compatible, "
            f"{baseline.n_incompatible} incompatible) in {baseline.n_groups} groups that share no "
            f"text: {', '.join(metrics.model for metrics in models)}. The base model is "
            f"{baseline.manifest.base_model.name}. Brackets hold 95 % intervals."
        ],
        [_glance(models, comparison)],
        answers=[
            which_to_ship(comparison),
            _is_the_data_fit(quality),
            _did_it_help(baseline, trainings, comparison),
            _how_sure(comparison),
            _what_was_lost(models, comparison),
        ],
        sources=(
            "data_quality_report",
            *(f"{metrics.model}_metrics" for metrics in models),
            *(f"{run.model_type}_training_info" for run in trainings),
            *(["comparison"] * (comparison is not None)),
        ),
    )


def _glance(models: Sequence[BaselineMetrics], comparison: ComparisonResult | None) -> Table:
    against = _against_baseline(comparison)
    columns = ["AUC-ROC", "Compatibility margin", "General language, Spearman", "Dimensions in use"]
    if against:
        columns[1:1] = ["Difference", "Outcome"]
    rows = []
    for metrics in models:
        found = against[metrics.model].metrics["auc_roc"] if metrics.model in against else None
        language = metrics.general
        cells = [
            interval_cell(metrics.auc_roc, metrics.intervals["auc_roc"]),
            interval_cell(metrics.compatibility_margin, metrics.intervals["compatibility_margin"]),
            interval_cell(
                language.spearman_correlation, language.intervals["spearman_correlation"]
            ),
            number(metrics.geometry.effective_rank, 1),
        ]
        if against:
            cells[1:1] = [Cell(""), Cell("")] if found is None else _outcome(found)
        rows.append((metrics.model, cells))
    return Table("The models at a glance", "Model", columns, rows)


def _outcome(found: Difference) -> list[Cell]:
    return [
        Cell(f"{signed(found.difference, 3)} {unbroken(span(found.interval))}"),
        Cell(found.outcome, OUTCOME_KINDS[found.outcome]),
    ]


def _is_the_data_fit(quality: DataQualityScore) -> Answer:
    failed = [gate for gate in quality.gates if not gate.passed]
    verdict = "meets" if quality.target_met else "misses"
    gates = (
        f"{len(failed)} of {len(quality.gates)} gates {_are(failed)} not passed"
        if failed
        else "all gates are passed"
    )
    warnings = len(quality.warnings)
    reserved = f", but {warnings} warnings must be read with it" if warnings > 1 else ""
    further = [f"Further warnings on the tab Data: {warnings - _SHOWN_WARNINGS}."]
    return Answer(
        "Is the data fit?",
        f"{_capitalised(gates)}. It scores {quality.overall:.1f} of 100, which {verdict} the "
        f"target of {quality.target:g}; warnings to read with it: {warnings or 'none'}."
        if failed
        else f"It scores {quality.overall:.1f} of 100, which {verdict} the target of "
        f"{quality.target:g}; {gates}{reserved}.",
        [
            *(f"{gate.name}: {gate.message}." for gate in failed),
            *(f"Warning: {warning}." for warning in quality.warnings[:_SHOWN_WARNINGS]),
            *(further if warnings > _SHOWN_WARNINGS else []),
        ],
    )


def _did_it_help(
    baseline: BaselineMetrics,
    trainings: Sequence[TrainingResult],
    comparison: ComparisonResult | None,
) -> Answer:
    question = "Did it help?"
    if comparison is None:
        return Answer(question, NO_VARIANT)
    short = [
        sentence.removeprefix(_IN_SHORT)
        for sentence in comparison.verdict
        if sentence.startswith(_IN_SHORT)
    ]
    changes = {
        name: each.metrics["auc_roc"] for name, each in _against_baseline(comparison).items()
    }
    after = ", ".join(
        f"{figure(each.after, 3)} ({name}: {each.outcome})" for name, each in changes.items()
    )
    return Answer(
        question,
        f"AUC goes from {with_span(baseline.auc_roc, baseline.intervals['auc_roc'])} to {after}, "
        "where 0.5 is chance.",
        [*map(_capitalised, short), *_useless(trainings), *comparison.left_out],
    )


def _useless(trainings: Sequence[TrainingResult]) -> Iterator[str]:
    for run in trainings:
        if run.initial_spearman is not None and run.best_spearman <= run.initial_spearman:
            yield (
                f"{run.model_type}: no checkpoint ranked the validation pairs better than the base "
                f"model did ({run.initial_spearman:.3f} before training, {run.best_spearman:.3f} "
                "at best)."
            )


def _how_sure(comparison: ComparisonResult | None) -> Answer:
    question = "How sure?"
    if comparison is None:
        return Answer(question, "Nothing is compared yet.")
    gains = (
        f"{signed(found.difference, 3)} {span(found.interval)} ({name}, corrected p "
        f"{chance(found.adjusted_p_value)})"
        for name, each in _against_baseline(comparison).items()
        if (found := each.metrics["auc_roc"])
    )
    return Answer(
        question,
        f"Change of the AUC with 95 % interval: {', '.join(gains)}.",
        [
            "A change counts as shown where its interval leaves out 0 and the p-value stands "
            "Holm's correction for the metrics that are tested together.",
            *once_each_kind(comparison.beside_headline, list(_against_baseline(comparison))),
        ],
    )


def _what_was_lost(
    models: Sequence[BaselineMetrics], comparison: ComparisonResult | None
) -> Answer:
    question = "What was lost?"
    if comparison is None:
        return Answer(question, "Nothing is compared yet.")
    against = _against_baseline(comparison)
    worse = [
        name
        for name, each in against.items()
        if each.general["spearman_correlation"].outcome == "worsened"
    ]
    language = (
        f"{_capitalised(_names(worse))} {'knows' if len(worse) == 1 else 'know'} general language "
        "less well than the base model"
        if worse
        else "That a model lost general language is not shown"
    )
    each_model = {metrics.model: metrics for metrics in models}
    ranks = {name: metrics.geometry.effective_rank for name, metrics in each_model.items()}
    after = ", ".join(f"{figure(ranks[name], 1)} ({name})" for name in against)
    return Answer(
        question,
        f"{language}. The eval texts use {figure(ranks[BASELINE], 1)} of "
        f"{models[0].geometry.dimensions} dimensions before and {after} after.",
        [
            f"{name}: Spearman with the grades of general language "
            f"{_change(each.general['spearman_correlation'])} "
            f"({each.general['spearman_correlation'].outcome}); mean cosine of unrelated sentences "
            f"{_change(each.general['unrelated_mean_cosine'])} "
            f"({each.general['unrelated_mean_cosine'].outcome}); false positives "
            f"{each_model[BASELINE].decisions.false_positives} to "
            f"{each_model[name].decisions.false_positives} of {models[0].n_incompatible}, accuracy "
            f"{_change(each.metrics['accuracy_at_best_threshold'])} "
            f"({each.metrics['accuracy_at_best_threshold'].outcome})."
            for name, each in against.items()
        ],
    )


def _findings(comparison: ComparisonResult) -> list[Section]:
    """Sort the sentences of the verdict by the fine-tuned models that they name."""
    variants = [each.model for each in comparison.models[1:]]
    sorted_by: dict[str, list[str]] = {name: [] for name in (BASELINE, *variants, _EACH_OTHER)}
    for sentence in comparison.verdict:
        named = [name for name in variants if re.search(rf"\b{re.escape(name)}\b", sentence)]
        about = named[0] if len(named) == 1 else _EACH_OTHER if named else BASELINE
        sorted_by[about].append(sentence)
    sorted_by[_EACH_OTHER] += comparison.left_out
    return [
        Section(
            f"findings-{about.replace(' ', '-')}",
            f"Findings: {name_of(about)}",
            points=sentences,
            sources=("comparison",),
        )
        for about, sentences in sorted_by.items()
        if sentences
    ]


def _criteria(models: Sequence[BaselineMetrics], comparison: ComparisonResult) -> Section:
    title = "Success criteria"
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
                [Cell(found := result.outcome(name), _CRITERION_KINDS[found]) for name in names],
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
        sources=("comparison",),
    )


def _among_variants(comparison: ComparisonResult) -> list[ModelDifference]:
    return [each for each in comparison.differences if each.first != BASELINE]


def _among(better: Sequence[str], comparison: ComparisonResult) -> Iterator[str]:
    """Hold what is better against the other variants.

    That one is shown to be better and another is not does not show that they differ (Gelman and
    Stern 2006, The American Statistician 60).
    """
    verb = {"improved": "ranks better than", "worsened": "ranks worse than"}
    for each in _among_variants(comparison):
        if not {each.first, each.second} & set(better):
            continue
        outcome = each.metrics["auc_roc"].outcome
        first, second = name_of(each.first), name_of(each.second)
        yield _capitalised(
            f"{second} {verb[outcome]} {first}."
            if outcome in verb
            else f"no difference in ranking is shown between {first} and {second}."
        )


def _against_baseline(comparison: ComparisonResult | None) -> Mapping[str, ModelDifference]:
    if comparison is None:
        return {}
    return {each.second: each for each in comparison.differences if each.first == BASELINE}


def _change(found: Difference) -> str:
    return (
        f"{figure(found.before, 3)} to {figure(found.after, 3)}, {signed(found.difference, 3)} "
        f"{span(found.interval)}"
    )


def _names(models: Sequence[str]) -> str:
    *most, last = map(name_of, models)
    return f"{', '.join(most)} and {last}" if most else last


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
