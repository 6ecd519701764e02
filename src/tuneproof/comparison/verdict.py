"""What the figures show, in plain sentences, and what makes them prove less than they seem to."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from tuneproof.audit.score import DataQualityScore
from tuneproof.audit.shortcuts import describe
from tuneproof.comparison.records import (
    AlarmOptions,
    Difference,
    EvaluationOptions,
    ModelDifference,
    parse_criterion,
)
from tuneproof.comparison.wording import (
    WARNING,
    chance,
    figure,
    name_of,
    signed,
    span,
    with_span,
)
from tuneproof.instructions import trained_instructions
from tuneproof.measurement.records import SUBSETS, BaselineMetrics, PrefixSwapMetrics
from tuneproof.metrics.decisions import call_all
from tuneproof.metrics.ranking import auc_for_spearman
from tuneproof.metrics.uncertainty import FEWEST_GROUPS, LEVEL

BASELINE: Final = "baseline"

# Welch's t says again what Cohen's d says: tables show it.
_TOLD_METRICS: Final = {
    "auc_roc": "AUC",
    "spearman_correlation": "Spearman",
    "compatibility_margin": "the margin",
    "cohens_d": "Cohen's d",
    "best_f1": "F1",
}
# Beside F1 it says something new where it is shown to change, and F1 is not.
_TOLD_IF_SHOWN: Final = {"accuracy_at_best_threshold": "accuracy"}

_TOLD_SUBSETS: Final = ("no_shared_text", "clean", "unseen_subcategories", "mixed_pair_types")
_FEW_PAIRS: Final = 30
_UNSTABLE_PURITY: Final = 0.05
_ALMOST_PERFECT: Final = 0.99
_ALMOST_ALL: Final = 0.95


def write_verdict(
    models: Sequence[BaselineMetrics],
    differences: Sequence[ModelDifference],
    quality: DataQualityScore,
    alarms: AlarmOptions,
) -> list[str]:
    """Say what fine-tuning did, each claim with its numbers and its interval.

    A change whose interval includes no effect, or whose p-value does not stand Holm's correction,
    is 'not shown'.

    Args:
        models: Metrics of the baseline, then of the variants.
        differences: The variants against the baseline, then against each other.
        quality: The audit, for its shortcut probes.
        alarms: What is warned of.
    """
    measured = {metrics.model: metrics for metrics in models}
    sentences = [_beside_chance(models[0])]
    for difference in differences:
        after = measured[difference.second]
        if difference.first != BASELINE:
            sentences += _headline(difference)
            continue
        told = [
            *_unchanged(measured[BASELINE], after),
            _beside_chance(after),
            *_headline(difference),
            *near_probes(after, quality, alarms),
            *_ceiling(after),
            *_decisions(difference, measured[BASELINE], after),
            *_subsets(difference, after),
            *_purities(measured[BASELINE], after),
            *_losses(difference, measured[BASELINE], after, alarms),
        ]
        sentences += [_in_short(difference, after, told), *told]
    return sentences


def near_probes(
    metrics: BaselineMetrics, quality: DataQualityScore, alarms: AlarmOptions
) -> list[str]:
    """Say which shortcut probes come near a model's AUC, if any do.

    Args:
        metrics: Metrics of a fine-tuned model.
        quality: The audit of the same pairs.
        alarms: How near is near.

    Returns:
        One sentence, or none; none either for a model that is not shown to beat chance.
    """
    if against_chance(metrics) <= 0:
        return []
    near = [
        probe
        for probe in quality.probes
        if probe.auc is not None
        and (probe.interval.low > 0.5 if probe.interval else probe.auc == 1)
        and probe.auc >= metrics.auc_roc - alarms.probe_gap
    ]
    if not near:
        return []
    listed = ", ".join(f"{probe.name} {with_span(probe.auc, probe.interval)}" for probe in near)
    return [
        f"{WARNING}{metrics.model}'s AUC of {figure(metrics.auc_roc, 3)} proves less than it "
        f"seems to: with no model of meaning {listed} comes near it or reaches it."
    ]


def find_threats(
    models: Sequence[BaselineMetrics],
    quality: DataQualityScore,
    options: EvaluationOptions,
) -> list[str]:
    """List what makes the figures prove less than they seem to.

    Args:
        models: Metrics of the baseline, then of the variants.
        quality: The audit of the same pairs.
        options: The success criteria and what is warned of.
    """
    threats = list(quality.warnings)
    baseline = models[0]
    threats += _unreachable(models, options)
    threats += _few_groups(baseline)
    threats += _unequal_software(models)
    for metrics in models:
        threats += _unequal_inputs(metrics, quality)
        threats += _mixture(metrics, options.alarms)
        threats += _one_sided(metrics)
        threats += _prefix_change(metrics, options.alarms)
        threats += _clusters(metrics)
    threats += _small_subsets(baseline)
    groups = len(baseline.category_metrics) + len(baseline.pair_type_metrics)
    threats.append(
        f"{groups} categories and pair types are looked at: of their intervals about one in twenty "
        "misses the truth by chance"
    )
    if len(models) > 2:
        threats.append(
            f"{len(models) - 1} variants are held against the base model: Holm's correction covers "
            "the metrics of each of these comparisons, not their number"
        )
    threats.append(
        "all intervals take models, thresholds and clusters as given: they say how much the choice "
        "of eval pairs matters, not how much another training run would differ"
    )
    return threats


def _unchanged(before: BaselineMetrics, after: BaselineMetrics) -> Iterator[str]:
    """Warn of a variant whose cosines are the base model's: nothing was learnt, or kept."""
    if (before.compatible_distribution, before.incompatible_distribution) == (
        after.compatible_distribution,
        after.incompatible_distribution,
    ):
        yield (
            f"{WARNING}{after.model} gives the cosines of the base model: training changed "
            "nothing that is left in it"
        )


def _beside_chance(metrics: BaselineMetrics) -> str:
    interval, p_value = metrics.intervals.get("auc_roc"), metrics.permutation_p_values["auc_roc"]
    claim = {
        1: "it ranks better than chance",
        -1: "it ranks worse than chance",
        0: "that it differs from chance is not shown",
    }[against_chance(metrics)]
    name = name_of(metrics.model)
    return (
        f"{name[0].upper()}{name[1:]} has an AUC of {with_span(metrics.auc_roc, interval)} on the "
        f"{metrics.n_pairs} eval pairs (p of no association {chance(p_value)}): {claim}."
    )


def against_chance(metrics: BaselineMetrics) -> int:
    """Return 1 for a ranking shown to be better than chance, -1 for worse, 0 for not shown."""
    interval, p_value = metrics.intervals.get("auc_roc"), metrics.permutation_p_values["auc_roc"]
    if p_value is None and interval is None:
        return 0
    if p_value is not None and p_value > 1 - LEVEL:
        return 0
    # A model that never errs has no interval, for all resamples agree: there p decides alone.
    low, high = interval or (metrics.auc_roc, metrics.auc_roc)
    return int(low > 0.5) - int(high < 0.5)


def _purities(before: BaselineMetrics, after: BaselineMetrics) -> Iterator[str]:
    for kind, first, second in (
        ("texts", before.text_clusters, after.text_clusters),
        ("pairs", before.pair_clusters, after.pair_clusters),
    ):
        yield (
            f"{after.model}: mean purity of the clusters of {kind} over {len(second.draws)} seeds "
            f"{figure(first.mean_purity, 3)} before and {figure(second.mean_purity, 3)} after; the "
            f"first seed's would be {figure(second.chance_purity, 3)} by chance (not tested)."
        )


def _in_short(difference: ModelDifference, after: BaselineMetrics, told: Sequence[str]) -> str:
    subsets = {name: found["auc_roc"] for name, found in difference.subsets.items()}
    # Of all pairs there is a p-value too: what it does not bear out is not shown.
    compared = {**subsets, "all": difference.metrics["auc_roc"]}
    places: dict[str, list[str]] = {"improved": [], "worsened": [], "not shown": []}
    for name in ("all", *told_subsets(after)):
        if name in compared:
            places[compared[name].outcome].append(f"the {after.subsets[name].n} {SUBSETS[name]}")
    name = name_of(after.model)
    claims = [
        f"{claim} on {', '.join(places[outcome])}"
        for outcome, claim in (
            ("improved", "it is shown to rank better than the base model"),
            ("worsened", "it is shown to rank worse than the base model"),
            ("not shown", "no difference in ranking is shown"),
        )
        if places[outcome]
    ]
    warnings = sum(sentence.startswith(WARNING) for sentence in told)
    return f"In short, {name}: {'; '.join(claims)}. Warnings: {warnings or 'none'}."


def _headline(difference: ModelDifference) -> Iterator[str]:
    first, second = (name_of(m) for m in (difference.first, difference.second))
    found = {
        outcome: {
            name: change
            for metric, name in told.items()
            if (change := difference.metrics[metric]).outcome == outcome
            and change.difference is not None
        }
        for outcome, told in (
            ("improved", _TOLD_METRICS | _TOLD_IF_SHOWN),
            ("worsened", _TOLD_METRICS | _TOLD_IF_SHOWN),
            ("not shown", _TOLD_METRICS),
        )
    }
    name = second[0].upper() + second[1:]
    for outcome, word in (("improved", "better"), ("worsened", "worse")):
        changes = found[outcome]
        if changes:
            listed = "; ".join(f"{metric} from {_change(each)}" for metric, each in changes.items())
            p_values = [
                each.adjusted_p_value
                for each in changes.values()
                if each.adjusted_p_value is not None
            ]
            p_text = f" (Holm-adjusted p at most {chance(max(p_values))})" if p_values else ""
            yield f"{name} is {word} than {first}: {listed}{p_text}."
    for metric, each in found["not shown"].items():
        p_text = f", adjusted p {chance(each.adjusted_p_value)}" if each.adjusted_p_value else ""
        yield (
            f"Not shown: that {second} differs from {first} in {metric}, {_change(each)}{p_text}."
        )


def _change(found: Difference) -> str:
    return (
        f"{figure(found.before, 3)} to {figure(found.after, 3)}, {signed(found.difference, 3)} "
        f"{span(found.interval)}"
    )


def _ceiling(metrics: BaselineMetrics) -> Iterator[str]:
    share = metrics.share_of_spearman_ceiling
    if share is not None and 0 < share <= 1:
        yield (
            f"{metrics.model}: Spearman {figure(metrics.spearman_correlation)} is "
            f"{share:.1%} of {figure(metrics.spearman_ceiling)}, the most that these labels allow "
            "without tied cosines."
        )


def _decisions(
    difference: ModelDifference, before: BaselineMetrics, after: BaselineMetrics
) -> Iterator[str]:
    flipped = difference.decisions
    yield (
        f"{after.model}: {flipped.gained} decisions turn right and {flipped.lost} turn wrong "
        f"(p = {chance(flipped.group_p_value)} by exchanging groups; McNemar's p of "
        f"{chance(flipped.p_value)} takes pairs as independent); false positives "
        f"{before.decisions.false_positives} to {after.decisions.false_positives} of "
        f"{after.n_incompatible} at each model's validated threshold, "
        f"{before.matched_recall_decisions.false_positives} to "
        f"{after.matched_recall_decisions.false_positives} at a recall of "
        f"{figure(before.matched_recall_decisions.recall, 2)} and "
        f"{figure(after.matched_recall_decisions.recall, 2)}."
    )


def _subsets(difference: ModelDifference, after: BaselineMetrics) -> Iterator[str]:
    for name in told_subsets(after):
        subset = after.subsets[name]
        found = difference.subsets[name]["auc_roc"]
        verb = {"improved": "rises", "worsened": "falls", "not shown": "is not shown to change"}
        yield (
            f"{after.model}: on the {subset.n} {SUBSETS[name]} AUC {verb[found.outcome]}: "
            f"{_change(found)}."
        )


def told_subsets(metrics: BaselineMetrics) -> list[str]:
    """Name the subsets that say something: not too small, and no pairs told of before."""
    told: list[str] = []
    for name in _TOLD_SUBSETS:
        subset = metrics.subsets.get(name)
        if (
            subset is not None
            and _FEW_PAIRS <= subset.n < metrics.n_pairs
            and all(subset != metrics.subsets[other] for other in told)
        ):
            told.append(name)
    return told


def _losses(
    difference: ModelDifference,
    before: BaselineMetrics,
    after: BaselineMetrics,
    alarms: AlarmOptions,
) -> Iterator[str]:
    language = difference.general["spearman_correlation"]
    unrelated = difference.general["unrelated_mean_cosine"]
    lost = (
        language.outcome == "worsened"
        and (language.difference or 0.0) <= -alarms.general_spearman_loss
    )
    yield (
        f"{_warning(lost)}{after.model}: on {after.general.n} general-language pairs Spearman with "
        f"their grades goes {_change(language)}{'' if lost else _unshown(language)}."
    )
    risen = (
        unrelated.outcome == "worsened"
        and (unrelated.difference or 0.0) >= alarms.unrelated_cosine_rise
    )
    yield (
        f"{_warning(risen)}{after.model}: the mean cosine of unrelated general sentences goes "
        f"{_change(unrelated)}{'' if risen else _unshown(unrelated)}."
    )
    ranks = before.geometry.effective_rank, after.geometry.effective_rank
    spread = before.geometry.anisotropy, after.geometry.anisotropy
    collapsed = (
        ranks[0] is not None
        and ranks[1] is not None
        and ranks[1] < alarms.effective_rank_share * ranks[0]
    ) or (
        spread[0] is not None
        and spread[1] is not None
        and spread[1] - spread[0] >= alarms.anisotropy_rise
    )
    yield (
        f"{_warning(collapsed)}{after.model}: the eval texts' embeddings use "
        f"{figure(ranks[0], 1)} effective dimensions before and {figure(ranks[1], 1)} after, of "
        f"{after.geometry.dimensions}; two different eval texts have a mean cosine of "
        f"{figure(spread[0], 2)} before and {figure(spread[1], 2)} after."
    )
    if after.prefix_swap is not None:
        yield f"{after.model}: {_prefix_swap(after.prefix_swap)}."


def _warning(alarmed: bool) -> str:
    return WARNING if alarmed else ""


def _unshown(found: Difference) -> str:
    return " (not shown)" if found.outcome == "not shown" else ""


def _unreachable(models: Sequence[BaselineMetrics], options: EvaluationOptions) -> Iterator[str]:
    criterion = options.success_criteria.get("spearman_correlation")
    if criterion is None:
        return
    baseline = models[0]
    needed = auc_for_spearman(
        parse_criterion(criterion)[1], baseline.n_compatible, baseline.n_incompatible
    )
    if needed is None or needed < _ALMOST_PERFECT:
        return
    allowed = f"these labels allow {figure(baseline.spearman_ceiling)} without tied cosines"
    if needed > 1:
        yield f"the criterion Spearman {criterion} is out of reach: {allowed}"
    else:
        yield f"the criterion Spearman {criterion} needs an AUC of {figure(needed, 5)}: {allowed}"


def _unequal_inputs(metrics: BaselineMetrics, quality: DataQualityScore) -> Iterator[str]:
    trained = metrics.manifest.model
    if trained is None or trained_instructions(trained) is None:
        return
    told = "; ".join(describe(probe) for probe in quality.probes if probe.name == "category")
    yield (
        f"{metrics.model} reads an instruction before both texts, chosen by the category of the "
        "pair, and the other models do not: they are not compared on equal inputs, and what a "
        f"category tells of its labels may stand behind its figures ({told})"
    )


def _mixture(metrics: BaselineMetrics, alarms: AlarmOptions) -> Iterator[str]:
    without = {
        name: found
        for name, found in metrics.without_pair_type.items()
        if found.change is not None
        and abs(found.change) >= alarms.mixture_shift
        and found.interval is not None
        and (found.interval.low > 0 or found.interval.high < 0)
    }
    if not without:
        return
    parts = [f"{metrics.auc_roc:.3f} on all"]
    parts += [
        f"{figure(found.auc_roc, 3)} without pair type {_printable(name)} (change "
        f"{signed(found.change, 3)} {span(found.interval)})"
        for name, found in without.items()
    ]
    subset = metrics.subsets.get("no_shared_text")
    if subset is not None and subset.auc_roc is not None and subset.n < metrics.n_pairs:
        parts.append(
            f"{with_span(subset.auc_roc, subset.intervals.get('auc_roc'))} on the {subset.n} "
            "pairs that share no text with train"
        )
    yield (f"{metrics.model}'s AUC depends on the mixture of pairs: {', '.join(parts)}")


def _one_sided(metrics: BaselineMetrics) -> Iterator[str]:
    if not one_sided(metrics):
        return
    found, trivial = metrics.decisions, call_all(metrics.n_compatible, metrics.n_incompatible)
    yield (
        f"{metrics.model}'s validated threshold of {figure(found.threshold, 2)} calls "
        f"{found.called} of {metrics.n_pairs} pairs compatible: its F1 of "
        f"{figure(found.f1, 3)} and accuracy of {figure(found.accuracy, 3)} say next to nothing of "
        f"the model, for calling every pair compatible gives {figure(trivial.f1, 3)} and "
        f"{figure(trivial.accuracy, 3)}"
    )


def one_sided(metrics: BaselineMetrics) -> bool:
    """Tell whether a model's threshold calls almost all pairs compatible, or almost none."""
    share = metrics.decisions.called / metrics.n_pairs
    return not 1 - _ALMOST_ALL < share < _ALMOST_ALL


def _unequal_software(models: Sequence[BaselineMetrics]) -> Iterator[str]:
    """Say where the models were measured by different code or libraries."""
    by_software: dict[str, list[str]] = {}
    for metrics in models:
        environment = metrics.manifest.environment
        found = json.dumps([environment.git_commit, environment.libraries], sort_keys=True)
        by_software.setdefault(found, []).append(metrics.model)
    if len(by_software) > 1:
        listed = "; ".join(", ".join(names) for names in by_software.values())
        yield (
            "the models were measured with different commits of the project or versions of its "
            f"libraries ({listed}): what differs may come from there; measure all anew"
        )


def _prefix_change(metrics: BaselineMetrics, alarms: AlarmOptions) -> Iterator[str]:
    found = metrics.prefix_swap
    if found is not None and found.mean_absolute_change >= alarms.prefix_change:
        yield f"{metrics.model} reads the prefixes: {_prefix_swap(found)}"


def _prefix_swap(found: PrefixSwapMetrics) -> str:
    moved = with_span(found.mean_absolute_change, found.intervals.get("mean_absolute_change"))
    return (
        f"exchanging the prefixes {' and '.join(found.prefixes)} moves the cosine by {moved} on "
        f"average and flips {found.flipped_decisions} of {found.n} decisions"
    )


def _clusters(metrics: BaselineMetrics) -> Iterator[str]:
    for kind, found in (("texts", metrics.text_clusters), ("pairs", metrics.pair_clusters)):
        first = found.draws[0]
        if found.chance_purity is not None and found.p_value is not None and found.p_value > 0.05:
            yield (
                f"{metrics.model}'s cluster purity of {kind}, {figure(first.purity, 3)}, is what "
                f"chance gives (mean {found.chance_purity:.3f} under permuted labels, "
                f"p = {chance(found.p_value)})"
            )
        if found.purity_std is not None and found.purity_std > _UNSTABLE_PURITY:
            yield (
                f"{metrics.model}'s cluster purity of {kind} depends on the seed of UMAP: standard "
                f"deviation {found.purity_std:.3f} over {len(found.draws)} seeds"
            )


def _few_groups(metrics: BaselineMetrics) -> Iterator[str]:
    if metrics.n_groups < FEWEST_GROUPS or 2 * metrics.largest_group > metrics.n_pairs:
        yield (
            f"the {metrics.n_pairs} eval pairs hang together in {metrics.n_groups} groups that "
            f"share texts, the largest of {metrics.largest_group}: little can be shown on them"
        )


def _small_subsets(metrics: BaselineMetrics) -> Iterator[str]:
    for name in _TOLD_SUBSETS:
        subset = metrics.subsets.get(name)
        count = subset.n if subset else 0
        if count < _FEW_PAIRS:
            yield f"{count or 'no'} {SUBSETS[name]}: too few to prove anything"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)
