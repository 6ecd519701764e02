"""A disk that is full while a model is saved costs the save, not the training."""

import errno

import click
import pytest
from safetensors import SafetensorError

from tuneproof.datasets.models import ModelDataset
from tuneproof.training.trainer import PairTrainer

from .conftest import Project

FAULTS = (
    OSError(errno.ENOSPC, "No space left on device"),
    SafetensorError("Error while serializing: I/O error: No space left on device"),
    Exception("No space left on device (os error 28)"),
)


def test_the_same_command_goes_on_from_the_end_of_training(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(*_: object, **__: object) -> None:
        raise AssertionError("it trains again")

    checkpoints = project.data_root / "06_models" / "checkpoints"
    for fault in FAULTS:

        def full(*_: object, fault: Exception = fault) -> None:
            raise fault

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ModelDataset, "_write", full)
            said = r"^standard_model could not be saved: .*No space left.*\. No part of it"
            with pytest.raises(click.ClickException, match=said):
                project.run("training_standard")
        assert len(list(checkpoints.glob("*/checkpoint-*"))) == 1
        assert not project.files("standard_model")
        monkeypatch.setattr(PairTrainer, "training_step", step)
    project.run("training_standard")
    assert len(project.files("standard_model")) == 1
    assert not list(checkpoints.iterdir()), "checkpoints of a saved run are left"
