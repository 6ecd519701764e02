"""Which categories and pair types are too poor to be measured on their own?"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from tuneproof.pairs import DatingPair

Field = Literal["category", "pair_type"]


class LabelCounts(BaseModel):
    """The labels of one category or pair type within one split.

    Attributes:
        split: `train` (validation pairs included) or `eval`.
        field: `category` or `pair_type`.
        name: Of the category or pair type.
        compatible: Pairs of label 1.
        incompatible: Pairs of label 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: str
    field: Field
    name: str
    compatible: NonNegativeInt
    incompatible: NonNegativeInt

    @property
    def rarer(self) -> int:
        """Pairs of the rarer label; 0 where the group holds one label only."""
        return min(self.compatible, self.incompatible)


def count_labels(split: str, pairs: Sequence[DatingPair]) -> list[LabelCounts]:
    """Count the labels of each category, then of each pair type, names in alphabetical order."""
    counts = []
    for field in get_args(Field):
        labels = Counter((getattr(pair, field), pair.label) for pair in pairs)
        counts += [
            LabelCounts(
                split=split,
                field=field,
                name=name,
                compatible=labels[name, 1],
                incompatible=labels[name, 0],
            )
            for name in sorted({name for name, _ in labels})
        ]
    return counts
