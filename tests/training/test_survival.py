"""A run that is killed goes on and ends with the very weights of one that was not."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from tuneproof.errors import DivergedError, TrainingError
from tuneproof.manifest import Manifest
from tuneproof.pipelines.sweep.nodes import train_sweep
from tuneproof.training.callbacks import Checkpoint, TrainingRecorder
from tuneproof.training.checkpoints import (
    claimed,
    forget,
    latest_checkpoint,
    prune,
    run_folder,
)
from tuneproof.training.engine import TrainedModel, _checkpoint_steps, train
from tuneproof.training.result import TrainingResult
from tuneproof.training.sweep import Configuration
from tuneproof.training.trainer import PairTrainer

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
    if moment == "while saving" and place.name != "checkpoint-8":
        die()

callbacks.TrainingRecorder.on_log = on_log
callbacks.TrainingRecorder.save = half_saved
lora = LORA if kind == "lora" else None
settings = options(lora=lora, evaluations=36, patience=None)
engine.train(base(Path(model)), TRAIN, VALIDATION, settings, run(Path(folder), 4))
raise SystemExit("was not killed")
"""
# 36 steps of 3 an epoch, a checkpoint every 8: in the middle of an epoch, and at its end.
SETTINGS = {"evaluations": 36, "patience": None}
MOMENTS = [("standard", "11"), ("standard", "while saving"), ("lora", "26")]


def lora_of(kind: str) -> object:
    return LORA if kind == "lora" else None


def trained(model: Path, folder: Path, kind: str = "standard", **changes: object) -> TrainedModel:
    settings = options(**{**SETTINGS, "lora": lora_of(kind), **changes})
    return train(base(model), TRAIN, VALIDATION, settings, run(folder, 4))


class Whole(NamedTuple):
    """A training and the weights after its last step, which are seldom those it returns."""

    model: TrainedModel
    last: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]


def followed(model: Path, folder: Path, kind: str) -> Whole:
    last = {}
    restore = TrainingRecorder.restore_best

    def noted(self: TrainingRecorder) -> Checkpoint:
        last.update({n: p.detach().numpy().copy() for n, p in self._trained.items()})
        return restore(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRecorder, "restore_best", noted)
        return Whole(trained(model, folder, kind), last)


@pytest.fixture(scope="module")
def uninterrupted(
    tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Whole]:
    return {
        kind: followed(tiny_model_folder, tmp_path_factory.mktemp(kind), kind)
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
    uninterrupted: dict[str, Whole],
    killed: dict[tuple[str, str], Path],
    tmp_path: Path,
    kind: str,
    moment: str,
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(killed[kind, moment], folder)
    resumed, last = followed(tiny_model_folder, folder, kind)
    whole, expected_last = uninterrupted[kind]
    assert resumed.result.resumed_steps == [8 if moment == "while saving" else int(moment) // 8 * 8]
    for name, weight in last.items():
        np.testing.assert_array_equal(weight, expected_last[name], err_msg=name)
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
    assert [path.name for path in folder.glob("*/checkpoint-*")] == ["checkpoint-36"]
    forget(folder, resumed.result)
    assert not list(folder.iterdir()), "the checkpoints of a saved run are left"


@pytest.mark.parametrize("change", [{"learning_rate": 1e-3}, {"seed": 7}, {"batch_size": 5}])
def test_a_changed_configuration_starts_anew(
    tiny_model_folder: Path,
    killed: dict[tuple[str, str], Path],
    tmp_path: Path,
    change: dict[str, object],
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(killed["standard", "11"], folder, dirs_exist_ok=True)
    (before,) = folder.glob("*/checkpoint-*")
    changed = trained(tiny_model_folder, folder, "standard", **change)
    assert changed.result.resumed_steps == []
    assert before.exists()


def test_a_base_model_that_reads_texts_otherwise_starts_anew(
    tiny_model_folder: Path,
    killed: dict[tuple[str, str], Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its weights are the same, so the folder is: a tokenizer or a pooling may still differ."""
    folder = tmp_path / "copy"
    shutil.copytree(killed["standard", "11"], folder, dirs_exist_ok=True)
    model = base(tiny_model_folder)
    pooling: Any = model.transformer[1]
    pooling.pooling_mode = "max"
    settings = options(**SETTINGS)
    changed = train(model, TRAIN, VALIDATION, settings, run(folder, 4))
    assert changed.result.resumed_steps == []
    assert "reads texts otherwise" in caplog.text
    (left,) = folder.glob("*/checkpoint-*")
    assert left.name == "checkpoint-36"


def manifest_of(model: TrainedModel, **changes: object) -> Manifest:
    return model.result.manifest.model_copy(update=changes)


def test_whatever_changes_the_weights_changes_the_folder(
    uninterrupted: dict[str, Whole], tmp_path: Path
) -> None:
    model = uninterrupted["standard"].model
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
    environment = model.result.manifest.environment
    elsewhere = environment.model_copy(update={"git_commit": "other"})
    same = run_folder(tmp_path, manifest_of(model, environment=elsewhere), "fp32", "cpu")
    assert same in folders
    newer = {**environment.libraries, "torch": "99"}
    elsewhere = environment.model_copy(update={"libraries": newer})
    assert (
        run_folder(tmp_path, manifest_of(model, environment=elsewhere), "fp32", "cpu")
        not in folders
    )


FILES = (
    "trainer_state.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trained.safetensors",
    "best.safetensors",
    "record.json",
)


def make_checkpoint(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    for name in FILES:
        (checkpoint / name).write_text(json.dumps({"global_step": step, "best": [step, 0.5]}))
    return checkpoint


@pytest.mark.parametrize("missing", FILES)
def test_a_checkpoint_that_lacks_a_file_is_deleted(tmp_path: Path, missing: str) -> None:
    """The library would pass over a missing optimiser or random state, and resume wrongly."""
    whole, half = make_checkpoint(tmp_path, 8), make_checkpoint(tmp_path, 16)
    (half / missing).unlink()
    assert latest_checkpoint(tmp_path) == whole
    assert list(tmp_path.iterdir()) == [whole]
    assert latest_checkpoint(tmp_path / "none") is None


def test_a_cut_off_state_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path, 8)
    (checkpoint / "trainer_state.json").write_text('{"glob')
    assert latest_checkpoint(tmp_path) is None


def test_a_killed_run_left_files_of_these_names(killed: dict[tuple[str, str], Path]) -> None:
    for kind, moment in MOMENTS:
        left = sorted(killed[kind, moment].glob("*/checkpoint-*"))
        files = [{path.name for path in checkpoint.iterdir()} for checkpoint in left]
        whole = [found for found in files if found == set(FILES)]
        assert whole
        assert len(left) - len(whole) == (moment == "while saving")


def test_abandoned_runs_are_pruned_and_other_folders_are_not(tmp_path: Path) -> None:
    runs = [tmp_path / f"{age:020x}" for age in range(6)]
    for age, folder in enumerate([*runs, tmp_path / "photographs"]):
        make_checkpoint(folder, 8)
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    half_deleted = tmp_path / f".{0:020x}.deleted"
    half_deleted.mkdir()
    with claimed(runs[4]):
        prune(tmp_path, runs[5])
    left = {path for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert left == {*runs[:3], runs[4], runs[5], tmp_path / "photographs"}


def test_folders_without_a_checkpoint_evict_no_other(tmp_path: Path) -> None:
    real = [tmp_path / f"{age:020x}" for age in range(3)]
    for age, folder in enumerate(real):
        make_checkpoint(folder, 8)
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    for age in range(10, 15):
        (tmp_path / f"{age:020x}" / "checkpoint-4").mkdir(parents=True)
    prune(tmp_path, tmp_path / "current")
    assert {path for path in tmp_path.iterdir() if path.suffix != ".lock"} == set(real)


CLAIMING = """
import sys, time
from pathlib import Path
from tuneproof.errors import TrainingError
from tuneproof.training.checkpoints import claimed

sys.stdin.readline()
try:
    with claimed(Path(sys.argv[1])):
        print("in", flush=True)
        time.sleep(60)
except TrainingError as error:
    print(error, flush=True)
"""


def test_of_two_processes_one_gets_the_folder_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / f"{1:020x}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMING, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = {}
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            said[process.stdout.readline().strip()] = process
        holder = said.pop("in")
        (refusal,) = said
        assert refusal.startswith(f"{folder}: found another run training the same configuration")
        prune(tmp_path, tmp_path / "current")
        assert folder.is_dir(), "the folder of a living process is gone"
        taken = pytest.raises(TrainingError, match="found another run")
        with taken, claimed(folder):
            raise AssertionError("entered")
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert holder.returncode == -9
    with claimed(folder):
        taken = pytest.raises(TrainingError, match="found another run")
        with taken, claimed(folder):
            raise AssertionError("one process entered twice")
    assert not list(tmp_path.iterdir()), "a claim without a checkpoint leaves something"


def test_a_folder_that_cannot_be_made_is_a_clear_error(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"no checkpoint can be written there.*Not a directory"):
        trained(tiny_model_folder, tmp_path / "file" / "checkpoints")


@pytest.mark.parametrize("asked", [1, 2, 3, 4, 7, 40])
@pytest.mark.parametrize(("total", "every"), [(36, 1), (36, 5), (10, 3), (1, 1), (400, 40)])
def test_checkpoints_on_the_way_are_as_many_as_asked_for_at_most(
    asked: int, total: int, every: int
) -> None:
    steps = _checkpoint_steps(total, every, asked)
    assert steps is not None
    assert steps % every == 0
    assert len(range(steps, total, steps)) <= asked
    if steps > every:
        assert len(range(steps - every, total, steps - every)) > asked, "they could be denser"


def test_no_checkpoints_are_none(tiny_model_folder: Path, tmp_path: Path) -> None:
    assert _checkpoint_steps(36, 1, 0) is None
    settings = options(epochs=1, evaluations=1)
    train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))
    assert not list(tmp_path.iterdir())


def unsteady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grade evaluations by the cosines alone, up and down: patience runs out after some steps."""
    from tuneproof.training import callbacks

    monkeypatch.setattr(callbacks, "spearman", lambda c, _: float(np.cos(c.sum() * 40)))


class Killed(BaseException):
    """Stands for a kill: nothing in the engine catches it."""


def die_at(step: int, patch: pytest.MonkeyPatch) -> None:
    record = TrainingRecorder.on_log

    def on_log(self: TrainingRecorder, *arguments: Any, **named: Any) -> None:
        record(self, *arguments, **named)
        if arguments[1].global_step == step:
            raise Killed

    patch.setattr(TrainingRecorder, "on_log", on_log)


def test_a_killed_run_keeps_count_of_its_patience(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill it in the middle of its last wait: it stops where the whole run does, and not later."""
    unsteady(monkeypatch)
    whole = trained(tiny_model_folder, tmp_path / "whole", patience=7)
    assert whole.result.stopped_early
    stopped = len(whole.log)
    assert whole.result.best_step == stopped - 7 < stopped - 2 < 36
    with pytest.MonkeyPatch.context() as patch:
        die_at(stopped - 1, patch)
        with pytest.raises(Killed):
            saved_often(tiny_model_folder, tmp_path / "killed")
    resumed = saved_often(tiny_model_folder, tmp_path / "killed")
    assert resumed.result.resumed_steps == [stopped - 2]
    assert_same_outcome(resumed, whole)


def saved_often(model: Path, folder: Path) -> TrainedModel:
    settings = options(**{**SETTINGS, "patience": 7})
    return train(base(model), TRAIN, VALIDATION, settings, run(folder, 36))


def assert_same_outcome(model: TrainedModel, expected: TrainedModel) -> None:
    assert model.result.stopped_early == expected.result.stopped_early
    assert model.result.best_step == expected.result.best_step
    assert model.result.spearman_history == expected.result.spearman_history
    assert len(model.log) == len(expected.log)
    before = weights(expected.model)
    for name, weight in weights(model.model).items():
        np.testing.assert_array_equal(weight, before[name], err_msg=name)


@pytest.mark.parametrize("patience", [None, 7])
def test_a_finished_run_that_was_not_saved_is_taken_up_without_training(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patience: int | None,
) -> None:
    unsteady(monkeypatch)
    first = trained(tiny_model_folder, tmp_path, patience=patience)
    assert first.result.stopped_early == (patience is not None)

    def step(*_: object, **__: object) -> None:
        raise AssertionError("it trains further")

    monkeypatch.setattr(PairTrainer, "training_step", step)
    again = trained(tiny_model_folder, tmp_path, patience=patience)
    assert_same_outcome(again, first)
    assert again.result.resumed_steps == [len(first.log)]
    assert again.result.training_time_seconds == pytest.approx(
        first.result.training_time_seconds, abs=0.5
    )


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
    save = TrainingRecorder.save

    def full(self: TrainingRecorder, folder: Path) -> None:
        save(self, folder)
        if folder.name != "checkpoint-8":
            raise fault

    monkeypatch.setattr(TrainingRecorder, "save", full)
    with pytest.raises(TrainingError, match="step 16: the checkpoint could not be written"):
        trained(tiny_model_folder, tmp_path)
    left = [path.parent.name for path in tmp_path.glob("*/*/trainer_state.json")]
    assert left == ["checkpoint-8"]
    assert not list(tmp_path.glob("*/checkpoint-16"))


def test_an_error_that_is_not_the_disks_is_not_told_as_one(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TrainingRecorder, "save", exhausted)
    with pytest.raises(torch.OutOfMemoryError, match=r"^CUDA out of memory$"):
        trained(tiny_model_folder, tmp_path)


def test_training_stops_when_patience_runs_out_and_keeps_the_best(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grade the evaluations: the second is the best, three worse ones end the run."""
    from tuneproof.training import callbacks

    grades = iter([0.0, 0.1, 0.9, 0.2, 0.9, 0.1, 0.9])
    monkeypatch.setattr(callbacks, "spearman", lambda *_: next(grades))
    stopped = trained(tiny_model_folder, tmp_path, evaluations=12, patience=3)
    assert stopped.result.stopped_early
    assert stopped.result.best_step == 2 * stopped.result.evaluation_steps
    assert len(stopped.log) == 5 * stopped.result.evaluation_steps
    assert stopped.result.spearman_history == [0.1, 0.9, 0.2, 0.9, 0.1]
    assert next(grades, None) is None, "the best checkpoint was not measured again"


def test_a_sweep_keeps_checkpoints_until_a_result_is_saved(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    settings = options(epochs=1, evaluations=1)
    plan = [Configuration("c", start=True, options=settings, runs={"r": settings}, pooled=False)]
    results = train_sweep(
        base(tiny_model_folder), TRAIN, VALIDATION, plan, run(tmp_path, checkpoints=1), {}
    )
    assert list(next(results)) == ["r"]
    assert len(list(tmp_path.glob("*/checkpoint-3"))) == 1
    assert next(results, None) is None
    assert not list(tmp_path.iterdir())


def test_a_sweep_that_was_killed_within_a_run_resumes_it(
    tiny_model_folder: Path, tmp_path: Path, uninterrupted: dict[str, Whole]
) -> None:
    settings = options(**SETTINGS)
    plan = [Configuration("c", start=True, options=settings, runs={"r": settings}, pooled=False)]

    def swept() -> TrainingResult:
        model = base(tiny_model_folder)
        return next(train_sweep(model, TRAIN, VALIDATION, plan, run(tmp_path, 4), {}))["r"]

    with pytest.MonkeyPatch.context() as patch:
        die_at(20, patch)
        with pytest.raises(Killed):
            swept()
    resumed = swept()
    assert resumed.resumed_steps == [16]
    whole = uninterrupted["standard"].model.result
    assert resumed.spearman_history == whole.spearman_history


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


@pytest.mark.parametrize(
    ("factor", "of_gradient", "found"),
    [("inf", False, "loss inf"), ("nan", False, "loss nan"), ("nan", True, "grad_norm nan")],
)
def test_a_loss_or_gradient_that_is_not_finite_stops_the_run(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    factor: str,
    of_gradient: bool,
    found: str,
) -> None:
    compute = PairTrainer.compute_loss

    def exploding(self: PairTrainer, *arguments: object, **named: object) -> torch.Tensor:
        loss = compute(self, *arguments, **named)  # type: ignore[arg-type]
        if self.state.global_step != 4:
            return loss
        if of_gradient:
            loss.register_hook(lambda gradient: gradient * float(factor))
            return loss
        return loss * float(factor)

    monkeypatch.setattr(PairTrainer, "compute_loss", exploding)
    with pytest.raises(DivergedError, match=f"step 5: found {found}, expected a finite number"):
        trained(tiny_model_folder, tmp_path, evaluations=2)
    with pytest.raises(DivergedError, match="embeddings that are not finite"):
        trained(tiny_model_folder, tmp_path)


def test_layers_are_logged_at_each_evaluation(uninterrupted: dict[str, Whole]) -> None:
    for kind, (model, _) in uninterrupted.items():
        layers, log = model.layers, model.log.set_index("step")
        assert set(layers["step"]) == set(log.dropna(subset=["validation_spearman"]).index)
        joined = layers.groupby("step")["gradient_norm"].apply(
            lambda norms: (norms**2).sum() ** 0.5
        )
        np.testing.assert_allclose(joined, log.loc[joined.index, "gradient_norm"], rtol=1e-4)
        assert layers["layer"].str.contains("lora_").all() == (kind == "lora")
        assert (layers["update_norm"] > 0).any()


def test_weights_that_diverge_are_a_clear_error(tiny_model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"not finite|expected a finite number"):
        trained(tiny_model_folder, tmp_path, learning_rate=1e30, warmup_steps=0)


def test_freezing_everything_is_refused_and_an_unknown_layer_is_named(
    tiny_model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TrainingError, match="expected some layer left to train"):
        trained(tiny_model_folder, tmp_path, frozen=("pooler", "embeddings", "encoder"))
    result = trained(tiny_model_folder, tmp_path, frozen=("pooler", "embedings"), epochs=1).result
    assert "has no layer 'embedings'" in caplog.text
    first = trained(tiny_model_folder, tmp_path, frozen=("pooler", "encoder.layer.0"), epochs=1)
    assert first.result.trainable_parameters < result.trainable_parameters
