"""The trainer: sentence-transformers' own, with one forward pass a step and whole checkpoints."""

import shutil
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformerTrainer
from transformers import PrinterCallback

from tuneproof.encoding import Precision
from tuneproof.errors import TrainingError
from tuneproof.training.callbacks import TrainingRecorder
from tuneproof.training.losses import PairLoss


class PairTrainer(SentenceTransformerTrainer):
    """The library's trainer without its model card and its printed logs.

    Both texts of all pairs pass the model in one forward pass; the loss is computed in float32. A
    checkpoint holds the trained weights and the recorder's state in place of a whole model. The
    library's own bf16 switch is left off: it would leave a model that encodes in bf16 ever after.

    Args:
        recorder: What watches the run.
        pair_loss: The loss of embedded pairs.
        precision: Of the forward pass, `fp32` or `bf16`.
        arguments: Those of the library's trainer.
    """

    def __init__(
        self,
        recorder: TrainingRecorder,
        pair_loss: PairLoss,
        precision: Precision,
        **arguments: Any,
    ) -> None:
        super().__init__(callbacks=[recorder], loss=cast(torch.nn.Module, pair_loss), **arguments)
        self.remove_callback(PrinterCallback)
        self._recorder = recorder
        self._pair_loss = pair_loss
        self._precision = precision

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the library's model card out: it asks the hub about the base model."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        """Embed 2n texts at once and return the loss of the n pairs."""
        (texts,), labels = self.collect_features(inputs)
        assert labels is not None
        bf16 = self._precision == "bf16"
        with torch.autocast(labels.device.type, dtype=torch.bfloat16, enabled=bf16):
            embeddings = model(texts)["sentence_embedding"]
        sides = list(embeddings.float().unflatten(0, (2, -1)))
        return self._pair_loss.compute_loss_from_embeddings(sides, labels)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step = self.state.global_step
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            # torch tells of a failed write by a RuntimeError of its archive writer; other ones,
            # such as memory that runs out, are none of the disk's.
            if isinstance(error, RuntimeError) and "inline_container" not in str(error):
                raise
            folder = Path(str(self.args.output_dir))
            shutil.rmtree(folder / f"checkpoint-{step}", ignore_errors=True)
            raise TrainingError(
                f"step {step}: the checkpoint could not be written to {folder}: {error}. Free some "
                "space and run the same command again: it goes on from the checkpoint before"
            ) from error

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self._recorder.save(Path(str(output_dir)))

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:
        self._recorder.load(Path(checkpoint_path))
