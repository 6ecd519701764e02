"""What a score is: a sub-score with its evidence, and the dimension it belongs to."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[float, Field(ge=0, le=100)]


class SubScore(BaseModel):
    """One question asked of the pairs.

    Attributes:
        name: What people call it.
        score: From 0 (bad) to 100 (good); None where the pairs cannot answer ('n/a').
        detail: The evidence, or the reason why there is no score, in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    score: Score | None
    detail: str

    @classmethod
    def from_share(cls, name: str, share: float, detail: str) -> Self:
        """Score a share of what is good, cut to [0, 1]."""
        return cls(name=name, score=100 * min(1.0, max(0.0, share)), detail=detail)

    @classmethod
    def not_applicable(cls, name: str, reason: str) -> Self:
        """Say why there is no score."""
        return cls(name=name, score=None, detail=reason)


class Dimension(BaseModel):
    """Sub-scores that belong together.

    Attributes:
        name: What people call it.
        score: Mean of the sub-scores that apply, and no more than the limits, in [0, 100]; None if
            none applies.
        sub_scores: The sub-scores by field name.
        necessary: Field names of the sub-scores without which the data is worth nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    score: Score | None
    sub_scores: dict[str, SubScore]
    necessary: list[str]

    @classmethod
    def of(cls, name: str, *, necessary: Sequence[str] = (), **sub_scores: SubScore) -> Self:
        """Take the mean of the sub-scores that apply, held down by the necessary ones."""
        known = [sub.score for sub in sub_scores.values() if sub.score is not None]
        score = sum(known) / len(known) if known else None
        dimension = cls(name=name, score=score, sub_scores=sub_scores, necessary=[*necessary])
        if score is None:
            return dimension
        return dimension.model_copy(update={"score": min(score, *dimension.limits.values(), 100)})

    @property
    def limits(self) -> dict[str, float]:
        """What the necessary sub-scores that apply allow at most, by their names (`limit`)."""
        chosen = [self.sub_scores[field] for field in self.necessary]
        return {sub.name: limit(sub.score) for sub in chosen if sub.score is not None}


def limit(score: float) -> float:
    """Return the most that a whole can score whose necessary part scores this: twice as much.

    So a necessary sub-score of 50 or more holds nothing down, and 0 leaves nothing. A mean lets
    good parts make up for bad ones; where one part decides whether the others mean anything, that
    is wrong, and an aggregation that does not compensate is due. Source: OECD and JRC (2008),
    Handbook on Constructing Composite Indicators, step 7.

    Args:
        score: In [0, 100].

    Returns:
        In [0, 100].
    """
    return min(100.0, 2 * score)
