"""Data in, figure out: charts of what was measured, all in one style.

Every function takes plain arrays, frames and mappings and returns a `matplotlib.figure.Figure`;
none of them touches pyplot. Mappings by model hold the models that exist, in the order of drawing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    # Kedro reads the annotations of nodes when it starts; matplotlib is imported where it draws.
    Figure = object

__all__ = ["Figure"]
