"""Where a run can be watched from: TensorBoard event files, an MLflow store.

A resumed run gives its trackers all its figures again, from the first step: those of a killed one
may never have reached the disk.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from tuneproof.errors import TrainingError
from tuneproof.manifest import Manifest

_EXPERIMENT: Final = "tuneproof"
_EVERY_STEP: Final = "train/loss"


class Tracker(Protocol):
    """Whatever takes the figures of a run as they come."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take figures of one step, by name (`train/loss`, `validation/spearman`)."""

    def close(self, *, failed: bool) -> None:
        """Write out what is left, and whether the run failed."""


class TensorBoardTracker:
    """Writes event files for `tensorboard --logdir`, which hide what the folder held before.

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
        writer: Any = SummaryWriter(folder, purge_step=0)
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
    """Writes a run into an MLflow store, or takes up the one that was not finished.

    A metric of a store cannot be taken back, so a step that the store has is not written again.

    Args:
        uri: Store, such as `sqlite:///mlflow.db`.
        manifest: Origin of the model: its parameters become the run's, the rest its tags.
        digest: What tells this configuration on these pairs from all others.

    Raises:
        TrainingError: MLflow is not installed, or the store cannot be opened.
    """

    def __init__(self, uri: str, manifest: Manifest, digest: str) -> None:
        try:
            from mlflow.entities import Param
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise TrainingError(
                "training.mlflow: found no mlflow, expected it installed: "
                "pip install 'tuneproof[mlflow]'"
            ) from error
        parameters = [Param(name, str(v)) for name, v in _flat(manifest.parameters or {})]
        try:
            self._client: Any = MlflowClient(tracking_uri=uri)
            self._run = self._take_up(digest) or self._begin(manifest, digest)
            # A killed run may lack them; those that it has are the same.
            self._client.log_batch(self._run, params=parameters)
            history = self._client.get_metric_history(self._run, _EVERY_STEP)
        except Exception as error:
            raise TrainingError(
                f"training.mlflow: found {uri!r}, expected a store such as sqlite:///mlflow.db: "
                f"{error}"
            ) from error
        self._last_step = max((metric.step for metric in history), default=0)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write figures as metrics, all of a step at once."""
        from mlflow.entities import Metric

        if step <= self._last_step:
            return
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def close(self, *, failed: bool) -> None:
        """Mark the run as finished or as failed."""
        self._client.set_terminated(self._run, status="FAILED" if failed else "FINISHED")

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        return str(
            self._client.create_experiment(_EXPERIMENT) if found is None else found.experiment_id
        )

    def _take_up(self, digest: str) -> str | None:
        """Return the newest run of the digest that did not finish, running again; None: none."""
        found = self._client.search_runs(
            [self._experiment()],
            f"tags.digest = '{digest}' and attributes.status != 'FINISHED'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        for run in found:
            self._client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
        return None

    def _begin(self, manifest: Manifest, digest: str) -> str:
        tags = {f"pairs.{split}": found for split, found in manifest.pairs.items()}
        tags |= {"base_model": manifest.base_model.name, "digest": digest}
        run = self._client.create_run(self._experiment(), run_name=manifest.model_name, tags=tags)
        return str(run.info.run_id)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += (
            _flat(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else [(prefix + name, value)]
        )
    return pairs
