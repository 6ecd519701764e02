"""What a training run leaves beside its model."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from tuneproof.manifest import Manifest
from tuneproof.variants import ModelType

TRAINING_LOG: Final[Mapping[str, str]] = {
    "step": "int64",
    "epoch": "float64",
    "loss": "float64",
    "learning_rate": "float64",
    "gradient_norm": "float64",
    "validation_loss": "float64",
    "validation_spearman": "float64",
    "evaluation_seconds": "float64",
    "peak_memory_mb": "float64",
}
"""Columns of a training log: one row for each optimiser step.

step counts from 1, epoch from 0 (a fraction), gradient_norm is taken before clipping; the last four
are NaN at steps without an evaluation. peak_memory_mb is the largest resident memory of the process
so far, in MiB.
"""

LAYER_LOG: Final[Mapping[str, str]] = {
    "step": "int64",
    "layer": "str",
    "weight_norm": "float64",
    "update_norm": "float64",
    "gradient_norm": "float64",
}
"""Columns of a layer log: one row for each trained layer at each evaluation.

layer is a module's name, or one of the two matrices of its adapter (`....lora_A`); weight_norm the
Euclidean norm of its weights, update_norm that of their change since the evaluation before (at the
first: since the start), gradient_norm that of the step's gradient before clipping.
"""

MAX_GRADIENT_NORM: Final = 1.0
"""Norm to which longer gradients are clipped."""


class AdapterCheck(BaseModel):
    """What reloading a saved adapter showed: largest absolute differences of embedding entries.

    Attributes:
        reloaded_against_trained: Near 0: the saved adapter is the trained one.
        reloaded_against_base: Well above 0: the adapter is applied.
        merged_against_unmerged: Near 0: the merged model may be deployed instead.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    reloaded_against_trained: float
    reloaded_against_base: float
    merged_against_unmerged: float


class LoraSettings(BaseModel):
    """The adapter that was trained.

    Attributes:
        rank: Rank r of the update.
        alpha: Scaling numerator; the update is multiplied by alpha / r.
        dropout: Dropout before the adapter while training, in [0, 1).
        target_modules: Names of the layers that carry an adapter.
        check: What reloading the saved adapter showed; None before it was checked.
    """

    model_config = ConfigDict(frozen=True)

    rank: int
    alpha: float
    dropout: float
    target_modules: tuple[str, ...]
    check: AdapterCheck | None = None


class TrainingResult(BaseModel):
    """Facts of one training run; the field names are the published ones where one exists.

    Attributes:
        model_type: `standard` (all weights), `lora` (the adapter alone) or `instructed` (all
            weights, instructions before the texts).
        loss: Name of the training loss.
        epochs: Passes over the train pairs.
        batch_size: Pairs a step.
        learning_rate: Peak learning rate.
        warmup_steps: Steps of linear warm-up.
        total_steps: Optimiser steps of the whole run, if it does not stop early.
        evaluation_steps: Steps between two evaluations on the validation pairs.
        n_train_pairs: Number of train pairs.
        n_validation_pairs: Number of validation pairs.
        training_time_seconds: Wall time of the training loop, evaluations included; for a resumed
            run, of all its parts.
        initial_spearman: Validation Spearman before the first step.
        final_spearman: Validation Spearman after the last step.
        best_spearman: Highest validation Spearman: that of the model that is saved, in the
            precision of the run.
        best_step: Step at which it was reached, from 1.
        spearman_history: Validation Spearman of each evaluation, the one at step 0 left out.
        trainable_parameters: Number of weights that training changes.
        total_parameters: Number of all weights, adapter included.
        precision: `fp32`, or `bf16` where the forward pass multiplied in bfloat16; the weights
            themselves are always float32.
        patience: Evaluations without a better one after which training stops; None: never.
        stopped_early: Whether it did.
        resumed_steps: Steps at which an interrupted run went on from a checkpoint.
        seconds_in_evaluation: Part of the training time that the evaluations took.
        peak_memory_mb: Largest resident memory of the process up to the end of training, in MiB.
        lora: The adapter; None for the standard run.
        manifest: Origin of the model.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    model_type: ModelType
    loss: str
    epochs: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    total_steps: int
    evaluation_steps: int
    n_train_pairs: int
    n_validation_pairs: int
    training_time_seconds: Annotated[float, Field(ge=0)]
    initial_spearman: float | None
    final_spearman: float | None
    best_spearman: float
    best_step: int
    spearman_history: list[float | None]
    trainable_parameters: int
    total_parameters: int
    precision: Literal["fp32", "bf16"]
    patience: int | None
    stopped_early: bool
    resumed_steps: list[int]
    seconds_in_evaluation: Annotated[float, Field(ge=0)]
    peak_memory_mb: Annotated[float, Field(ge=0)]
    lora: LoraSettings | None = None
    manifest: Manifest
