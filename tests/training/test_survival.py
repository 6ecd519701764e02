"""A run that is killed goes on and ends with the very weights of one that was not."""

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from tuneproof.errors import TrainingError
from tuneproof.manifest import Manifest
from tuneproof.training.checkpoints import latest_checkpoint, prune, run_folder
from tuneproof.training.engine import TrainedModel, train

from .test_engine import LORA, TRAIN, VALIDATION, base, options, run, weights

# Runs a training that kills itself: after the given step, or while it writes a checkpoint.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.training.test_engine import LORA, TRAIN, VALIDATION, base, options, run
from tuneproof.training import callbacks, engine

model, folder, kind, moment = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

record, save = callbacks.TrainingRecorder.on_log, callbacks.TrainingRecorder.save

def on_log(self, args, state, control, **rest):
    record(self, args, state, control, **rest)
    if moment == str(state.global_step):
        die()

def half_saved(self, place):
    save(self, place)
    if moment == "while saving" and place.name != "checkpoint-9":
        die()

callbacks.TrainingRecorder.on_log = on_log
callbacks.TrainingRecorder.save = half_saved
lora = LORA if kind == "lora" else None
settings = options(lora=lora, patience=9)
engine.train(base(Path(model)), TRAIN, VALIDATION, settings, run(Path(folder), 3))
raise SystemExit("was not killed")
"""
MOMENTS = [("standard", "11"), ("standard", "27"), ("standard", "while saving"), ("lora", "20")]


def lora_of(kind: str) -> object:
    return LORA if kind == "lora" else None


def trained(model: Path, folder: Path, kind: str = "standard", **changes: object) -> TrainedModel:
    settings = options(**{"lora": lora_of(kind), "patience": 9, **changes})
    return train(base(model), TRAIN, VALIDATION, settings, run(folder, 3))


@pytest.fixture(scope="module")
def uninterrupted(
    tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, TrainedModel]:
    return {
        kind: trained(tiny_model_folder, tmp_path_factory.mktemp(kind), kind)
        for kind in ("standard", "lora")
    }


@pytest.fixture(scope="module")
def killed(
    tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """Return the checkpoint folders that killed runs left, by kind and moment."""
    folders = {moment: tmp_path_factory.mktemp("killed") for moment in MOMENTS}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tiny_model_folder), str(folder), *moment],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        for moment, folder in folders.items()
    ]
    for process in runs:
        errors = process.communicate(timeout=300)[1]
        assert process.returncode == -9, errors
    return folders


@pytest.mark.parametrize(("kind", "moment"), MOMENTS)
def test_a_killed_run_ends_like_one_that_was_not(
    tiny_model_folder: Path,
    uninterrupted: dict[str, TrainedModel],
    killed: dict[tuple[str, str], Path],
    kind: str,
    moment: str,
) -> None:
    folder = killed[kind, moment]
    resumed = trained(tiny_model_folder, folder, kind)
    whole = uninterrupted[kind]
    assert len(resumed.result.resumed_steps) == 1
    assert 0 < resumed.result.resumed_steps[0] <= (27 if moment == "while saving" else int(moment))
    expected = weights(whole.model)
    for name, weight in weights(resumed.model).items():
        np.testing.assert_array_equal(weight, expected[name], err_msg=name)
    assert resumed.result.best_step == whole.result.best_step
    assert resumed.result.spearman_history == whole.result.spearman_history
    measured = ["evaluation_seconds", "peak_memory_mb"]
    np.testing.assert_array_equal(
        resumed.log.drop(columns=measured), whole.log.drop(columns=measured)
    )
    np.testing.assert_array_equal(resumed.layers, whole.layers)
    assert not list(folder.iterdir()), "the checkpoints of a finished run are left"


@pytest.mark.parametrize("change", [{"learning_rate": 1e-3}, {"seed": 7}, {"batch_size": 5}])
def test_a_changed_configuration_starts_anew(
    tiny_model_folder: Path,
    killed: dict[tuple[str, str], Path],
    tmp_path: Path,
    change: dict[str, object],
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(killed["standard", "11"], folder, dirs_exist_ok=True)
    changed = trained(tiny_model_folder, folder, "standard", **change)
    assert changed.result.resumed_steps == []


def manifest_of(model: TrainedModel, **changes: object) -> Manifest:
    return model.result.manifest.model_copy(update=changes)


def test_whatever_changes_the_weights_changes_the_folder(
    uninterrupted: dict[str, TrainedModel], tmp_path: Path
) -> None:
    model = uninterrupted["standard"]
    pairs = model.result.manifest.pairs
    other = model.result.manifest.base_model.model_copy(update={"sha256": "0" * 64})
    cases: list[tuple[dict[str, object], str, str]] = [
        ({}, "fp32", "cpu"),
        ({}, "bf16", "cpu"),
        ({}, "fp32", "cuda"),
        ({"pairs": {**pairs, "train": "0" * 64}}, "fp32", "cpu"),
        ({"pairs": {**pairs, "validation": "0" * 64}}, "fp32", "cpu"),
        ({"base_model": other}, "fp32", "cpu"),
        ({"seed": 99}, "fp32", "cpu"),
        ({"parameters": {}}, "fp32", "cpu"),
    ]
    folders = {
        run_folder(tmp_path, manifest_of(model, **changes), precision, device)
        for changes, precision, device in cases
    }
    assert len(folders) == 8
    elsewhere = model.result.manifest.environment.model_copy(update={"git_commit": "other"})
    same = run_folder(tmp_path, manifest_of(model, environment=elsewhere), "fp32", "cpu")
    assert same in folders


def test_a_checkpoint_that_is_not_whole_is_deleted(tmp_path: Path) -> None:
    for step, state in ((4, '{"global_step": 4}'), (8, '{"global_step": 8}'), (12, '{"glob')):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-16").mkdir()
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-8"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-8"]
    assert latest_checkpoint(tmp_path / "none") is None


def test_abandoned_runs_are_pruned_but_for_the_newest_and_the_current(tmp_path: Path) -> None:
    import os

    for age in range(6):
        (tmp_path / f"run{age}").mkdir()
        os.utime(tmp_path / f"run{age}", (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path, tmp_path / "run5")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run0", "run1", "run2", "run5"]


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:778] . PytorchStreamWriter failed"),
        SafetensorError("Error while serializing: I/O error: No space left on device"),
    ],
)
def test_a_full_disk_stops_the_run_and_leaves_no_half_checkpoint(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
) -> None:
    from tuneproof.training.callbacks import TrainingRecorder

    save = TrainingRecorder.save

    def full(self: TrainingRecorder, folder: Path) -> None:
        save(self, folder)
        if folder.name != "checkpoint-9":
            raise fault

    monkeypatch.setattr(TrainingRecorder, "save", full)
    with pytest.raises(TrainingError, match="step 18: the checkpoint could not be written"):
        trained(tiny_model_folder, tmp_path)
    left = [path.parent.name for path in tmp_path.glob("*/*/trainer_state.json")]
    assert left == ["checkpoint-9"]
    assert not list(tmp_path.glob("*/checkpoint-18"))


def test_training_stops_when_patience_runs_out_and_keeps_the_best(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grade the evaluations: the second is the best, three worse ones end the run."""
    from tuneproof.training import callbacks

    grades = iter([0.0, 0.1, 0.9, 0.2, 0.9, 0.1, 0.9])
    monkeypatch.setattr(callbacks, "spearman", lambda *_: next(grades))
    stopped = trained(tiny_model_folder, tmp_path, patience=3)
    assert stopped.result.stopped_early
    assert stopped.result.best_step == 2 * stopped.result.evaluation_steps
    assert len(stopped.log) == 5 * stopped.result.evaluation_steps
    assert stopped.result.spearman_history == [0.1, 0.9, 0.2, 0.9, 0.1]
    assert next(grades, None) is None, "the best checkpoint was not measured again"


def test_validation_pairs_of_one_label_are_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    alike = [pair for pair in VALIDATION if pair.label == 1]
    with pytest.raises(TrainingError, match="found 2 compatible and 0 incompatible"):
        train(base(tiny_model_folder), TRAIN, alike, options(), run(tmp_path))


def test_a_weight_that_no_gradient_reaches_is_named(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    settings = options(frozen=())
    with pytest.raises(TrainingError, match=r"no gradient for 2 of .*pooler\.dense"):
        train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))


def test_a_loss_that_becomes_infinite_stops_the_run(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneproof.training.trainer import PairTrainer

    compute = PairTrainer.compute_loss

    def exploding(self: PairTrainer, *arguments: object, **named: object) -> torch.Tensor:
        loss = compute(self, *arguments, **named)  # type: ignore[arg-type]
        return loss * float("inf") if self.state.global_step == 4 else loss

    monkeypatch.setattr(PairTrainer, "compute_loss", exploding)
    with pytest.raises(TrainingError, match="step 5: found loss inf, expected a finite number"):
        trained(tiny_model_folder, tmp_path)


def test_layers_are_logged_at_each_evaluation(uninterrupted: dict[str, TrainedModel]) -> None:
    for kind, model in uninterrupted.items():
        layers, log = model.layers, model.log.set_index("step")
        assert set(layers["step"]) == set(log.dropna(subset=["validation_spearman"]).index)
        joined = layers.groupby("step")["gradient_norm"].apply(
            lambda norms: (norms**2).sum() ** 0.5
        )
        np.testing.assert_allclose(joined, log.loc[joined.index, "gradient_norm"], rtol=1e-4)
        assert layers["layer"].str.contains("lora_").all() == (kind == "lora")
        assert (layers["update_norm"] > 0).any()
