"""What a score is: a sub-score with its evidence, and the dimension it belongs to."""

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
        score: Mean of the sub-scores that apply, in [0, 100]; None if none does.
        sub_scores: The sub-scores by field name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    score: Score | None
    sub_scores: dict[str, SubScore]

    @classmethod
    def of(cls, name: str, **sub_scores: SubScore) -> Self:
        """Take the mean of the sub-scores that apply."""
        known = [sub.score for sub in sub_scores.values() if sub.score is not None]
        score = sum(known) / len(known) if known else None
        return cls(name=name, score=score, sub_scores=sub_scores)
