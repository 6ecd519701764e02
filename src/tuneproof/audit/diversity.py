"""Do the pairs cover enough: words, categories, labels, lengths?"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np

from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.text import statements, words
from tuneproof.pairs import DatingPair

HDD_SAMPLE: Final = 42
"""Words in a sample of HD-D, as published."""


def diversity(pairs: Sequence[DatingPair]) -> Dimension:
    """Mean of vocabulary richness, category entropy, label balance and text complexity.

    Args:
        pairs: The pairs that are trained on, at least one.
    """
    tokens = [words(text) for text in statements(pairs)]
    return Dimension.of(
        "Diversity",
        vocabulary_richness=vocabulary_richness(tokens),
        category_entropy=category_entropy([pair.category for pair in pairs]),
        label_balance=label_balance([pair.label for pair in pairs]),
        text_complexity=text_complexity(tokens),
    )


def vocabulary_richness(tokens: Sequence[Sequence[str]]) -> SubScore:
    """Share of different words among 42 drawn at random (HD-D), in [0, 100].

    100 / 42 * sum over words of 1 - H(0; N, n_word, 42), H the hypergeometric probability that a
    draw of 42 of the N words misses the word. Unlike the plain type-token ratio it does not fall
    with the amount of text. Source: McCarthy and Jarvis (2007), Language Testing 24.

    Args:
        tokens: The words of each statement.
    """
    name = "Vocabulary richness"
    counts = Counter(chain.from_iterable(tokens))
    total = counts.total()
    if total < HDD_SAMPLE:
        return SubScore.not_applicable(name, f"{total} words, expected {HDD_SAMPLE} at least")
    from scipy import stats

    repeats = np.array(sorted(counts.values()))
    missed = np.asarray(stats.hypergeom.pmf(0, total, repeats, HDD_SAMPLE))
    return SubScore.from_share(
        name,
        float((1 - missed).sum()) / HDD_SAMPLE,
        f"{len(counts)} different words among {total}; HD-D of {HDD_SAMPLE} words",
    )


def category_entropy(categories: Sequence[str]) -> SubScore:
    """Evenness of the categories, in [0, 100].

    100 * H / ln k with Shannon's entropy H of the k categories that occur. Source: Pielou (1966),
    Journal of Theoretical Biology 13. Undefined for one category.
    """
    name = "Category entropy"
    counts = np.array(sorted(Counter(categories).values()))
    if len(counts) < 2:
        return SubScore.not_applicable(name, "one category only")
    from scipy import stats

    evenness = float(stats.entropy(counts)) / math.log(len(counts))
    return SubScore.from_share(name, evenness, f"{len(counts)} categories, evenness {evenness:.2f}")


def label_balance(labels: Sequence[int]) -> SubScore:
    """Balance of the labels, in [0, 100]: 100 * 2 * min(n_0, n_1) / n."""
    ones = sum(labels)
    rarer = min(ones, len(labels) - ones)
    return SubScore.from_share(
        "Label balance",
        2 * rarer / len(labels),
        f"{ones} compatible, {len(labels) - ones} incompatible",
    )


def text_complexity(tokens: Sequence[Sequence[str]]) -> SubScore:
    """Chance that two statements differ in their number of words, in [0, 100].

    100 * (1 - sum over lengths of c (c - 1) / (n (n - 1))), c of the n statements having that
    length: the Gini-Simpson index, unbiased. Source: Simpson (1949), Nature 163. 0 if all
    statements are of one length.

    Args:
        tokens: The words of each of n statements.
    """
    lengths = [len(text) for text in tokens]
    n = len(lengths)
    same = sum(c * (c - 1) for c in Counter(lengths).values()) / (n * (n - 1))
    return SubScore.from_share(
        "Text complexity",
        1 - same,
        f"{min(lengths)} to {max(lengths)} words in a statement, {sum(lengths) / n:.1f} on average",
    )
