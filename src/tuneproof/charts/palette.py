"""Colours, names, line styles, markers and hatches that charts and interactive figures share.

No colour stands alone: lines differ in style, points in marker, bars in hatch, so that a print in
shades of grey, and a reader who tells few colours apart, still knows one from the other.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, cycle
from typing import Final

from tuneproof.variants import VARIANTS

GUIDE_COLOUR: Final = "#5c5c5c"
NO_DATA_COLOUR: Final = "#767676"

LABEL_COLOURS: Final[Mapping[int, str]] = {0: "#D55E00", 1: "#0072B2"}
LABEL_NAMES: Final[Mapping[int, str]] = {0: "incompatible (0)", 1: "compatible (1)"}
LABEL_LINE_STYLES: Final[Mapping[int, str]] = {0: "dashed", 1: "solid"}
LABEL_HATCHES: Final[Mapping[int, str]] = {0: "///", 1: ""}

# Those of Okabe and Ito (2008), Color Universal Design, that are not a label's, without the yellow
# that a white page swallows, and a grey that is seen on a white and on a dark one; the last is the
# wine of Tol (2021), Colour Schemes.
_COLOURS: Final = ("#737373", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#882255")
_LINE_STYLES: Final = ("solid", "dashed", "dashdot", "dotted")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_HATCHES: Final = ("", "///", "...", "xxx", "\\\\\\", "++")
_MODELS: Final = ("baseline", *VARIANTS)


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Give each model its colour: baseline and variants have the same one in any company."""
    return _by_model(models, _COLOURS)


def model_line_styles(models: Iterable[str]) -> dict[str, str]:
    """Give each model its line style, as matplotlib names it: solid, dashed, dashdot or dotted."""
    return _by_model(models, _LINE_STYLES)


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """Give each model its marker, as matplotlib names it."""
    return _by_model(models, _MARKERS)


def model_hatches(models: Iterable[str]) -> dict[str, str]:
    """Give each model the hatch of its bars, as matplotlib names it; the first has none."""
    return _by_model(models, _HATCHES)


def shade(
    value: float | None, interval: tuple[float, float] | None, neutral: float
) -> float | None:
    """Return the value whose colour a cell gets: none where the figure may be chance.

    Args:
        value: The figure of the cell; None where it is undefined.
        interval: Its 95 % interval; None where there is none.
        neutral: What it is where nothing was found.

    Returns:
        The figure itself where its interval leaves `neutral` out; `neutral` where it does not, or
        there is none. None where the figure is undefined.

    Examples:
        >>> shade(0.4, (0.1, 0.7), 0.0), shade(0.4, (-0.1, 0.9), 0.0)
        (0.4, 0.0)
    """
    if value is None or (interval and not interval[0] <= neutral <= interval[1]):
        return value
    return neutral


def _by_model(models: Iterable[str], looks: tuple[str, ...]) -> dict[str, str]:
    """Give known models the look of their place; others those that are left, in turn."""
    known = dict(zip(_MODELS, cycle(looks), strict=False))
    further = cycle(chain(looks[len(_MODELS) :], looks))
    return {model: known[model] if model in known else next(further) for model in models}
