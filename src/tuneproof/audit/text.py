"""What a text is made of: prefix, statement, words, sentences, syllables."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from tuneproof.pairs import DatingPair

_PREFIX = re.compile(r"\s*([^\W\d_][\w-]*)\s*:(?!/)\s*")
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_SENTENCE_END = re.compile(r"[.!?\u2026]+(?=\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_E = re.compile(r"(?:[^aeiouyl]|[aeiouy]l)e$")


def prefix(text: str) -> str | None:
    """Return the single word before the first colon in lower case (`boy` of `boy: I run`)."""
    match = _PREFIX.match(text)
    return match[1].lower() if match else None


def statement(text: str) -> str:
    """Return what follows the prefix: the whole text where there is none."""
    match = _PREFIX.match(text)
    return text[match.end() :] if match else text


def statements(pairs: Sequence[DatingPair]) -> list[str]:
    """Return the statements of n pairs: 2n of them, both of a pair side by side."""
    return [statement(text) for pair in pairs for text in pair.texts]


def words(text: str) -> list[str]:
    """Return the words in lower case, apostrophes kept (`i'm`); marks and emoji are no words."""
    return _WORD.findall(text.lower())


def words_and_neighbours(text: str) -> list[str]:
    """Return the words of the whole text, prefix included, and each two that stand side by side."""
    found = words(text)
    return [*found, *(" ".join(two) for two in pairwise(found))]


def words_of_both(pair: DatingPair) -> list[str]:
    """Return the words of both statements, each with its side, and once more what both say."""
    first, second = (words(statement(text)) for text in pair.texts)
    shared = sorted(set(first) & set(second))
    return [*(f"1 {w}" for w in first), *(f"2 {w}" for w in second), *(f"both {w}" for w in shared)]


def word_overlap(pair: DatingPair) -> float:
    """Return the share of the words of both statements that both say, in [0, 1]; 0 for no words.

    Source: Jaccard (1912), New Phytologist 11.
    """
    first, second = (set(words(statement(text))) for text in pair.texts)
    return len(first & second) / max(1, len(first | second))


def printable(text: str) -> str:
    """Escape what a terminal would obey, such as a line break or an escape sequence."""
    return text if text.isprintable() else ascii(text)[1:-1]


def count_sentences(text: str) -> int:
    """Count runs of sentence marks before a space or the end; text after the last one counts."""
    rest = _SENTENCE_END.split(text)
    return sum(1 for part in rest if words(part))


def count_syllables(word: str) -> int:
    """Estimate the syllables of an English word, at least 1.

    Groups of vowels (y included, accents dropped), less a final silent e: `love` 1, `table` 2,
    `meditation` 4. Words such as `being` or `loved` are off by one.
    """
    letters = unicodedata.normalize("NFD", word.lower())
    groups = len(_VOWELS.findall(letters))
    return max(1, groups - bool(_SILENT_E.search(letters)))
