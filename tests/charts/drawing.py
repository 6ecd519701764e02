"""Small data for the charts, and what a drawn figure shows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

HOSTILE = ("$x$", "[/b]", "<script>alert(1)</script>", "long_name_" * 6, "100$ or 200$", "a\nb")


def scores(shift: float, n: int = 40, seed: int = 0) -> pd.DataFrame:
    """Cosines of n pairs of both labels, those of label 1 higher by `shift`."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    cosines = np.clip(generator.normal(0.3, 0.15, n) + shift * labels, -1, 1)
    return pd.DataFrame({"cosine": cosines, "label": labels})


def projection(n: int = 20, seed: int = 0) -> pd.DataFrame:
    """2n projected texts and n projected pairs."""
    generator = np.random.default_rng(seed)
    points = ["text_1"] * n + ["text_2"] * n + ["pair"] * n
    return pd.DataFrame(
        {
            "points": points,
            "row": np.tile(np.arange(n), 3),
            "x": generator.normal(size=3 * n),
            "y": generator.normal(size=3 * n),
            "cluster": np.tile(np.arange(n) % 3 - 1, 3),
            "label": np.tile(np.arange(n) % 2, 3),
        }
    )


def texts(figure: Figure) -> list[str]:
    """Draw the figure, and return every visible text that is not empty, as readers see it."""
    FigureCanvasAgg(figure).draw()
    return [
        text.get_text().replace(r"\$", "$")
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text()
    ]


def collisions(figure: Figure) -> list[tuple[str, str]]:
    """Draw the figure, and return the visible texts that cover one another."""
    shown = _extents(figure)
    return [
        (first, second)
        for row, (first, box) in enumerate(shown)
        for second, other in shown[row + 1 :]
        if box.shrunk(0.98, 0.9).overlaps(other.shrunk(0.98, 0.9))
    ]


def cut_off(figure: Figure) -> list[str]:
    """Draw the figure, and return the visible texts that leave its page."""
    page = figure.bbox.padded(1)
    return [
        text
        for text, box in _extents(figure)
        if not (page.contains(*box.min) and page.contains(*box.max))
    ]


def whiskers(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """Return the x and the y of both ends of each interval, in order of drawing."""
    return [
        (
            [float(x) for x in np.asarray(line.get_xdata())],
            [float(y) for y in np.asarray(line.get_ydata())],
        )
        for line in axes.lines
        if line.get_gid() == "interval"
    ]


def _extents(figure: Figure) -> list[tuple[str, Bbox]]:
    FigureCanvasAgg(figure).draw()
    # Labels of ticks beyond the limits exist, and are not drawn.
    unseen = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_visible()
        and text.get_text().strip()
        and text not in unseen
    ]


def bars(axes: Axes) -> list[Rectangle]:
    """Return the bars of an axes in order of drawing."""
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def has_mathtext(figure: Figure) -> bool:
    """Whether matplotlib would read any text of the figure as mathtext instead of showing it."""
    from matplotlib.cbook import is_math_text

    return any(
        is_math_text(text.get_text())
        for text in figure.findobj(Text)
        if isinstance(text, Text) and "$" in text.get_text()
    )
