import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.dimension import Dimension, SubScore, limit

SCORES = st.one_of(st.none(), st.floats(0, 100))


def sub(score: float | None) -> SubScore:
    return SubScore(name="sub", score=score, detail="evidence")


@pytest.mark.parametrize(("score", "most"), [(0, 0), (10, 20), (50, 100), (80, 100)])
def test_the_limit_is_twice_the_score(score: float, most: float) -> None:
    assert limit(score) == most


def test_a_necessary_sub_score_holds_the_mean_down() -> None:
    dimension = Dimension.of("x", necessary=["a"], a=sub(10), b=sub(100), c=sub(100))
    assert dimension.score == 20
    assert dimension.limits == {"sub": 20}
    assert Dimension.of("x", a=sub(10), b=sub(100), c=sub(100)).score == 70


def test_a_necessary_sub_score_that_does_not_apply_holds_nothing_down() -> None:
    dimension = Dimension.of("x", necessary=["a"], a=sub(None), b=sub(80))
    assert dimension.score == 80
    assert dimension.limits == {}


@given(SCORES, SCORES, SCORES)
def test_the_score_is_never_above_the_mean_nor_above_the_limit(
    a: float | None, b: float | None, c: float | None
) -> None:
    free = Dimension.of("x", a=sub(a), b=sub(b), c=sub(c)).score
    held = Dimension.of("x", necessary=["a"], a=sub(a), b=sub(b), c=sub(c)).score
    if free is None:
        assert held is None
    else:
        assert held == (free if a is None else min(free, 2 * a))
