"""What a release holds: the model, what is known of it, and the card that people read."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, NonNegativeInt
from pydantic.dataclasses import dataclass as options_dataclass

from tuneproof.encoding import EmbeddingModel
from tuneproof.manifest import Environment, Manifest, ModelIdentity, Sha256
from tuneproof.metrics.uncertainty import Interval
from tuneproof.rows import show
from tuneproof.training.result import TrainingResult

Form = Literal["model", "adapter", "merged"]
"""model: all weights, fine-tuned. adapter: LoRA weights alone. merged: base model and adapter."""

_SEMANTIC_VERSION: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?"
)


def _require_version(value: object) -> object:
    if isinstance(value, str) and _SEMANTIC_VERSION.fullmatch(value):
        return value
    raise ValueError(
        f"found {show(value)}, expected major.minor.patch, such as 1.0.0 or 2.1.0-rc.1"
    )


SemanticVersion = Annotated[str, BeforeValidator(_require_version)]
"""Of the form major.minor.patch, with `-rc.1` or the like behind it (semver.org, 2.0.0)."""


@options_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ReleaseOptions:
    """Parameters of `release`.

    Attributes:
        version: Of what is released: major.minor.patch, such as `1.0.0` or `2.1.0-rc.1`. None stops
            a release: which version it is, is for people to say.
    """

    version: SemanticVersion | None


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(_Record):
    """One figure of one model.

    Attributes:
        value: None stands for 'n/a'.
        interval: 95 % interval; None where there is none.
        n: Number of pairs behind it.
    """

    value: float | None
    interval: Interval | None
    n: NonNegativeInt


class Threshold(_Record):
    """Where a cosine becomes a decision: a pair at or above it is called compatible.

    Attributes:
        value: The threshold.
        chosen_on: The split that it has the best F1 on.
        n: Number of pairs of that split.
    """

    value: float
    chosen_on: Literal["validation"] = "validation"
    n: NonNegativeInt


class Criterion(_Record):
    """A success criterion.

    Attributes:
        metric: Name of the metric.
        criterion: What it must reach, such as `>= 0.86`.
        outcomes: By model: `surely met` where the lower end of the interval reaches it too, `met,
            but not surely`, `not met`, or `n/a`.
    """

    metric: str
    criterion: str
    outcomes: dict[str, str]


class ReleaseRecord(_Record):
    """What is known of a released model.

    Attributes:
        name: Which model it is: `standard` or `lora`.
        form: What the folder holds.
        version: Version of the release.
        released: Day of the release, in UTC.
        base_model: Identity of the base model underneath.
        pairs: Hash of the pairs, by split: what it was trained (`train`), chosen (`validation`) and
            measured on (`eval`, `general`).
        parameters: All parameters, by what they are parameters of: `prepare`, `training`,
            `measure`.
        seeds: Seed of each of the same, where it draws at random.
        metrics: Figures by model (`baseline` and this one), subset of the eval pairs (or `general`)
            and metric.
        threshold: Where its cosines become decisions.
        verdict: What the comparison with the base model says, in its own words.
        shown_better: Whether it is shown to rank better than the base model.
        reasons: Why it is not, or, where it is, what must be said with it.
        criteria: The success criteria, and how both models stand to them.
        threats: What makes the figures prove less than they seem to, likewise.
        merged_against_adapter: Largest absolute difference of an embedding entry of the merged
            model from that of the adapter, on the validation pairs; None for other forms.
        training: Facts of the training run; its manifest is the model's.
        environment: Versions and commit at the release; those of the training are in its manifest.
    """

    name: str
    form: Form
    version: SemanticVersion
    released: date
    base_model: ModelIdentity
    pairs: dict[str, Sha256]
    parameters: dict[str, dict[str, JsonValue]]
    seeds: dict[str, int | None]
    metrics: dict[str, dict[str, dict[str, Figure]]]
    threshold: Threshold
    verdict: list[str]
    shown_better: bool
    reasons: list[str]
    criteria: list[Criterion]
    threats: list[str]
    merged_against_adapter: float | None
    training: TrainingResult
    environment: Environment

    @property
    def manifest(self) -> Manifest:
        """Origin of the model."""
        return self.training.manifest


@dataclass(frozen=True)
class Release:
    """A model as it is handed over.

    Attributes:
        model: The model; one with an adapter applied where the form is `adapter`.
        record: What is known of it: `release.json`.
        card: What people read of it, in Markdown: `README.md`.
    """

    model: EmbeddingModel
    record: ReleaseRecord
    card: str
