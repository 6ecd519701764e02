from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from tuneproof.audit.leakage import (
    LEAKAGE,
    LEVELS,
    LeakageCounts,
    closest_sets,
    count_leakage,
    normalised_tokens,
    trace_leakage,
)
from tuneproof.pairs import DatingPair, PrepareOptions, split_by_group
from tuneproof.pipelines.prepare import create_pipeline

from .examples import needs_published, pair, published, published_eval, sample, sample_eval

SIMILARITY = 0.8

TRAIN = [
    pair("boy: I like cats", "girl: I run each morning"),
    pair("boy: cats bore me", "girl: I sing in a choir"),
    pair("girl: I sing in a choir", "boy: cats bore me"),
    pair("girl: we met in Rome, by chance, on a wet Sunday", "boy: no"),
]

FEW_TEXTS = ["boy: a b", "girl: a b", "boy: a, B!", "a b c", "c", "boy:", "\U0001f600", "girl: d"]
PAIRS = st.lists(
    st.builds(
        pair,
        st.sampled_from(FEW_TEXTS),
        st.sampled_from(FEW_TEXTS),
        st.integers(0, 1),
        subcategory=st.sampled_from("xyz"),
    ),
    max_size=8,
)
TOKEN_SETS = st.lists(st.frozensets(st.sampled_from("abcdefghij")), max_size=15)
# Sums and quotients of small integers: where rounding could lose or win a match.
THRESHOLDS = st.one_of(
    st.floats(min_value=1e-12, max_value=1),
    st.builds(lambda a, b: min(a, b) / max(a, b), st.integers(1, 20), st.integers(1, 20)),
)


def trace_eval(
    train: Sequence[DatingPair],
    evaluation: Sequence[DatingPair],
    similarity: float = SIMILARITY,
) -> pd.DataFrame:
    return trace_leakage(train, [], evaluation, similarity)


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


@pytest.mark.parametrize(
    ("text_1", "text_2", "level", "source", "similarity"),
    [
        ("boy: I like cats", "girl: I run each morning", "exact", 0, 1),
        ("girl: I run each morning", "boy: I like cats", "swapped", 0, 1),
        ("boy: cats bore me", "girl: I sing in a choir", "exact", 1, 1),  # in both orders
        ("boy: I LIKE cats!", "girl: I run  each morning.", "normalised", 0, 1),
        ("boy: I run each morning", "girl: I like cats", "normalised", 0, 1),  # genders swapped
        ("boy: I like cats", "girl: I sing in a choir", "both_texts", 0, 1),
        ("girl: I sing in a choir", "girl: I sing in a choir", "both_texts", 1, 1),
        ("girl: stars", "girl: I sing in a choir", "one_text", 1, 1),
        ("boy: I sing in a choir", "girl: stars", "near_duplicate", 1, 1),  # the gender alone
        ("girl: stars", "boy: a choir I sing in", "near_duplicate", 1, 1),  # the order alone
        # 9 of 10 tokens; the prefix is none of them.
        ("girl: stars", "girl: We met in Rome by chance on a Sunday", "near_duplicate", 3, 0.9),
        ("girl: I run each evening", "girl: stars", "none", -1, 0),  # 3 of 5 tokens
        ("girl: no cats", "girl: yes", "none", -1, 0),
    ],
)
def test_levels_by_hand(
    text_1: str, text_2: str, level: str, source: int, similarity: float
) -> None:
    leakage = trace_eval(TRAIN, [pair(text_1, text_2, label=0)])
    (row,) = leakage.to_dict(orient="records")
    assert row == {
        "split": "eval",
        "row": 0,
        "level": level,
        "shares_text": level in {"exact", "swapped", "both_texts", "one_text"},
        "clean": level == "none",
        "source_split": "train" if source >= 0 else "",
        "source_row": source,
        "similarity": similarity,
        "unseen_subcategory": False,
    }


def test_a_text_may_be_shared_by_a_normalised_pair() -> None:
    leakage = trace_eval(TRAIN, [pair("boy: I like cats", "girl: I run each morning!")])
    assert leakage["level"].tolist() == ["normalised"]
    assert leakage["shares_text"].tolist() == [True]


def test_the_gravest_level_wins_wherever_it_stands() -> None:
    train = [pair("boy: x", "girl: b"), pair("boy: A", "girl: b"), pair("boy: a", "girl: b")]
    assert trace_eval(train, [pair("boy: a", "girl: b")])["source_row"].tolist() == [2]
    closest = trace_eval(
        [pair("a b c d e", "x"), pair("a b c d e f", "y")],
        [pair("A B C D E F", "z")],
    )
    assert closest["source_row"].tolist() == [1]
    assert closest["similarity"].tolist() == [1.0]


def test_of_equal_sources_the_first_is_named() -> None:
    train = [pair("x", "y"), pair("a b", "c d"), pair("e f", "A B"), pair("a b", "c d")]
    evaluation = [pair("a b", "c d"), pair("c d", "z"), pair("F E", "B A"), pair("B A", "F E")]
    assert trace_eval(train, evaluation)["source_row"].tolist() == [1, 1, 1, 1]
    assert trace_eval(train, evaluation[2:])["level"].tolist() == ["near_duplicate"] * 2


def test_validation_pairs_are_traced_to_train_and_eval_pairs_to_both() -> None:
    train = [pair("a", "b", subcategory="x")]
    validation = [pair("c", "d", subcategory="y"), pair("b", "a", subcategory="x")]
    evaluation = [pair("c", "d", subcategory="y"), pair("e", "f", subcategory="z")]
    leakage = trace_leakage(train, validation, evaluation, SIMILARITY)
    assert leakage["split"].tolist() == ["validation", "validation", "eval", "eval"]
    assert leakage["row"].tolist() == [0, 1, 0, 1]
    assert leakage["level"].tolist() == ["none", "swapped", "exact", "none"]
    assert leakage["source_split"].tolist() == ["", "train", "validation", ""]
    assert leakage["source_row"].tolist() == [-1, 0, 0, -1]
    assert leakage["unseen_subcategory"].tolist() == [True, False, False, True]


@pytest.mark.parametrize("evaluation", [[], [pair()]])
def test_nothing_leaks_from_nothing(evaluation: list[DatingPair]) -> None:
    leakage = trace_eval([], evaluation)
    assert {name: str(dtype) for name, dtype in leakage.dtypes.items()} == dict(LEAKAGE)
    assert leakage["level"].tolist() == ["none"] * len(evaluation)
    assert trace_eval(TRAIN, []).empty


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("boy: I DON\u2019T  like\ncats!", ("i", "don", "t", "like", "cats")),
        ("girl: \uff23\uff21\uff34\uff33 \ufb01nd us", ("cats", "find", "us")),
        ("Stra\u00dfe cafe\u0301", ("strasse", "caf\u00e9")),
        ("girl: \U0001f600\n \U0001f600", ("\U0001f600 \U0001f600",)),
        ("boy:", ("boy",)),
        ("?!", ("?!",)),
        (" ", ("",)),
    ],
)
def test_normalised_tokens_by_hand(text: str, tokens: tuple[str, ...]) -> None:
    assert normalised_tokens(text) == tokens


@given(st.text())
def test_every_text_has_tokens_that_no_writing_changes(text: str) -> None:
    tokens = normalised_tokens(text)
    assert tokens
    assert normalised_tokens(" ".join(tokens)) == tokens


def test_texts_without_words_match_only_their_like() -> None:
    train = [pair("boy: \U0001f600", "girl: ?!"), pair("boy: ok", "girl: 5")]
    others = [pair("boy: \U0001f601", "girl: !?"), pair("boy: okay", "girl: 6")]
    assert set(trace_eval(train, others, 0.01)["level"]) == {"none"}
    same = trace_eval(train, [pair("girl: \U0001f600", "boy: stars")])
    assert same["level"].tolist() == ["near_duplicate"]


@given(TOKEN_SETS, TOKEN_SETS, THRESHOLDS)
def test_the_join_finds_what_brute_force_finds(
    probes: list[frozenset[str]], sources: list[frozenset[str]], threshold: float
) -> None:
    closest, similarity = closest_sets(probes, sources, threshold)
    for probe, index, found in zip(probes, closest, similarity, strict=True):
        scores = [jaccard(probe, source) for source in sources]
        best = max(scores, default=0.0)
        expected = (scores.index(best), best) if best >= threshold else (-1, 0.0)
        assert (index, found) == expected


@pytest.mark.parametrize("threshold", [0.3, 0.55, 0.8])
def test_the_join_is_exact_over_many_blocks(
    threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)

    def draw(count: int) -> list[frozenset[str]]:
        sizes = generator.integers(1, 25, size=count)
        return [frozenset(map(str, generator.integers(0, 30, size=size))) for size in sizes]

    probes, sources = draw(200), draw(300)
    brute = [max(jaccard(probe, source) for source in sources) for probe in probes]
    expected = [best if best >= threshold else 0.0 for best in brute]
    assert any(expected)
    for products in (1, 1_000, 10**9):
        monkeypatch.setattr("tuneproof.audit.leakage._BLOCK_PRODUCTS", products)
        assert closest_sets(probes, sources, threshold)[1].tolist() == expected


def test_a_threshold_that_equals_the_similarity_is_met() -> None:
    # 0.28 * 25 is 7.000000000000001: rounded up to 8, an overlap of 7 would not do.
    all_tokens, few_tokens = (frozenset(map(str, range(start, 25))) for start in (0, 18))
    for probe, source in ((all_tokens, few_tokens), (few_tokens, all_tokens)):
        assert closest_sets([probe], [source], 0.28)[1].tolist() == [0.28]


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_impossible_thresholds_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0 and at most 1"):
        trace_eval(TRAIN, TRAIN, threshold)


@given(PAIRS, PAIRS, PAIRS)
def test_the_counts_add_up(
    train: list[DatingPair], validation: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    leakage = trace_leakage(train, validation, evaluation, SIMILARITY)
    for split, pairs in (("validation", validation), ("eval", evaluation)):
        counts = count_leakage(leakage, split)
        assert counts.pairs == sum(counts.levels.values()) == len(pairs)
        assert counts.sharing_a_text + counts.without_shared_text == counts.pairs
        assert counts.in_train + counts.in_train_swapped <= counts.sharing_a_text
        assert counts.clean <= counts.without_shared_text
        assert tuple(counts.levels) == LEVELS
    known = trace_leakage([*train, *evaluation], validation, evaluation, SIMILARITY)
    assert count_leakage(known, "eval").in_train == len(evaluation)


@given(PAIRS, PAIRS)
def test_the_order_of_the_pairs_changes_no_finding(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    findings = ["level", "shares_text", "similarity", "unseen_subcategory"]
    there = trace_eval(train, evaluation)[findings]
    back = trace_eval(train[::-1], evaluation[::-1])[findings]
    pd.testing.assert_frame_equal(back[::-1].reset_index(drop=True), there)


@given(PAIRS, PAIRS)
def test_the_named_source_shows_the_level(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    leakage = trace_eval(train, evaluation)
    for found, level, row in zip(evaluation, leakage["level"], leakage["source_row"], strict=True):
        if row < 0:
            assert level == "none"
            continue
        source = train[row]
        shared = set(found.texts) & set(source.texts)
        tokens, source_tokens = (
            [normalised_tokens(text) for text in either.texts] for either in (found, source)
        )
        shown = {
            "exact": found.texts == source.texts,
            "swapped": found.texts == source.texts[::-1],
            "normalised": sorted(tokens) == sorted(source_tokens),
            "both_texts": bool(shared),
            "one_text": bool(shared),
            "near_duplicate": not shared and bool(set(tokens) & set(source_tokens)),
        }
        assert shown[level]


def test_the_pipeline_traces_the_prepared_pairs() -> None:
    options = PrepareOptions(
        prefixes=None,
        on_invalid="fail",
        validation_fraction=0.15,
        seed=42,
        near_duplicate_similarity=0.3,
    )
    train, validation = split_by_group(sample(), 0.15, 42)
    inputs = {
        "valid_train_pairs": sample(),
        "eval_pairs": sample()[:5],
        "params:prepare": options,
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in inputs.items()})
    node = create_pipeline().only_nodes("split_and_trace")
    found = SequentialRunner().run(node, catalog)["pair_leakage"].load()
    expected = trace_leakage(train, validation, sample()[:5], 0.3)
    pd.testing.assert_frame_equal(found, expected)
    assert count_leakage(found, "eval").in_train == 5


def test_the_sample_is_clean() -> None:
    evaluation = sample_eval()
    counts = count_leakage(trace_eval(sample(), evaluation), "eval")
    assert counts.clean == counts.pairs == 80


@needs_published
def test_the_published_eval_pairs_leak() -> None:
    train, validation = split_by_group(published(), 0.15, 42)
    leakage = trace_leakage(train, validation, published_eval(), SIMILARITY)
    assert count_leakage(leakage, "eval") == LeakageCounts(
        pairs=295,
        levels={
            "exact": 42,
            "swapped": 0,
            "normalised": 1,
            "both_texts": 58,
            "one_text": 89,
            "near_duplicate": 61,
            "none": 44,
        },
        in_train=42,
        in_train_swapped=0,
        sharing_a_text=190,
        without_shared_text=105,
        clean=44,
        unseen_subcategory=4,
    )
    validation_counts = count_leakage(leakage, "validation")
    assert validation_counts.sharing_a_text == 0
    assert (validation_counts.pairs, validation_counts.clean) == (179, 83)
