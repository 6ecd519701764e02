import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.charts import fitting
from tuneproof.charts.fitting import bin_edges, largest, lines_of
from tuneproof.metrics import Scores


def test_largest_keeps_the_given_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"a": 1, "b": 9, "c": 5}
    assert largest(sizes) == ["a", "b", "c"]
    monkeypatch.setattr(fitting, "MOST_ROWS", 2)
    assert largest(sizes) == ["b", "c"]


@given(st.text(), st.integers(5, 30), st.integers(1, 4))
def test_lines_fit(text: str, width: int, lines: int) -> None:
    broken = lines_of(text, width, lines)
    assert len(broken) <= lines
    assert max(map(len, broken)) <= width


@given(st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=50).map(np.array))
def test_edges_hold_all_cosines(cosines: Scores) -> None:
    edges = bin_edges(cosines)
    assert edges[0] <= cosines.min() + 1e-9
    assert edges[-1] >= cosines.max() - 1e-9
    assert 2 <= len(edges) <= 202
    assert np.allclose(np.diff(edges), edges[1] - edges[0])
