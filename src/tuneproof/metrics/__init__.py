"""Pure functions on arrays; a module for each question asked of a model.

Everywhere below, `labels` holds 0 or 1, shape (n,), and `scores` the cosine of each pair, shape
(n,), in [-1, 1]. A figure that the data leave undefined is None, never 0.0 or NaN.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
