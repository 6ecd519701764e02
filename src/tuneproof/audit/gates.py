"""Limits that the data must keep: what is said or done where it does not."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from pydantic.dataclasses import dataclass

from tuneproof.audit.dimension import Score

Action = Literal["warn", "fail", "off"]
"""warn: the report says it. fail: the run stops once the report is saved. off: nothing is said."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class OverallGate:
    """A limit of the overall score.

    Attributes:
        minimum: The least score that passes, in [0, 100].
        action: What happens below it.
    """

    minimum: Score
    action: Action


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LeakageGate:
    """A limit of the eval pairs that training saw.

    Attributes:
        maximum: The largest share of eval pairs that passes, in [0, 1], of those that share a text
            with a train or validation pair or come near to one.
        action: What happens above it.
    """

    maximum: Annotated[float, Field(ge=0, le=1)]
    action: Action


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ConflictGate:
    """A limit of the rows whose two texts stand under both labels.

    Attributes:
        maximum: The largest number of such rows that passes, all splits together.
        action: What happens above it.
    """

    maximum: NonNegativeInt
    action: Action


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GateOptions:
    """Parameters `data_quality.gates`.

    Attributes:
        overall: Limit of the overall score.
        leakage: Limit of the eval pairs that training saw.
        conflicts: Limit of the rows in label conflicts.
    """

    overall: OverallGate
    leakage: LeakageGate
    conflicts: ConflictGate


class GateOutcome(BaseModel):
    """How one gate was met.

    Attributes:
        name: `overall`, `leakage` or `conflicts`.
        found: The figure: a score in [0, 100], a share in [0, 1], or a number of rows; None where
            there is nothing to measure (no eval pair), which passes.
        limit: The least or largest figure that passes.
        action: What happens if it does not.
        passed: Whether it does.
        message: What was found and expected, in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Literal["overall", "leakage", "conflicts"]
    found: float | None
    limit: float
    action: Action
    passed: bool
    message: str


def check_gates(
    overall: float, leaked_share: float | None, conflict_rows: int, options: GateOptions
) -> list[GateOutcome]:
    """Hold what was found against the limits; equality passes.

    Args:
        overall: Overall score, in [0, 100].
        leaked_share: Share of the eval pairs that are not clean, in [0, 1]; None for no eval pair.
        conflict_rows: Rows in label conflicts.
        options: The limits.

    Returns:
        The outcomes of all gates, those that are off included.
    """
    leaked = (
        "no eval pair to look for"
        if leaked_share is None
        else f"{leaked_share:.1%} of the eval pairs share a text with train or come near to one"
    )
    return [
        GateOutcome(
            name="overall",
            found=overall,
            limit=options.overall.minimum,
            action=options.overall.action,
            passed=overall >= options.overall.minimum,
            message=f"overall score {overall:.1f}, expected {options.overall.minimum:g} at least",
        ),
        GateOutcome(
            name="leakage",
            found=leaked_share,
            limit=options.leakage.maximum,
            action=options.leakage.action,
            passed=leaked_share is None or leaked_share <= options.leakage.maximum,
            message=f"{leaked}, expected {options.leakage.maximum:.1%} at most",
        ),
        GateOutcome(
            name="conflicts",
            found=conflict_rows,
            limit=options.conflicts.maximum,
            action=options.conflicts.action,
            passed=conflict_rows <= options.conflicts.maximum,
            message=f"{conflict_rows} rows in label conflicts, expected "
            f"{options.conflicts.maximum} at most",
        ),
    ]


def failed_gates(outcomes: Iterable[GateOutcome]) -> list[str]:
    """Return the messages of the gates that stop a run: not passed, with action `fail`."""
    return [
        f"data_quality.gates.{outcome.name}: {outcome.message}"
        for outcome in outcomes
        if outcome.action == "fail" and not outcome.passed
    ]
