import csv
import io
import itertools
import json
import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.rows import LONGEST_ROW, Row, is_csv, printable, read_rows, show

HEADER = b"a,b\n"


def read(content: bytes, source: str = "in/file.csv") -> list[Row]:
    return list(read_rows(io.BytesIO(content), source))


def faults(content: bytes, source: str = "in/file.csv") -> list[tuple[int, str | None]]:
    return [(row.line, row.fault) for row in read(content, source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pairs.csv", True),
        ("in/PAIRS.CSV", True),
        ("pairs.jsonl", False),
        ("csv", False),
        ("in.csv/pairs", False),
        ("", False),
    ],
)
def test_the_name_says_what_is_csv(source: str, expected: bool) -> None:
    assert is_csv(source) is expected


fields = st.text(st.characters(codec="utf-8"), max_size=12)


class TestCsv:
    @given(
        st.lists(fields.filter(str.strip), min_size=2, max_size=4, unique=True),
        st.data(),
        st.sampled_from(["\n", "\r\n"]),
    )
    def test_what_a_writer_wrote_is_read(
        self, names: list[str], data: st.DataObject, ending: str
    ) -> None:
        size = len(names)
        records = data.draw(st.lists(st.lists(fields, min_size=size, max_size=size), max_size=5))
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator=ending, quoting=csv.QUOTE_ALL)
        writer.writerows([names, *records])
        content = file.getvalue().encode()

        rows = read(content)

        assert [row.fault for row in rows] == [None] * len(records)
        assert [list(row.fields) for row in rows] == [names] * len(records)
        assert [list(row.fields.values()) for row in rows] == records
        lines = content.decode().split("\n")
        for row, later in itertools.zip_longest(rows, rows[1:]):
            end = later.line - 1 if later else len(lines) - 1
            assert "\n".join(lines[row.line - 1 : end]).removesuffix("\r") == row.content

    @pytest.mark.parametrize(
        ("record", "fault"),
        [
            (b"1\n", "found 1 fields, expected 2 as in the header"),
            (b"1,2,3\n", "found 3 fields, expected 2 as in the header"),
            (b"\n", "found a blank line, expected 2 fields"),
            (b"\r\n", "found a blank line, expected 2 fields"),
            (b'"1"2,3\n', "found broken CSV (',' expected after '\"'), expected fields"),
            (b"caf\xe9,2\n", "found byte 0xe9 at 4, expected UTF-8"),
            (b'"x\ny\xff",2\n', "found byte 0xff at 5, expected UTF-8"),
            (b"1\r2,3\n", "found broken CSV (new-line character seen in unquoted field"),
            (b"x" * LONGEST_ROW + b",2\n", "found a line of more than 1048576 bytes, expected one"),
        ],
        ids=["few", "many", "blank", "blank CRLF", "quote", "latin-1", "later", "CR", "long"],
    )
    def test_a_bad_record_is_named_and_the_next_one_read(self, record: bytes, fault: str) -> None:
        first, bad, last = read(HEADER + b"x,y\n" + record + b"z,\n")
        assert (first.fields, first.line) == ({"a": "x", "b": "y"}, 2)
        assert (bad.line, bad.fields) == (3, {})
        assert (bad.fault or "").startswith(f"line: {fault}")
        expected = record.removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace")
        assert bad.content == expected[: LONGEST_ROW + 1]
        assert (last.fields, last.line) == ({"a": "z", "b": ""}, 4 + record.count(b"\n") - 1)

    @pytest.mark.parametrize(
        ("later", "why"),
        [
            (b"3,4\n5,6\n", "broken CSV (unexpected end of data), expected fields"),
            (b'3,4\n5,"6"\n', "broken CSV (',' expected after '\"'), expected fields"),
            (b'3,4\n5",6\n', "3 fields, expected 2 as in the header"),
        ],
        ids=["never closed", "closed by the next", "closed elsewhere"],
    )
    def test_a_quote_that_is_not_closed_is_named_and_costs_its_line_alone(
        self, later: bytes, why: str
    ) -> None:
        first, bad, *rest = read(HEADER + b'x,y\n1,"2\n' + later)
        assert first.fields == {"a": "x", "b": "y"}
        assert (bad.line, bad.content) == (3, '1,"2')
        assert (bad.fault or "").startswith(
            "line: found a quoted field that is opened on line 3 and not closed before line 5, "
            f"and so {why}"
        )
        assert [(row.line, row.fault) for row in rest] == [(4, None), (5, None)]
        assert rest == read(HEADER + b"-,-\n-,-\n" + later)[2:]

    def test_a_quote_that_is_not_closed_hides_no_sound_row_of_a_long_file(self) -> None:
        sound = [b"%d,%s\n" % (n, b"word " * 20) for n in range(40_000)]
        sound[9] = b'9,"word\n'
        rows = read(HEADER + b"".join(sound))
        assert len(rows) == len(sound)
        assert [row.line for row in rows if row.fault] == [11]
        # No more is read again than a row may hold.
        (until,) = re.findall(r"not closed before line (\d+)", rows[9].fault or "")
        assert LONGEST_ROW / 200 < int(until) < LONGEST_ROW / 100

    def test_quotes_that_are_not_closed_cost_little_time(self) -> None:
        rows = read(HEADER + b'"a,b\n' * 20_000)
        assert [row.line for row in rows if row.fault] == [*range(2, 20_002)]

    @pytest.mark.parametrize(
        ("header", "found"),
        [
            (b"a,\n", "a field without a name"),
            (b"a, \n", "a field without a name"),
            (b"\n", "a field without a name"),
            (b"a,b,a\n", "the field 'a' twice"),
            (b'a,"\x1b[1m","\x1b[1m"\n', r"the field '\x1b[1m' twice"),
        ],
    )
    def test_a_header_that_names_no_fields_is_the_only_row(self, header: bytes, found: str) -> None:
        expected = f"line: found {found}, expected a header of field names"
        assert faults(header + b"1,2\n3,4\n") == [(1, expected)]

    @pytest.mark.parametrize("header", [b"a;b\n", b"a\tb\n"])
    def test_another_separator_is_named(self, header: bytes) -> None:
        ((line, fault),) = faults(header + b"1;2\n")
        assert line == 1
        assert fault is not None
        assert fault.endswith(
            f"{header.decode().strip()!r}, expected a header of field names, separated by commas"
        )

    @pytest.mark.parametrize("header", [b'a,"b', b"\xff\xfea,b\n", b'"a"b,c\n'])
    def test_a_header_that_cannot_be_read_is_the_only_row(self, header: bytes) -> None:
        assert [line for line, fault in faults(header + b"1,2\n") if fault] == [1]

    def test_the_mark_of_a_spreadsheet_is_no_part_of_the_first_name(self) -> None:
        (row,) = read(b"\xef\xbb\xbf" + HEADER + b"\xef\xbb\xbf1,2\n")
        assert row.fields == {"a": "\ufeff1", "b": "2"}

    def test_a_mark_alone_is_no_header(self) -> None:
        expected = "line: found a field without a name, expected a header of field names"
        assert faults(b"\xef\xbb\xbf") == [(1, expected)]

    @pytest.mark.parametrize("content", [b"", HEADER, b"a,b"])
    def test_a_file_without_records_has_no_rows(self, content: bytes) -> None:
        assert read(content) == []


class TestJsonLines:
    @given(st.lists(st.dictionaries(fields, fields | st.integers() | st.none()), max_size=4))
    def test_what_was_written_is_read(self, records: list[dict[str, object]]) -> None:
        lines = [json.dumps(record) for record in records]
        rows = read("\n".join(lines).encode(), "pairs.jsonl")
        assert rows == [
            Row(number, line, record)
            for number, (line, record) in enumerate(zip(lines, records, strict=True), start=1)
        ]


@given(
    st.sampled_from(["a.csv", "a.jsonl"]),
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"\xff", b"\0", b"{}"])).map(
        b"".join
    ),
)
def test_no_bytes_are_too_bad_to_be_named(source: str, content: bytes) -> None:
    rows = read(content, source)
    numbers = [row.line for row in rows]
    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= content.count(b"\n") + 1 for number in numbers)
    assert all(row.fault.isprintable() and not row.fields for row in rows if row.fault)


class Endless(io.BytesIO):
    """A file whose last line comes again and again; counts the lines that were read."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = itertools.chain(lines, itertools.repeat(lines[-1]))
        self.taken = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self.taken += 1
        return next(self._lines)


@pytest.mark.parametrize(
    ("source", "lines"),
    [("a.csv", [HEADER, b"1,2\n"]), ("a.jsonl", [b"{}\n"])],
)
def test_rows_are_read_as_they_are_asked_for(source: str, lines: list[bytes]) -> None:
    file = Endless(*lines)
    rows = read_rows(file, source)
    for _ in range(1_000):
        next(rows)
    assert file.taken <= 1_001


@pytest.mark.parametrize(
    ("source", "start", "filled"),
    [("a.csv", HEADER, b'"%b",1'), ("a.jsonl", b"{}\n", b'{"a": "%b"}')],
)
def test_a_row_has_one_limit_in_both_formats(source: str, start: bytes, filled: bytes) -> None:
    room = LONGEST_ROW - len(filled % b"")
    longest, longer = filled % (b"x" * room), filled % (b"x" * (room + 1))
    *_, first, second, last = read(start + b"\n".join([longest, longer, longest]), source)
    assert len(first.fields["a"]) == len(last.fields["a"]) == room
    assert (
        second.fault
        == "line: found a line of more than 1048576 bytes, expected one pair of at most that many"
    )


@pytest.mark.parametrize("source", ["a.csv", "a.jsonl"])
def test_a_line_without_end_is_not_held(source: str, tmp_path: Path) -> None:
    path = tmp_path / source
    path.write_bytes(HEADER + b"[" + b"1," * 16 * LONGEST_ROW)
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            assert [bool(row.fault) for row in read_rows(file, source)][-1]
        assert tracemalloc.get_traced_memory()[1] < 12 * LONGEST_ROW
    finally:
        tracemalloc.stop()


@given(st.text())
def test_whatever_is_shown_is_one_short_printable_line(value: str) -> None:
    assert show(value).isprintable()
    assert len(show(value)) <= 80
    assert printable(value).isprintable()
    assert printable(value) == value or not value.isprintable()


@pytest.mark.parametrize("value", ["x" * 10**7, [1] * 10**6, {"a": ["x" * 10**7]}], ids=type)
def test_of_a_large_value_only_the_beginning_is_rendered(value: object) -> None:
    tracemalloc.start()
    try:
        assert len(show(value)) <= 80
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
