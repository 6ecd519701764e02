"""What watches a training run; imports torch, so it is imported only when a run starts."""

import json
import logging
import math
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tqdm import tqdm
from transformers import TrainerCallback

from tuneproof.encoding import Precision, embed_pairs, pair_cosines
from tuneproof.errors import DivergedError, TrainingError
from tuneproof.metrics.ranking import spearman
from tuneproof.pairs import DatingPair
from tuneproof.training.checkpoints import BEST, RECORD, WEIGHTS
from tuneproof.training.losses import PairLoss
from tuneproof.training.result import LAYER_LOG, TRAINING_LOG
from tuneproof.training.tracking import Tracker

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

_VALIDATION_BATCH: Final = 32
_SAME_LOSS: Final = 1e-5

logger = logging.getLogger(__name__)

Weights = dict[str, torch.Tensor]


class Evaluation(NamedTuple):
    """One evaluation on the validation pairs.

    Attributes:
        loss: The training loss over all validation pairs.
        spearman: Spearman of cosine and label; None if all cosines are equal.
        seconds: Wall time that it took.
        peak_memory_mb: Largest resident memory of the process so far, in MiB.
    """

    loss: float
    spearman: float | None
    seconds: float
    peak_memory_mb: float


class Checkpoint(NamedTuple):
    """The trained weights of one step.

    Attributes:
        step: Optimiser steps done.
        spearman: Validation Spearman of these weights.
        loss: Their validation loss, which decides between equal ranks.
        weights: Trained parameters by name.
    """

    step: int
    spearman: float
    loss: float
    weights: Weights

    @property
    def rank(self) -> tuple[float, float]:
        """What is compared: the higher one is better."""
        return self.spearman, -self.loss


class Plan(NamedTuple):
    """When a run does what, and how exactly it looks.

    Attributes:
        evaluation_steps: Steps between two evaluations.
        checkpoint_steps: Steps between two checkpoints, a multiple of the former; the last step
            has one too. None: none at all.
        patience: Evaluations without a better one after which training stops; None: never.
        precision: What the evaluations are computed in.
    """

    evaluation_steps: int
    checkpoint_steps: int | None
    patience: int | None
    precision: Precision


class TrainingRecorder(TrainerCallback):
    """Evaluates on the validation pairs, keeps the best weights, and logs each step.

    All that it knows goes into a checkpoint and comes back from it: a resumed run ends like one
    that was never interrupted.

    Args:
        transformer: The model in training; what requires a gradient is trained.
        loss: The training loss, for the validation loss.
        pairs: Validation pairs.
        plan: When to evaluate, to save, and to stop.
    """

    def __init__(
        self,
        transformer: SentenceTransformer,
        loss: PairLoss,
        pairs: Sequence[DatingPair],
        plan: Plan,
    ) -> None:
        self._transformer = transformer
        self._loss = loss
        self._pairs = pairs
        self._plan = plan
        self._trackers: Sequence[Tracker] = ()
        self._trained = {n: p for n, p in transformer.named_parameters() if p.requires_grad}
        self._before = self._copy()
        self._rows: list[dict[str, float]] = []
        self._layers: list[dict[str, Any]] = []
        self._gradients: dict[str, float] = {}
        self._evaluations: dict[int, Evaluation] = {}
        self._best: Checkpoint | None = None
        self._progress: tqdm[Any] | None = None
        self._started = time.perf_counter()
        self._seconds_before = 0.0
        self.resumed_steps: list[int] = []
        self.stopped_early = False
        self.initial = self.evaluate()

    @property
    def spearman_history(self) -> list[float | None]:
        """Validation Spearman of each evaluation, in order."""
        return [evaluation.spearman for evaluation in self._evaluations.values()]

    @property
    def seconds(self) -> float:
        """Wall time of the training loop so far, in all its parts."""
        return self._seconds_before + time.perf_counter() - self._started

    @property
    def seconds_in_evaluation(self) -> float:
        """Part of it that the evaluations took."""
        return sum(evaluation.seconds for evaluation in self._evaluations.values())

    def evaluate(self) -> Evaluation:
        """Measure the model as it is, in evaluation mode, and leave its mode as it was."""
        start = time.perf_counter()
        was_training = self._transformer.training
        vectors = embed_pairs(
            self._transformer, self._pairs, _VALIDATION_BATCH, self._plan.precision
        )
        self._transformer.train(was_training)
        if not np.isfinite(vectors).all():
            raise DivergedError(
                "found embeddings that are not finite, expected finite ones: the weights have "
                "diverged; lower the learning rate"
            )
        labels = torch.tensor([float(pair.label) for pair in self._pairs])
        loss = self._loss.compute_loss_from_embeddings(
            list(torch.from_numpy(vectors).unbind(dim=1)), labels
        )
        score = spearman(pair_cosines(vectors), labels.numpy().astype("int64"))
        return Evaluation(float(loss), score, time.perf_counter() - start, peak_memory_mb())

    def restore_best(self) -> Checkpoint:
        """Put the best weights of the run back into the model.

        Raises:
            DivergedError: No evaluation was defined.
        """
        if self._best is None:
            raise DivergedError(
                "no evaluation of the run gave a defined Spearman: all validation cosines are "
                "equal, so the model has collapsed; lower the learning rate"
            )
        logger.info(
            "step %d is kept: validation Spearman %.4f, before training %s",
            self._best.step,
            self._best.spearman,
            _shown(self.initial.spearman),
        )
        self._put(self._best.weights)
        return self._best

    def log(self) -> pd.DataFrame:
        """Return the frame with the columns of `TRAINING_LOG`."""
        evaluations = pd.DataFrame(
            [
                {
                    "step": step,
                    "validation_loss": e.loss,
                    "validation_spearman": e.spearman,
                    "evaluation_seconds": e.seconds,
                    "peak_memory_mb": e.peak_memory_mb,
                }
                for step, e in self._evaluations.items()
            ]
        )
        frame = pd.DataFrame(self._rows).merge(evaluations, on="step", how="left")
        return frame[list(TRAINING_LOG)].astype(dict(TRAINING_LOG))

    def layers(self) -> pd.DataFrame:
        """Return the frame with the columns of `LAYER_LOG`."""
        return pd.DataFrame(self._layers, columns=list(LAYER_LOG)).astype(dict(LAYER_LOG))

    def save(self, folder: Path) -> None:
        """Write the trained weights, the best ones and all records into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self._copy(), folder / WEIGHTS)
        record: dict[str, Any] = {
            "rows": self._rows,
            "layers": self._layers,
            "evaluations": list(self._evaluations.items()),
            "seconds": self.seconds,
            "resumed_steps": self.resumed_steps,
            "stopped_early": self.stopped_early,
            "initial_loss": self.initial.loss,
            "best": None,
        }
        if self._best is not None:
            save_file(self._best.weights, folder / BEST)
            record["best"] = [self._best.step, self._best.spearman, self._best.loss]
        (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")

    def began_like(self, folder: Path) -> bool:
        """Say whether the run that was saved in a folder began with the model of this one.

        Beside the weights, which the folder's name tells of, a model is its tokenizer, its pooling
        and its configuration: where one of them differs, so does the loss before training.
        """
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return math.isclose(
            record.get("initial_loss", math.nan), self.initial.loss, rel_tol=_SAME_LOSS
        )

    def load(self, folder: Path) -> None:
        """Take up the run that was saved in a folder."""
        self._put(load_file(folder / WEIGHTS))
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        self._rows, self._layers = record["rows"], record["layers"]
        self._evaluations = {step: Evaluation(*values) for step, values in record["evaluations"]}
        self._started, self._seconds_before = time.perf_counter(), record["seconds"]
        self.stopped_early = record["stopped_early"]
        step = int(self._rows[-1]["step"])
        self.resumed_steps = [*record["resumed_steps"], step]
        if record["best"] is not None:
            best_step, best_spearman, best_loss = record["best"]
            self._best = Checkpoint(best_step, best_spearman, best_loss, load_file(folder / BEST))
        self._before = self._copy()
        for row in self._rows:
            self._track(int(row["step"]), row)
        logger.info("step %d: resuming from a checkpoint", step)

    def on_train_begin(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Open the progress bar; where there is no terminal, evaluations are logged instead."""
        self._started = time.perf_counter()
        self._progress = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            unit="step",
            desc="training",
            leave=False,
            disable=None,
        )

    def on_pre_optimizer_step(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Note the gradient that reaches each layer.

        Raises:
            TrainingError: None reaches a weight that is to be trained.
        """
        idle = [name for name, parameter in self._trained.items() if parameter.grad is None]
        if idle:
            raise TrainingError(
                f"step {state.global_step + 1}: found no gradient for {len(idle)} of "
                f"{len(self._trained)} trained weights (such as {idle[0]}), expected one for each; "
                "name a layer that the embedding does not depend on in `frozen`"
            )
        if self._evaluates(state.global_step + 1, state.max_steps):
            self._gradients = _norms(
                (name, p.grad) for name, p in self._trained.items() if p.grad is not None
            )

    def on_step_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Evaluate where that is due, keep the best weights, and say whether to save or to stop."""
        step = state.global_step
        if not self._evaluates(step, state.max_steps):
            return
        evaluation = self.evaluate()
        self._evaluations[step] = evaluation
        score = evaluation.spearman
        if self._progress is None or self._progress.disable:
            logger.info(
                "step %d of %d: validation loss %.4f, Spearman %s, %.0f s to go",
                step,
                state.max_steps,
                evaluation.loss,
                _shown(score),
                self.seconds * (state.max_steps - step) / step,
            )
        if score is not None and (
            self._best is None or (score, -evaluation.loss) > self._best.rank
        ):
            self._best = Checkpoint(step, score, evaluation.loss, self._copy())
        if self._is_out_of_patience() and step != state.max_steps:
            self.stopped_early = control.should_training_stop = True
        every = self._plan.checkpoint_steps
        last = self.stopped_early or step == state.max_steps
        control.should_save = every is not None and (step % every == 0 or last)

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
            DivergedError: The loss or the gradient is not finite.
        """
        if not logs or "loss" not in logs:
            return
        step = state.global_step
        for name in ("loss", "grad_norm"):
            if not math.isfinite(logs[name]):
                raise DivergedError(
                    f"step {step}: found {name} {logs[name]}, expected a finite number; lower the "
                    "learning rate"
                )
        row = {
            "step": step,
            "epoch": logs["epoch"],
            "loss": logs["loss"],
            "learning_rate": logs["learning_rate"],
            "gradient_norm": logs["grad_norm"],
        }
        self._rows.append(row)
        if step in self._evaluations:
            self._record_layers(step, logs["grad_norm"])
        self._track(step, row)
        if self._progress is not None:
            latest = self.spearman_history[-1] if self._evaluations else self.initial.spearman
            self._progress.set_postfix_str(
                f"loss {logs['loss']:.4f}, Spearman {_shown(latest)}", refresh=False
            )
            self._progress.update(step - self._progress.n)

    def on_train_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **_: Any
    ) -> None:
        """Close the progress bar, before what comes after the last step is logged."""
        if self._progress is not None:
            self._progress.close()

    @contextmanager
    def watched_by(self, trackers: Sequence[Tracker]) -> Iterator[None]:
        """Give trackers the figures of a block, and close them and the progress bar after it."""
        self._trackers, failed = list(trackers), True
        try:
            yield
            failed = False
        finally:
            if self._progress is not None:
                self._progress.close()
            for tracker in self._trackers:
                with self._tolerating(tracker):
                    tracker.close(failed=failed)

    def _evaluates(self, step: int, last: int) -> bool:
        return step % self._plan.evaluation_steps == 0 or step == last

    def _is_out_of_patience(self) -> bool:
        if self._plan.patience is None or self._best is None:
            return False
        since = [step for step in self._evaluations if step > self._best.step]
        return len(since) >= self._plan.patience

    def _record_layers(self, step: int, gradient_norm: float) -> None:
        """Add a row for each layer; gradients were noted after clipping and are scaled back."""
        clipped = math.sqrt(sum(norm**2 for norm in self._gradients.values()))
        scale = gradient_norm / clipped if clipped else 0.0
        weights = self._copy()
        sizes = _norms(weights.items())
        updates = _norms((name, weights[name] - self._before[name]) for name in weights)
        self._layers += [
            {
                "step": step,
                "layer": layer,
                "weight_norm": sizes[layer],
                "update_norm": updates[layer],
                "gradient_norm": norm * scale,
            }
            for layer, norm in self._gradients.items()
        ]
        self._before = weights

    def _track(self, step: int, row: Mapping[str, float]) -> None:
        values = {f"train/{name}": value for name, value in row.items() if name != "step"}
        if step in self._evaluations:
            evaluation = self._evaluations[step]
            values |= {
                "validation/loss": evaluation.loss,
                "memory/peak_mb": evaluation.peak_memory_mb,
            }
            if evaluation.spearman is not None:
                values["validation/spearman"] = evaluation.spearman
        for tracker in self._trackers:
            with self._tolerating(tracker):
                tracker.log(step, values)

    @contextmanager
    def _tolerating(self, tracker: Tracker) -> Iterator[None]:
        """Give up a tracker that fails: its store is no reason to lose a training."""
        try:
            yield
        except Exception as error:
            logger.warning(
                "%s takes no more figures of this run (the training log holds them all): %s",
                type(tracker).__name__,
                error,
            )
            self._trackers = [each for each in self._trackers if each is not tracker]

    def _copy(self) -> Weights:
        return {name: p.detach().clone().contiguous() for name, p in self._trained.items()}

    def _put(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, weight in weights.items():
                self._trained[name].copy_(weight)


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _norms(tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, float]:
    """Return the Euclidean norm of each layer's weights, by the layer's name."""
    norms: dict[str, list[float]] = {}
    for name, tensor in tensors:
        layer = re.sub(r"^\d+\.((auto_)?model\.)?|(\.default)?\.(weight|bias)$", "", name)
        norms.setdefault(layer, []).append(float(tensor.detach().norm()))
    return {layer: math.hypot(*parts) for layer, parts in norms.items()}


def _shown(score: float | None) -> str:
    return "n/a" if score is None else f"{score:.4f}"
