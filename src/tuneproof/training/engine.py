"""The training engine: pairs and a base model in, the best checkpoint and its record out."""

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.encoding import EmbeddingModel, Precision, has_bf16
from tuneproof.errors import TrainingError
from tuneproof.instructions import Instructions, describe_instructions, instruct
from tuneproof.manifest import Environment, Manifest, describe_options
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.training.adapters import LoraOptions, add_adapter
from tuneproof.training.checkpoints import (
    claimed,
    discard,
    is_finished,
    latest_checkpoint,
    prune,
    run_folder,
)
from tuneproof.training.layers import eager_attention, freeze, set_dropout
from tuneproof.training.losses import LossName, build_loss
from tuneproof.training.result import MAX_GRADIENT_NORM, LoraSettings, TrainingResult
from tuneproof.training.tracking import MlflowTracker, TensorBoardTracker, Tracker
from tuneproof.variants import ModelType

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainingArguments

    from tuneproof.training.batches import TokenisedPairs
    from tuneproof.training.callbacks import TrainingRecorder

_REMEASURED = 1e-6

logger = logging.getLogger(__name__)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainingOptions:
    """Parameters of a training run: all that decides its weights.

    Attributes:
        epochs: Passes over the train pairs.
        batch_size: Pairs a step.
        learning_rate: Peak learning rate of AdamW, reached after the warm-up; it then falls
            linearly to 0.
        warmup_steps: Steps of linear warm-up; below 1, their share of all steps.
        evaluations: Evaluations on the validation pairs, at least; the best one's model is kept.
        patience: Evaluations without a higher validation Spearman after which training stops;
            None: never.
        loss: What is minimised (`losses.build_loss`).
        precision: Of the forward pass: `fp32`, `bf16` (weights and losses stay float32), or `auto`
            for bf16 where the device has instructions for it.
        frozen: Layers that are not trained: whole parts of their names between dots, such as
            `embeddings` or `encoder.layer.0`.
        dropout: Probability of dropout (Srivastava et al., 2014) wherever the model's own layers
            have one (`layers.set_dropout`); None: what the model has.
        seed: Seed of the order of the pairs, of dropout, and of a new adapter's weights.
        lora: The adapter to train; None trains all weights.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    warmup_steps: Annotated[float, Field(ge=0)]
    evaluations: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)] | None
    loss: LossName
    precision: Literal["auto", "fp32", "bf16"]
    frozen: tuple[str, ...]
    dropout: Annotated[float, Field(ge=0, lt=1)] | None
    seed: int
    lora: LoraOptions | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RunOptions:
    """Parameters of a run that leave its weights as they are.

    Attributes:
        checkpoint_folder: Folder of the checkpoints from which an interrupted run goes on.
        checkpoints: Checkpoints on the way, at most, evenly spaced after evaluations; one more at
            the end keeps the outcome until it is saved. 0: none at all.
        tensorboard: Folder of event files for TensorBoard; None: none.
        mlflow: MLflow store, such as `sqlite:///mlflow.db`; None: none.
    """

    checkpoint_folder: str
    checkpoints: Annotated[int, Field(ge=0)]
    tensorboard: str | None = None
    mlflow: str | None = None


class TrainedModel(NamedTuple):
    """What a training run returns.

    Attributes:
        model: The model with the best validation Spearman of the run.
        result: Facts of the run.
        log: Frame with the columns of `TRAINING_LOG`.
        layers: Frame with the columns of `LAYER_LOG`.
    """

    model: EmbeddingModel
    result: TrainingResult
    log: pd.DataFrame
    layers: pd.DataFrame


def resolve_precision(precision: Literal["auto", "fp32", "bf16"], device: str) -> Precision:
    """Choose the precision of the forward pass: bf16 where the device multiplies in it."""
    if precision == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    return precision


def train(
    base: EmbeddingModel,
    train_pairs: Sequence[DatingPair],
    validation_pairs: Sequence[DatingPair],
    options: TrainingOptions,
    run: RunOptions,
    instructions: Instructions | None = None,
) -> TrainedModel:
    """Fine-tune a model and keep its best checkpoint.

    A run that was interrupted goes on from its newest checkpoint and ends with the weights of an
    uninterrupted one, bit for bit in float32 on a CPU. The base model's weights are changed in
    place.

    Args:
        base: The model to start from.
        train_pairs: Pairs to learn from.
        validation_pairs: Pairs that choose the checkpoint, of both labels.
        options: Parameters; with `lora` only the adapter is trained.
        run: Where checkpoints and figures go.
        instructions: What stands before the texts of both kinds of pairs. The manifest names it
            beside the parameters, and the pairs by the hash of their bare texts, so that the model
            may be compared with those that read no instructions.

    Raises:
        TrainingError: The validation pairs have one label, a weight gets no gradient, a checkpoint
            cannot be written, or the restored one does not measure as it did when it was chosen.
        DivergedError: The loss is not finite, or no evaluation is defined.
        AdapterError: The model has no layer that the adapter names.
    """
    from transformers import set_seed

    from tuneproof.training.batches import TokenisedPairs
    from tuneproof.training.callbacks import Plan, TrainingRecorder, peak_memory_mb
    from tuneproof.training.trainer import PairTrainer

    _require_both_labels(validation_pairs)
    transformer = base.transformer
    device = transformer.device.type
    precision = resolve_precision(options.precision, device)
    model_type = _model_type(options, instructions)
    manifest = Manifest(
        model_name=model_type,
        base_model=base.manifest.base_model,
        pairs={"train": hash_pairs(train_pairs), "validation": hash_pairs(validation_pairs)},
        parameters=describe_options(options) | describe_instructions(instructions),
        seed=options.seed,
        environment=Environment.current(),
    )
    train_pairs = instruct(train_pairs, instructions)
    validation_pairs = instruct(validation_pairs, instructions)
    set_seed(options.seed)
    if options.dropout is not None:
        set_dropout(transformer, options.dropout)
    if options.lora is not None:
        add_adapter(transformer, options.lora)
    freeze(transformer, options.frozen)
    total_steps = options.epochs * math.ceil(len(train_pairs) / options.batch_size)
    evaluation_steps = max(1, total_steps // options.evaluations)
    plan = Plan(
        evaluation_steps=evaluation_steps,
        checkpoint_steps=_checkpoint_steps(total_steps, evaluation_steps, run.checkpoints),
        patience=options.patience,
        precision=precision,
    )
    folder = run_folder(Path(run.checkpoint_folder), manifest, precision, device)
    loss = build_loss(options.loss, transformer)
    tokenised = TokenisedPairs(transformer, train_pairs)
    arguments = _arguments(folder, options, tokenised, device)
    with claimed(folder), eager_attention(transformer):
        prune(folder.parent, folder)
        recorder = TrainingRecorder(transformer, loss, validation_pairs, plan)
        checkpoint = _resumable(folder, recorder)
        trainer = PairTrainer(
            recorder,
            loss,
            precision,
            model=transformer,
            args=arguments,
            train_dataset=tokenised.dataset(),
            data_collator=tokenised,
        )
        with recorder.watched_by(_trackers(run, manifest, folder.name)):
            if checkpoint is not None and is_finished(checkpoint):
                recorder.load(checkpoint)
            else:
                start = None if checkpoint is None else str(checkpoint)
                trainer.train(resume_from_checkpoint=start)
            seconds = recorder.seconds
            best = recorder.restore_best()
            transformer.eval()
            remeasured = recorder.evaluate().spearman
            if remeasured is None or abs(remeasured - best.spearman) > _REMEASURED:
                discard(folder)
                raise TrainingError(
                    f"the checkpoint of step {best.step} measures Spearman {remeasured} on the "
                    f"validation pairs, expected {best.spearman}: the best checkpoint was not "
                    "restored"
                )
    result = TrainingResult(
        model_type=model_type,
        loss=options.loss,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=arguments.get_warmup_steps(total_steps),
        total_steps=total_steps,
        evaluation_steps=evaluation_steps,
        n_train_pairs=len(train_pairs),
        n_validation_pairs=len(validation_pairs),
        training_time_seconds=seconds,
        initial_spearman=recorder.initial.spearman,
        final_spearman=recorder.spearman_history[-1],
        best_spearman=best.spearman,
        best_step=best.step,
        spearman_history=recorder.spearman_history,
        trainable_parameters=sum(p.numel() for p in transformer.parameters() if p.requires_grad),
        total_parameters=sum(p.numel() for p in transformer.parameters()),
        precision=precision,
        patience=options.patience,
        stopped_early=recorder.stopped_early,
        resumed_steps=recorder.resumed_steps,
        seconds_in_evaluation=recorder.seconds_in_evaluation,
        peak_memory_mb=peak_memory_mb(),
        lora=None if options.lora is None else LoraSettings(**asdict(options.lora)),
        manifest=manifest,
    )
    model = EmbeddingModel(transformer, manifest)
    return TrainedModel(model, result, recorder.log(), recorder.layers())


def _resumable(folder: Path, recorder: "TrainingRecorder") -> Path | None:
    """Return the newest checkpoint, or none and an empty folder if it is of another base model."""
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None or recorder.began_like(checkpoint):
        return checkpoint
    logger.warning(
        "the base model reads texts otherwise than when %s was written: training anew", checkpoint
    )
    discard(folder)
    folder.mkdir()
    return None


def _model_type(options: TrainingOptions, instructions: Instructions | None) -> ModelType:
    if instructions is not None:
        return "instructed"
    return "standard" if options.lora is None else "lora"


def _require_both_labels(pairs: Sequence[DatingPair]) -> None:
    labels = Counter(pair.label for pair in pairs)
    if len(labels) < 2:
        raise TrainingError(
            f"validation pairs: found {labels[1]} compatible and {labels[0]} incompatible ones, "
            "expected both, to choose a checkpoint by: raise prepare.validation_share"
        )


def _checkpoint_steps(total: int, evaluation_steps: int, checkpoints: int) -> int | None:
    """Return the steps between two checkpoints, which are saved after evaluations alone.

    Returns:
        The smallest multiple of the evaluation steps that has at most so many multiples before
        the last step; None for no checkpoints.
    """
    if not checkpoints:
        return None
    evaluations = math.ceil(total / evaluation_steps)
    return evaluation_steps * math.ceil(evaluations / (checkpoints + 1))


def _trackers(run: RunOptions, manifest: Manifest, digest: str) -> list[Tracker]:
    trackers: list[Tracker] = []
    if run.tensorboard is not None:
        events = Path(run.tensorboard) / f"{manifest.model_name}-{digest}"
        trackers.append(TensorBoardTracker(str(events), manifest))
    if run.mlflow is not None:
        trackers.append(MlflowTracker(run.mlflow, manifest, digest))
    return trackers


def _arguments(
    folder: Path,
    options: TrainingOptions,
    tokenised: "TokenisedPairs",
    device: str,
) -> "SentenceTransformerTrainingArguments":
    from sentence_transformers import SentenceTransformerTrainingArguments

    from tuneproof.training.batches import LengthGroupedBatchSampler

    def group(*_: object, **__: object) -> LengthGroupedBatchSampler:
        return LengthGroupedBatchSampler(
            tokenised.lengths, tokenised.labels, options.batch_size, options.seed
        )

    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=options.warmup_steps,
        max_grad_norm=MAX_GRADIENT_NORM,
        batch_sampler=group,
        seed=options.seed,
        use_cpu=device == "cpu",
        dataloader_pin_memory=device != "cpu",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
    )
