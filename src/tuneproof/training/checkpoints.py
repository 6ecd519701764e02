"""Where an interrupted run goes on: checkpoints by configuration, data and software."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tuneproof.errors import TrainingError
from tuneproof.manifest import Environment, Manifest

WEIGHTS: Final = "trained.safetensors"
BEST: Final = "best.safetensors"
RECORD: Final = "record.json"
_STATE: Final = "trainer_state.json"
_FILES: Final = (_STATE, "optimizer.pt", "scheduler.pt", "rng_state.pth", WEIGHTS, RECORD)
_LOCK: Final = "pid"
_KEPT: Final = 3
_DIGEST: Final = re.compile("[0-9a-f]{20}")

_REVISION: Final = 1
"""To be raised with each change of the engine that changes the weights of a run."""

_LIBRARIES: Final = ("torch", "transformers", "sentence-transformers", "peft")


def software(environment: Environment) -> dict[str, object]:
    """Return what decides the weights of a run beside configuration and data."""
    versions = {name: environment.libraries[name] for name in _LIBRARIES}
    return {"revision": _REVISION, "libraries": versions}


def run_folder(root: Path, manifest: Manifest, precision: str, device: str) -> Path:
    """Return the folder of the checkpoints of one configuration on one set of pairs.

    Whatever changes the weights changes the folder: base model, pairs, parameters, seed, precision,
    kind of device, engine and libraries. A changed run never resumes from an old checkpoint.

    Args:
        root: Folder of all checkpoints.
        manifest: Origin of the model to be trained.
        precision: `fp32` or `bf16`.
        device: `cpu`, `cuda` or `mps`.
    """
    facts = manifest.model_dump(mode="json", exclude={"environment"})
    facts |= {"precision": precision, "device": device, **software(manifest.environment)}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return root / digest[:20]


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a run's folder for this process, and delete it when the run ends well.

    Raises:
        TrainingError: Another process, alive, runs the same configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / _LOCK
    holder = _holder(lock)
    if holder is not None and holder != os.getpid():
        raise TrainingError(
            f"{folder}: found process {holder} training the same configuration on the same pairs, "
            "expected one run at a time; wait for it or give another training.checkpoint_folder"
        )
    lock.write_text(str(os.getpid()), encoding="ascii")
    try:
        yield
    except BaseException:
        lock.unlink(missing_ok=True)
        raise
    discard(folder)


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a run, and delete those that are not."""
    whole: dict[int, Path] = {}
    for checkpoint in folder.glob("checkpoint-*"):
        step = _step(checkpoint)
        if step is None:
            discard(checkpoint)
        else:
            whole[step] = checkpoint
    return whole[max(whole)] if whole else None


def prune(root: Path, current: Path) -> None:
    """Delete the checkpoints of abandoned runs, but for the newest three and the current one.

    Folders that are not named like a run's are left alone, so are those of running processes.
    """
    others = [
        folder
        for folder in root.glob("*")
        if folder != current and _DIGEST.fullmatch(folder.name) and _holder(folder / _LOCK) is None
    ]
    others.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in others[_KEPT:]:
        discard(folder)


def discard(folder: Path) -> None:
    """Delete a folder; a name that no longer fits comes first, so that a half is never taken up."""
    doomed = folder.with_name(f".{folder.name}.deleted")
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _step(checkpoint: Path) -> int | None:
    """Return the step of a checkpoint, None unless all its files are there."""
    try:
        state = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
        record = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
        best = [] if record["best"] is None else [BEST]
        step = int(state["global_step"])
    except (OSError, ValueError, KeyError):
        return None
    return step if all((checkpoint / name).is_file() for name in (*_FILES, *best)) else None


def _holder(lock: Path) -> int | None:
    """Return the process that holds a folder, None where there is none or it is gone."""
    import psutil

    try:
        process = int(lock.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return process if psutil.pid_exists(process) else None
