"""What a pair is: its schema, the validation of raw rows, groups, and the validation split."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from dataclasses import dataclass as plain_dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import from_json, to_json
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tuneproof.errors import InvalidPairsError, suggest
from tuneproof.rows import Row, is_csv, printable, read_rows, show

LISTED_PROBLEMS = 20
UNGROUPED: Final = "all"
"""Category, subcategory or pair type of all pairs of files that have none."""

_CSV_LABELS: Final = {"0": 0, "1": 1}

_MEND: Final = "Mend the lines, or set --params=prepare.on_invalid=quarantine to set them aside."
_MISSING: Final = ": found nothing, expected "
_REMEDIES: Final = {
    _MISSING: ("If the file names its fields otherwise, say so in prepare.columns."),
    ", expected it to begin with ": (
        "If the texts are to have no prefix, set --params=prepare.prefixes=null."
    ),
}
"""What to set where no row of a file is a pair, by what stands in the reason."""

Text = Annotated[str, Field(min_length=1)]


class DatingPair(BaseModel):
    """One labelled pair of texts.

    Attributes:
        text_1: First text, with its prefix where the prefix rule is on.
        text_2: Second text, likewise.
        label: 1 for compatible (similar), 0 for incompatible.
        category: Broad topic, such as `lifestyle`.
        subcategory: Narrow topic, such as `pets`.
        pair_type: How the pair was made, such as `dealbreaker`.

    Fields that the schema does not know are kept as they are.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    text_1: Text
    text_2: Text
    label: Annotated[int, Field(strict=True, ge=0, le=1)]
    category: Text
    subcategory: Text
    pair_type: Text

    @property
    def texts(self) -> tuple[str, str]:
        """Both texts, in order."""
        return self.text_1, self.text_2


class RejectedRow(BaseModel):
    """A row that is not a valid pair, kept word for word beside the reasons.

    Attributes:
        file: Path of the file that holds the row.
        line: Number of its first line, counted from 1.
        content: The row as text; bytes that are not UTF-8 stand as backslash escapes.
        reasons: What was found and what was expected, one entry for each field at fault.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    content: str
    reasons: list[str]


@plain_dataclass(frozen=True)
class RawLines:
    """An unparsed file of pairs.

    Attributes:
        source: Path of the file, for error messages.
        content: The file's bytes.
    """

    source: str
    content: bytes


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Columns:
    """What the files call the fields of a pair.

    Attributes:
        text_1: Name of the first text.
        text_2: Name of the second text.
        label: Name of the label.
        category: Name of the category; None where the files have none: then it is `UNGROUPED`.
        subcategory: Name of the subcategory, or None; it may be that of the category.
        pair_type: Name of the pair type, likewise.

    Examples:
        >>> columns = Columns(text_1="question", text_2="answer", label="fits", category=None)
        >>> columns.rename({"question": "Why?", "answer": "So.", "fits": 1, "by": "Ann"})
        {'by': 'Ann', 'text_1': 'Why?', 'text_2': 'So.', 'label': 1, 'category': 'all'}
    """

    text_1: Text = "text_1"
    text_2: Text = "text_2"
    label: Text = "label"
    category: Text | None = "category"
    subcategory: Text | None = "subcategory"
    pair_type: Text | None = "pair_type"

    def __post_init__(self) -> None:
        """Refuse one name for what must differ."""
        groups = {self.category, self.subcategory, self.pair_type}
        if len({self.text_1, self.text_2, self.label, *groups}) < 3 + len(groups):
            raise ValueError(
                "found one name for two fields, expected different ones; only category, "
                "subcategory and pair_type may share one"
            )

    @cached_property
    def names(self) -> Mapping[str, str | None]:
        """The file's name of each field of the schema."""
        return asdict(self)

    def name(self, field: str) -> str:
        """Return what the files call a field of the schema, for messages."""
        return self.names.get(field) or field

    def rename(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Give the fields of a row the schema's names.

        Args:
            fields: By the file's names, without `clashes`.

        Returns:
            Fields that the schema does not know, as they are, and those that it knows; one that
            the row lacks is left out.
        """
        mapped = set(self.names.values())
        renamed = {name: value for name, value in fields.items() if name not in mapped}
        for field, name in self.names.items():
            if name is None:
                renamed[field] = UNGROUPED
            elif name in fields:
                renamed[field] = fields[name]
        return renamed

    def clashes(self, fields: Iterable[str]) -> list[str]:
        """Name the fields of a row that would be lost, since another stands for them."""
        return [
            f"{field}: found a field of this name, expected "
            + ("none" if self.names[field] is None else f"{show(self.names[field])} alone")
            + f", as prepare.columns.{field} says"
            for field in fields
            if field in self.names and field not in self.names.values()
        ]


OWN_NAMES: Final = Columns()
"""Of files that name the fields as the schema does."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PrepareOptions:
    """Parameters of `prepare`.

    Attributes:
        prefixes: Allowed beginnings of both texts, without the colon; None turns the rule off.
        on_invalid: `fail` stops at invalid rows, `quarantine` sets them aside and goes on.
        validation_fraction: Share of the train pairs that becomes validation pairs, in (0, 1).
        seed: Seed of the validation split.
        near_duplicate_similarity: Jaccard similarity of the tokens from which two texts are near
            duplicates, in (0, 1].
        columns: What the files call the fields of a pair.
    """

    prefixes: tuple[str, ...] | None
    on_invalid: Literal["fail", "quarantine"]
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0)]
    near_duplicate_similarity: Annotated[float, Field(gt=0, le=1)]
    columns: Columns = OWN_NAMES


def parse_pairs(
    raw: RawLines, prefixes: Sequence[str] | None = None, columns: Columns = OWN_NAMES
) -> tuple[list[DatingPair], list[RejectedRow]]:
    """Read a file of pairs: JSON Lines, or CSV if it is named so (`tuneproof.rows`).

    Args:
        raw: The file's bytes. A label is a number in JSON, and `0` or `1` in CSV.
        prefixes: Allowed prefixes of both texts (`boy` allows `boy: a statement`), or None.
        columns: What the file calls the fields of a pair.

    Returns:
        The valid pairs in file order, and the rejected rows with their reasons. Every row of
        the file is in one of the two.
    """
    labels = _CSV_LABELS if is_csv(raw.source) else {}
    pairs, rejected = [], []
    for row in read_rows(io.BytesIO(raw.content), raw.source):
        outcome = [row.fault] if row.fault else _pair(row.fields, prefixes, columns, labels)
        if isinstance(outcome, DatingPair):
            pairs.append(outcome)
        else:
            rejected.append(
                RejectedRow(file=raw.source, line=row.line, content=row.content, reasons=outcome)
            )
    return pairs, rejected


def require_valid(
    parsed: Iterable[tuple[RawLines, list[DatingPair], list[RejectedRow]]],
    on_invalid: Literal["fail", "quarantine"],
    columns: Columns = OWN_NAMES,
) -> None:
    """Raise one error that lists everything wrong with the parsed files.

    Args:
        parsed: Each file with its pairs and rejected rows.
        on_invalid: With `quarantine`, rejected rows are no problem; a file without pairs, or with
            pairs of one label only, always is.
        columns: What the files call the fields of a pair.

    Raises:
        InvalidPairsError: The first 20 problems, each with file, line, field, what was found and
            what was expected, and the number of all.
    """
    problems: list[str] = []
    hints: list[str] = []
    for raw, pairs, rejected in parsed:
        missing: dict[str, str] = {}
        if not pairs:
            required = dict.fromkeys(name for name in columns.names.values() if name)
            missing = missing_fields(read_rows(io.BytesIO(raw.content), raw.source), required)
            problems += [f"{printable(raw.source)}: {each}" for each in missing.values()]
        if on_invalid == "fail":
            problems += [
                f"{printable(row.file)}:{row.line}: {reason}"
                for row in rejected
                for reason in without_missing(row.reasons, missing)
            ]
        problems += [
            f"{printable(raw.source)}: {problem}"
            for problem in _file_problems(raw, pairs, len(rejected), columns)
        ]
        reasons = [reason for row in rejected for reason in row.reasons]
        hints += advise(len(pairs), reasons, on_invalid)
    if problems:
        raise InvalidPairsError(describe_problems("pairs", problems, len(problems), hints))


def describe_problems(
    subject: str, problems: Sequence[str], found: int, hints: Iterable[str] = ()
) -> str:
    """Write the message of a file, or of several, that cannot be used.

    Args:
        subject: What was read.
        problems: At least the first 20 of those found.
        found: How many were.
        hints: What to do about them; each is said once.
    """
    lines = [f"{found} problem(s) in the {subject}:", *problems[:LISTED_PROBLEMS]]
    if found > LISTED_PROBLEMS:
        lines.append(f"... and {found - LISTED_PROBLEMS} more")
    return "\n".join([*lines, *dict.fromkeys(hints)])


def missing_fields(rows: Iterable[Row], required: Collection[str]) -> dict[str, str]:
    """Say which fields no row of a file has, by their names; none if no row can be read.

    Args:
        rows: All rows of the file.
        required: What it must call its fields.
    """
    held = dict.fromkeys(name for row in rows for name in row.fields)
    names = [show(name) for name in held]
    free = [show(name) for name in held if name not in required]
    listed = ", ".join(names[:LISTED_PROBLEMS]) + ", ..." * (len(names) > LISTED_PROBLEMS)
    return {
        name: f"{printable(name)}: found no field of this name in any row, expected it among "
        f"{listed}.{suggest(show(name), free)}"
        for name in required
        if held and name not in held
    }


def without_missing(reasons: Iterable[str], missing: Iterable[str]) -> list[str]:
    """Drop the reasons which say of a row what `missing_fields` says of its file."""
    said = tuple(f"{printable(name)}{_MISSING}" for name in missing)
    return [reason for reason in reasons if not reason.startswith(said)]


def advise(
    pairs: int, reasons: Sequence[str], on_invalid: Literal["fail", "quarantine"]
) -> list[str]:
    """Say what may be done about the rows of a file that are no pairs.

    Args:
        pairs: Number of its pairs: without any, setting the other rows aside is no help.
        reasons: Why the other rows are none.
        on_invalid: What is done with them.
    """
    if not pairs:
        return [hint for mark, hint in _REMEDIES.items() if any(mark in each for each in reasons)]
    return [_MEND] if reasons and on_invalid == "fail" else []


def describe_lack(source: str, empty: bool, rejected: int, expected: str) -> str:
    """Say what a file without pairs holds, and what was expected.

    Args:
        source: Path of the file.
        empty: Whether it holds nothing at all.
        rejected: Number of its rows.
        expected: What rows should have been.
    """
    if rejected:
        return f"found no valid pair among {rejected} rows, expected {expected}"
    found = "an empty file" if empty else "a header and no row"
    form = "a header and one pair a row" if is_csv(source) else "one JSON object a line"
    return f"found {found}, expected {form}"


def hash_pairs(pairs: Iterable[BaseModel]) -> str:
    """Return the SHA-256 (hexadecimal) of the pairs' content, their order included."""
    digest = hashlib.sha256()
    for pair in pairs:
        content = json.dumps(pair.model_dump(), sort_keys=True, ensure_ascii=False)
        digest.update(content.encode("utf-8", errors="surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def connected_groups(pairs: Sequence[DatingPair]) -> npt.NDArray[np.int64]:
    """Number the groups of pairs that share a text, directly or through other pairs.

    Args:
        pairs: n pairs.

    Returns:
        Shape (n,): the group of each pair, from 0, numbered in order of first appearance.
    """
    nodes: dict[str, int] = {}
    for pair in pairs:
        for text in pair.texts:
            nodes.setdefault(text, len(nodes))
    first = [nodes[pair.text_1] for pair in pairs]
    second = [nodes[pair.text_2] for pair in pairs]
    edges = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(nodes), len(nodes)))
    _, component = connected_components(edges, directed=False)
    order: dict[int, int] = {}
    return np.array(
        [order.setdefault(int(component[node]), len(order)) for node in first], dtype=np.int64
    )


def swap_prefixes(pairs: Iterable[DatingPair], prefixes: tuple[str, str]) -> list[DatingPair]:
    """Exchange two prefixes in both texts: `boy: a` becomes `girl: a`, and the other way round.

    Args:
        pairs: The pairs.
        prefixes: The two, without the colon.

    Returns:
        The pairs in their order; a text that begins with neither prefix stays as it is.
    """
    exchange = {f"{prefixes[0]}:": f"{prefixes[1]}:", f"{prefixes[1]}:": f"{prefixes[0]}:"}

    def swap(text: str) -> str:
        for old, new in exchange.items():
            if text.startswith(old):
                return new + text.removeprefix(old)
        return text

    return [
        pair.model_copy(update={"text_1": swap(pair.text_1), "text_2": swap(pair.text_2)})
        for pair in pairs
    ]


def split_by_group(
    pairs: Sequence[DatingPair], fraction: float, seed: int
) -> tuple[list[DatingPair], list[DatingPair]]:
    """Split pairs in two so that no text stands on both sides.

    Whole connected groups move, in random order, as long as neither label would go beyond its
    share; so both sides keep the label balance as far as the groups allow.

    Args:
        pairs: The pairs to split.
        fraction: Share of each label that the second part aims at, in (0, 1).
        seed: Seed of the order in which groups are tried.

    Returns:
        The larger part and the part split off, both in their original order.

    Raises:
        InvalidPairsError: The groups are too large to leave both labels on both sides.
    """
    groups = connected_groups(pairs)
    labels = np.array([pair.label for pair in pairs])
    sizes = np.zeros((groups.max() + 1, 2), dtype=np.int64)
    np.add.at(sizes, (groups, labels), 1)
    totals = sizes.sum(axis=0)
    room = np.clip(np.round(fraction * totals), 1, totals - 1).astype(np.int64)
    chosen = np.zeros(len(sizes), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if (sizes[group] <= room).all():
            chosen[group] = True
            room -= sizes[group]
    for side in (sizes[chosen], sizes[~chosen]):
        if (side.sum(axis=0) == 0).any():
            raise InvalidPairsError(
                f"cannot split validation pairs off: the {len(pairs)} train pairs form "
                f"{len(sizes)} groups that share texts, the largest of {sizes.sum(axis=1).max()} "
                "pairs; expected enough small groups of both labels. Add pairs with new texts, or "
                "raise prepare.validation_fraction."
            )
    moves = chosen[groups]
    kept = [pair for pair, move in zip(pairs, moves, strict=True) if not move]
    split_off = [pair for pair, move in zip(pairs, moves, strict=True) if move]
    return kept, split_off


def _pair(
    fields: Mapping[str, Any],
    prefixes: Sequence[str] | None,
    columns: Columns,
    labels: Mapping[str, int],
) -> DatingPair | list[str]:
    """Return the pair that a row holds, or the reasons why it holds none.

    labels: Texts that stand for a label; what is none of them stays as it is.
    """
    if clashes := columns.clashes(fields):
        return clashes
    row = columns.rename(fields)
    if isinstance(label := row.get("label"), str):
        row["label"] = labels.get(label, label)
    try:
        pair = DatingPair.model_validate(row)
    except ValidationError as error:
        return _each_once(field_reason(dict(entry), columns) for entry in error.errors())
    return _each_once(text_reasons(pair, prefixes, columns)) or pair


def text_reasons(pair: DatingPair, prefixes: Sequence[str] | None, columns: Columns) -> list[str]:
    """Return what is wrong with the texts of a pair that has the right fields.

    Args:
        pair: The pair.
        prefixes: Allowed prefixes of both texts, or None.
        columns: What its file calls its fields.
    """
    reasons = [
        f"{printable(columns.name(field))}: found {show(value)}, expected a text that is not blank"
        for field in ("text_1", "text_2", "category", "subcategory", "pair_type")
        if not (value := getattr(pair, field)).strip()
    ]
    reasons += [
        f"{show(field)}: found {show(value)}, expected a value that can be saved as JSON: valid "
        "Unicode, finite numbers, at most 200 levels"
        for field, value in (pair.model_extra or {}).items()
        if not survives_saving(value)
    ]
    if reasons or prefixes is None:
        return reasons
    expected = " or ".join(f"'{prefix}: '" for prefix in prefixes)
    for field, text in zip(("text_1", "text_2"), pair.texts, strict=True):
        name = printable(columns.name(field))
        prefix, colon, statement = text.partition(":")
        if not colon or prefix not in prefixes:
            reasons.append(f"{name}: found {show(text)}, expected it to begin with {expected}")
        elif not statement.strip():
            reasons.append(f"{name}: found nothing after {prefix + ':'!r}, expected a statement")
    return reasons


def field_reason(entry: Mapping[str, Any], columns: Columns) -> str:
    """Say what pydantic found in a field of a row and what was expected.

    Args:
        entry: One of `ValidationError.errors()`.
        columns: What the row's file calls the fields.
    """
    field = ".".join(str(part) for part in entry["loc"]) or "field name"
    expected = "0 or 1 (a number)" if field == "label" else "a text that is not empty"
    if entry["type"] == "string_unicode":
        expected = "valid Unicode without lone surrogates"
    name = printable(columns.name(field))
    if entry["type"] == "missing":
        return f"{name}{_MISSING}{expected}"
    return f"{name}: found {show(entry['input'])}, expected {expected}"


def _each_once(reasons: Iterable[str]) -> list[str]:
    """Drop repetitions: fields that share a column share its faults."""
    return list(dict.fromkeys(reasons))


def _file_problems(
    raw: RawLines, pairs: Sequence[DatingPair], rejected: int, columns: Columns
) -> list[str]:
    if not pairs:
        return [describe_lack(raw.source, not raw.content, rejected, "pairs of both labels")]
    labels = Counter(pair.label for pair in pairs)
    return [
        f"{printable(columns.label)}: found only {present} in {count} pairs, expected both 0 and 1"
        for present, count in labels.items()
        if len(labels) == 1
    ]


def survives_saving(value: Any) -> bool:
    """Say whether JSON gives a value back as it is, as saved pairs must be."""
    record = {"field": value}
    try:
        return bool(from_json(to_json(record, inf_nan_mode="null")) == record)
    except ValueError:
        return False
