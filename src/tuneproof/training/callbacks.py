"""What watches a training run; imports torch, so it is imported only when a run starts."""

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from tqdm import tqdm
from transformers import PrinterCallback, TrainerCallback

from datasets import Dataset
from tuneproof.encoding import embed_pairs, pair_cosines
from tuneproof.errors import TrainingError
from tuneproof.metrics.ranking import spearman
from tuneproof.pairs import DatingPair
from tuneproof.training.result import TRAINING_LOG

if TYPE_CHECKING:
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
    from transformers import TrainerControl, TrainerState, TrainingArguments

_VALIDATION_BATCH = 64

logger = logging.getLogger(__name__)


class Evaluation(NamedTuple):
    """One evaluation on the validation pairs.

    Attributes:
        loss: The training loss over all validation pairs.
        spearman: Spearman of cosine and label; None if all cosines are equal.
    """

    loss: float
    spearman: float | None


class Checkpoint(NamedTuple):
    """The trainable weights of one step.

    Attributes:
        step: Optimiser steps done.
        spearman: Validation Spearman of these weights.
        weights: Trainable parameters by name.
    """

    step: int
    spearman: float
    weights: dict[str, torch.Tensor]


class PairTrainer(SentenceTransformerTrainer):
    """The sentence-transformers trainer without its model card and its printed logs."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.remove_callback(PrinterCallback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the library's model card out: it asks the hub about the base model."""


class TrainingRecorder(TrainerCallback):
    """Evaluates on the validation pairs, keeps the best weights in memory, and logs each step.

    Args:
        transformer: The model in training.
        loss: The training loss, for the validation loss.
        pairs: Validation pairs.
        evaluation_steps: Steps between two evaluations.
    """

    def __init__(
        self,
        transformer: SentenceTransformer,
        loss: "CosineSimilarityLoss",
        pairs: Sequence[DatingPair],
        evaluation_steps: int,
    ) -> None:
        self._transformer = transformer
        self._loss = loss
        self._pairs = pairs
        self._evaluation_steps = evaluation_steps
        self._rows: list[dict[str, float]] = []
        self._evaluations: dict[int, Evaluation] = {}
        self._best: Checkpoint | None = None
        self._progress: tqdm[Any] | None = None
        self.initial = self.evaluate()

    @property
    def spearman_history(self) -> list[float | None]:
        """Validation Spearman of each evaluation, in order."""
        return [evaluation.spearman for evaluation in self._evaluations.values()]

    def evaluate(self) -> Evaluation:
        """Measure the model as it is, in evaluation mode, and leave its mode as it was."""
        was_training = self._transformer.training
        vectors = embed_pairs(self._transformer, self._pairs, _VALIDATION_BATCH)
        self._transformer.train(was_training)
        labels = torch.tensor([pair.label for pair in self._pairs])
        loss = self._loss.compute_loss_from_embeddings(
            list(torch.from_numpy(vectors).unbind(dim=1)), labels
        )
        return Evaluation(float(loss), spearman(pair_cosines(vectors), labels.numpy()))

    def restore_best(self) -> Checkpoint:
        """Put the best weights of the run back into the model.

        Raises:
            TrainingError: No evaluation was defined.
        """
        if self._best is None:
            raise TrainingError(
                "no evaluation of the run gave a defined Spearman: all validation cosines are "
                "equal, so the model has collapsed; lower the learning rate"
            )
        before = "n/a" if self.initial.spearman is None else f"{self.initial.spearman:.4f}"
        logger.info(
            "step %d is kept: validation Spearman %.4f, before training %s",
            self._best.step,
            self._best.spearman,
            before,
        )
        parameters = dict(self._transformer.named_parameters())
        with torch.no_grad():
            for name, weight in self._best.weights.items():
                parameters[name].copy_(weight)
        return self._best

    def log(self) -> pd.DataFrame:
        """Return the frame with the columns of `TRAINING_LOG`."""
        evaluations = pd.DataFrame(
            [
                {"step": step, "validation_loss": e.loss, "validation_spearman": e.spearman}
                for step, e in self._evaluations.items()
            ]
        )
        frame = pd.DataFrame(self._rows).merge(evaluations, on="step", how="left")
        return frame[list(TRAINING_LOG)].astype(dict(TRAINING_LOG))

    def on_train_begin(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Open the progress bar; where there is no terminal, evaluations are logged instead."""
        self._progress = tqdm(total=state.max_steps, unit="step", desc="training", disable=None)

    def on_step_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Evaluate where an evaluation is due, and keep the weights if they are the best."""
        step = state.global_step
        if step % self._evaluation_steps and step != state.max_steps:
            return
        evaluation = self.evaluate()
        self._evaluations[step] = evaluation
        score = evaluation.spearman
        if self._progress is None or self._progress.disable:
            shown = "n/a" if score is None else f"{score:.4f}"
            logger.info("step %d of %d: validation Spearman %s", step, state.max_steps, shown)
        if score is not None and (self._best is None or score > self._best.spearman):
            weights = {
                name: parameter.detach().clone()
                for name, parameter in self._transformer.named_parameters()
                if parameter.requires_grad
            }
            self._best = Checkpoint(step, score, weights)

    def on_log(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Record a step.

        Raises:
            TrainingError: The loss or the gradient is not finite.
        """
        if not logs or "loss" not in logs:
            return
        step = state.global_step
        for name in ("loss", "grad_norm"):
            if not math.isfinite(logs[name]):
                raise TrainingError(
                    f"step {step}: found {name} {logs[name]}, expected a finite number; lower the "
                    "learning rate"
                )
        self._rows.append(
            {
                "step": step,
                "epoch": logs["epoch"],
                "loss": logs["loss"],
                "learning_rate": logs["learning_rate"],
                "gradient_norm": logs["grad_norm"],
            }
        )
        if self._progress is not None:
            latest = self.spearman_history[-1] if self._evaluations else self.initial.spearman
            shown = "n/a" if latest is None else f"{latest:.4f}"
            self._progress.set_postfix_str(
                f"loss {logs['loss']:.4f}, Spearman {shown}", refresh=False
            )
            self._progress.update(step - self._progress.n)

    def on_train_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Close the progress bar."""
        if self._progress is not None:
            self._progress.close()


def as_dataset(pairs: Sequence[DatingPair]) -> Dataset:
    """Return the columns that the loss reads: text_1, text_2 and the label as a float."""
    return Dataset.from_dict(
        {
            "text_1": [pair.text_1 for pair in pairs],
            "text_2": [pair.text_2 for pair in pairs],
            "label": [float(pair.label) for pair in pairs],
        }
    )
