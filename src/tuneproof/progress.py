"""One progress bar for whatever takes long."""

from typing import Any, Final

from tqdm import tqdm

SHOWN_AFTER: Final = 3.0
"""Seconds of work before a bar appears: what is done sooner needs none."""


def progress_bar(total: int, unit: str, description: str) -> "tqdm[Any]":
    """Open a bar on a terminal; it vanishes when it is closed. Anywhere else nothing is shown.

    Args:
        total: Units of work in all.
        unit: What one of them is called.
        description: What is being done.

    Examples:
        >>> with progress_bar(2, "step", "walking") as progress:
        ...     for _ in range(2):
        ...         _ = progress.update()
    """
    return tqdm(
        total=total, unit=unit, desc=description, delay=SHOWN_AFTER, leave=False, disable=None
    )
