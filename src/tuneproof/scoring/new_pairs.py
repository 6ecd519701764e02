"""Pairs to score: read as a stream, all of them checked before the first one is scored."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SkipValidation, ValidationError

from tuneproof.errors import InvalidPairsError
from tuneproof.pairs import (
    LISTED_PROBLEMS,
    UNGROUPED,
    DatingPair,
    PrepareOptions,
    RejectedRow,
    Text,
    advise,
    describe_lack,
    describe_problems,
    field_reason,
    missing_fields,
    survives_saving,
    text_reasons,
    without_missing,
)
from tuneproof.rows import Row, printable, read_rows, show

ADDED_FIELDS: Final = ("cosine", "probability", "decision", "nearest_train_pairs")
"""What scoring adds to the fields of a row."""

_USED = ("text_1", "text_2", "category")


class NewPair(DatingPair):
    """A pair to score: of the schema it must have the texts, and nothing else.

    Attributes:
        label: Not read: what the row calls so stays in `row`.
        category: Decides which instruction an instructed model reads; `UNGROUPED` where the row
            has none.
        subcategory: Not read.
        pair_type: Not read.
        row: All fields of the row, by the file's names, as they came.
    """

    label: Any = None
    category: Text = UNGROUPED
    subcategory: Text = UNGROUPED
    pair_type: Text = UNGROUPED
    row: SkipValidation[dict[str, Any]]


@dataclass(frozen=True)
class PairFile:
    """A file of pairs; each iteration reads its rows anew and holds one at a time.

    Attributes:
        path: Where it is; its name says whether it is CSV (`tuneproof.rows`).
    """

    path: Path

    def __iter__(self) -> Iterator[Row]:
        with self.path.open("rb") as lines:
            yield from read_rows(lines, str(self.path))

    def sha256(self) -> str:
        """Return the hash of the file's bytes."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def require_unchanged(self, sha256: str) -> None:
        """Check, at the end of reading, that what was read is what was checked before.

        Args:
            sha256: Hash of the file's bytes when it was checked.

        Raises:
            InvalidPairsError: Somebody wrote to the file in between.
        """
        if (found := self.sha256()) != sha256:
            raise InvalidPairsError(
                f"{printable(str(self.path))}: found other content ({found[:12]}...) than when it "
                f"was checked ({sha256[:12]}...), expected a file that nobody writes to while it "
                "is scored"
            )


@dataclass(frozen=True)
class RejectedRows:
    """The rows of a file that are no pairs; each iteration finds them anew.

    Attributes:
        file: The file.
        options: What a pair must be.
        sha256: Hash of the file's bytes when it was checked.
    """

    file: PairFile
    options: PrepareOptions
    sha256: str

    def __iter__(self) -> Iterator[RejectedRow]:
        for row in self.file:
            outcome = read_new_pair(row, self.options)
            if not isinstance(outcome, NewPair):
                yield RejectedRow(
                    file=str(self.file.path), line=row.line, content=row.content, reasons=outcome
                )
        self.file.require_unchanged(self.sha256)


@dataclass(frozen=True)
class NewPairs:
    """The pairs of a file that was checked; each iteration reads them anew.

    Attributes:
        file: The file.
        options: What a pair must be.
        sha256: Hash of the file's bytes when it was checked.
        n: Number of its pairs.
        rejected: Number of its rows that are none.
    """

    file: PairFile
    options: PrepareOptions
    sha256: str
    n: int
    rejected: int

    def __iter__(self) -> Iterator[NewPair]:
        for row in self.file:
            if isinstance(outcome := read_new_pair(row, self.options), NewPair):
                yield outcome
        self.file.require_unchanged(self.sha256)

    def rejected_rows(self) -> Iterable[RejectedRow]:
        """Return the rows that are no pairs, as a stream."""
        return RejectedRows(self.file, self.options, self.sha256) if self.rejected else ()


def check_new_pairs(file: PairFile, options: PrepareOptions) -> NewPairs:
    """Read a whole file once, so that what is wrong with it is known before anything is scored.

    Args:
        file: The file.
        options: What a pair must be: prefixes, the file's column names, and whether rows that are
            no pairs stop the run (`fail`) or are set aside (`quarantine`).

    Raises:
        InvalidPairsError: The first 20 problems, each with file, line, field, what was found and
            what was expected, and the number of all. With `quarantine`, only where no pair is left.
    """
    sha256, pairs, rejected = file.sha256(), 0, 0
    for row in file:
        if isinstance(read_new_pair(row, options), NewPair):
            pairs += 1
        else:
            rejected += 1
    if not pairs or (rejected and options.on_invalid == "fail"):
        raise InvalidPairsError(_describe(file, pairs, rejected, options))
    return NewPairs(file, options, sha256, pairs, rejected)


def _describe(file: PairFile, pairs: int, rejected: int, options: PrepareOptions) -> str:
    """Write the message of a file that cannot be scored, reading it again."""
    place, missing, listed = printable(str(file.path)), dict[str, str](), list[str]()
    if not pairs:
        empty = file.path.stat().st_size == 0
        lack = describe_lack(str(file.path), empty, rejected, "pairs of two texts")
        required = (options.columns.text_1, options.columns.text_2)
        missing = missing_fields(file, required)
        listed = [f"{place}: {each}" for each in (lack, *missing.values())]
    found = len(listed)
    reasons: list[str] = []
    for row in file:
        outcome = read_new_pair(row, options)
        if isinstance(outcome, NewPair):
            continue
        told = without_missing(outcome, missing)
        found += len(told)
        reasons += outcome[: LISTED_PROBLEMS - len(reasons)]
        listed += [f"{place}:{row.line}: {each}" for each in told[: LISTED_PROBLEMS - len(listed)]]
    hints = advise(pairs, reasons, options.on_invalid)
    return describe_problems("pairs to score", listed, found, hints)


def read_new_pair(row: Row, options: PrepareOptions) -> NewPair | list[str]:
    """Return the pair that a row holds, or the reasons why it holds none.

    Beside what every row must be, two fields are texts that are not blank and begin with a prefix
    where the rule is on; a category is a text where there is one; no field is named as one that
    scoring adds; and every value can be saved.
    """
    if row.fault is not None:
        return [row.fault]
    columns = options.columns
    used = {field: name for field in _USED if (name := columns.names[field]) in row.fields}
    known = {field: row.fields[name] for field, name in used.items()}
    if known.get("category") is None or not str(known["category"]).strip():
        known["category"] = UNGROUPED
    reasons = [
        f"{field}: found a field of this name, expected none: scoring adds one"
        for field in ADDED_FIELDS
        if field in row.fields
    ]
    kept = {field: value for field, value in row.fields.items() if field not in used.values()}
    if not survives_saving(kept):
        reasons += [
            f"{show(field)}: found {show(value)}, expected what can be saved as JSON: valid "
            "Unicode, finite numbers, at most 200 levels"
            for field, value in kept.items()
            if not survives_saving({field: value})
        ]
    try:
        pair = NewPair(row=row.fields, **known)
    except ValidationError as error:
        return [*reasons, *(field_reason(dict(entry), columns) for entry in error.errors())]
    return [*reasons, *text_reasons(pair, options.prefixes, columns)] or pair
