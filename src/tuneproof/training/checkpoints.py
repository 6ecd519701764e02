"""Where an interrupted run goes on: checkpoints by configuration, data and software."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tuneproof.errors import TrainingError
from tuneproof.manifest import Environment, Manifest
from tuneproof.training.result import TrainingResult

WEIGHTS: Final = "trained.safetensors"
BEST: Final = "best.safetensors"
RECORD: Final = "record.json"
_STATE: Final = "trainer_state.json"
_FILES: Final = (_STATE, "optimizer.pt", "scheduler.pt", "rng_state.pth", WEIGHTS, RECORD)
_DEVICES: Final = ("cpu", "cuda", "mps")
_KEPT: Final = 3
_DIGEST: Final = re.compile("[0-9a-f]{20}")

_REVISION: Final = 3
"""To be raised with each change of the engine that changes the weights of a run."""

_LIBRARIES: Final = (
    "torch",
    "transformers",
    "tokenizers",
    "sentence-transformers",
    "accelerate",
    "peft",
)


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
    """Make a run's folder and keep it for this run alone.

    The lock is the operating system's: it goes with the process, however that ends. A folder that
    holds a checkpoint stays, for the outcome of the run is not saved yet (see `forget`).

    Raises:
        TrainingError: Another run of the same configuration goes on, or the folder cannot be
            written.
    """
    lock = _lock_of(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        folder.mkdir(exist_ok=True)
    except Timeout as error:
        raise TrainingError(
            f"{folder}: found another run training the same configuration on the same pairs, "
            "expected one at a time; wait for it or give another training.checkpoint_folder"
        ) from error
    except OSError as error:
        lock.release()
        raise TrainingError(
            f"{folder}: no checkpoint can be written there: {error}; give another "
            "training.checkpoint_folder"
        ) from error
    try:
        yield
    finally:
        if latest_checkpoint(folder) is None:
            _remove(folder)
        lock.release()


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


def is_finished(checkpoint: Path) -> bool:
    """Say whether a checkpoint is that of the last step of its run, so that nothing is to train."""
    state = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    record = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
    return bool(record["stopped_early"] or state["global_step"] == state["max_steps"])


def prune(root: Path, current: Path) -> None:
    """Delete the folders of abandoned runs, but for the newest three that hold a checkpoint.

    The current run's folder is left alone, so are those of runs that go on at this moment and all
    that are not named like a run's.
    """
    for doomed in root.glob(".*.deleted"):
        shutil.rmtree(doomed, ignore_errors=True)
    others = [f for f in root.glob("*") if f != current and _DIGEST.fullmatch(f.name)]
    kept = 0
    for folder in sorted(others, key=_changed, reverse=True):
        with suppress(OSError), _lock_of(folder):  # one that is taken is a TimeoutError
            if kept < _KEPT and latest_checkpoint(folder) is not None:
                kept += 1
            else:
                _remove(folder)


def forget(root: Path, result: TrainingResult) -> None:
    """Delete the checkpoints of a run whose outcome is saved, whatever device they were made on.

    What is in use or cannot be deleted stays, until it is pruned.

    Args:
        root: Folder of all checkpoints.
        result: Facts of the run.
    """
    for device in _DEVICES:
        folder = run_folder(root, result.manifest, result.precision, device)
        if folder.is_dir():
            with suppress(OSError), _lock_of(folder):
                _remove(folder)


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


def _changed(folder: Path) -> float:
    """Return when a folder was changed last; 0 where another process has just deleted it."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _lock_of(folder: Path) -> FileLock:
    """Return the lock of a run's folder; it stands beside it and is taken at once or never."""
    return FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0)


def _remove(folder: Path) -> None:
    """Delete a run's folder and its lock, which this process holds."""
    discard(folder)
    with suppress(OSError):  # Windows deletes no open file
        Path(_lock_of(folder).lock_file).unlink()
