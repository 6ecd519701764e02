"""Small data for the charts, and what a drawn figure shows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

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
