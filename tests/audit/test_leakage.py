from hypothesis import given
from hypothesis import strategies as st

from tuneproof.audit.leakage import LeakageCounts, count_leakage
from tuneproof.pairs import DatingPair

from .examples import needs_published, pair, published, published_eval

TRAIN = [pair("a", "b"), pair("c", "d"), pair("d", "c"), pair("e", "f")]
PAIRS = st.lists(
    st.builds(pair, st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(0, 1)),
    max_size=12,
)


def test_leakage_by_hand() -> None:
    evaluation = [
        pair("a", "b", label=0),  # word for word, whatever the label
        pair("a", "b"),  # repeated rows count each time
        pair("f", "e"),  # in the other order
        pair("c", "d"),  # in both orders: word for word
        pair("a", "f"),  # both texts known, but not as a pair
        pair("x", "a"),  # one text
        pair("x", "y"),  # clean
        pair("A", "b "),  # clean: word for word means just that
    ]
    assert count_leakage(TRAIN, evaluation) == LeakageCounts(
        eval_pairs=8, in_train=3, in_train_swapped=1, sharing_a_text=6, clean=2
    )


def test_nothing_leaks_into_nothing() -> None:
    assert count_leakage(TRAIN, []) == LeakageCounts(
        eval_pairs=0, in_train=0, in_train_swapped=0, sharing_a_text=0, clean=0
    )


@given(PAIRS, PAIRS)
def test_the_counts_add_up(train: list[DatingPair], evaluation: list[DatingPair]) -> None:
    counts = count_leakage(train, evaluation)
    assert counts.sharing_a_text + counts.clean == counts.eval_pairs == len(evaluation)
    assert counts.in_train + counts.in_train_swapped <= counts.sharing_a_text
    assert count_leakage(train + evaluation, evaluation).in_train == len(evaluation)
    assert count_leakage(train[::-1], evaluation[::-1]) == counts


@needs_published
def test_the_published_eval_pairs_leak() -> None:
    assert count_leakage(published(), published_eval()) == LeakageCounts(
        eval_pairs=295, in_train=42, in_train_swapped=0, sharing_a_text=190, clean=105
    )
