"""The report as plain text."""

from collections.abc import Iterator

from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.audit.shortcuts import describe
from tuneproof.audit.text import printable

_LISTED_ROWS = 10


def summarise(report: DataQualityScore) -> str:
    """Write the report as plain text, one finding a line; texts of pairs are escaped.

    Of likely label errors and conflicts it lists ten at most, the report all.
    """
    verdict = "meets" if report.target_met else "misses"
    lines = [
        f"Overall {report.overall:.1f} of 100: {verdict} the target of {report.target:g}",
        *(f"  held down by {name}" for name in report.held_down_by),
        "",
        *_scores(report),
        "",
        "Pairs",
        *_pairs(report),
        "",
        *_leakage(report),
        "",
        "What tells the labels of the eval pairs, fitted on train and validation",
        *(f"  {describe(probe)}" for probe in report.probes),
        "",
        *_label_errors(report),
        f"Pairs under both labels: {len(report.conflicts)}",
        *_conflicts(report),
        "",
        "Gates",
        *(
            f"  {gate.name} ({gate.action}): {'passed' if gate.passed else 'not passed'}, "
            f"{gate.message}"
            for gate in report.gates
        ),
        "",
        f"Warnings: {len(report.warnings)}",
        *(f"  - {warning}" for warning in report.warnings),
    ]
    return "\n".join(lines) + "\n"


def _scores(report: DataQualityScore) -> Iterator[str]:
    for dimension in report.dimensions:
        yield f"{dimension.name}: {show_score(dimension.score)}"
        for sub in dimension.sub_scores.values():
            yield f"  {sub.name}: {show_score(sub.score)} ({sub.detail})"


def _pairs(report: DataQualityScore) -> Iterator[str]:
    for split, counts in report.counts.items():
        yield (
            f"  {split}: {counts.n} ({counts.compatible} compatible, {counts.incompatible} "
            f"incompatible), {counts.distinct_texts} distinct texts, "
            f"{counts.duplicate_rows} duplicate rows"
        )
    yield f"  rejected rows: {report.rejected_rows}"


def _leakage(report: DataQualityScore) -> Iterator[str]:
    for split, found in report.leakage.items():
        sources = "train" if split == "validation" else "train and validation"
        yield f"Leakage of the {found.pairs} {split} pairs into {sources}"
        yield f"  word for word in train: {found.in_train} (other order: {found.in_train_swapped})"
        yield f"  sharing a text with train: {found.sharing_a_text}"
        yield f"  clean of that and of near duplicates: {found.clean}"
        levels = ", ".join(f"{level} {count}" for level, count in found.levels.items() if count)
        yield f"  by level: {levels or 'no pairs'}"


def _label_errors(report: DataQualityScore) -> Iterator[str]:
    for split, errors in report.label_errors.items():
        if errors.reason:
            yield f"Likely label errors of {split}: not searched ({errors.reason})"
            continue
        yield f"Likely label errors of {split}: {len(errors.found)}, {errors.judged} pairs judged"
        for error in errors.found[:_LISTED_ROWS]:
            yield (
                f"  {error.split} row {error.row}, label {error.label}, the other "
                f"{error.probability:.2f}: {printable(error.text_1)} | {printable(error.text_2)}"
            )


def _conflicts(report: DataQualityScore) -> Iterator[str]:
    for conflict in report.conflicts[:_LISTED_ROWS]:
        rows = ", ".join(f"{row.split} row {row.row} ({row.label})" for row in conflict.rows)
        yield f"  {' | '.join(printable(text) for text in conflict.texts)}: {rows}"
