"""Event files that TensorBoard reads, and runs that an MLflow store holds."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tuneproof.errors import TrainingError
from tuneproof.training.engine import RunOptions, TrainedModel, train

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


def test_tensorboard_reads_the_figures_of_the_log(tracked: tuple[TrainedModel, Path]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model, folder = tracked
    (run,) = (folder / "events").iterdir()
    assert run.name.startswith("standard-")
    events = EventAccumulator(str(run))
    events.Reload()
    assert "manifest/text_summary" in events.Tags()["tensors"]
    for name, expected in columns(model).items():
        found = events.Scalars(name)
        assert [event.value for event in found] == pytest.approx(expected, rel=1e-6), name
    steps = [event.step for event in events.Scalars("train/loss")]
    assert steps == model.log["step"].tolist()


def test_mlflow_holds_parameters_origin_and_figures(tracked: tuple[TrainedModel, Path]) -> None:
    from mlflow.tracking import MlflowClient

    model, folder = tracked
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tuneproof")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.003"
    assert run.data.tags["pairs.train"] == model.result.manifest.pairs["train"]
    for name, expected in columns(model).items():
        history = sorted(client.get_metric_history(run.info.run_id, name), key=lambda m: m.step)
        assert [metric.value for metric in history] == pytest.approx(expected), name


def test_nothing_is_written_where_nothing_was_asked_for(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunOptions(checkpoint_folder="checkpoints", checkpoints=0)
    train(base(tiny_model_folder), TRAIN, VALIDATION, options(epochs=1, evaluations=1), run)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_store_that_cannot_be_opened_stops_the_run_before_it_starts(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    run = RunOptions(checkpoint_folder=str(tmp_path), checkpoints=0, mlflow="nonsense://store")
    with pytest.raises(TrainingError, match="found 'nonsense://store', expected a store"):
        train(base(tiny_model_folder), TRAIN, VALIDATION, options(), run)
