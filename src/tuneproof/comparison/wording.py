"""Figures as people read them."""

import re
from collections.abc import Sequence
from typing import Final

from tuneproof.comparison.records import MODEL_NAMES, ComparisonResult
from tuneproof.metrics.uncertainty import Interval

DIGITS = 4

WARNING: Final = "Warning: "
"""How a sentence begins that warns."""

_NUMBER: Final = re.compile(r"[-+]?\d[\d.]*")


def name_of(model: str) -> str:
    """Return the name of a model that people read."""
    return MODEL_NAMES.get(model, model)


def figure(value: float | None, digits: int = DIGITS) -> str:
    """Write a figure: fixed digits, or 'n/a'."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = DIGITS) -> str:
    """Write a difference: fixed digits with its sign, or 'n/a'."""
    return "n/a" if value is None else f"{value:+.{digits}f}"


def span(interval: Interval | None, digits: int = 3) -> str:
    """Write an interval in brackets, or 'no interval'."""
    if interval is None:
        return "no interval"
    return f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def with_span(value: float | None, interval: Interval | None, digits: int = 3) -> str:
    """Write a figure and its interval."""
    return f"{figure(value, digits)} {span(interval, digits)}" if value is not None else "n/a"


def chance(p_value: float | None) -> str:
    """Write a p-value with two significant digits, or 'n/a'."""
    return "n/a" if p_value is None else f"{p_value:.2g}"


def once_each_kind(sentences: Sequence[str], models: Sequence[str]) -> list[str]:
    """Return sentences that begin with a model, each kind once; the models that share it behind.

    Two sentences are of one kind if they differ in the model and the numbers alone.

    Args:
        sentences: Sentences; `WARNING` may stand before the model.
        models: Names of the models.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for sentence in sentences:
        told = sentence.removeprefix(WARNING)
        model = next((name for name in models if re.match(rf"{re.escape(name)}\b", told)), "")
        kind = _NUMBER.sub("#", told.removeprefix(model))
        kinds.setdefault(kind, []).append((model, sentence))
    return [
        sentence + (f" Likewise: {', '.join(name for name, _ in others)}." if others else "")
        for (_, sentence), *others in kinds.values()
    ]


def criteria_lines(comparison: ComparisonResult) -> list[str]:
    """Count the success criteria that each variant surely meets; empty where none are set."""
    met = comparison.surely_met()
    if not comparison.criteria:
        return []
    counted = ", ".join(f"{model} {count}" for model, count in met.items())
    return [f"Success criteria surely met, of {len(comparison.criteria)}: {counted}."]
