"""What of a pair stood in the pairs that were trained on or chosen by, pair by pair."""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Final, Literal, NamedTuple, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, NonNegativeInt
from scipy.sparse import csr_array

from tuneproof.audit.text import statement
from tuneproof.pairs import DatingPair

LeakLevel = Literal[
    "exact", "swapped", "normalised", "both_texts", "one_text", "near_duplicate", "none"
]
"""How a pair stands in the sources, gravest first; each pair has the first that holds.

exact: both texts, word for word, in one source pair and in this order. swapped: in the other order.
normalised: both in one source pair, in either order, once normalised (`normalised_tokens`).
both_texts: each stands somewhere, word for word. one_text: one does. near_duplicate: neither
does, but one has tokens as similar to those of some source text as the threshold asks. none: clean.
"""

LEVELS: Final[tuple[LeakLevel, ...]] = get_args(LeakLevel)

LEAKAGE: Final[Mapping[str, str]] = {
    "split": "str",
    "row": "int64",
    "level": "str",
    "shares_text": "bool",
    "clean": "bool",
    "source_split": "str",
    "source_row": "int64",
    "similarity": "float64",
    "unseen_subcategory": "bool",
}
"""Columns of a leakage frame: one row for each validation and eval pair.

split is `validation` or `eval`, row the pair's position in its split from 0; the sources of a
validation pair are the train pairs, those of an eval pair the train and validation pairs.
level is a `LeakLevel`; shares_text says that a text stands word for word in a source, clean that
the level is `none`. source_split and source_row name the first source pair that gives the level
away: '' and -1 where none does. similarity is the Jaccard similarity of the tokens of the closest
texts, 1.0 where they stand word for word, 0.0 where nothing was found. unseen_subcategory says that
no source has the pair's subcategory.
"""

_Key = TypeVar("_Key", bound=Hashable)

_TOKEN = re.compile(r"\w+")
_NO_SOURCE = -1

# Products of a block of probes with the index; bounds the memory of a join to some 100 MB.
_BLOCK_PRODUCTS = 500_000


class LeakageCounts(BaseModel):
    """How many pairs of one split the sources give away.

    Attributes:
        pairs: Number of pairs.
        levels: Pairs by `LeakLevel`: all levels, gravest first; they sum to `pairs`.
        in_train: Both texts stand in one source pair, word for word and in the same order.
        in_train_swapped: Both texts stand in one source pair, word for word, in the other order;
            not counted where the same order stands there too.
        sharing_a_text: One text or both stand in a source, word for word; the two above included.
        without_shared_text: Neither text does.
        clean: Neither does, and no source text is a near duplicate of one either.
        unseen_subcategory: No source has the pair's subcategory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs: NonNegativeInt
    levels: dict[str, NonNegativeInt]
    in_train: NonNegativeInt
    in_train_swapped: NonNegativeInt
    sharing_a_text: NonNegativeInt
    without_shared_text: NonNegativeInt
    clean: NonNegativeInt
    unseen_subcategory: NonNegativeInt


def trace_leakage(
    train: Sequence[DatingPair],
    validation: Sequence[DatingPair],
    evaluation: Sequence[DatingPair],
    near_duplicate_similarity: float,
) -> pd.DataFrame:
    """Trace each validation pair to the train pairs, each eval pair to train and validation.

    Args:
        train: Pairs that are trained on.
        validation: Pairs that checkpoints and thresholds are chosen by.
        evaluation: Eval pairs; repeated rows are traced each time.
        near_duplicate_similarity: Jaccard similarity of the tokens from which two texts are near
            duplicates, in (0, 1].

    Returns:
        A frame as `LEAKAGE` describes, validation before eval, in order of the rows. Labels play no
        part. The order of the source pairs decides only which of several equal sources is named.

    Raises:
        ValueError: The similarity lies outside (0, 1].
    """
    questions: list[tuple[str, Sequence[DatingPair], dict[str, Sequence[DatingPair]]]] = [
        ("validation", validation, {"train": train}),
        ("eval", evaluation, {"train": train, "validation": validation}),
    ]
    frames = [
        _trace_split(split, pairs, sources, near_duplicate_similarity)
        for split, pairs, sources in questions
    ]
    return pd.concat(frames, ignore_index=True)


def count_leakage(leakage: pd.DataFrame, split: str) -> LeakageCounts:
    """Count the rows of one split (`validation` or `eval`) of a leakage frame (`LEAKAGE`)."""
    rows = leakage[leakage["split"] == split]
    found = Counter(rows["level"])
    sharing = int(rows["shares_text"].sum())
    return LeakageCounts(
        pairs=len(rows),
        levels={level: found[level] for level in LEVELS},
        in_train=found["exact"],
        in_train_swapped=found["swapped"],
        sharing_a_text=sharing,
        without_shared_text=len(rows) - sharing,
        clean=int(rows["clean"].sum()),
        unseen_subcategory=int(rows["unseen_subcategory"].sum()),
    )


def normalised_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens by which texts that differ only in writing are equal.

    NFKC and case folding, without the prefix, cut into runs of letters and digits; so case, widths,
    punctuation, quotes, marks and spaces make no difference. The prefix goes because
    `girl: I like cats` gives `boy: I like cats` away: the words that a model learns are the same.
    A text without any letter or digit (an emoji) is one token, so that it equals only its like.

    >>> normalised_tokens("boy: I DON\u2019T  like cats!")
    ('i', 'don', 't', 'like', 'cats')
    """
    # Folding may undo the composition, hence the second round.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    said = statement(folded) or folded
    return tuple(_TOKEN.findall(said)) or (" ".join(said.split()),)


def closest_sets(
    probes: Sequence[AbstractSet[str]], sources: Sequence[AbstractSet[str]], threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find for each probe the source of the highest Jaccard similarity, if it meets the threshold.

    Exact: sets x, y with |x & y| / |x | y| >= t share a token among the |x| - ceil(t |x|) + 1
    rarest of x and the |y| - ceil(t |y|) + 1 rarest of y, and min(|x|, |y|) >= t max(|x|, |y|).
    Only what shares such a token and meets the lengths is compared (prefix filter: Chaudhuri, Ganti
    and Kaushik 2006; with the inverted index of All-Pairs: Bayardo, Ma and Srikant 2007).

    Args:
        probes: m sets; an empty one is close to nothing.
        sources: n sets, likewise.
        threshold: Least similarity, in (0, 1]. Low thresholds compare almost everything.

    Returns:
        Shape (m,): index of the closest source, the first of equals, -1 for none.
        Shape (m,): its similarity, in [threshold, 1], 0.0 for none.

    Raises:
        ValueError: The threshold lies outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"found similarity {threshold}, expected more than 0 and at most 1")
    closest = np.full(len(probes), _NO_SOURCE, dtype=np.int64)
    similarity = np.zeros(len(probes))
    if not probes or not sources:
        return closest, similarity
    frequency = Counter(chain.from_iterable(sources))
    tokens = frequency.keys() | set(chain.from_iterable(probes))
    rank = {token: i for i, token in enumerate(sorted(tokens, key=lambda t: (frequency[t], t)))}
    left, right = _membership(probes, rank), _membership(sources, rank)
    left_sizes, right_sizes = np.diff(left.indptr), np.diff(right.indptr)
    left_prefixes = _rarest(left, threshold)
    index = _rarest(right, threshold).T.tocsr()
    products = np.cumsum(left_prefixes @ np.diff(index.indptr))
    cuts = np.flatnonzero(np.diff(products // _BLOCK_PRODUCTS)) + 1
    for start, stop in zip([0, *cuts], [*cuts, len(probes)], strict=True):
        candidates = (left_prefixes[start:stop] @ index).tocoo()
        rows, columns = candidates.row + start, candidates.col
        a, b = left_sizes[rows], right_sizes[columns]
        alike = np.minimum(a, b) / np.maximum(a, b) >= threshold
        rows, columns = rows[alike], columns[alike]
        shared = left[rows].multiply(right[columns]).sum(axis=1)
        scores = shared / (left_sizes[rows] + right_sizes[columns] - shared)
        order = np.lexsort((columns, -scores, rows))
        order = order[scores[order] >= threshold]
        matched, first = np.unique(rows[order], return_index=True)
        closest[matched] = columns[order][first]
        similarity[matched] = scores[order][first]
    return closest, similarity


class _Origin(NamedTuple):
    """Level of a pair, row of the source that gives it away, similarity of the closest texts."""

    level: LeakLevel
    source: int
    similarity: float


class _Sources:
    """Where among the source pairs each text and pair of texts stands first."""

    def __init__(self, pairs: Sequence[DatingPair]) -> None:
        tokens = [[normalised_tokens(text) for text in pair.texts] for pair in pairs]
        self.pairs = _first_rows([pair.texts] for pair in pairs)
        self.normalised_pairs = _first_rows([tuple(sorted(both))] for both in tokens)
        self.texts = _first_rows(pair.texts for pair in pairs)
        self.token_sets = _first_rows(map(frozenset, both) for both in tokens)
        self.subcategories = {pair.subcategory for pair in pairs}

    def find(self, pair: DatingPair) -> _Origin | None:
        """Find the gravest level that shares a pair or a text; None leaves near duplicates."""
        if (row := self.pairs.get(pair.texts)) is not None:
            return _Origin("exact", row, 1.0)
        if (row := self.pairs.get(pair.texts[::-1])) is not None:
            return _Origin("swapped", row, 1.0)
        normalised = tuple(sorted(normalised_tokens(text) for text in pair.texts))
        if (row := self.normalised_pairs.get(normalised)) is not None:
            return _Origin("normalised", row, 1.0)
        if rows := [self.texts[text] for text in pair.texts if text in self.texts]:
            return _Origin("both_texts" if len(rows) == 2 else "one_text", min(rows), 1.0)
        return None


def _trace_split(
    split: str,
    pairs: Sequence[DatingPair],
    sources: Mapping[str, Sequence[DatingPair]],
    threshold: float,
) -> pd.DataFrame:
    known = _Sources(list(chain.from_iterable(sources.values())))
    places = [(name, row) for name, rows in sources.items() for row in range(len(rows))]
    places.append(("", _NO_SOURCE))  # what index -1 finds
    origins = _find_origins(pairs, known, threshold)
    columns = {
        "split": split,
        "row": range(len(pairs)),
        "level": [origin.level for origin in origins],
        "shares_text": [any(text in known.texts for text in pair.texts) for pair in pairs],
        "clean": [origin.level == "none" for origin in origins],
        "source_split": [places[origin.source][0] for origin in origins],
        "source_row": [places[origin.source][1] for origin in origins],
        "similarity": [origin.similarity for origin in origins],
        "unseen_subcategory": [pair.subcategory not in known.subcategories for pair in pairs],
    }
    return pd.DataFrame(columns).astype(dict(LEAKAGE))


def _find_origins(
    pairs: Sequence[DatingPair], sources: _Sources, threshold: float
) -> list[_Origin]:
    origins = [sources.find(pair) for pair in pairs]
    unknown = [pair for pair, origin in zip(pairs, origins, strict=True) if origin is None]
    probes = [frozenset(normalised_tokens(text)) for pair in unknown for text in pair.texts]
    closest, similarity = closest_sets(probes, list(sources.token_sets), threshold)
    rows = np.array([*sources.token_sets.values(), _NO_SOURCE])[closest]  # index -1 finds the last
    near = map(_near_duplicate, rows.reshape(-1, 2).tolist(), similarity.reshape(-1, 2).tolist())
    return [origin or next(near) for origin in origins]


def _near_duplicate(rows: Sequence[int], similarities: Sequence[float]) -> _Origin:
    """Judge a pair by the source rows closest to its two texts."""
    best = max(similarities)
    if best == 0:
        return _Origin("none", _NO_SOURCE, 0.0)
    closest = [row for row, found in zip(rows, similarities, strict=True) if found == best]
    return _Origin("near_duplicate", min(closest), best)


def _first_rows(rows: Iterable[Iterable[_Key]]) -> dict[_Key, int]:
    first: dict[_Key, int] = {}
    for row, keys in enumerate(rows):
        for key in keys:
            first.setdefault(key, row)
    return first


def _membership(sets: Sequence[AbstractSet[str]], rank: Mapping[str, int]) -> csr_array:
    """Matrix of sets by tokens, the columns of each row in order of rank."""
    columns = [sorted(rank[token] for token in tokens) for tokens in sets]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter(chain.from_iterable(columns), dtype=np.int32, count=ends[-1])
    return csr_array((np.ones(len(flat), dtype=bool), flat, ends), shape=(len(sets), len(rank)))


def _rarest(membership: csr_array, threshold: float) -> csr_array:
    """Keep of each row of size k the first k - ceil(threshold k) + 1 entries."""
    sizes = np.diff(membership.indptr)
    # A product a hair above a whole number, such as 0.55 * 20, must not cost an entry.
    needed = np.maximum(np.ceil(threshold * sizes - 1e-9), 1).astype(np.int64)
    lengths = sizes - needed + 1
    positions = np.arange(membership.nnz) - np.repeat(membership.indptr[:-1], sizes)
    kept = positions < np.repeat(lengths, sizes)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return csr_array(
        (membership.data[kept], membership.indices[kept], ends), shape=membership.shape
    )
