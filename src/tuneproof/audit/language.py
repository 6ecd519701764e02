"""Are the texts readable, coherent, natural and not repetitive?"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Self

import numpy as np

from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.text import count_sentences, count_syllables, statements, words
from tuneproof.encoding import Vectors, pair_cosines
from tuneproof.pairs import DatingPair

FEWEST_PAIRS: Final = 10
"""Pairs below which coherence is not measured."""

FEWEST_STATEMENTS: Final = 50
"""Distinct statements below which word order and phrases are not measured."""

_ENGLISH_SHARE = 0.15
# Embeddings of one text differ by rounding, with the texts that were encoded beside it.
_SAME = 1e-5
_COSINES_AT_ONCE = 4_000_000
_LARGEST_SAMPLE = 2000
_LONGEST = 100
_SHUFFLES = 5
_FREQUENT = 3
_PHRASE_SAMPLE = 100


def linguistic_quality(pairs: Sequence[DatingPair], embeddings: Vectors) -> Dimension:
    """Mean of readability, coherence, naturalness and repetition; naturalness is necessary.

    Args:
        pairs: The n pairs that are trained on, at least one.
        embeddings: Of their statements, shape (n, 2, d).
    """
    texts = statements(pairs)
    return Dimension.of(
        "Linguistic quality",
        necessary=["naturalness"],
        readability=readability(texts),
        coherence=coherence(embeddings),
        naturalness=naturalness(texts),
        repetition=repetition(texts),
    )


def readability(texts: Sequence[str]) -> SubScore:
    """Flesch reading ease of all statements together, cut to [0, 100].

    206.835 - 1.015 * words / sentences - 84.6 * syllables / words; 60 and more is plain English.
    Source: Flesch (1948), Journal of Applied Psychology 32; syllables by `count_syllables`. The
    formula holds for English only: not measured where fewer than 15 % of the words are English
    function words.

    Args:
        texts: Statements, without prefixes.
    """
    name = "Readability"
    tokens = [word for text in texts for word in words(text)]
    if not tokens:
        return SubScore.not_applicable(name, "no words")
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    function_words = ENGLISH_STOP_WORDS | {"i", "don", "didn", "doesn", "isn", "won"}
    english = sum(re.split("['\u2019]", word)[0] in function_words for word in tokens)
    if english < _ENGLISH_SHARE * len(tokens):
        return SubScore.not_applicable(
            name, f"{english} of {len(tokens)} words are English function words: not English?"
        )
    sentences = sum(count_sentences(text) for text in texts)
    syllables = sum(count_syllables(word) for word in tokens)
    ease = 206.835 - 1.015 * len(tokens) / sentences - 84.6 * syllables / len(tokens)
    return SubScore.from_share(
        name,
        ease / 100,
        f"Flesch reading ease {ease:.1f}: {len(tokens) / sentences:.1f} words in a sentence, "
        f"{syllables / len(tokens):.2f} syllables in a word",
    )


def coherence(embeddings: Vectors) -> SubScore:
    """Are the statements of a pair nearer in meaning than those of different pairs, in [0, 100].

    100 * max(0, 2 A - 1), A the chance that the embedding of a statement has a larger cosine with
    that of its partner than with that of a statement of another pair, ties counting half; 0 for
    partners put together at random. Source of A: McGraw and Wong (1992), Psychological Bulletin
    111. Each statement is held against both of every other pair, so neither the order of the pairs
    nor that of the texts matters. A copy of itself in another pair says nothing of its partner: it
    counts as a tie.

    Args:
        embeddings: Shape (n, 2, d). Time grows with n squared, memory with n.

    Raises:
        ValueError: An embedding is all zeros or not finite.
    """
    name = "Coherence"
    n = len(embeddings)
    if n < FEWEST_PAIRS:
        return SubScore.not_applicable(name, f"{n} pairs, expected {FEWEST_PAIRS} at least")
    partner = np.repeat(pair_cosines(embeddings), 2)[:, None]
    unit = embeddings.reshape(2 * n, -1)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    nearer = farther = 0
    step = max(1, _COSINES_AT_ONCE // len(unit))
    for start in range(0, len(unit), step):
        rows = slice(start, start + step)
        # Of its own pair, a statement finds a copy (itself) and a tie (its partner).
        other = unit[rows] @ unit.T
        nearer += int((partner[rows] > other + _SAME).sum())
        farther += int(((partner[rows] < other - _SAME) & (other < 1 - _SAME)).sum())
    if not nearer + farther:
        return SubScore.not_applicable(name, "the embeddings tell no two statements apart")
    share = (nearer - farther) / (2 * n * 2 * (n - 1))
    return SubScore.from_share(
        name,
        share,
        f"a statement is nearer to its partner than to one of another pair in "
        f"{(1 + share) / 2:.0%} of comparisons (50% is chance), by the base model's embeddings",
    )


def naturalness(texts: Sequence[str]) -> SubScore:
    """Is the order of the words likelier than a random order of the same words, in [0, 100].

    100 * max(0, 2 A - 1), A the chance that a statement is likelier than a shuffle of itself, ties
    counting half, under a class bigram model of all other statements; 0 for words in random
    order. Words found in fewer than 3 statements are classed by their last two characters. It
    needs no outside model and holds for any language with spaces; it sees order, not meaning.
    Source of the model: Brown et al. (1992), Computational Linguistics 18; smoothed with the
    unigram distribution (MacKay and Peto 1995).

    Args:
        texts: Statements, without prefixes. Each distinct one counts once, 2,000 of them at most,
            with its first 100 words.
    """
    name = "Naturalness"
    orders = sorted({tuple(text.split()[:_LONGEST]) for text in texts})
    orders = [order for order in orders if len(set(order)) >= 3]
    if len(orders) < FEWEST_STATEMENTS:
        return SubScore.not_applicable(
            name,
            f"{len(orders)} distinct statements of 3 words and more, expected "
            f"{FEWEST_STATEMENTS} at least",
        )
    chosen = np.linspace(0, len(orders) - 1, min(len(orders), _LARGEST_SAMPLE)).astype(int)
    wins = _order_wins([orders[i] for i in chosen])
    return SubScore.from_share(
        name,
        2 * wins - 1,
        f"the order of words beats a random order in {wins:.0%} of comparisons (50% is chance), "
        f"{len(chosen)} statements",
    )


def repetition(texts: Sequence[str]) -> SubScore:
    """Share of the three-word phrases that do not come again, in [0, 100].

    100 times the mean, over the phrases of the distinct statements, of the chance that a phrase
    stands in none of 100 other statements drawn at random (hypergeometric, so the score does not
    fall with the amount of text); 0 for a phrase that came before in its own statement. Measures
    what distinct-n does (Li et al. 2016, NAACL), at a fixed sample size. Shuffled words repeat few
    phrases: read it together with naturalness.

    Args:
        texts: Statements, without prefixes.
    """
    name = "Repetition"
    tokens = sorted({tuple(words(text)) for text in texts})
    phrases = [list(zip(t, t[1:], t[2:], strict=False)) for t in tokens if len(t) >= 3]
    if len(phrases) < FEWEST_STATEMENTS:
        return SubScore.not_applicable(
            name,
            f"{len(phrases)} distinct statements of 3 words and more, expected "
            f"{FEWEST_STATEMENTS} at least",
        )
    holding = Counter(phrase for text in phrases for phrase in set(text))
    from scipy import stats

    others = len(phrases) - 1
    sample = min(_PHRASE_SAMPLE, others)
    fresh = np.asarray(stats.hypergeom.pmf(0, others, np.arange(max(holding.values())), sample))
    chances = [
        0.0 if phrase in text[:at] else fresh[holding[phrase] - 1]
        for text in phrases
        for at, phrase in enumerate(text)
    ]
    share = math.fsum(chances) / len(chances)
    return SubScore.from_share(
        name,
        share,
        f"{share:.0%} of the three-word phrases are found in none of {sample} other statements",
    )


class _BigramCounts(NamedTuple):
    pairs: Counter[tuple[str, str]]
    words: Counter[str]
    total: int

    @classmethod
    def of(cls, orders: Iterable[Sequence[str]]) -> Self:
        orders = list(orders)
        words = Counter(word for order in orders for word in order)
        return cls(
            Counter(pair for order in orders for pair in pairwise(order)), words, words.total()
        )


def _order_wins(orders: Sequence[tuple[str, ...]]) -> float:
    """Return the share of shuffles that a statement beats, each under a model of the others."""
    holding = Counter(word for order in orders for word in set(order))
    classed = [
        ["<s>", *(w if holding[w] >= _FREQUENT else f"*{w.lower()[-2:]}" for w in order), "</s>"]
        for order in orders
    ]
    everyone = _BigramCounts.of(classed)
    generator = np.random.default_rng(0)
    wins = 0.0
    for order in classed:
        own = _BigramCounts.of([order])
        truth = _log_likelihood(order, everyone, own)
        for _ in range(_SHUFFLES):
            inner = [order[1 + i] for i in generator.permutation(len(order) - 2)]
            shuffled = _log_likelihood(["<s>", *inner, "</s>"], everyone, own)
            wins += 0.5 if math.isclose(truth, shuffled) else truth > shuffled
    return wins / (_SHUFFLES * len(classed))


def _log_likelihood(order: Sequence[str], everyone: _BigramCounts, own: _BigramCounts) -> float:
    """Return the log-likelihood of an order of `own` words, less what all its orders share."""
    return math.fsum(
        math.log(
            everyone.pairs[pair]
            - own.pairs[pair]
            + (everyone.words[pair[1]] - own.words[pair[1]] + 1) / everyone.total
        )
        for pair in pairwise(order)
    )
