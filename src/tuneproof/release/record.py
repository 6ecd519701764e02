"""What a release holds: the model, what is known of it, and the card that people read."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt
from pydantic.dataclasses import dataclass as options_dataclass

from tuneproof.encoding import EmbeddingModel
from tuneproof.manifest import Environment, Manifest, ModelIdentity, Sha256
from tuneproof.metrics.uncertainty import Interval
from tuneproof.training.result import TrainingResult

Form = Literal["model", "adapter", "merged"]
"""model: all weights, fine-tuned. adapter: LoRA weights alone. merged: base model and adapter."""

SemanticVersion = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$",
        description="major.minor.patch, such as 1.0.0 or 2.1.0-rc.1 (semver.org, 2.0.0)",
    ),
]


@options_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ReleaseOptions:
    """Parameters of `release`.

    Attributes:
        version: Of what is released: major.minor.patch, such as `1.0.0` or `2.1.0-rc.1`.
    """

    version: SemanticVersion


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
