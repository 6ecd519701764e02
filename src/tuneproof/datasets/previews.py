"""What kedro-viz shows of an artifact: a few rows, a shortened record, the beginning of a text.

kedro-viz takes the kind of a preview from the return annotation of `preview`. It writes tables,
records and texts as plain text. `HTMLPreview` is not used: kedro-viz sanitises such a preview and
replaces Markdown in it afterwards, which lets a text of a pair put attributes into an element.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NewType

from kedro_datasets._typing import JSONPreview, TablePreview

TextPreview = NewType("TextPreview", str)

ROWS: Final = 20
"""Rows of a table, lines of a file."""

_LINE_CHARACTERS: Final = 1_000
_ITEMS: Final = 50
_CELL_CHARACTERS: Final = 500
_TEXT_CHARACTERS: Final = 10_000


def preview_rows(rows: Iterable[Mapping[str, Any]]) -> TablePreview:
    """Show rows as a table whose columns are all names that occur, in order of appearance.

    Args:
        rows: JSON values by name; what is nested is shown as JSON.

    Examples:
        >>> preview_rows([{"a": 1}, {"b": [2, 3]}])["data"]
        [[1, None], [None, '[2, 3]']]
    """
    shown = list(rows)
    columns = list(dict.fromkeys(name for row in shown for name in row))
    return TablePreview(
        {
            "index": list(range(len(shown))),
            "columns": columns,
            "data": [[_cell(row.get(name)) for name in columns] for row in shown],
        }
    )


def preview_record(value: Any) -> JSONPreview:
    """Show a JSON value: of each list and object the first 50 entries, of a text 500 characters."""
    return JSONPreview(json.dumps(_shorten(value), ensure_ascii=False))


def preview_file(path: Path) -> TextPreview:
    """Show the first 20 lines of a file, whatever it holds; nothing if there is no such file."""
    if not path.is_file():
        return TextPreview("")
    with path.open(encoding="utf-8", errors="replace") as lines:
        return preview_text("".join(lines.readline(_LINE_CHARACTERS) for _ in range(ROWS)))


def preview_text(text: str) -> TextPreview:
    """Show the first 10,000 characters of a text."""
    return TextPreview(_clip(text, _TEXT_CHARACTERS))


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    return _clip(value, _CELL_CHARACTERS) if isinstance(value, str) else value


def _shorten(value: Any) -> Any:
    match value:
        case str():
            return _clip(value, _CELL_CHARACTERS)
        case list():
            shown = [_shorten(item) for item in value[:_ITEMS]]
            return [*shown, f"... {len(value) - _ITEMS} more"] if len(value) > _ITEMS else shown
        case dict():
            entries = {name: _shorten(item) for name, item in list(value.items())[:_ITEMS]}
            more = {"...": f"{len(value) - _ITEMS} more"} if len(value) > _ITEMS else {}
            return entries | more
    return value


def _clip(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    return f"{text[:characters]} ... {len(text) - characters} more characters"
