import random as standard_random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tuneproof.audit import language
from tuneproof.audit.dimension import Dimension
from tuneproof.audit.language import (
    FEWEST_STATEMENTS,
    coherence,
    linguistic_quality,
    naturalness,
    readability,
    repetition,
)
from tuneproof.audit.text import statements
from tuneproof.encoding import Vectors
from tuneproof.pairs import DatingPair

from .examples import (
    count_letter_groups,
    embed_statements,
    needs_published,
    pair,
    published,
    sample,
    shuffle_words,
)


def quality_of(pairs: list[DatingPair]) -> Dimension:
    return linguistic_quality(pairs, count_letter_groups(pairs))


def test_flesch_by_hand() -> None:
    # three sentences of 1 + 1 + 4, 1 + 1 + 1 + 4 and 1 syllables
    found = readability(["I love meditation.", "I do not meditation. It"])
    words, sentences, syllables = 8, 3, 14
    expected = 206.835 - 1.015 * words / sentences - 84.6 * syllables / words
    assert found.score == pytest.approx(expected)


def test_simple_english_is_cut_to_100_and_hard_english_to_0() -> None:
    assert readability(["The cat sat on the mat."]).score == 100
    assert readability(["The internationalisation of organisational responsibility"]).score == 0


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["..."], "no words"),
        ([], "no words"),
        (["Ich mag Katzen und lange Spazierg\u00e4nge am Meer"], "not English?"),
        (["\u6211\u559c\u6b22\u732b", "\u044f \u043b\u044e\u0431\u043b\u044e"], "not English?"),
    ],
)
def test_readability_does_not_apply_everywhere(texts: list[str], reason: str) -> None:
    found = readability(texts)
    assert found.score is None
    assert reason in found.detail


def test_partners_alike_and_unlike_all_others_cohere_perfectly() -> None:
    vectors = np.repeat(np.eye(12, dtype=np.float32)[:, None], 2, axis=1)
    found = coherence(vectors * np.linspace(0.5, 9, 24, dtype=np.float32).reshape(12, 2, 1))
    assert found.score == 100
    assert "nearer to its partner than to one of another pair in 100% of" in found.detail


def test_partners_more_unlike_than_all_others_do_not_cohere() -> None:
    axes = np.eye(12, dtype=np.float32)
    found = coherence(np.stack([axes, -axes], axis=1))
    assert found.score == 0
    assert "in 0% of comparisons (50% is chance)" in found.detail


def test_one_stranger_by_hand() -> None:
    # Ten pairs alike to themselves alone and one whose partners stand at a right angle: of the
    # eleventh, all comparisons are ties; of the others, all are won. 2 A - 1 = 10 / 11.
    axes = np.eye(12, dtype=np.float32)
    vectors = np.stack([axes[:11], np.vstack([axes[:10], axes[11:]])], axis=1)
    assert coherence(vectors).score == pytest.approx(100 * 10 / 11)


def test_copies_of_a_statement_in_other_pairs_count_half() -> None:
    axes = np.eye(40, dtype=np.float32)
    vectors = np.stack([axes[:20], axes[:20] + axes[20:]], axis=1)
    assert coherence(vectors).score == 100
    # Each pair once more: copies of a statement and of its partner, 2 of the 78 statements of
    # other pairs, are ties.
    assert coherence(np.repeat(vectors, 2, axis=0)).score == pytest.approx(100 * 76 / 78)


def coherence_by_pairs(vectors: Vectors) -> float:
    """2 A - 1 in percent, one comparison after the other."""
    texts = [(i, side) for i in range(len(vectors)) for side in (0, 1)]
    results = []
    for i, side in texts:
        near = cosine_similarity(vectors[i], vectors.reshape(-1, vectors.shape[2]))[side]
        own = near[2 * i + 1 - side]
        results += [
            0 if other > 1 - 1e-5 else np.sign(own - other) * (abs(own - other) > 1e-5)
            for (j, _), other in zip(texts, near, strict=True)
            if j != i
        ]
    return 100 * float(np.mean(results))


@settings(max_examples=40)
@given(
    st.integers(10, 16),
    st.integers(2, 6),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 4_000_000]),
)
def test_coherence_is_the_mean_of_all_comparisons_whatever_the_order(
    n: int, d: int, seed: int, at_once: int
) -> None:
    generator = np.random.default_rng(seed)
    # Few whole numbers: many ties and copies.
    vectors = generator.integers(1, 4, (n, 2, d)).astype(np.float32)
    vectors[:, 1] = np.where(generator.random((n, 1)) < 0.5, vectors[:, 0], vectors[:, 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language, "_COSINES_AT_ONCE", at_once)
        found = coherence(vectors)
    assume(found.score is not None)
    assert found.score == pytest.approx(max(0.0, coherence_by_pairs(vectors)))
    turned = vectors[generator.permutation(n)]
    swapped = np.where(generator.random((n, 1, 1)) < 0.5, turned[:, ::-1], turned)
    assert coherence(swapped) == found
    assert coherence(vectors[:, ::-1] * np.float32(7)) == found


@pytest.mark.parametrize("seed", range(3))
def test_independent_vectors_do_not_cohere(seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((1000, 2, 16)).astype(np.float32)
    score = coherence(vectors).score
    assert score is not None
    assert score < 5


@pytest.mark.parametrize("source", [sample, pytest.param(published, marks=needs_published)])
def test_partners_cohere_by_meaning_and_random_ones_do_not(
    source: Callable[[], list[DatingPair]],
) -> None:
    vectors = embed_statements(source())
    assert coherence(vectors).score == pytest.approx(73, abs=2)
    generator = np.random.default_rng(0)
    for _ in range(6):
        dealt = np.stack([vectors[:, 0], generator.permutation(vectors[:, 1])], axis=1)
        score = coherence(dealt).score
        assert score is not None
        assert score < 8


def test_other_words_for_the_same_matter_cohere() -> None:
    """No two statements of a pair share a word, and few a group of letters."""
    said = [
        ("Clocks don't rule me", "Being punctual is a virtue"),
        ("I adore kittens", "My puppy sleeps on the bed"),
        ("Sunday mass matters to me", "God has no place in our home"),
        ("I save every cent", "Money is there to be spent"),
        ("Give me jazz records", "We go out for live concerts"),
        ("I want three babies", "Parenthood never tempted us"),
        ("Vegan since 2015", "A steak makes my evening"),
        ("I run marathons", "You'll find me lifting weights"),
        ("Beach holidays, please", "Travelling abroad bores him"),
        ("Novels pile up at home", "She reads poetry aloud"),
    ]
    pairs = [pair(f"boy: {first}", f"girl: {second}") for first, second in said]
    score = coherence(embed_statements(pairs)).score
    assert score is not None
    assert score > 60


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (np.eye(18).reshape(9, 2, 18), "9 pairs, expected 10 at least"),
        (np.ones((10, 2, 3)), "the embeddings tell no two statements apart"),
    ],
)
def test_coherence_does_not_apply_everywhere(vectors: Vectors, reason: str) -> None:
    found = coherence(vectors.astype(np.float32))
    assert found.score is None
    assert reason in found.detail


@pytest.mark.parametrize("wrong", [0, np.nan, np.inf])
def test_an_embedding_without_direction_is_an_error(wrong: float) -> None:
    vectors = np.ones((12, 2, 3), dtype=np.float32)
    vectors[7, 1] = wrong
    with pytest.raises(ValueError, match="pair 7: found a zero or non-finite embedding"):
        coherence(vectors)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_words_are_not_natural(seed: int) -> None:
    real = naturalness(statements(sample())).score
    shuffled = naturalness(statements(shuffle_words(sample(), seed))).score
    assert real is not None
    assert shuffled is not None
    assert real > 85
    assert shuffled < 20


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_words_lower_linguistic_quality_below_60(seed: int) -> None:
    real = quality_of(sample()).score
    shuffled = quality_of(shuffle_words(sample(), seed)).score
    assert real is not None
    assert shuffled is not None
    assert real > 65
    assert shuffled < 60


@needs_published
def test_shuffled_words_of_the_published_pairs_are_not_natural() -> None:
    real = quality_of(published())
    shuffled = quality_of(shuffle_words(published(), 0))
    assert real.score is not None
    assert shuffled.score is not None
    assert shuffled.score < real.score - 5
    assert shuffled.score < 60
    assert real.sub_scores["naturalness"].score == pytest.approx(98, abs=3)
    assert shuffled.sub_scores["naturalness"].score == pytest.approx(0, abs=5)


def test_naturalness_needs_no_capitals_and_no_marks() -> None:
    plain = [text.lower().rstrip(".?!").replace(",", "") for text in statements(sample())]
    score = naturalness(plain).score
    assert score is not None
    assert score > 60


def test_each_distinct_statement_counts_once() -> None:
    texts = statements(sample())
    assert naturalness(texts) == naturalness([*texts, *texts[:50]])
    assert repetition(texts) == repetition([*texts, *texts[:50]])


def test_a_statement_does_not_vouch_for_itself() -> None:
    texts = [" ".join(f"{'zyxwv'[i % 5]}{i}{c}" for c in "edcba") for i in range(60)]
    found = naturalness(texts).score
    assert found is not None
    # In these, words end in e, d, c, b, a: an order that the other statements teach.
    assert found > 90
    alone = [" ".join(f"{c}{i}{c}{i}" for c in "edcba") for i in range(1000, 1060)]
    unknown = naturalness(alone).score
    assert unknown is not None
    # Here the endings are the number: no other statement says anything.
    assert unknown < 15


@pytest.mark.parametrize(
    "texts", [["I like cats"], ["a b"] * 100, ["\u6211\u559c\u6b22\u732b"], []]
)
def test_naturalness_does_not_apply_everywhere(texts: list[str]) -> None:
    found = naturalness(texts)
    assert found.score is None
    assert f"expected {FEWEST_STATEMENTS} at least" in found.detail


def test_phrases_that_come_once_score_100() -> None:
    assert repetition([f"a{i} b{i} c{i} d{i}" for i in range(60)]).score == 100


def test_repetition_by_hand() -> None:
    # Two of 201 statements share one phrase: 100 of the 200 others miss it with chance 1/2.
    texts = [*(f"a{i} b{i} c{i}" for i in range(199)), "x y z p", "x y z q"]
    assert repetition(texts).score == pytest.approx(100 * (199 + 2 * 0.5 + 2) / 203)


def test_a_phrase_repeated_in_its_own_statement_counts() -> None:
    # x y z x y z: four phrases, the last of which came before; 59 others of one phrase each
    texts = [*(f"a{i} b{i} c{i}" for i in range(59)), "x y z x y z"]
    assert repetition(texts).score == pytest.approx(100 * 62 / 63)


def test_templates_are_repetitive() -> None:
    templates = repetition([f"I really enjoy {thing}" for thing in range(60)]).score
    free = repetition(statements(sample())).score
    assert templates == pytest.approx(50)
    assert free is not None
    assert free > 95


@pytest.mark.parametrize("texts", [["I like cats"] * 80, ["\U0001f600"], []])
def test_repetition_does_not_apply_everywhere(texts: list[str]) -> None:
    assert repetition(texts).score is None


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_linguistic_quality_does_not_depend_on_the_order_of_the_pairs(
    random: standard_random.Random,
) -> None:
    pairs = sample()[:60]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    for first, second in zip(
        quality_of(pairs).sub_scores.values(),
        quality_of(shuffled).sub_scores.values(),
        strict=True,
    ):
        assert first.score == pytest.approx(second.score)
