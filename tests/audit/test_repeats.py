from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.repeats import find_repeats, identity
from tuneproof.pairs import DatingPair

from .examples import pair

PAIRS = st.lists(
    st.builds(pair, st.sampled_from("abc"), st.sampled_from("abc"), st.integers(0, 1)), max_size=12
)


@given(PAIRS, PAIRS)
def test_every_repeated_row_is_listed_once(
    first: list[DatingPair], second: list[DatingPair]
) -> None:
    splits = {"train": first, "eval": second}
    found = find_repeats(splits)
    counts = Counter(identity(p) for p in [*first, *second])
    assert {repeat.texts: len(repeat.rows) for repeat in found} == {
        texts: count for texts, count in counts.items() if count > 1
    }
    for repeat in found:
        rows = [splits[row.split][row.row] for row in repeat.rows]
        assert {identity(p) for p in rows} == {repeat.texts}
        assert [p.label for p in rows] == [row.label for row in repeat.rows]
        assert repeat.conflicting == (len({p.label for p in rows}) == 2)
