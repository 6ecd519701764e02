"""The audit: pairs in, one report with scores, counts and warnings out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from pydantic.dataclasses import dataclass

from tuneproof.audit.bias import bias
from tuneproof.audit.dimension import Dimension, Score
from tuneproof.audit.diversity import diversity
from tuneproof.audit.language import linguistic_quality
from tuneproof.audit.leakage import LeakageCounts, count_leakage
from tuneproof.audit.quality import count_duplicate_rows, data_quality
from tuneproof.manifest import Environment, Sha256
from tuneproof.pairs import DatingPair, hash_pairs

SUSPICIOUS: Final = 60.0
"""A sub-score below it is worth a warning."""

_LISTED_NAMES = 5


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AuditOptions:
    """Parameters of `data_quality`.

    Attributes:
        target_overall: Overall score that the pairs should reach, in [0, 100].
    """

    target_overall: Annotated[float, Field(ge=0, le=100)]


class SplitCounts(BaseModel):
    """What one split holds.

    Attributes:
        n: Number of pairs.
        compatible: Pairs of label 1.
        incompatible: Pairs of label 0.
        categories: Pairs by category.
        pair_types: Pairs by pair type.
        distinct_texts: Number of different texts, on either side.
        duplicate_rows: Rows whose texts stood before in the same order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: NonNegativeInt
    compatible: NonNegativeInt
    incompatible: NonNegativeInt
    categories: dict[str, int]
    pair_types: dict[str, int]
    distinct_texts: NonNegativeInt
    duplicate_rows: NonNegativeInt


class DataQualityScore(BaseModel):
    """Is the data fit to train on?

    Attributes:
        data_quality: Completeness, consistency, duplicates and format.
        diversity: Vocabulary, categories, labels and lengths.
        bias: Associations with the label; 100 stands for none.
        linguistic_quality: Readability, coherence, naturalness and repetition.
        overall: Mean of the dimensions that apply, in [0, 100].
        target: What `overall` should reach, in [0, 100].
        target_met: Whether it does.
        counts: What each split holds (`train`, `validation`, `eval`).
        leakage: Eval pairs that train and validation pairs give away.
        rejected_rows: Rows of both files that were no valid pairs.
        warnings: What to look into, in plain words.
        pairs: Hash of the pairs, by split.
        environment: Versions and commit.

    The dimensions describe the pairs that are trained on, train and validation together; the
    rejected rows of both files count in completeness alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data_quality: Dimension
    diversity: Dimension
    bias: Dimension
    linguistic_quality: Dimension
    overall: Score
    target: Score
    target_met: bool
    counts: dict[str, SplitCounts]
    leakage: LeakageCounts
    rejected_rows: NonNegativeInt
    warnings: list[str]
    pairs: dict[str, Sha256]
    environment: Environment

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The four dimensions, in order."""
        return self.data_quality, self.diversity, self.bias, self.linguistic_quality


def audit(
    train: Sequence[DatingPair],
    validation: Sequence[DatingPair],
    evaluation: Sequence[DatingPair],
    n_rejected: int,
    options: AuditOptions,
) -> DataQualityScore:
    """Score the pairs that are trained on and count what they give away of the eval pairs.

    Args:
        train: Train pairs.
        validation: Validation pairs; scored together with the train pairs.
        evaluation: Eval pairs; counted, and compared with the others for leakage.
        n_rejected: Number of rows of both files that were no valid pairs; they lower completeness.
        options: The target.

    Returns:
        The report. The order of the pairs changes nothing in it but their hashes.

    Raises:
        ValueError: There is no pair to train on.
    """
    training = [*train, *validation]
    if not training:
        raise ValueError("found no train and no validation pair, expected at least one")
    dimensions = {
        "data_quality": data_quality(training, n_rejected),
        "diversity": diversity(training),
        "bias": bias(training),
        "linguistic_quality": linguistic_quality(training),
    }
    known = [dimension.score for dimension in dimensions.values() if dimension.score is not None]
    overall = sum(known) / len(known)
    splits = {"train": train, "validation": validation, "eval": evaluation}
    leakage = count_leakage(training, evaluation)
    return DataQualityScore(
        **dimensions,
        overall=overall,
        target=options.target_overall,
        target_met=overall >= options.target_overall,
        counts={split: count_split(pairs) for split, pairs in splits.items()},
        leakage=leakage,
        rejected_rows=n_rejected,
        warnings=[
            *_leakage_warnings(leakage),
            *_row_warnings(training, evaluation, n_rejected),
            *_single_label_warnings("train", training),
            *_single_label_warnings("eval", evaluation),
            *_score_warnings(dimensions.values()),
        ],
        pairs={split: hash_pairs(pairs) for split, pairs in splits.items()},
        environment=Environment.current(),
    )


def count_split(pairs: Sequence[DatingPair]) -> SplitCounts:
    """Count what a split holds; names in alphabetical order."""
    compatible = sum(pair.label for pair in pairs)
    return SplitCounts(
        n=len(pairs),
        compatible=compatible,
        incompatible=len(pairs) - compatible,
        categories=dict(sorted(Counter(pair.category for pair in pairs).items())),
        pair_types=dict(sorted(Counter(pair.pair_type for pair in pairs).items())),
        distinct_texts=len({text for pair in pairs for text in pair.texts}),
        duplicate_rows=count_duplicate_rows(pairs),
    )


def summarise(report: DataQualityScore) -> str:
    """Write the report as plain text, one finding a line."""
    verdict = "meets" if report.target_met else "misses"
    leakage = report.leakage
    lines = [
        f"Overall {report.overall:.1f} of 100: {verdict} the target of {report.target:g}",
        "",
    ]
    for dimension in report.dimensions:
        lines.append(f"{dimension.name}: {show_score(dimension.score)}")
        lines += [
            f"  {sub.name}: {show_score(sub.score)} ({sub.detail})"
            for sub in dimension.sub_scores.values()
        ]
    lines += ["", "Pairs"]
    lines += [
        f"  {split}: {counts.n} ({counts.compatible} compatible, {counts.incompatible} "
        f"incompatible), {counts.distinct_texts} distinct texts, "
        f"{counts.duplicate_rows} duplicate rows"
        for split, counts in report.counts.items()
    ]
    lines += [
        f"  rejected rows: {report.rejected_rows}",
        "",
        f"Leakage of the {leakage.eval_pairs} eval pairs into train and validation",
        f"  word for word in train: {leakage.in_train} "
        f"(in the other order: {leakage.in_train_swapped})",
        f"  sharing a text with train: {leakage.sharing_a_text}",
        f"  clean of both: {leakage.clean}",
        "",
        f"Warnings: {len(report.warnings)}",
        *(f"  - {warning}" for warning in report.warnings),
    ]
    return "\n".join(lines) + "\n"


def show_score(score: float | None) -> str:
    """Write a score for people: one decimal, or 'n/a'."""
    return "n/a" if score is None else f"{score:.1f}"


def _leakage_warnings(leakage: LeakageCounts) -> Iterator[str]:
    if known := leakage.in_train + leakage.in_train_swapped:
        yield (
            f"{known} of {leakage.eval_pairs} eval pairs stand in train: figures on them measure "
            "memory"
        )
    if leakage.sharing_a_text:
        yield (
            f"{leakage.sharing_a_text} of {leakage.eval_pairs} eval pairs share a text with train; "
            f"{leakage.clean} are clean"
        )


def _row_warnings(
    training: Sequence[DatingPair], evaluation: Sequence[DatingPair], n_rejected: int
) -> Iterator[str]:
    for name, pairs in (("train", training), ("eval", evaluation)):
        if repeated := count_duplicate_rows(pairs):
            yield f"{repeated} of {len(pairs)} {name} rows are duplicates"
    if n_rejected:
        yield f"{n_rejected} rows were rejected: see rejected_pairs"


def _single_label_warnings(split: str, pairs: Sequence[DatingPair]) -> Iterator[str]:
    if len({pair.label for pair in pairs}) == 1:
        yield f"the {split} pairs hold one label only: there is nothing to tell apart"
        return
    for plural, field in (("categories", "category"), ("pair types", "pair_type")):
        labels: defaultdict[str, set[int]] = defaultdict(set)
        for pair in pairs:
            labels[getattr(pair, field)].add(pair.label)
        single = sorted(name for name, found in labels.items() if len(found) == 1)
        if single:
            yield (
                f"{len(single)} of {len(labels)} {plural} of the {split} pairs hold one label "
                f"only: {_names(single)}"
            )


def _score_warnings(dimensions: Iterable[Dimension]) -> Iterator[str]:
    for dimension in dimensions:
        for sub in dimension.sub_scores.values():
            if sub.score is not None and sub.score < SUSPICIOUS:
                yield f"{sub.name} scores {sub.score:.1f}: {sub.detail}"


def _names(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else ascii(name) for name in names[:_LISTED_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
