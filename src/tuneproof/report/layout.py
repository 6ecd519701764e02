"""What a page is made of: tabs, sections, answers, tables, cells, figures."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tuneproof.comparison.wording import figure, span
from tuneproof.metrics.uncertainty import Interval

NO_BREAK = "\u00a0"


class Cell(NamedTuple):
    """One cell, a figure by default.

    Kind `good` or `bad` colours it, `code` sets it in fixed width, `text` gives sentences room and
    `word` only what the word needs, both to the left.
    """

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


class Plot(NamedTuple):
    """The place of an interactive figure.

    Attributes:
        name: Name of the figure in `tuneproof.report.figures.figures`.
        title: Shown above it.
        text: What it shows, with its main numbers: for those who do not see it, and where no
            script runs.
    """

    name: str
    title: str
    text: str


class Answer(NamedTuple):
    """A question of the first screen, what the evidence answers, and on what grounds."""

    question: str
    answer: str
    grounds: Sequence[str] = ()


class Section(NamedTuple):
    """A part of a tab.

    Attributes:
        anchor: Its address on the page.
        title: Its heading.
        paragraphs: What stands first.
        tables: Tables.
        points: A list after the paragraphs.
        plots: Interactive figures.
        answers: Questions with their answers.
        sources: Names of the artifacts that hold its figures.
        widget: A part of the page that scripts work on.
    """

    anchor: str
    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    answers: Sequence[Answer] = ()
    sources: Sequence[str] = ()
    widget: Literal["", "thresholds", "umap", "pairs"] = ""


class Tab(NamedTuple):
    """A tab of the page; without scripts its sections stand one after another with the others'."""

    anchor: str
    title: str
    sections: Sequence[Section]


def number(value: float | None, digits: int = 4) -> Cell:
    """Show a figure with fixed digits, or 'n/a'."""
    return Cell(figure(value, digits))


def counts(*values: int) -> list[Cell]:
    """Show whole numbers, thousands separated."""
    return [Cell(f"{value:,}") for value in values]


def prose(text: str) -> Cell:
    """Show sentences."""
    return Cell(text, "text")


def word(text: str) -> Cell:
    """Show a word or two."""
    return Cell(text, "word")


def interval_cell(value: float | None, interval: Interval | None, digits: int = 3) -> Cell:
    """Show a figure with its interval; without one the figure alone."""
    if value is None or interval is None:
        return Cell(figure(value, digits))
    return Cell(f"{figure(value, digits)} {unbroken(span(interval, digits))}")


def unbroken(bracket: str) -> str:
    """Keep a bracket on one line; it may move to the next as a whole."""
    return bracket.replace(" ", NO_BREAK)
