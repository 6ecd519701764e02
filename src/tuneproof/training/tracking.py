"""Where a run can be watched from: TensorBoard event files, an MLflow store."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tuneproof.errors import TrainingError
from tuneproof.manifest import Manifest


class Tracker(Protocol):
    """Whatever takes the figures of a run as they come."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take figures of one step, by name (`train/loss`, `validation/spearman`)."""

    def close(self, *, failed: bool) -> None:
        """Write out what is left, and whether the run failed."""


class TensorBoardTracker:
    """Writes event files for `tensorboard --logdir`.

    Args:
        folder: Folder of the run's event files.
        manifest: Origin of the model, written beside the figures.

    Raises:
        TrainingError: tensorboard is not installed.
    """

    def __init__(self, folder: str, manifest: Manifest) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise TrainingError(
                "training.tensorboard: found no tensorboard, expected it installed: "
                "pip install 'tuneproof[tensorboard]'"
            ) from error
        writer: Any = SummaryWriter(folder)
        self._writer = writer
        writer.add_text("manifest", f"```json\n{manifest.model_dump_json(indent=2)}\n```")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write figures as scalars."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self, *, failed: bool) -> None:
        """Flush and close the event file."""
        self._writer.close()


class MlflowTracker:
    """Writes a run into an MLflow store.

    Args:
        uri: Store, such as `sqlite:///mlflow.db`.
        manifest: Origin of the model: its parameters become the run's, the rest its tags.

    Raises:
        TrainingError: MLflow is not installed, or the store cannot be opened.
    """

    def __init__(self, uri: str, manifest: Manifest) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise TrainingError(
                "training.mlflow: found no mlflow, expected it installed: "
                "pip install 'tuneproof[mlflow]'"
            ) from error
        try:
            self._client: Any = MlflowClient(tracking_uri=uri)
            experiment = self._client.get_experiment_by_name("tuneproof")
            identifier = (
                self._client.create_experiment("tuneproof")
                if experiment is None
                else experiment.experiment_id
            )
            run = self._client.create_run(identifier, run_name=manifest.model_name)
        except Exception as error:
            raise TrainingError(
                f"training.mlflow: found {uri!r}, expected a store such as sqlite:///mlflow.db: "
                f"{error}"
            ) from error
        self._run = run.info.run_id
        for name, value in _flat(manifest.parameters or {}):
            self._client.log_param(self._run, name, value)
        self._client.set_tag(self._run, "base_model", manifest.base_model.name)
        for split, digest in manifest.pairs.items():
            self._client.set_tag(self._run, f"pairs.{split}", digest)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write figures as metrics."""
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def close(self, *, failed: bool) -> None:
        """Mark the run as finished or as failed."""
        self._client.set_terminated(self._run, status="FAILED" if failed else "FINISHED")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += (
            _flat(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else [(prefix + name, value)]
        )
    return pairs
