"""How far something that takes long has come: one kind of bar, one tag of nodes."""

from typing import Any, Final

from tqdm import tqdm

SHOWN_AFTER: Final = 3.0
"""Seconds of work before a bar appears: what is done sooner needs none."""

STREAMS: Final = "streams"
"""Tag of a node that returns streams: what it makes is computed while it is saved."""


def progress_bar(total: int, unit: str, description: str, *, shown: bool = True) -> "tqdm[Any]":
    """Open a bar on a terminal; it vanishes when it is closed. Anywhere else nothing is shown.

    Args:
        total: Units of work in all.
        unit: What one of them is called.
        description: What is being done.
        shown: Show it on a terminal; else it is never seen.

    Examples:
        >>> with progress_bar(2, "step", "walking") as progress:
        ...     for _ in range(2):
        ...         _ = progress.update()
    """
    return tqdm(
        total=total,
        unit=unit,
        desc=description,
        delay=SHOWN_AFTER,
        leave=False,
        disable=None if shown else True,
    )
