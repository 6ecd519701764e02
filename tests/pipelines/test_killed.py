"""The command that was killed, given again, ends with what it would have left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneproof.training.result import TrainingResult

from .conftest import ROOT, SAMPLE

CHECKPOINTS = "06_models/checkpoints/*/checkpoint-*/trainer_state.json"


def command(model: Path, data_root: Path) -> list[str]:
    parameters = {
        "train_pairs": SAMPLE / "dating_pairs.jsonl",
        "eval_pairs": SAMPLE / "eval_pairs.jsonl",
        "base_model": model,
        "data_root": data_root,
        "device": "cpu",
        "training_standard.epochs": 20,
        "training_standard.evaluations": 20,
        "training_standard.patience": "null",
        "training_standard.precision": "fp32",
        "training.checkpoints": 10,
    }
    given = ",".join(f"{name}={value}" for name, value in parameters.items())
    return [
        *(sys.executable, "-m", "kedro", "run", "--pipelines=training_standard"),
        f"--params={given}",
    ]


def outcome(data_root: Path) -> tuple[bytes, TrainingResult]:
    """Return the weights and the facts of the only version there is."""
    (weights,) = data_root.glob("06_models/standard_model/*/standard_model/model.safetensors")
    (info,) = data_root.glob("06_models/standard_training_info.json/*/*.json")
    return weights.read_bytes(), TrainingResult.model_validate_json(info.read_text())


@pytest.fixture
def running(tmp_path: Path, tiny_model_folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command(tiny_model_folder, tmp_path / "killed"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_killed_command_given_again_ends_like_one_that_was_not(
    running: subprocess.Popen[bytes], tmp_path: Path, tiny_model_folder: Path
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    deadline = time.monotonic() + 120
    while not list(killed.glob(CHECKPOINTS)):
        assert running.poll() is None, "it ended without a checkpoint"
        assert time.monotonic() < deadline, "there is no checkpoint"
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not list(killed.glob("06_models/standard_*")), "something half-made is there"

    for place in (killed, whole):
        subprocess.run(command(tiny_model_folder, place), cwd=ROOT, check=True, capture_output=True)
    weights, facts = outcome(killed)
    expected, untouched = outcome(whole)
    assert facts.total_steps == len(facts.spearman_history) * facts.evaluation_steps
    assert facts.resumed_steps
    assert facts.resumed_steps[-1] < facts.total_steps
    assert untouched.resumed_steps == []
    assert facts.spearman_history == untouched.spearman_history
    assert weights == expected
