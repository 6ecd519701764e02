"""Are the pairs complete, consistent, unique and well formed?"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tuneproof.audit.association import cramers_v, out_of_fold_auc, too_few
from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.repeats import identity
from tuneproof.audit.text import prefix, statement, word_overlap, words_of_both
from tuneproof.metrics.ranking import auc_roc
from tuneproof.pairs import DatingPair

_PLACEHOLDERS = frozenset({"n/a", "na", "nan", "none", "null", "unknown", "tbd", "todo"})
_CONFIRMED = 0.3
"""Agreement below which labels count as unconfirmed: of many pairs, an AUC of 0.65."""

_MEANINGFUL_CHARACTERS = ("L", "N", "So")
_FLAWS: Final = {
    "control characters": re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
    "broken encoding": re.compile(
        "\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\u00c2[\u00a0-\u00bf]"
    ),
    "HTML": re.compile(r"</?[a-zA-Z][^<>]*>|&(?:[a-zA-Z]{2,8}|#\d{1,6});"),
    "doubled words": re.compile(r"\b(\w+)\s+\1\b", re.IGNORECASE),
    "stray spaces": re.compile(r"^\s|\s$|  "),
}


def data_quality(
    pairs: Sequence[DatingPair], n_rejected: int, cosines: npt.NDArray[np.float64]
) -> Dimension:
    """Mean of completeness, consistency, duplicates and format; consistency is necessary.

    Args:
        pairs: The pairs that are trained on, at least one.
        n_rejected: Number of rows, of the train and the eval file, that were no valid pairs.
        cosines: What the base model makes of the two statements of each pair, shape (n,).
    """
    return Dimension.of(
        "Data quality",
        necessary=["consistency"],
        completeness=completeness(pairs, n_rejected),
        consistency=consistency(pairs, cosines),
        duplicates=duplicates(pairs),
        format=text_format(pairs),
    )


def completeness(pairs: Sequence[DatingPair], n_rejected: int) -> SubScore:
    """Share of the fields that say something, in [0, 100].

    100 * filled / (6 * (n + n_rejected)): a rejected row offers no field, a text without letter,
    digit or pictograph after its prefix is empty, and so is a placeholder such as `unknown`.
    """
    empty = sum(
        not _says_something(value)
        for pair in pairs
        for value in (
            *map(statement, pair.texts),
            pair.category,
            pair.subcategory,
            pair.pair_type,
        )
    )
    fields = 6 * (len(pairs) + n_rejected)
    return SubScore.from_share(
        "Completeness",
        1 - (empty + 6 * n_rejected) / fields,
        f"{empty} empty fields in {len(pairs)} pairs, {n_rejected} rejected rows",
    )


def consistency(
    pairs: Sequence[DatingPair], cosines: npt.NDArray[np.float64] | None = None
) -> SubScore:
    """Do labels agree with each other and with what else is known, in [0, 100].

    100 * (1 - c) * a. c: share of the rows whose two texts stand, in either order, under both
    labels. a: agreement of the labels with the pairs, the largest of V^2, the corrected share of
    the label's variance that the pair type accounts for (`cramers_v`, squared), and 2 AUC - 1,
    corrected for chance (`_beyond_chance`), of predicting the label of pairs with unseen texts from
    the words of both (`out_of_fold_auc`), of the share of words that both texts say
    (`word_overlap`) and of their cosine, the latter two in either direction. Random labels have a
    near 0. Labels that none of the four can confirm look the same, and the detail says so. Where a
    cannot be measured, the score is 100 * (1 - c).

    Args:
        pairs: The n pairs.
        cosines: What the base model makes of their statements, shape (n,); None leaves it out.
    """
    found: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    for pair in pairs:
        found[identity(pair)].add(pair.label)
    conflicting = sum(len(found[identity(pair)]) == 2 for pair in pairs)
    conflicts = f"{conflicting} rows in label conflicts"
    unconflicted = 1 - conflicting / len(pairs)
    agreements = _agreements(pairs, cosines)
    if isinstance(agreements, str):
        detail = f"{conflicts}; not held against pair types or words ({agreements})"
        return SubScore.from_share("Consistency", unconflicted, detail)
    source, strength = max(agreements.items(), key=lambda agreement: agreement[1])
    detail = (
        f"{conflicts}; labels follow from the {source} with strength {strength:.2f} (random: 0)"
    )
    if strength < _CONFIRMED:
        detail += (
            ": nothing measured here confirms them. Random labels look like this, and so do sound "
            "ones that only the meaning confirms; the model's AUC on clean eval pairs tells which"
        )
    return SubScore.from_share("Consistency", unconflicted * strength, detail)


def duplicates(pairs: Sequence[DatingPair]) -> SubScore:
    """Share of the rows that are no repetition, in [0, 100].

    100 * (1 - repeated / n); a row is repeated if its two texts stood before, in either order.
    """
    repeated = len(pairs) - len({identity(pair) for pair in pairs})
    return SubScore.from_share(
        "Duplicates",
        1 - repeated / len(pairs),
        f"{repeated} of {len(pairs)} rows repeat the texts of another",
    )


def text_format(pairs: Sequence[DatingPair]) -> SubScore:
    """Share of the texts without a flaw of form, in [0, 100].

    Flaws: control characters, broken encoding, HTML, doubled words (`I i like`), stray spaces,
    and, where most texts have a prefix, a text without one.
    """
    texts = [text for pair in pairs for text in pair.texts]
    prefixed = sum(prefix(text) is not None for text in texts)
    prefix_rule = 2 * prefixed > len(texts)
    flaws: Counter[str] = Counter()
    flawed = 0
    for text in texts:
        found = [name for name, pattern in _FLAWS.items() if pattern.search(text)]
        if prefix_rule and prefix(text) is None:
            found.append("no prefix")
        flaws.update(found)
        flawed += bool(found)
    listed = ", ".join(f"{name} {count}" for name, count in sorted(flaws.items()))
    detail = f"{flawed} of {len(texts)} texts with a flaw" + (f" ({listed})" if listed else "")
    return SubScore.from_share("Format", 1 - flawed / len(texts), detail)


def count_duplicate_rows(pairs: Sequence[DatingPair]) -> int:
    """Count the rows whose texts stood before in the same order, the first of each not counted."""
    return len(pairs) - len({pair.texts for pair in pairs})


def _agreements(
    pairs: Sequence[DatingPair], cosines: npt.NDArray[np.float64] | None
) -> dict[str, float] | str:
    """Return how far labels follow from each source that can be measured, or why none can."""
    labels = [pair.label for pair in pairs]
    agreements = {}
    if by_type := cramers_v([pair.pair_type for pair in pairs], labels):
        agreements["pair type"] = by_type.size**2
    by_words = out_of_fold_auc([words_of_both(pair) for pair in pairs], pairs)
    if isinstance(by_words, float):
        agreements["words"] = _beyond_chance(2 * by_words - 1, labels)
    similarities = {"overlap of the words": np.array([word_overlap(pair) for pair in pairs])}
    if cosines is not None:
        similarities["base model's cosines"] = cosines
    for source, similarity in similarities.items():
        if not too_few(labels) and np.ptp(similarity) > 0:
            auc = auc_roc(similarity, np.array(labels))
            assert auc is not None
            agreements[source] = _beyond_chance(abs(2 * auc - 1), labels)
    return agreements or str(by_words)


def _beyond_chance(strength: float, labels: Sequence[int]) -> float:
    """Return (s - q) / (1 - q) of s = 2 AUC - 1, at least 0: what goes beyond random labels.

    q is what 95 % of random labels keep within, 1.96 standard deviations of 2 AUC - 1 under the
    null: 2 sqrt((n + 1) / (12 n_0 n_1)). Without it, 200 random labels look up to 0.28 sound.
    Sources: Mann and Whitney (1947), Annals of Mathematical Statistics 18, for the variance; Cohen
    (1960), Educational and Psychological Measurement 20, for the form.
    """
    n, ones = len(labels), sum(labels)
    chance = min(0.99, 1.96 * 2 * math.sqrt((n + 1) / (12 * ones * (n - ones))))
    return max(0.0, (strength - chance) / (1 - chance))


def _says_something(value: str) -> bool:
    return value.strip().casefold() not in _PLACEHOLDERS and any(
        unicodedata.category(character).startswith(_MEANINGFUL_CHARACTERS) for character in value
    )
