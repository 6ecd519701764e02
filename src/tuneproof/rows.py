"""The rows of a file, one after another: JSON Lines, or CSV where the file is named `*.csv`.

What stands in a row and which fields it must have is for the caller to say. Rows are read as they
are asked for: a file of any size needs the memory of one row, and a row is no longer than
`LONGEST_ROW`.
"""

import csv
import json
import reprlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO, Final

LONGEST_ROW: Final = 2**20
"""Bytes of a row, without the end of its line: what is longer is not read, whatever the format."""

_SHOWN_CHARACTERS = 80
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_brief = reprlib.Repr()
_brief.maxlist = _brief.maxdict = _SHOWN_CHARACTERS
_brief.maxstring = _brief.maxlong = _brief.maxother = _SHOWN_CHARACTERS

csv.field_size_limit(LONGEST_ROW)  # that of a row: the reader's own is an eighth


@dataclass(frozen=True)
class Row:
    """A row as it stands in its file.

    Attributes:
        line: Number of its first line, counted from 1.
        content: Its text, cut where it is too long to be read; bytes that are not UTF-8 stand as
            backslash escapes.
        fields: What it holds, by the names that the file gives; texts alone if the file is CSV.
            Empty where the row cannot be read.
        fault: Why it cannot be read, what was found and what was expected; None where it can.
    """

    line: int
    content: str
    fields: dict[str, Any]
    fault: str | None = None


def is_csv(source: str) -> bool:
    """Say whether a file is CSV, by its name; whatever else is JSON Lines."""
    return PurePath(source).suffix.lower() == ".csv"


def read_rows(file: BinaryIO, source: str) -> Iterator[Row]:
    r"""Read rows, good or bad.

    Args:
        file: The open file. Lines end with `\n` or `\r\n`. UTF-8; JSON Lines without byte-order
            mark. CSV has a header, commas between fields, and double quotes around fields that
            hold commas, quotes or line breaks (RFC 4180).
        source: Path of the file: says whether it is CSV.

    Yields:
        One row for each line (of CSV, each record after the header). A header that cannot be used
        is the only row.

    Examples:
        >>> import io
        >>> [row.fields for row in read_rows(io.BytesIO(b"a,b\n1,yes"), "pairs.csv")]
        [{'a': '1', 'b': 'yes'}]
        >>> next(read_rows(io.BytesIO(b"[1]"), "pairs.jsonl")).fault
        'line: found [1], expected a JSON object'
    """
    lines = _read_lines(file)
    return _csv_rows(lines) if is_csv(source) else _json_rows(lines)


def show(value: object) -> str:
    """Render a value for a message: on one line, escaped, and short."""
    if isinstance(value, str):
        start = value[:_SHOWN_CHARACTERS]
        shown = repr(start) if start.isprintable() else ascii(start)
    else:
        shown = _brief.repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[: _SHOWN_CHARACTERS - 3] + "..."


def printable(text: str) -> str:
    """Escape what a terminal would obey, such as a line break or an escape sequence."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines with their endings; of one that is too long, a byte more than is allowed."""
    while line := file.readline(LONGEST_ROW + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_ROW + 1)
        yield line


def _json_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        record = _without_ending(line)
        content, fault = _decode(record)
        if number == 1 and record.startswith(_BYTE_ORDER_MARKS):
            fault = "line: found a byte-order mark, expected UTF-8 without one"
        found = fault or _read_object(content)
        fields, fault = ({}, found) if isinstance(found, str) else (found, None)
        yield Row(number, content, fields, fault)


def _read_object(line: str) -> dict[str, Any] | str:
    """Return the JSON object that a line holds, or why it holds none."""
    if not line.strip():
        return "line: found a blank line, expected a JSON object"
    try:
        row = json.loads(line, object_pairs_hook=_unique_fields, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return (
            f"line: found broken JSON ({error.msg} at column {error.colno}), "
            "expected one JSON object"
        )
    except (ValueError, RecursionError) as error:
        return f"line: found {error}, expected one JSON object"
    return row if isinstance(row, dict) else f"line: found {show(row)}, expected a JSON object"


def _unique_fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := _repeated([key for key, _ in items]):
        raise ValueError(f"the field {show(twice[0])} twice")
    return dict(items)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name}, which is not JSON")


def _csv_rows(lines: Iterator[bytes]) -> Iterator[Row]:
    names: list[str] = []
    for number, content, cells, fault in _csv_records(lines):
        if names:
            fields = {} if fault else dict(zip(names, cells, strict=True))
            yield Row(number, content, fields, fault)
        elif unusable := fault or _header_fault(cells):
            yield Row(number, content, {}, unusable)
            return
        else:
            names = cells


def _csv_records(lines: Iterator[bytes]) -> Iterator[tuple[int, str, list[str], str | None]]:
    """Yield the first line, the text and the cells of each record, or why it has no cells.

    All have as many cells as the first. Of a record that is broken only the first line is taken,
    and reading goes on behind it: a quote that is not closed costs no other row.
    """
    # Spreadsheets begin CSV with a mark.
    waiting = deque(line.removeprefix(_BYTE_ORDER_MARKS[0]) for line in islice(lines, 1))
    number, width = 1, 0
    while waiting or (waiting := deque(islice(lines, 1))):
        taken: list[bytes] = []
        cells: list[str] = []
        try:
            cells = next(csv.reader(_take(waiting, lines, taken), strict=True))
            fault = _cells_fault(cells, width) if width else None
        except csv.Error as error:
            fault = f"broken CSV ({error}), expected fields separated by commas, quotes closed"
        if fault and len(taken) > 1:
            fault = (
                f"a quoted field that is opened on line {number} and not closed before line "
                f"{number + len(taken) - 1}, and so {fault}"
            )
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        content, undecoded = _decode(_without_ending(b"".join(taken)))
        yield number, content, cells, undecoded or (fault and f"line: found {fault}")
        number, width = number + len(taken), width or len(cells)


def _take(waiting: deque[bytes], lines: Iterator[bytes], taken: list[bytes]) -> Iterator[str]:
    """Yield lines as text, first those that wait, as far as they are no longer than a row may be.

    Args:
        waiting: Lines that were read before.
        lines: The lines behind them.
        taken: Gets each line that is yielded.
    """
    size = 0
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        size += len(line)
        if taken and size > LONGEST_ROW:
            waiting.appendleft(line)
            return
        taken.append(line)
        yield line.decode("utf-8", errors="replace")  # what is not UTF-8 is found later


def _header_fault(names: list[str]) -> str | None:
    """Return why a header names no fields."""
    expected = "expected a header of field names"
    if not all(name.strip() for name in names) or not names:
        return f"line: found a field without a name, {expected}"
    if twice := _repeated(names):
        return f"line: found the field {show(twice[0])} twice, {expected}"
    if len(names) == 1 and any(separator in names[0] for separator in ";\t"):
        return f"line: found the one field {show(names[0])}, {expected}, separated by commas"
    return None


def _cells_fault(cells: list[str], expected: int) -> str | None:
    if not cells:
        return f"a blank line, expected {expected} fields"
    if len(cells) != expected:
        return f"{len(cells)} fields, expected {expected} as in the header"
    return None


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _decode(record: bytes) -> tuple[str, str | None]:
    """Return a record as text, and why it is none: its other bytes then stand as escapes."""
    fault = None
    try:
        content = record.decode("utf-8")
    except UnicodeDecodeError as error:
        content = record.decode("utf-8", errors="backslashreplace")
        fault = f"line: found byte {record[error.start]:#04x} at {error.start + 1}, expected UTF-8"
    if len(record) > LONGEST_ROW:
        fault = (
            f"line: found a line of more than {LONGEST_ROW} bytes, expected one pair of at most "
            "that many"
        )
    return content, fault


def _without_ending(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")
