"""The command that was killed, given again, ends with what it would have left."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuneproof.hooks import repeat_options
from tuneproof.training.result import TrainingResult

from .conftest import ROOT, Project

CHECKPOINTS = "06_models/checkpoints/*/checkpoint-*/trainer_state.json"
LONG: dict[str, Any] = {
    "training_standard": {
        "epochs": 20,
        "learning_rate": 3e-3,
        "evaluations": 20,
        "patience": None,
        "precision": "fp32",
    },
    "training": {"checkpoints": 10},
}


def outcome(data_root: Path) -> tuple[bytes, TrainingResult]:
    """Return the weights and the facts of the only version there is."""
    (weights,) = data_root.glob("06_models/standard_model/*/standard_model/model.safetensors")
    (info,) = data_root.glob("06_models/standard_training_info.json/*/*.json")
    return weights.read_bytes(), TrainingResult.model_validate_json(info.read_text())


@pytest.fixture
def killed(project: Project) -> Project:
    project.parameters |= LONG
    return project


@pytest.fixture
def running(killed: Project) -> Iterator[subprocess.Popen[bytes]]:
    options = shlex.split(repeat_options({"runtime_params": killed.parameters}))
    with subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipelines=training_standard", *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_killed_command_given_again_ends_like_one_that_was_not(
    killed: Project, running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    deadline = time.monotonic() + 120
    while not list(killed.data_root.glob(CHECKPOINTS)):
        assert running.poll() is None, "it ended without a checkpoint"
        assert time.monotonic() < deadline, "there is no checkpoint"
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not list(killed.data_root.glob("06_models/standard_*")), "something half-made is there"

    whole = Project(tmp_path / "whole", killed.parameters)
    for project in (killed, whole):
        project.run("training_standard")
    weights, facts = outcome(killed.data_root)
    expected, untouched = outcome(whole.data_root)
    assert facts.total_steps == len(facts.spearman_history) * facts.evaluation_steps
    assert facts.resumed_steps
    assert facts.resumed_steps[-1] < facts.total_steps
    assert untouched.resumed_steps == []
    assert facts.spearman_history == untouched.spearman_history
    assert weights == expected
