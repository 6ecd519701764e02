"""Pairs to audit, and faults to plant in them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tuneproof.audit.score import AuditOptions
from tuneproof.pairs import DatingPair, RawLines, parse_pairs

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / ".." / "shared" / "published"
OPTIONS = AuditOptions(target_overall=60)

needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published pairs are not here"
)


def pair(
    text_1: str = "boy: I like cats",
    text_2: str = "girl: I like dogs",
    label: int = 1,
    category: str = "lifestyle",
    subcategory: str = "pets",
    pair_type: str = "compatible",
) -> DatingPair:
    return DatingPair(
        text_1=text_1,
        text_2=text_2,
        label=label,
        category=category,
        subcategory=subcategory,
        pair_type=pair_type,
    )


@cache
def load(file: Path) -> tuple[DatingPair, ...]:
    return tuple(parse_pairs(RawLines(str(file), file.read_bytes()))[0])


def shipped() -> list[DatingPair]:
    return list(load(ROOT / "data" / "01_raw" / "dating_pairs.jsonl"))


def published() -> list[DatingPair]:
    return list(load(PUBLISHED / "dating_pairs.jsonl"))


def published_eval() -> list[DatingPair]:
    return list(load(PUBLISHED / "eval_pairs.jsonl"))


def shuffle_words(pairs: Sequence[DatingPair], seed: int) -> list[DatingPair]:
    """Put the words of each statement in random order."""
    generator = np.random.default_rng(seed)

    def shuffle(text: str) -> str:
        start, _, rest = text.partition(": ")
        words = rest.split()
        return f"{start}: " + " ".join(words[i] for i in generator.permutation(len(words)))

    return [
        pair.model_copy(update={"text_1": shuffle(pair.text_1), "text_2": shuffle(pair.text_2)})
        for pair in pairs
    ]


def permute_labels(pairs: Sequence[DatingPair], seed: int) -> list[DatingPair]:
    """Deal the labels out anew at random."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [
        pair.model_copy(update={"label": pairs[i].label})
        for pair, i in zip(pairs, order, strict=True)
    ]


def permute_partners(pairs: Sequence[DatingPair], seed: int) -> list[DatingPair]:
    """Deal the second texts out anew at random."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [
        pair.model_copy(update={"text_2": pairs[i].text_2})
        for pair, i in zip(pairs, order, strict=True)
    ]
