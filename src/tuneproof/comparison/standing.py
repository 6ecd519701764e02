"""Which variants are shown to be better than the base model, and with which reservations."""

from collections.abc import Iterator, Sequence

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import CriterionResult, ModelDifference, Standing
from tuneproof.comparison.verdict import against_chance, one_sided, told_subsets
from tuneproof.comparison.wording import chance
from tuneproof.measurement.records import SUBSETS, BaselineMetrics

_VERBS = {"worsened": "it ranks worse", "not shown": "that it ranks better is not shown"}


def judge_variant(
    metrics: BaselineMetrics,
    difference: ModelDifference,
    quality: DataQualityScore,
    criteria: Sequence[CriterionResult],
) -> Standing:
    """Say whether a variant is shown to rank better than the base model.

    It is where its AUC is shown to be higher on all eval pairs and above chance, and, where the
    audit's limit of leaked pairs is passed, higher on the clean pairs too. Whatever else speaks
    against it is a reservation: what that is worth is for people to say.

    Args:
        metrics: Metrics of the variant.
        difference: The variant against the base model.
        quality: The audit of the same pairs.
        criteria: The success criteria.
    """
    refuted = [*_refutations(metrics, difference, quality)]
    return Standing(
        model=metrics.model,
        better=not refuted,
        reasons=refuted or [*_reservations(metrics, difference, criteria)],
    )


def _refutations(
    metrics: BaselineMetrics, difference: ModelDifference, quality: DataQualityScore
) -> Iterator[str]:
    found = difference.metrics["auc_roc"]
    if found.outcome != "improved":
        yield (
            f"on all {metrics.n_pairs} eval pairs {_VERBS[found.outcome]} (p "
            f"{chance(found.p_value)}, {chance(found.adjusted_p_value)} after Holm's correction)"
        )
    if against_chance(metrics) <= 0:
        yield "that it ranks better than chance is not shown"
    if any(gate.name == "leakage" and not gate.passed for gate in quality.gates):
        clean = difference.subsets.get("clean")
        if clean is None or clean["auc_roc"].outcome != "improved":
            n_clean = metrics.subsets["clean"].n if clean else 0
            yield (
                "training saw more of the eval pairs than the audit allows, and on the "
                f"{n_clean} {SUBSETS['clean']} no gain is shown"
            )


def _reservations(
    metrics: BaselineMetrics, difference: ModelDifference, criteria: Sequence[CriterionResult]
) -> Iterator[str]:
    for name in told_subsets(metrics):
        if difference.subsets[name]["auc_roc"].outcome != "improved":
            yield f"no gain is shown on the {metrics.subsets[name].n} {SUBSETS[name]}"
    unmet = [each for each in criteria if not each.sure.get(metrics.model)]
    if unmet:
        yield f"{len(unmet)} of {len(criteria)} success criteria are not surely met"
    if one_sided(metrics):
        yield f"its threshold calls {metrics.decisions.called} of {metrics.n_pairs} compatible"
    language = difference.general["spearman_correlation"]
    if language.outcome == "worsened":
        yield "it knows general language less well than the base model"
