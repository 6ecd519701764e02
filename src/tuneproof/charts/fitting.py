"""What fits into a chart: groups, names and bins, alike in the image files and on the page.

It draws nothing: the page has the same rules without loading matplotlib.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_ROWS: Final = 60
"""Groups or layers that a chart has room for."""

_BIN_WIDTHS = (0.01, 0.02, 0.05)


def largest(sizes: Mapping[str, int]) -> list[str]:
    """Return the names of the largest groups in their given order: what a chart has room for."""
    kept = set(sorted(sizes, key=lambda name: -sizes[name])[:MOST_ROWS])
    return [name for name in sizes if name in kept]


def largest_of(shown: int, everything: int) -> str:
    """Say how many of the largest a chart shows; nothing where it shows all."""
    return f"the {shown:,} largest of {everything:,}" if shown < everything else ""


def lines_of(text: str, width: int, lines: int) -> list[str]:
    """Break a text after spaces, hyphens, underscores and slashes.

    Args:
        text: On one line.
        width: Most characters on a line.
        lines: Most lines; a text that needs more loses its middle, since names differ at both ends.
    """
    room = width * lines
    if len(text) > room:
        head = (room - 1) // 2
        text = f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"
    broken = _broken(text, width)
    if len(broken) > lines:
        return [text[start : start + width] for start in range(0, len(text), width)]
    return broken


def bin_edges(cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Choose the edges of a histogram of all models' cosines.

    Bins are as wide as the rule of Freedman and Diaconis (1981, Zeitschrift für
    Wahrscheinlichkeitstheorie 57) asks, 2 IQR / n^(1/3), rounded to one of a few widths whose
    multiples people read easily.

    Args:
        cosines: In [-1, 1], at least one.

    Returns:
        Edges ascending, at least two; but for rounding the first is at most the smallest cosine,
        the last at least the largest.
    """
    low, high = np.quantile(cosines, [0.25, 0.75])
    asked = 2 * (high - low) / len(cosines) ** (1 / 3)
    width = min(_BIN_WIDTHS, key=lambda each: abs(each - asked))
    first = np.floor(cosines.min() / width)
    last = max(np.ceil(cosines.max() / width), first + 1)
    return np.round(np.arange(first, last + 1) * width, 10)


def _broken(text: str, width: int) -> list[str]:
    lines: Sequence[str] = [""]
    for part in re.findall(r"[^\s_/-]*[\s_/-]?", text):
        if lines[-1] and len((lines[-1] + part).rstrip()) > width:
            lines = [*lines, part]
        else:
            lines = [*lines[:-1], lines[-1] + part]
    return [
        line.strip()[start : start + width]
        for line in lines
        for start in range(0, max(len(line.strip()), 1), width)
    ]
