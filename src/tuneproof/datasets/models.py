"""Models: the base model (read only), fully fine-tuned models, and LoRA adapters."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from tuneproof.base_model import load_base_model
from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import preview_record
from tuneproof.encoding import Device, EmbeddingModel, load_transformer
from tuneproof.errors import BaseModelError
from tuneproof.manifest import Manifest
from tuneproof.training.adapters import load_adapter, save_adapter

_MANIFEST = "manifest.json"


class BaseModelDataset(AbstractDataset[None, EmbeddingModel]):
    """The model that fine-tuning starts from; read only.

    Args:
        name: See `tuneproof.base_model.load_base_model`.
        revision: Likewise.
        device: `auto`, `cuda`, `mps` or `cpu`.
        metadata: For plugins, such as the layer that kedro-viz shows.
    """

    def __init__(
        self,
        *,
        name: str,
        revision: str | None = None,
        device: Device = "auto",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._revision = revision
        self._device: Device = device
        self.metadata = metadata

    def load(self) -> EmbeddingModel:
        """Load the model onto its device."""
        return load_base_model(self._name, self._revision, self._device)

    def save(self, data: None) -> None:
        """Refuse: the base model is never written."""
        raise BaseModelError(f"base model {self._name} is read only")

    def preview(self) -> JSONPreview:
        """Show in kedro-viz which model it is."""
        return preview_record(self._describe())

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "revision": self._revision, "device": self._device}


class ModelDataset(AtomicDataset[EmbeddingModel]):
    """A folder that sentence-transformers loads, with a manifest.

    Args:
        device: `auto`, `cuda`, `mps` or `cpu`.
        common: The arguments of AtomicDataset.
    """

    def __init__(self, *, device: Device = "auto", **common: Any) -> None:
        super().__init__(**common)
        self._device: Device = device

    def manifest(self) -> Manifest:
        """Return the origin of the latest version without loading the model."""
        return _read_manifest(self.latest_path())

    def preview(self) -> JSONPreview:
        """Show the origin in kedro-viz; nothing before there is a model."""
        if not self.exists():
            return JSONPreview("")
        return preview_record(self.manifest().model_dump(mode="json"))

    def _read(self, path: Path) -> EmbeddingModel:
        return EmbeddingModel(load_transformer(path, self._device), _read_manifest(path))

    def _write(self, data: EmbeddingModel, path: Path) -> None:
        data.transformer.save(str(path), create_model_card=False)
        _write_manifest(data.manifest, path)


class AdapterDataset(ModelDataset):
    """A folder that holds a LoRA adapter alone, with a manifest; loading applies it to its base.

    Args:
        base_model: Name of the base model; its weights must be those the adapter was trained on.
        revision: Revision of the base model.
        common: The arguments of ModelDataset.
    """

    def __init__(self, *, base_model: str, revision: str | None = None, **common: Any) -> None:
        super().__init__(**common)
        self._base_model = base_model
        self._revision = revision

    def _read(self, path: Path) -> EmbeddingModel:
        manifest = _read_manifest(path)
        base = load_base_model(
            self._base_model, self._revision, self._device, manifest.base_model.sha256
        )
        load_adapter(base.transformer, path)
        return EmbeddingModel(base.transformer, manifest)

    def _write(self, data: EmbeddingModel, path: Path) -> None:
        save_adapter(data.transformer, path, data.manifest.base_model)
        _write_manifest(data.manifest, path)


def _read_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / _MANIFEST).read_bytes())


def _write_manifest(manifest: Manifest, folder: Path) -> None:
    content = json.dumps(manifest.model_dump(mode="json"), indent=2)
    (folder / _MANIFEST).write_text(content + "\n", encoding="utf-8")
