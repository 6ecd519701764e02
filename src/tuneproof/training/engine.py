"""The training engine: pairs and a base model in, the best checkpoint and its record out."""

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import TrainingError
from tuneproof.manifest import Environment, Manifest, describe_options
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.training.adapters import LoraOptions, add_adapter
from tuneproof.training.result import LoraSettings, TrainingResult

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainingArguments

_REMEASURED = 1e-6


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainingOptions:
    """Parameters of a training run.

    Attributes:
        epochs: Passes over the train pairs.
        batch_size: Pairs a step.
        learning_rate: Peak learning rate of AdamW, reached after the warm-up; it then falls
            linearly to 0.
        warmup_steps: Steps of linear warm-up; below 1, their share of all steps.
        evaluations: Evaluations on the validation pairs, at least; the best one's model is kept.
        seed: Seed of the order of the pairs, of dropout, and of a new adapter's weights.
        lora: The adapter to train; None trains all weights.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    warmup_steps: Annotated[float, Field(ge=0)]
    evaluations: Annotated[int, Field(ge=1)]
    seed: int
    lora: LoraOptions | None = None


class TrainedModel(NamedTuple):
    """What a training run returns.

    Attributes:
        model: The model with the best validation Spearman of the run.
        result: Facts of the run.
        log: Frame with the columns of `TRAINING_LOG`.
    """

    model: EmbeddingModel
    result: TrainingResult
    log: pd.DataFrame


def train(
    base: EmbeddingModel,
    train_pairs: Sequence[DatingPair],
    validation_pairs: Sequence[DatingPair],
    options: TrainingOptions,
) -> TrainedModel:
    """Fine-tune a model with CosineSimilarityLoss and keep its best checkpoint.

    The loss is the mean squared error between a pair's cosine and its label (Reimers and
    Gurevych, 2019). The base model's weights are changed in place.

    Args:
        base: The model to start from.
        train_pairs: Pairs to learn from.
        validation_pairs: Pairs that choose the checkpoint, of both labels.
        options: Parameters; with `lora` only the adapter is trained.

    Raises:
        TrainingError: The loss is not finite, no evaluation is defined, or the restored
            checkpoint does not measure as it did when it was chosen.
        AdapterError: The model has no layer that the adapter names.
    """
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
    from transformers import set_seed

    from tuneproof.training.callbacks import PairTrainer, TrainingRecorder, as_dataset

    transformer = base.transformer
    model_type: Literal["standard", "lora"] = "standard" if options.lora is None else "lora"
    manifest = Manifest(
        model_name=model_type,
        base_model=base.manifest.base_model,
        pairs={"train": hash_pairs(train_pairs), "validation": hash_pairs(validation_pairs)},
        parameters=describe_options(options),
        seed=options.seed,
        environment=Environment.current(),
    )
    set_seed(options.seed)
    if options.lora is not None:
        add_adapter(transformer, options.lora)
    total_steps = options.epochs * math.ceil(len(train_pairs) / options.batch_size)
    evaluation_steps = max(1, total_steps // options.evaluations)
    loss = CosineSimilarityLoss(transformer)
    recorder = TrainingRecorder(transformer, loss, validation_pairs, evaluation_steps)
    # The trainer insists on a folder, but writes no checkpoint: the recorder keeps the best one.
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(folder, options, on_cpu=transformer.device.type == "cpu")
        trainer = PairTrainer(
            model=transformer,
            args=arguments,
            train_dataset=as_dataset(train_pairs),
            loss=loss,
            callbacks=[recorder],
        )
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    best = recorder.restore_best()
    transformer.eval()
    remeasured = recorder.evaluate().spearman
    if remeasured is None or abs(remeasured - best.spearman) > _REMEASURED:
        raise TrainingError(
            f"the checkpoint of step {best.step} measures Spearman {remeasured} on the validation "
            f"pairs, expected {best.spearman}: the best checkpoint was not restored"
        )
    log = recorder.log()
    result = TrainingResult(
        model_type=model_type,
        loss="cosine_similarity",
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
        lora=None if options.lora is None else LoraSettings(**asdict(options.lora)),
        manifest=manifest,
    )
    return TrainedModel(EmbeddingModel(transformer, manifest), result, log)


def _arguments(
    folder: str, options: TrainingOptions, *, on_cpu: bool
) -> "SentenceTransformerTrainingArguments":
    from sentence_transformers import SentenceTransformerTrainingArguments

    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=options.warmup_steps,
        seed=options.seed,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
