"""What a pair is: its schema, the validation of raw lines, groups, and the validation split."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import from_json, to_json
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tuneproof.errors import InvalidPairsError

LISTED_PROBLEMS = 20
_SHOWN_CHARACTERS = 80
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

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
    """A line that is not a valid pair, kept word for word beside the reasons.

    Attributes:
        file: Path of the file that holds the line.
        line: Line number, counted from 1.
        content: The line as text; bytes that are not UTF-8 stand as backslash escapes.
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
class PrepareOptions:
    """Parameters of `prepare`.

    Attributes:
        prefixes: Allowed beginnings of both texts, without the colon; None turns the rule off.
        on_invalid: `fail` stops at invalid rows, `quarantine` sets them aside and goes on.
        validation_fraction: Share of the train pairs that becomes validation pairs, in (0, 1).
        seed: Seed of the validation split.
        near_duplicate_similarity: Jaccard similarity of the tokens from which two texts are near
            duplicates, in (0, 1].
    """

    prefixes: tuple[str, ...] | None
    on_invalid: Literal["fail", "quarantine"]
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0)]
    near_duplicate_similarity: Annotated[float, Field(gt=0, le=1)]


def parse_pairs(
    raw: RawLines, prefixes: Sequence[str] | None = None
) -> tuple[list[DatingPair], list[RejectedRow]]:
    """Read JSON lines as pairs.

    Args:
        raw: The file's bytes; one JSON object a line, UTF-8 without byte-order mark.
        prefixes: Allowed prefixes of both texts (`boy` allows `boy: a statement`), or None.

    Returns:
        The valid pairs in file order, and the rejected rows with their reasons. Every line of
        the file is in one of the two.
    """
    if not raw.content:
        return [], []
    body = raw.content.removesuffix(b"\n")
    pairs, rejected = [], []
    for number, line in enumerate(body.split(b"\n"), start=1):
        stripped = line.removesuffix(b"\r")
        outcome = _parse_line(stripped, prefixes, first=number == 1)
        if isinstance(outcome, DatingPair):
            pairs.append(outcome)
        else:
            content = stripped.decode("utf-8", errors="backslashreplace")
            rejected.append(
                RejectedRow(file=raw.source, line=number, content=content, reasons=outcome)
            )
    return pairs, rejected


def require_valid(
    parsed: Iterable[tuple[RawLines, list[DatingPair], list[RejectedRow]]],
    on_invalid: Literal["fail", "quarantine"],
) -> None:
    """Raise one error that lists everything wrong with the parsed files.

    Args:
        parsed: Each file with its pairs and rejected rows.
        on_invalid: With `quarantine`, rejected rows are no problem; a file without pairs, or with
            pairs of one label only, always is.

    Raises:
        InvalidPairsError: The first 20 problems, each with file, line, field, what was found and
            what was expected, and the number of all.
    """
    parsed = list(parsed)
    problems = []
    for raw, pairs, rejected in parsed:
        if on_invalid == "fail":
            problems += [
                f"{_printable(row.file)}:{row.line}: {reason}"
                for row in rejected
                for reason in row.reasons
            ]
        problems += [
            f"{_printable(raw.source)}: {problem}"
            for problem in _file_problems(raw, pairs, rejected)
        ]
    if problems:
        shown = problems[:LISTED_PROBLEMS]
        more = len(problems) - len(shown)
        lines = [f"{len(problems)} problem(s) in the pairs:", *shown]
        if more:
            lines.append(f"... and {more} more")
        if on_invalid == "fail" and any(rejected for _, _, rejected in parsed):
            lines.append(
                "Mend the lines, or set --params=prepare.on_invalid=quarantine to set them aside."
            )
        raise InvalidPairsError("\n".join(lines))


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


def _parse_line(
    line: bytes, prefixes: Sequence[str] | None, *, first: bool
) -> DatingPair | list[str]:
    """Return the pair that a line holds, or the reasons why it holds none."""
    if first and line.startswith(_BYTE_ORDER_MARKS):
        return ["line: found a byte-order mark, expected UTF-8 without one"]
    if not line.strip():
        return ["line: found a blank line, expected a JSON object"]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"line: found byte {line[error.start]:#04x} at {error.start + 1}, expected UTF-8"]
    try:
        row = json.loads(text, object_pairs_hook=_unique_fields, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return [
            f"line: found broken JSON ({error.msg} at column {error.colno}), "
            "expected one JSON object"
        ]
    except (ValueError, RecursionError) as error:
        return [f"line: found {error}, expected one JSON object"]
    if not isinstance(row, dict):
        return [f"line: found {_show(row)}, expected a JSON object"]
    try:
        pair = DatingPair.model_validate(row)
    except ValidationError as error:
        return [_field_reason(dict(entry)) for entry in error.errors()]
    return _text_reasons(pair, prefixes) or pair


def _text_reasons(pair: DatingPair, prefixes: Sequence[str] | None) -> list[str]:
    reasons = [
        f"{field}: found {_show(value)}, expected a text that is not blank"
        for field in ("text_1", "text_2", "category", "subcategory", "pair_type")
        if not (value := getattr(pair, field)).strip()
    ]
    reasons += [
        f"{_show(field)}: found {_show(value)}, expected a value that can be saved as JSON: valid "
        "Unicode, finite numbers, at most 200 levels"
        for field, value in (pair.model_extra or {}).items()
        if not _survives_saving(value)
    ]
    if reasons or prefixes is None:
        return reasons
    expected = " or ".join(f"'{prefix}: '" for prefix in prefixes)
    for field, text in zip(("text_1", "text_2"), pair.texts, strict=True):
        prefix, colon, statement = text.partition(":")
        if not colon or prefix not in prefixes:
            reasons.append(f"{field}: found {_show(text)}, expected it to begin with {expected}")
        elif not statement.strip():
            reasons.append(f"{field}: found nothing after {prefix + ':'!r}, expected a statement")
    return reasons


def _field_reason(entry: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in entry["loc"]) or "field name"
    expected = "0 or 1 (a number)" if field == "label" else "a text that is not empty"
    if entry["type"] == "string_unicode":
        expected = "valid Unicode without lone surrogates"
    found = "nothing" if entry["type"] == "missing" else _show(entry["input"])
    return f"{field}: found {found}, expected {expected}"


def _file_problems(
    raw: RawLines, pairs: Sequence[DatingPair], rejected: Sequence[RejectedRow]
) -> list[str]:
    if not raw.content:
        return ["found an empty file, expected one JSON object a line"]
    if not pairs:
        return [f"found no valid pair among {len(rejected)} lines, expected pairs of both labels"]
    labels = Counter(pair.label for pair in pairs)
    return [
        f"label: found only {present} in {count} pairs, expected both 0 and 1"
        for present, count in labels.items()
        if len(labels) == 1
    ]


def _unique_fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(key for key, _ in items)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"the field {_show(twice[0])} twice")
    return dict(items)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name}, which is not JSON")


def _survives_saving(value: Any) -> bool:
    record = {"field": value}
    try:
        return bool(from_json(to_json(record, inf_nan_mode="null")) == record)
    except ValueError:
        return False


def _show(value: object) -> str:
    """Render a value for a message: on one line, escaped, and short."""
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[: _SHOWN_CHARACTERS - 3] + "..."


def _printable(text: str) -> str:
    """Escape what a terminal would obey, such as a line break or an escape sequence."""
    return text if text.isprintable() else ascii(text)[1:-1]
