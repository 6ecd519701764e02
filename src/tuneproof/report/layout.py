"""What a page is made of: sections, tables, cells."""

from collections.abc import Sequence
from typing import NamedTuple

from tuneproof.comparison.wording import figure, span
from tuneproof.metrics.uncertainty import Interval

NO_BREAK = "\u00a0"


class Cell(NamedTuple):
    """One cell; kind `good` or `bad` colours it, `code` sets it in fixed width."""

    text: str
    kind: str = ""


class Table(NamedTuple):
    """A table whose first column names the rows.

    Attributes:
        caption: What it holds.
        corner: Heading of the first column.
        columns: Headings of the other columns.
        rows: Name and cells of each row.
        groups: Headings above the columns, each with the number of columns it spans.
    """

    caption: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    groups: Sequence[tuple[str, int]] = ()


class Section(NamedTuple):
    """A part of the page."""

    anchor: str
    title: str
    paragraphs: Sequence[str]
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()


def number(value: float | None, digits: int = 4) -> Cell:
    """Show a figure with fixed digits, or 'n/a'."""
    return Cell(figure(value, digits))


def counts(*values: int) -> list[Cell]:
    """Show whole numbers, thousands separated."""
    return [Cell(f"{value:,}") for value in values]


def prose(text: str) -> Cell:
    """Show text, to the left."""
    return Cell(text, "text")


def interval_cell(value: float | None, interval: Interval | None, digits: int = 3) -> Cell:
    """Show a figure with its interval; without one the figure alone."""
    if value is None or interval is None:
        return Cell(figure(value, digits))
    # The bracket may move to the next line, but does not break.
    return Cell(f"{figure(value, digits)} {span(interval, digits).replace(' ', NO_BREAK)}")
