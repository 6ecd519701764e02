import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tuneproof.errors import InvalidPairsError
from tuneproof.pairs import (
    Columns,
    DatingPair,
    PrepareOptions,
    RawLines,
    RejectedRow,
    connected_groups,
    hash_pairs,
    parse_pairs,
    require_valid,
    split_by_group,
    swap_prefixes,
)

SOURCE = "in/pairs.jsonl"
PREFIXES = ("boy", "girl")
ROW: dict[str, Any] = {
    "text_1": "boy: I like cats",
    "text_2": "girl: I like dogs",
    "label": 1,
    "category": "lifestyle",
    "subcategory": "pets",
    "pair_type": "compatible",
}
TEXT_FIELDS = [field for field in ROW if field != "label"]


def line(**changes: Any) -> bytes:
    return json.dumps({**ROW, **changes}).encode()


def line_without(missing: str, **changes: Any) -> bytes:
    row = {key: value for key, value in {**ROW, **changes}.items() if key != missing}
    return json.dumps(row).encode()


def with_raw(field: str, raw: str) -> bytes:
    """A valid line but for one field, whose value is JSON source."""
    return line(**{field: "@@"}).replace(b'"@@"', raw.encode())


def parse(
    content: bytes, prefixes: tuple[str, ...] | None = PREFIXES
) -> tuple[list[DatingPair], list[RejectedRow]]:
    return parse_pairs(RawLines(SOURCE, content), prefixes)


def error_of(
    content: bytes,
    on_invalid: Literal["fail", "quarantine"] = "fail",
    prefixes: tuple[str, ...] | None = PREFIXES,
) -> str:
    raw = RawLines(SOURCE, content)
    with pytest.raises(InvalidPairsError) as caught:
        require_valid([(raw, *parse_pairs(raw, prefixes))], on_invalid)
    return str(caught.value)


def pair(text_1: str = "a", text_2: str = "b", label: int = 1, **changes: object) -> DatingPair:
    return DatingPair.model_validate(
        {**ROW, "text_1": text_1, "text_2": text_2, "label": label, **changes}
    )


# Each: the bad line, the field, how the found value is shown, what was expected.
BAD_LINES: dict[str, tuple[bytes, str, str, str]] = {
    "cut off": (line()[:-9], "line", "broken JSON", "one JSON object"),
    "two objects": (line() + line(), "line", "broken JSON", "one JSON object"),
    "raw control character": (
        with_raw("text_1", '"boy: a\tb"'),
        "line",
        "broken JSON",
        "one JSON object",
    ),
    "mark inside the file": (b"\xef\xbb\xbf" + line(), "line", "broken JSON", "one JSON object"),
    "blank line": (b"", "line", "a blank line", "a JSON object"),
    "white space": (b" \t ", "line", "a blank line", "a JSON object"),
    "list": (b"[1, 2]", "line", "[1, 2]", "a JSON object"),
    "string": (b'"text"', "line", "'text'", "a JSON object"),
    "null": (b"null", "line", "None", "a JSON object"),
    "latin-1": (
        line(text_1="boy: caf@").replace(b"@", b"\xe9"),
        "line",
        "byte 0xe9 at 21",
        "UTF-8",
    ),
    "surrogate bytes": (
        line(text_1="boy: @").replace(b"@", b"\xed\xa0\x80"),
        "line",
        "byte 0xed at 18",
        "UTF-8",
    ),
    "NaN": (with_raw("label", "NaN"), "line", "NaN", "one JSON object"),
    "-Infinity": (with_raw("score", "-Infinity"), "line", "-Infinity", "one JSON object"),
    "beyond float": (with_raw("score", "[1e999]"), "'score'", "[inf]", "a value that can be saved"),
    "deep": (b"[" * 5000, "line", "maximum recursion depth", "one JSON object"),
    "deep field": (
        with_raw("extra", "[" * 250 + "]" * 250),
        "'extra'",
        "[[[[",
        "a value that can be saved",
    ),
    "endless number": (with_raw("label", "1" * 5000), "line", "Exceeds", "one JSON object"),
    "duplicate key": (
        line().replace(b'"label": 1', b'"label": 1, "label": 0'),
        "line",
        "the field 'label' twice",
        "one JSON object",
    ),
    "duplicate nested key": (
        with_raw("extra", '{"k": 1, "k": 1}'),
        "line",
        "the field 'k' twice",
        "one JSON object",
    ),
    "surrogate in a text": (
        line(text_1="boy: \ud800"),
        "text_1",
        r"'boy: \ud800'",
        "valid Unicode",
    ),
    "surrogate in a category": (line(category="\udfff"), "category", r"'\udfff'", "valid Unicode"),
    "surrogate in an extra field": (
        line(note=["\udfff"]),
        "'note'",
        r"['\udfff']",
        "a value that can be saved as JSON: valid Unicode",
    ),
    "surrogate in a field name": (
        line(**{"\ud800": 1}),
        "field name",
        r"'\ud800'",
        "valid Unicode",
    ),
    "wrong prefix": (line(text_1="man: x"), "text_1", "'man: x'", "it to begin with 'boy: '"),
    "other case": (line(text_2="Girl: x"), "text_2", "'Girl: x'", "it to begin with 'boy: '"),
    "prefix without colon": (line(text_1="boy x"), "text_1", "'boy x'", "it to begin with"),
    "prefix further on": (line(text_1="x boy: y"), "text_1", "'x boy: y'", "it to begin with"),
    "nothing after": (line(text_1="boy:"), "text_1", "nothing after 'boy:'", "a statement"),
    "blank after": (line(text_2="girl: \t"), "text_2", "nothing after 'girl:'", "a statement"),
    **{
        f"label {raw}": (with_raw("label", raw), "label", shown, "0 or 1 (a number)")
        for raw, shown in [
            ("2", "2"),
            ("-1", "-1"),
            ('"1"', "'1'"),
            ("true", "True"),
            ("1.0", "1.0"),
            ("0.5", "0.5"),
            ("null", "None"),
            ("[1]", "[1]"),
        ]
    },
    **{
        f"{field} missing": (
            line_without(field),
            field,
            "nothing",
            "0 or 1 (a number)" if field == "label" else "a text that is not empty",
        )
        for field in ROW
    },
    **{
        f"{field} {value!r}": (line(**{field: value}), field, repr(value), expected)
        for field in TEXT_FIELDS
        for value, expected in [
            ("", "a text that is not empty"),
            (" \t\u00a0", "a text that is not blank"),
            (3, "a text that is not empty"),
            (None, "a text that is not empty"),
        ]
    },
}
BAD_LINES = {
    # Non-printing values are shown with ASCII escapes.
    name: (content, field, found.replace("\u00a0", r"\xa0"), expected)
    for name, (content, field, found, expected) in BAD_LINES.items()
}


class TestParsePairs:
    @pytest.mark.parametrize("case", BAD_LINES.values(), ids=BAD_LINES)
    def test_bad_line_is_named_and_set_aside(self, case: tuple[bytes, str, str, str]) -> None:
        bad, field, found, expected = case
        content = b"\n".join([line(label=1), bad, line(label=0), b""])

        pairs, rejected = parse(content)

        assert [pair.label for pair in pairs] == [1, 0]
        assert [(row.file, row.line) for row in rejected] == [(SOURCE, 2)]
        assert rejected[0].content == bad.decode("utf-8", errors="backslashreplace")
        listed = error_of(content).splitlines()[1]
        assert listed.startswith(f"{SOURCE}:2: {field}: found {found}")
        assert f", expected {expected}" in listed

    @pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
    def test_byte_order_mark_is_refused_by_name(self, mark: bytes) -> None:
        pairs, rejected = parse(mark + line() + b"\n" + line(label=0))
        assert [pair.label for pair in pairs] == [0]
        assert (rejected[0].line, rejected[0].reasons) == (
            1,
            ["line: found a byte-order mark, expected UTF-8 without one"],
        )

    def test_every_field_at_fault_gets_its_reason(self) -> None:
        _, rejected = parse(line_without("text_2", label=7, category=""))
        assert [reason.split(":")[0] for reason in rejected[0].reasons] == [
            "text_2",
            "label",
            "category",
        ]

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
    @pytest.mark.parametrize("last", [True, False], ids=["final newline", "no final newline"])
    def test_line_endings(self, ending: bytes, last: bool) -> None:
        content = ending.join([line(pair_type="one"), line(pair_type="two")])
        pairs, rejected = parse(content + (ending if last else b""))
        assert [pair.pair_type for pair in pairs] == ["one", "two"]
        assert rejected == []

    def test_line_ending_is_no_part_of_a_rejected_line(self) -> None:
        _, rejected = parse(line(label=2) + b"\r\n\r\n" + line(label=3) + b"\n")
        assert [row.content for row in rejected] == [
            line(label=2).decode(),
            "",
            line(label=3).decode(),
        ]

    def test_separators_inside_a_text_do_not_end_the_line(self) -> None:
        text = "boy: a\u2028b\u0085c\x0bd"
        pairs, _ = parse(json.dumps({**ROW, "text_1": text}, ensure_ascii=False).encode())
        assert [pair.text_1 for pair in pairs] == [text]

    def test_unknown_fields_are_kept(self) -> None:
        extra = {"source": "survey", "texts": [1, {"a": None}], "model_dump": 2.5, "_x": True}
        pairs, rejected = parse(line(**extra))
        assert rejected == []
        assert pairs[0].model_extra == extra
        assert pairs[0].model_dump() == {**ROW, **extra}
        assert pairs[0].texts == (ROW["text_1"], ROW["text_2"])

    @pytest.mark.parametrize("text", ["no prefix", "man: x", "boy:"])
    def test_prefix_rule_can_be_turned_off(self, text: str) -> None:
        assert len(parse(line(text_1=text), prefixes=None)[0]) == 1
        assert len(parse(line(text_1=text))[1]) == 1

    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=30),
                st.sampled_from([case[0] for case in BAD_LINES.values()]),
                st.just(line()),
                st.integers(0, len(line())).map(lambda cut: line()[:cut]),
            ),
            max_size=6,
        ).map(b"\n".join)
    )
    def test_every_line_is_a_pair_or_a_rejected_row(self, content: bytes) -> None:
        lines = content.count(b"\n") + (not content.endswith(b"\n") if content else 0)

        pairs, rejected = parse(content)

        assert len(pairs) + len(rejected) == lines
        numbers = [row.line for row in rejected]
        assert numbers == sorted(set(numbers))
        assert all(1 <= number <= lines for number in numbers)
        assert all(row.reasons for row in rejected)

    @given(
        st.dictionaries(
            st.sampled_from([*ROW, "note", "a\x1b[0m\n"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False)
                | st.text()
                | st.text(st.sampled_from("boy: \ud800\udc00\x1b\n\r\u2028\u202e\x00"), max_size=9),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
                max_leaves=4,
            ),
            max_size=3,
        )
    )
    def test_accepted_pairs_survive_saving_and_messages_stay_printable(
        self, changes: dict[str, Any]
    ) -> None:
        source = json.dumps({**ROW, **changes}).replace("Infinity", "1e999")
        pairs, rejected = parse(source.encode())

        for accepted in pairs:
            reloaded = DatingPair.model_validate_json(accepted.model_dump_json())
            assert reloaded == accepted
            assert hash_pairs([reloaded]) == hash_pairs([accepted])
        for row in rejected:
            assert all(reason.isprintable() for reason in row.reasons), row.reasons
            assert RejectedRow.model_validate_json(row.model_dump_json()) == row

    def test_long_values_are_cut_in_messages(self) -> None:
        _, rejected = parse(line(text_1="x" * 10_000))
        assert len(rejected[0].reasons[0]) < 200


FILE_NAMES = {
    "text_1": "question_a",
    "text_2": "question_b",
    "label": "is_duplicate",
    "category": "topic",
    "subcategory": "detail",
    "pair_type": "source",
}
OTHER_NAMES = Columns(**FILE_NAMES)


def renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {FILE_NAMES.get(field, field): value for field, value in row.items()}


class TestColumns:
    @given(
        st.permutations([*FILE_NAMES, *FILE_NAMES.values(), "a b", "\x1b[31m"]).map(
            lambda names: dict(zip(FILE_NAMES, names, strict=False))
        ),
        st.lists(
            st.dictionaries(
                st.sampled_from([*ROW, "note"]), st.sampled_from([0, 1, 2, "boy: x", "", None])
            ).map(lambda changes: {**ROW, **changes}),
            max_size=4,
        ),
        st.sets(st.sampled_from([*ROW])),
    )
    def test_a_mapping_is_as_good_as_renaming_the_fields(
        self, names: dict[str, str], rows: list[dict[str, Any]], missing: set[str]
    ) -> None:
        if rows:
            rows[0] = {field: value for field, value in rows[0].items() if field not in missing}
        own = b"\n".join(json.dumps(row).encode() for row in rows)
        other = b"\n".join(
            json.dumps({names.get(field, field): value for field, value in row.items()}).encode()
            for row in rows
        )
        expected, rejected = parse(own)

        pairs, named = parse_pairs(RawLines(SOURCE, other), PREFIXES, Columns(**names))

        assert pairs == expected
        assert hash_pairs(pairs) == hash_pairs(expected)
        for before, after in zip(rejected, named, strict=True):
            assert after.line == before.line
            for reason, own_reason in zip(after.reasons, before.reasons, strict=True):
                field, colon, found = own_reason.partition(":")
                shown = names.get(field, field).replace("\x1b", r"\x1b")
                assert reason == f"{shown}{colon}{found}"

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("text_1", "", "question_a: found '', expected a text that is not empty"),
            ("text_2", " ", "question_b: found ' ', expected a text that is not blank"),
            ("text_2", "x", "question_b: found 'x', expected it to begin with 'boy: '"),
            ("text_1", "boy:", "question_a: found nothing after 'boy:', expected a statement"),
            ("label", "1", "is_duplicate: found '1', expected 0 or 1 (a number)"),
            ("category", 3, "topic: found 3, expected a text that is not empty"),
        ],
    )
    def test_an_error_names_the_field_as_the_file_does(
        self, field: str, value: object, expected: str
    ) -> None:
        lines = [json.dumps(renamed({**ROW, "label": label})).encode() for label in (0, 1)]
        bad = json.dumps(renamed({**ROW, field: value})).encode()
        raw = RawLines(SOURCE, b"\n".join([*lines, bad]))
        with pytest.raises(InvalidPairsError) as caught:
            require_valid([(raw, *parse_pairs(raw, PREFIXES, OTHER_NAMES))], "fail", OTHER_NAMES)
        assert f"{SOURCE}:3: {expected}" in str(caught.value)

    def test_a_file_of_one_label_is_named_by_its_own_field(self) -> None:
        raw = RawLines(SOURCE, json.dumps(renamed(ROW)).encode())
        with pytest.raises(InvalidPairsError, match="is_duplicate: found only 1 in 1 pairs"):
            require_valid([(raw, *parse_pairs(raw, PREFIXES, OTHER_NAMES))], "fail", OTHER_NAMES)

    @pytest.mark.parametrize("field", ["category", "subcategory", "pair_type"])
    def test_a_group_that_the_file_has_not_is_one_for_all(self, field: str) -> None:
        row = {key: value for key, value in ROW.items() if key != field}
        raw = RawLines(SOURCE, json.dumps(row).encode())
        ((found,), rejected) = parse_pairs(raw, PREFIXES, Columns(**{field: None}))  # type: ignore[arg-type]
        assert not rejected
        assert found.model_dump() == {**row, field: "all"}

    def test_groups_may_share_a_field_and_its_fault_is_told_once(self) -> None:
        columns = Columns(subcategory="category", pair_type="category")
        row = {key: ROW[key] for key in ("text_1", "text_2", "label", "category")}
        content = json.dumps(row).encode() + b"\n" + json.dumps({**row, "category": 7}).encode()
        (found,), (bad,) = parse_pairs(RawLines(SOURCE, content), PREFIXES, columns)
        assert (found.category, found.subcategory, found.pair_type) == ("lifestyle",) * 3
        assert bad.reasons == ["category: found 7, expected a text that is not empty"]

    @pytest.mark.parametrize(
        "names",
        [
            {"text_1": "a", "text_2": "a"},
            {"text_1": "text_2"},
            {"category": "label"},
            {"label": "pair_type", "category": None},
        ],
    )
    def test_one_name_for_two_fields_is_refused(self, names: dict[str, str | None]) -> None:
        with pytest.raises(ValidationError, match="found one name for two fields"):
            Columns(**names)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("names", "row", "expected"),
        [
            ({"label": "fits"}, {**ROW, "fits": 1}, "label: found .*, expected 'fits' alone"),
            ({"category": None}, ROW, "category: found .*, expected none, as prepare.columns.cat"),
        ],
    )
    def test_a_field_that_another_would_displace_is_refused(
        self, names: dict[str, str | None], row: dict[str, Any], expected: str
    ) -> None:
        raw = RawLines(SOURCE, json.dumps(row).encode())
        columns = Columns(**names)  # type: ignore[arg-type]
        pairs, (bad,) = parse_pairs(raw, PREFIXES, columns)
        assert not pairs
        assert [bool(re.match(expected, reason)) for reason in bad.reasons] == [True]

    def test_fields_that_no_row_has_are_told_once(self) -> None:
        rows = [{**ROW, "lable": 1, "label\x1b": 0, "text_2": 5} for _ in range(30)]
        for row in rows:
            del row["label"], row["category"]
        content = "\n".join(json.dumps(row) for row in rows).encode()
        held = r"'text_1', 'text_2', 'subcategory', 'pair_type', 'lable', 'label\x1b'"
        message = error_of(content)
        assert message.splitlines()[1:4] == [
            f"{SOURCE}: label: found no field of this name in any row, expected it among {held}. "
            "Did you mean 'lable'?",
            f"{SOURCE}: category: found no field of this name in any row, expected it among "
            f"{held}.",
            f"{SOURCE}:1: text_2: found 5, expected a text that is not empty",
        ]
        assert "label: found nothing" not in message
        assert "prepare.columns" in message

    def test_a_field_that_some_row_has_is_told_of_each_that_lacks_it(self) -> None:
        message = error_of(line_without("label") + b"\n" + line(text_1=" "))
        assert f"{SOURCE}:1: label: found nothing, expected 0 or 1 (a number)" in message
        assert "in any row" not in message

    def test_a_file_with_no_valid_pair_leads_to_the_mapping(self) -> None:
        raw = RawLines(SOURCE, json.dumps(renamed(ROW)).encode())
        with pytest.raises(InvalidPairsError, match=r"say so in prepare\.columns\.$"):
            require_valid([(raw, *parse_pairs(raw, PREFIXES))], "fail")
        mixed = json.dumps(renamed(ROW)).encode() + b"\n" + line()
        assert "prepare.columns" not in error_of(mixed)


def as_csv(rows: list[dict[str, Any]]) -> RawLines:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return RawLines("in/pairs.csv", file.getvalue().encode())


class TestCsvPairs:
    def test_the_pairs_are_those_of_json_lines(self) -> None:
        rows = [
            {**ROW, "text_1": 'boy: "a", b', "note": ""},
            {**ROW, "label": 0, "text_2": "girl: c\nd", "note": "\u00e9"},
        ]
        expected, _ = parse(b"\n".join(json.dumps(row).encode() for row in rows))
        pairs, rejected = parse_pairs(as_csv(rows), PREFIXES)
        assert not rejected
        assert pairs == expected
        assert hash_pairs(pairs) == hash_pairs(expected)

    @pytest.mark.parametrize("label", ["", "2", "01", " 1", "1.0", "true", "yes", "-0", "\u0661"])
    def test_a_label_is_0_or_1(self, label: str) -> None:
        raw = as_csv([{**ROW, "label": label}, ROW])
        pairs, (bad,) = parse_pairs(raw, PREFIXES)
        assert [pair.label for pair in pairs] == [1]
        assert bad.line == 2
        assert bad.reasons == [f"label: found {label!r}, expected 0 or 1 (a number)"]

    def test_an_empty_field_is_no_text(self) -> None:
        _, (bad,) = parse_pairs(as_csv([{**ROW, "category": "", "text_2": ""}]), PREFIXES)
        assert [reason.split(":")[0] for reason in bad.reasons] == ["text_2", "category"]

    def test_an_empty_file_should_have_a_header(self) -> None:
        raw = RawLines("pairs.csv", b"")
        with pytest.raises(InvalidPairsError, match="found an empty file, expected a header"):
            require_valid([(raw, *parse_pairs(raw))], "fail")

    def test_a_header_alone_holds_no_pair(self) -> None:
        raw = RawLines("pairs.csv", b"text_1,text_2,label\n")
        with pytest.raises(InvalidPairsError, match="found a header and no row, expected a header"):
            require_valid([(raw, *parse_pairs(raw))], "fail")


class TestRequireValid:
    def test_lists_twenty_and_counts_the_rest(self) -> None:
        content = b"\n".join([line(label=2)] * 25 + [line(label=0), line(label=1)])
        message = error_of(content).splitlines()
        assert message[0] == "25 problem(s) in the pairs:"
        assert [text.split(": ")[0] for text in message[1:21]] == [
            f"{SOURCE}:{number}" for number in range(1, 21)
        ]
        assert message[21] == "... and 5 more"
        assert len(message) == 23

    @pytest.mark.parametrize("bad", [1, 20])
    def test_up_to_twenty_are_listed_without_a_rest(self, bad: int) -> None:
        message = error_of(b"\n".join([line(label=2)] * bad + [line(label=0), line(label=1)]))
        assert message.count(f"{SOURCE}:") == bad
        assert "more" not in message

    @pytest.mark.parametrize("on_invalid", ["fail", "quarantine"])
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "found an empty file, expected one JSON object a line"),
            (b"\n", "found no valid pair among 1 rows, expected pairs of both labels"),
            (b"  \n\t\n\n", "found no valid pair among 3 rows, expected pairs of both labels"),
            (line(label=2), "found no valid pair among 1 rows, expected pairs of both labels"),
            (line(label=1), "label: found only 1 in 1 pairs, expected both 0 and 1"),
            (
                b"\n".join([line(label=0)] * 3),
                "label: found only 0 in 3 pairs, expected both 0 and 1",
            ),
        ],
    )
    def test_file_that_cannot_be_used_is_always_an_error(
        self, content: bytes, problem: str, on_invalid: Literal["fail", "quarantine"]
    ) -> None:
        assert f"{SOURCE}: {problem}" in error_of(content, on_invalid).splitlines()

    def test_all_files_are_in_one_message(self) -> None:
        files = [RawLines("train.jsonl", line(label=2)), RawLines("eval.jsonl", b"")]
        with pytest.raises(InvalidPairsError) as caught:
            require_valid([(raw, *parse_pairs(raw)) for raw in files], "fail")
        message = str(caught.value)
        assert "train.jsonl:1: label: found 2" in message
        assert "eval.jsonl: found an empty file" in message

    @pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
    def test_error_says_how_to_set_lines_aside(
        self,
        wrap: Callable[
            [list[tuple[RawLines, list[DatingPair], list[RejectedRow]]]],
            Iterable[tuple[RawLines, list[DatingPair], list[RejectedRow]]],
        ],
    ) -> None:
        raw = RawLines(SOURCE, b"\n".join([line(label=2), line(label=0), line(label=1)]))
        with pytest.raises(InvalidPairsError, match=r"--params=prepare\.on_invalid=quarantine"):
            require_valid(wrap([(raw, *parse_pairs(raw))]), "fail")

    @pytest.mark.parametrize(
        ("content", "hints"),
        [
            (b"", []),
            (b"{", []),
            (line(label=2), []),
            (line_without("text_2"), ["prepare.columns"]),
            (line(text_1="tea", text_2="cake"), ["prepare.prefixes=null"]),
            (line(text_1="boy:"), []),
            (
                line_without("label") + b"\n" + line(text_1="x"),
                ["prepare.columns", "prefixes=null"],
            ),
        ],
        ids=["empty", "broken", "value", "missing", "prefix", "no statement", "both"],
    )
    @pytest.mark.parametrize("on_invalid", ["fail", "quarantine"])
    def test_without_any_pair_the_hint_is_that_of_the_reason(
        self, content: bytes, hints: list[str], on_invalid: Literal["fail", "quarantine"]
    ) -> None:
        lines = error_of(content, on_invalid).splitlines()
        said = [text for text in lines[1:] if not text.startswith(SOURCE)]
        assert len(said) == len(hints)
        assert all(hint in text for hint, text in zip(hints, said, strict=True))

    def test_rejected_rows_pass_in_quarantine_alone(self) -> None:
        content = b"\n".join([line(label=2), line(label=0), line(label=1)])
        raw = RawLines(SOURCE, content)
        require_valid([(raw, *parse_pairs(raw))], "quarantine")
        assert f"{SOURCE}:1: label: found 2" in error_of(content, "fail")

    def test_valid_files_pass(self) -> None:
        raw = RawLines(SOURCE, line(label=0) + b"\n" + line(label=1))
        require_valid([(raw, *parse_pairs(raw, PREFIXES))], "fail")


class TestPrepareOptions:
    @pytest.mark.parametrize(
        "changes",
        [
            {"validation_fraction": 0.0},
            {"validation_fraction": 1.0},
            {"on_invalid": "skip"},
            {"seed": -1},
            {"columns": {"text_3": "question"}},
            {"columns": {"label": None}},
            {"columns": {"text_1": ""}},
            {"unknown": 1},
        ],
    )
    def test_wrong_parameters_are_refused(self, changes: dict[str, object]) -> None:
        right: dict[str, Any] = {
            "prefixes": None,
            "on_invalid": "fail",
            "validation_fraction": 0.1,
            "seed": 0,
            "near_duplicate_similarity": 0.8,
        }
        PrepareOptions(**right)
        with pytest.raises(ValidationError, match=next(iter(changes))):
            PrepareOptions(**{**right, **changes})


class TestHashPairs:
    def test_nothing_has_the_hash_of_nothing(self) -> None:
        # Published by NIST as the SHA-256 of the empty message.
        nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert hash_pairs([]) == nothing

    @pytest.mark.parametrize(
        "other",
        [
            [pair("b", "a"), pair("c", "d", 0)],
            [pair("c", "d", 0), pair("a", "b")],
            [pair("a", "b", 0), pair("c", "d", 0)],
            [pair("a", "b ", 1), pair("c", "d", 0)],
            [pair("a", "b", note=1), pair("c", "d", 0)],
            [pair("a", "b", pair_type="x"), pair("c", "d", 0)],
            [pair("a", "b")],
            [pair("a", "b"), pair("a", "b"), pair("c", "d", 0)],
        ],
        ids=["texts", "order", "label", "blank", "extra field", "type", "fewer", "twice"],
    )
    def test_differs_when_anything_differs(self, other: list[DatingPair]) -> None:
        assert hash_pairs(other) != hash_pairs([pair("a", "b"), pair("c", "d", 0)])

    def test_order_of_the_fields_does_not_matter(self) -> None:
        fields = {**ROW, "note": 1, "source": "survey"}
        first, second = (
            DatingPair.model_validate(dict(order))
            for order in (fields.items(), [*fields.items()][::-1])
        )
        assert first == second
        assert hash_pairs([first]) == hash_pairs([second])

    @given(
        st.lists(
            st.builds(
                pair,
                st.text("a\n\\\"'", min_size=1, max_size=2),
                st.text("a\n,", min_size=1, max_size=2),
                st.integers(0, 1),
            ),
            max_size=3,
        ),
        st.data(),
    )
    def test_equal_exactly_for_equal_lists(self, first: list[DatingPair], data: Any) -> None:
        second = data.draw(st.permutations(first))
        copied = [DatingPair.model_validate(pair.model_dump()) for pair in first]
        assert hash_pairs(first) == hash_pairs(copied)
        assert (hash_pairs(first) == hash_pairs(second)) == (first == second)


few_texts = st.integers(0, 9).map(str)
graphs = st.lists(st.builds(pair, few_texts, few_texts, st.integers(0, 1)), max_size=14)


class TestConnectedGroups:
    @given(graphs)
    def test_is_the_closure_of_sharing_a_text(self, pairs: list[DatingPair]) -> None:
        linked = np.array([[bool({*a.texts} & {*b.texts}) for b in pairs] for a in pairs])
        linked = linked.reshape(len(pairs), len(pairs))
        for _ in pairs:
            linked = linked | ((linked.astype(int) @ linked.astype(int)) > 0)

        groups = connected_groups(pairs)

        assert ((groups[:, None] == groups[None, :]) == linked).all()
        first_seen = list(dict.fromkeys(groups.tolist()))
        assert first_seen == list(range(len(first_seen)))

    def test_chain_across_both_columns(self) -> None:
        pairs = [pair("a", "b"), pair("x", "y"), pair("c", "b"), pair("d", "c"), pair("z", "z")]
        assert connected_groups(pairs).tolist() == [0, 1, 0, 0, 2]


prefixed_texts = st.builds(
    "{}{}".format,
    st.sampled_from(["boy:", "girl:", "boy: ", "girl: ", "man: ", "boy", "Girl: ", " boy: ", ""]),
    st.text("boy girl:", min_size=1, max_size=12),
)


class TestSwapPrefixes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("boy: i like cats", "girl: i like cats"),
            ("girl: i like cats", "boy: i like cats"),
            ("girl:no blank", "boy:no blank"),
            ("boy: girl: both", "girl: girl: both"),
            ("boy: a boy: twice", "girl: a boy: twice"),
            ("girl: a boy: said so", "boy: a boy: said so"),
        ],
    )
    def test_exchanges_the_prefix_at_the_beginning_alone(self, text: str, expected: str) -> None:
        (swapped,) = swap_prefixes([pair(text, "girl: x")], PREFIXES)
        assert swapped.texts == (expected, "boy: x")

    @pytest.mark.parametrize(
        "text", ["man: a boy: x", "boyish: x", "boy", "boy x", "Boy: x", " boy: x", "tomboy: x"]
    )
    def test_other_beginnings_are_left_alone(self, text: str) -> None:
        (swapped,) = swap_prefixes([pair("girl: x", text)], PREFIXES)
        assert swapped.texts == ("boy: x", text)

    @given(st.lists(st.builds(pair, prefixed_texts, prefixed_texts, st.integers(0, 1)), max_size=5))
    def test_twice_is_the_identity_and_the_rest_stays(self, pairs: list[DatingPair]) -> None:
        swapped = swap_prefixes(pairs, PREFIXES)
        assert swap_prefixes(swapped, PREFIXES) == pairs
        assert swap_prefixes(pairs, ("girl", "boy")) == swapped
        for before, after in zip(pairs, swapped, strict=True):
            for old, new in zip(before.texts, after.texts, strict=True):
                assert (old != new) == old.startswith(("boy:", "girl:"))
                assert old.partition(":")[2] == new.partition(":")[2]

    def test_label_and_every_other_field_stay(self) -> None:
        given_pair = pair("boy: a", "boy: b", 0, note=["boy: kept"], category="boy: kept")
        (swapped,) = swap_prefixes(iter([given_pair]), PREFIXES)
        expected = {**given_pair.model_dump(), "text_1": "girl: a", "text_2": "girl: b"}
        assert swapped.model_dump() == expected
        assert given_pair.texts == ("boy: a", "boy: b")

    def test_prefixes_are_those_asked_for(self) -> None:
        (swapped,) = swap_prefixes([pair("cat: a", "boy: b")], ("cat", "dog"))
        assert swapped.texts == ("dog: a", "boy: b")


@st.composite
def splittable(draw: st.DrawFn) -> tuple[list[DatingPair], dict[int, int]]:
    """Pairs in random groups, among them some that share no text; and the number of these."""
    tangled = draw(st.lists(st.tuples(few_texts, few_texts, st.integers(0, 1)), max_size=25))
    alone = {label: draw(st.integers(2, 15)) for label in (0, 1)}
    edges = tangled + [
        (f"alone {label} {number}", f"partner {label} {number}", label)
        for label, count in alone.items()
        for number in range(count)
    ]
    edges = draw(st.permutations(edges))
    numbered = enumerate(edges)
    return [pair(a, b, label, subcategory=str(n)) for n, (a, b, label) in numbered], alone


class TestSplitByGroup:
    @given(splittable(), st.floats(0.02, 0.98), st.integers(0, 2**32))
    def test_splits_without_leaks(
        self, case: tuple[list[DatingPair], dict[int, int]], fraction: float, seed: int
    ) -> None:
        pairs, alone = case

        kept, moved = split_by_group(pairs, fraction, seed)

        assert not {t for p in kept for t in p.texts} & {t for p in moved for t in p.texts}
        assert {p.label for p in kept} == {p.label for p in moved} == {0, 1}
        for side in (kept, moved):
            positions = [int(p.subcategory) for p in side]
            assert positions == sorted(positions)
        assert sorted([*kept, *moved], key=lambda p: int(p.subcategory)) == pairs
        for label in (0, 1):
            share = fraction * sum(p.label == label for p in pairs)
            count = sum(p.label == label for p in moved)
            assert count <= max(1, math.floor(share + 0.5))
            if alone[label] > share:  # Enough loose pairs to come as near as whole numbers allow.
                assert abs(count - share) < 1
        assert split_by_group(pairs, fraction, seed) == (kept, moved)

    def test_seeds_choose_different_pairs(self) -> None:
        pairs = [pair(f"a{n}", f"b{n}", n % 2) for n in range(100)]
        chosen = {hash_pairs(split_by_group(pairs, 0.2, seed)[1]) for seed in range(5)}
        assert len(chosen) == 5

    def test_high_fraction_leaves_both_labels(self) -> None:
        pairs = [pair(f"a{n}", f"b{n}", n % 2) for n in range(6)]
        kept, moved = split_by_group(pairs, 0.9, 0)
        assert sorted(p.label for p in kept) == [0, 1]
        assert sorted(p.label for p in moved) == [0, 0, 1, 1]

    @pytest.mark.parametrize(
        "pairs",
        [
            [pair("same", f"b{n}", n % 2) for n in range(40)],
            [pair(f"a{n}", f"b{n}", 0) for n in range(40)],
            [pair(f"a{n}", f"b{n}", 0) for n in range(40)] + [pair("x", "y", 1)],
            [pair(f"a{n}", f"b{n}", 0) for n in range(40)]
            + [pair("same", f"c{n}", 1) for n in range(9)],
        ],
        ids=["giant component", "one label", "label seen once", "one label in one group"],
    )
    def test_impossible_split_is_an_error(self, pairs: list[DatingPair]) -> None:
        with pytest.raises(InvalidPairsError, match=rf"the {len(pairs)} train pairs form") as error:
            split_by_group(pairs, 0.2, 0)
        assert "\n" not in str(error.value)


def test_a_file_name_cannot_steer_the_terminal() -> None:
    raw = RawLines("a\x1b[31m\n.jsonl", line(label=2))
    with pytest.raises(InvalidPairsError) as caught:
        require_valid([(raw, *parse_pairs(raw))], "fail")
    message = str(caught.value)
    assert "\x1b" not in message
    assert "a\\x1b[31m\\n.jsonl:1: label" in message
