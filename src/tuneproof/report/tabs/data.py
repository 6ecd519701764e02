"""Tab `Data`: is it fit to train on, and fit to prove anything?"""

from collections.abc import Sequence
from typing import Final

from tuneproof.audit.label_errors import LabelErrors
from tuneproof.audit.score import DataQualityScore, show_score
from tuneproof.audit.shortcuts import ShortcutProbe
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

_SOURCES: Final = ("data_quality_report",)
_LISTED_ERRORS: Final = 20


def data_tab(quality: DataQualityScore) -> Tab:
    """Lay out the audit."""
    return Tab(
        "data",
        "Data",
        [
            _overview(quality),
            _warnings(quality),
            _scores(quality),
            _splits(quality),
            _probes(quality.probes),
            _label_errors(quality),
        ],
    )


def _overview(quality: DataQualityScore) -> Section:
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
    gates = Table(
        caption="Gates",
        corner="Gate",
        columns=["Found and expected", "Action", "Passed"],
        rows=[
            (
                gate.name,
                [
                    prose(gate.message),
                    word(gate.action),
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
        [scores, gates],
        sources=_SOURCES,
    )


def _warnings(quality: DataQualityScore) -> Section:
    return Section(
        "warnings",
        "Warnings",
        [] if quality.warnings else ["None."],
        points=quality.warnings,
        sources=_SOURCES,
    )


def _scores(quality: DataQualityScore) -> Section:
    details = Table(
        caption="What the scores are made of",
        corner="Sub-score",
        columns=["Dimension", "Score", "Evidence"],
        rows=[
            (sub.name, [word(each.name), Cell(show_score(sub.score)), prose(sub.detail)])
            for each in quality.dimensions
            for sub in each.sub_scores.values()
        ],
    )
    return Section("scores", "Scores", tables=[details], sources=_SOURCES)


def _splits(quality: DataQualityScore) -> Section:
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
    return Section(
        "leakage",
        "Splits and leakage",
        ["The Pairs tab shows the leak level of each eval pair."],
        [splits, leakage],
        sources=_SOURCES,
    )


def _probes(found: Sequence[ShortcutProbe]) -> Section:
    table = Table(
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
    return Section(
        "probes",
        "Shortcuts",
        [
            "Each probe sees a part of the pairs, is fitted on the train and validation pairs and "
            "judged on the eval pairs. A model near a probe's AUC may do no more than the probe."
        ],
        [table],
        sources=_SOURCES,
    )


def _label_errors(quality: DataQualityScore) -> Section:
    tables = [
        _errors_table(split, errors)
        for split, errors in quality.label_errors.items()
        if errors.found
    ]
    return Section(
        "label-errors",
        "Likely label errors",
        [
            "Rows whose label the words of other pairs speak against (confident learning). The "
            "Pairs tab marks those of the eval pairs.",
            *(_searched(split, errors) for split, errors in quality.label_errors.items()),
        ],
        tables,
        sources=_SOURCES,
    )


def _searched(split: str, errors: LabelErrors) -> str:
    if errors.reason:
        return f"{split}: not searched ({errors.reason})."
    return f"{split}: {len(errors.found):,} found among {errors.judged:,} pairs judged."


def _errors_table(split: str, errors: LabelErrors) -> Table:
    listed = errors.found[:_LISTED_ERRORS]
    return Table(
        caption=f"{split}: {len(listed)} of {len(errors.found)} likely label errors, the surest "
        "first",
        corner="Row",
        columns=["Texts", "Label", "Probability of the other"],
        rows=[
            (
                f"{error.split} {error.row}",
                [
                    prose(f"{error.text_1} / {error.text_2}"),
                    Cell(str(error.label)),
                    number(error.probability, 2),
                ],
            )
            for error in listed
        ],
    )
