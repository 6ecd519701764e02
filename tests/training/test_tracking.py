"""Event files that TensorBoard reads, and runs that an MLflow store holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tuneproof.errors import TrainingError
from tuneproof.training.callbacks import Checkpoint, TrainingRecorder
from tuneproof.training.engine import RunOptions, TrainedModel, train
from tuneproof.training.tracking import MlflowTracker, TensorBoardTracker

from .test_engine import TRAIN, VALIDATION, base, options


@pytest.fixture(scope="module")
def tracked(
    tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainedModel, Path]:
    folder = tmp_path_factory.mktemp("tracked")
    run = RunOptions(
        checkpoint_folder=str(folder / "checkpoints"),
        checkpoints=0,
        tensorboard=str(folder / "events"),
        mlflow=f"sqlite:///{folder / 'mlflow.db'}",
    )
    settings = options(epochs=4, evaluations=4)
    return train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run), folder


def columns(model: TrainedModel) -> dict[str, Sequence[float]]:
    """Return the logged figures by the names that trackers give them."""
    log = model.log
    found: dict[str, Sequence[float]] = {
        f"train/{name}": log[name].tolist()
        for name in ("epoch", "loss", "learning_rate", "gradient_norm")
    }
    measured = log.dropna(subset=["validation_spearman"])
    found["validation/loss"] = measured["validation_loss"].tolist()
    found["validation/spearman"] = measured["validation_spearman"].tolist()
    found["memory/peak_mb"] = measured["peak_memory_mb"].tolist()
    return found


def assert_tensorboard_shows(events: Path, model: TrainedModel) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = events.iterdir()
    assert run.name.startswith("standard-")
    shown = EventAccumulator(str(run))
    shown.Reload()
    assert "manifest/text_summary" in shown.Tags()["tensors"]
    for name, expected in columns(model).items():
        found = shown.Scalars(name)
        assert [event.value for event in found] == pytest.approx(expected, rel=1e-6), name
    steps = [event.step for event in shown.Scalars("train/loss")]
    assert steps == model.log["step"].tolist()


def mlflow_runs(folder: Path) -> list[tuple[Any, dict[str, list[tuple[int, float]]]]]:
    """Return each run of the store, newest first, with the steps and values of its metrics."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tuneproof")
    assert experiment is not None
    return [
        (
            run,
            {
                name: sorted(
                    (metric.step, metric.value)
                    for metric in client.get_metric_history(run.info.run_id, name)
                )
                for name in run.data.metrics
            },
        )
        for run in client.search_runs([experiment.experiment_id])
    ]


def assert_mlflow_holds(metrics: dict[str, list[tuple[int, float]]], model: TrainedModel) -> None:
    expected = columns(model)
    assert metrics.keys() == expected.keys()
    for name, history in metrics.items():
        assert [value for _, value in history] == pytest.approx(expected[name]), name
    assert [step for step, _ in metrics["train/loss"]] == model.log["step"].tolist()


def test_tensorboard_reads_the_figures_of_the_log(tracked: tuple[TrainedModel, Path]) -> None:
    model, folder = tracked
    assert_tensorboard_shows(folder / "events", model)


def test_mlflow_holds_parameters_origin_and_figures(tracked: tuple[TrainedModel, Path]) -> None:
    model, folder = tracked
    ((run, metrics),) = mlflow_runs(folder)
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.003"
    assert run.data.tags["pairs.train"] == model.result.manifest.pairs["train"]
    assert_mlflow_holds(metrics, model)


class KilledError(BaseException):
    """Stands for `kill -9`: no tracker hears of it."""


def kill(patch: pytest.MonkeyPatch, step: int, *, flushed: bool = True) -> None:
    """Let a run die after a step, what it wrote on the disk or still in memory."""
    record = TrainingRecorder.on_log

    def on_log(self: TrainingRecorder, args: Any, state: Any, control: Any, **rest: Any) -> None:
        record(self, args, state, control, **rest)
        if state.global_step == step:
            raise KilledError

    def close(self: TensorBoardTracker, **_: bool) -> None:
        if flushed:
            self._writer.flush()

    patch.setattr(TrainingRecorder, "on_log", on_log)
    patch.setattr(TensorBoardTracker, "close", close)
    patch.setattr(MlflowTracker, "close", lambda *_, **__: None)


@pytest.mark.parametrize("flushed", [True, False])
def test_tensorboard_shows_each_step_of_a_resumed_run_once(
    tiny_model_folder: Path, tmp_path: Path, flushed: bool
) -> None:
    run = RunOptions(str(tmp_path / "checkpoints"), 4, tensorboard=str(tmp_path / "events"))
    settings = options(epochs=4, evaluations=12)
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, 8, flushed=flushed)
        with pytest.raises(KilledError):
            train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    resumed = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    assert resumed.result.resumed_steps
    assert_tensorboard_shows(tmp_path / "events", resumed)
    again = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    assert_tensorboard_shows(tmp_path / "events", again)


def test_mlflow_takes_up_the_run_that_did_not_finish(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    """Killed, then failing at the very last, then finished: one run; repeated, another one."""
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run = RunOptions(str(tmp_path / "checkpoints"), 4, mlflow=store)
    settings = options(epochs=4, evaluations=12)

    def states() -> list[str]:
        return [found.info.status for found, _ in mlflow_runs(tmp_path)]

    def wrong(self: TrainingRecorder) -> Checkpoint:
        return restore(self)._replace(spearman=0.123)

    with pytest.MonkeyPatch.context() as patch:
        kill(patch, 8)
        with pytest.raises(KilledError):
            train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    assert states() == ["RUNNING"]
    restore = TrainingRecorder.restore_best
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRecorder, "restore_best", wrong)
        with pytest.raises(TrainingError, match="restored"):
            train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    assert states() == ["FAILED"]
    finished = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    ((taken_up, metrics),) = mlflow_runs(tmp_path)
    assert taken_up.info.status == "FINISHED"
    memory = columns(finished)["memory/peak_mb"]
    assert len(metrics["memory/peak_mb"]) == len(memory)
    # Each attempt uses memory of its own: the store keeps what the first one at a step used.
    steps = [step for step, _ in metrics["memory/peak_mb"]]
    metrics["memory/peak_mb"] = list(zip(steps, memory, strict=True))
    assert_mlflow_holds(metrics, finished)
    train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run)
    assert states() == ["FINISHED", "FINISHED"]


def test_nothing_is_written_where_nothing_was_asked_for(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunOptions(checkpoint_folder="checkpoints", checkpoints=0)
    train(base(tiny_model_folder), TRAIN, VALIDATION, options(epochs=1, evaluations=1), run)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if path.suffix != ".lock"]


def test_a_store_that_cannot_be_opened_stops_the_run_before_it_starts(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    run = RunOptions(checkpoint_folder=str(tmp_path), checkpoints=0, mlflow="nonsense://store")
    with pytest.raises(TrainingError, match="found 'nonsense://store', expected a store"):
        train(base(tiny_model_folder), TRAIN, VALIDATION, options(), run)
