"""Where an interrupted run goes on: checkpoints by configuration and data."""

import hashlib
import json
import shutil
from pathlib import Path

from tuneproof.manifest import Manifest

_STATE = "trainer_state.json"
_KEPT = 3


def run_folder(root: Path, manifest: Manifest, precision: str, device: str) -> Path:
    """Return the folder of the checkpoints of one configuration on one set of pairs.

    Whatever changes the weights changes the folder: base model, pairs, parameters, seed, precision
    and kind of device. A changed run therefore never resumes from an old checkpoint.

    Args:
        root: Folder of all checkpoints.
        manifest: Origin of the model to be trained.
        precision: `fp32` or `bf16`.
        device: `cpu`, `cuda` or `mps`.
    """
    facts = manifest.model_dump(mode="json", exclude={"environment"})
    facts |= {"precision": precision, "device": device}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return root / digest[:20]


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a run, and delete those that are not.

    The trainer writes its state last: a checkpoint is whole when that can be read.
    """
    whole: dict[int, Path] = {}
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            step = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))["global_step"]
        except (OSError, ValueError, KeyError):
            shutil.rmtree(checkpoint, ignore_errors=True)
        else:
            whole[step] = checkpoint
    return whole[max(whole)] if whole else None


def prune(root: Path, current: Path) -> None:
    """Delete the checkpoints of abandoned runs, but for the newest three and the current one."""
    others = [folder for folder in root.glob("*") if folder.is_dir() and folder != current]
    others.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in others[_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
