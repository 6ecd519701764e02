"""Which pairs stand more than once, and which of them under both labels?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from tuneproof.audit.leakage import normalised_tokens
from tuneproof.pairs import DatingPair


class PairRow(BaseModel):
    """Where a pair stands.

    Attributes:
        split: `train`, `validation` or `eval`.
        row: Position in its split, from 0.
        label: The label it has there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: str
    row: NonNegativeInt
    label: int


class RepeatedPair(BaseModel):
    """Two texts that stand in several rows, in either order, however they are written.

    Attributes:
        texts: The two texts, in alphabetical order.
        rows: All rows that hold them, in order of splits and rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: tuple[str, str]
    rows: list[PairRow]

    @property
    def conflicting(self) -> bool:
        """Whether the rows hold both labels."""
        return len({row.label for row in self.rows}) > 1


def identity(pair: DatingPair) -> tuple[str, str]:
    """Return the two texts in alphabetical order: equal for pairs that differ in order only."""
    first, second = sorted(pair.texts)
    return first, second


def find_repeats(splits: Mapping[str, Sequence[DatingPair]]) -> list[RepeatedPair]:
    """Find the pairs that stand in several rows of all these splits together.

    Texts are the same if their normalised tokens are: another case, punctuation or prefix hides
    neither a repetition nor a conflict.

    Args:
        splits: Pairs by name of their split.

    Returns:
        One entry for each, in the first writing by alphabet, in alphabetical order of the texts.
    """
    rows: defaultdict[tuple[tuple[str, ...], ...], list[PairRow]] = defaultdict(list)
    written: dict[tuple[tuple[str, ...], ...], tuple[str, str]] = {}
    for split, pairs in splits.items():
        for row, pair in enumerate(pairs):
            said = tuple(sorted(map(normalised_tokens, pair.texts)))
            rows[said].append(PairRow(split=split, row=row, label=pair.label))
            written[said] = min(identity(pair), written.get(said, identity(pair)))
    repeated = [said for said, found in rows.items() if len(found) > 1]
    return [
        RepeatedPair(texts=written[said], rows=rows[said])
        for said in sorted(repeated, key=lambda said: written[said])
    ]
