"""What the audit found, in plain words: one warning for each thing to look into.

Whatever stands in a pair is escaped where a terminal would obey it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, get_args

from tuneproof.audit.dimension import Dimension
from tuneproof.audit.gates import GateOutcome
from tuneproof.audit.groups import Field, LabelCounts
from tuneproof.audit.label_errors import LabelErrors
from tuneproof.audit.leakage import LeakageCounts
from tuneproof.audit.quality import count_duplicate_rows
from tuneproof.audit.repeats import RepeatedPair
from tuneproof.audit.shortcuts import ShortcutProbe, show_auc
from tuneproof.audit.text import printable
from tuneproof.pairs import DatingPair

SUSPICIOUS: Final = 60.0
"""A sub-score below it is worth a warning."""

_LISTED_NAMES = 5
_PLURALS: Final[Mapping[Field, str]] = {"category": "categories", "pair_type": "pair types"}


def of_gates(gates: Iterable[GateOutcome]) -> Iterator[str]:
    """Name the gates that are not passed, but for those that are off."""
    for gate in gates:
        if not gate.passed and gate.action != "off":
            yield f"the gate '{gate.name}' is not passed: {gate.message}"


def of_overall(mean: float, overall: float, held_down_by: Sequence[str]) -> Iterator[str]:
    """Say which necessary scores keep the overall score below the mean of the dimensions."""
    if held_down_by:
        yield (
            f"{' and '.join(held_down_by)} held the overall score down to {overall:.1f}: the mean "
            f"of the dimensions is {mean:.1f}, but without it the rest is worth nothing"
        )


def of_leakage(leakage: Mapping[str, LeakageCounts]) -> Iterator[str]:
    """Say how many pairs the sources give away."""
    found = leakage["eval"]
    if known := found.in_train + found.in_train_swapped:
        yield f"{known} of {found.pairs} eval pairs stand in train: figures on them measure memory"
    if rewritten := found.levels["normalised"]:
        yield f"{rewritten} more stand there in another writing, or with other prefixes"
    if found.sharing_a_text:
        yield (
            f"{found.sharing_a_text} of {found.pairs} eval pairs share a text with train; "
            f"{found.without_shared_text} do not"
        )
    if near := found.without_shared_text - found.clean:
        yield (
            f"{near} eval pairs that share no text with train come near to one; {found.clean} of "
            f"{found.pairs} are clean"
        )
    chosen_by = leakage["validation"]
    if leaked := chosen_by.pairs - chosen_by.clean:
        yield (
            f"{leaked} of {chosen_by.pairs} validation pairs share a text with train or come near "
            "to one: checkpoints and thresholds are chosen by pairs that training saw"
        )


def of_probes(probes: Sequence[ShortcutProbe]) -> Iterator[str]:
    """Name the probes that tell the label, and those that were fooled."""
    telling = [f"{p.name} reaches AUC {show_auc(p.auc, p.interval)}" for p in probes if p.telling]
    if telling:
        yield (
            f"{'; '.join(telling)}: a model that does no better need not have understood the pairs"
        )
    if fooled := [p.name for p in probes if p.fooled]:
        yield (
            f"what {', '.join(fooled)} tells of the train labels holds in reverse on the eval pairs"
        )


def of_label_errors(errors: Mapping[str, LabelErrors]) -> Iterator[str]:
    """Count the rows whose label is likely wrong."""
    for split, found in errors.items():
        if found.found:
            yield (
                f"{len(found.found)} {split} rows have a likely wrong label: the words of other "
                "pairs speak against it"
            )


def of_conflicts(conflicts: Sequence[RepeatedPair]) -> Iterator[str]:
    """Count the pairs under both labels, and name the rows of the first."""
    if conflicts:
        rows = ", ".join(f"{row.split} row {row.row}" for row in conflicts[0].rows[:_LISTED_NAMES])
        yield (
            f"{len(conflicts)} pairs stand under both labels, in "
            f"{sum(len(conflict.rows) for conflict in conflicts)} rows; the first in {rows}"
        )


def of_rows(
    training: Sequence[DatingPair], evaluation: Sequence[DatingPair], n_rejected: int
) -> Iterator[str]:
    """Count the repeated rows, the first of each not counted, and the rejected ones."""
    for name, pairs in (("train", training), ("eval", evaluation)):
        if repeated := count_duplicate_rows(pairs):
            yield f"{repeated} of {len(pairs)} {name} rows are duplicates"
    if n_rejected:
        yield f"{n_rejected} rows were rejected: see rejected_pairs"


def of_groups(groups: Iterable[LabelCounts], smallest: int) -> Iterator[str]:
    """Name the groups with one label only, and those with too few pairs of one."""
    groups = list(groups)
    for split in ("train", "eval"):
        inside = [group for group in groups if group.split == split]
        if inside and not (
            any(group.compatible for group in inside)
            and any(group.incompatible for group in inside)
        ):
            yield f"the {split} pairs hold one label only: there is nothing to tell apart"
            continue
        for field in get_args(Field):
            names = [group for group in inside if group.field == field]
            start = f"of {len(names)} {_PLURALS[field]} of the {split} pairs hold"
            if one_label := [group.name for group in names if group.rarer == 0]:
                yield f"{len(one_label)} {start} one label only: {_names(one_label)}"
            if small := [group.name for group in names if 0 < group.rarer < smallest]:
                yield (
                    f"{len(small)} {start} fewer than {smallest} pairs of a label: {_names(small)}"
                )


def of_scores(dimensions: Iterable[Dimension]) -> Iterator[str]:
    """Name the sub-scores below `SUSPICIOUS`."""
    for dimension in dimensions:
        for sub in dimension.sub_scores.values():
            if sub.score is not None and sub.score < SUSPICIOUS:
                yield f"{sub.name} scores {sub.score:.1f}: {sub.detail}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _LISTED_NAMES
    shown = ", ".join(printable(name) for name in names[:_LISTED_NAMES])
    return shown + (f" and {more} more" if more > 0 else "")
