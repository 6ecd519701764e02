"""Releases: a model or adapter, `release.json` and a model card, as one folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError

from tuneproof.base_model import load_base_model
from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import TextPreview, preview_text
from tuneproof.encoding import Device, EmbeddingModel, load_transformer
from tuneproof.release.record import Release, ReleaseRecord
from tuneproof.training.adapters import load_adapter, save_adapter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_RECORD = "release.json"
_CARD = "README.md"


class ReleaseDataset(AtomicDataset[Release]):
    """A folder to hand over: sentence-transformers or peft load it, people read its README.md.

    Before a folder becomes a version it is read back, and holds every weight that it was given.

    Args:
        base_model: Name of the base model, for releases that hold an adapter alone.
        revision: Revision of the base model.
        device: `auto`, `cuda`, `mps` or `cpu`.
        common: The arguments of AtomicDataset.
    """

    def __init__(
        self,
        *,
        base_model: str,
        revision: str | None = None,
        device: Device = "auto",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self._base_model = base_model
        self._revision = revision
        self._device: Device = device

    def _read(self, path: Path) -> Release:
        record = ReleaseRecord.model_validate_json((path / _RECORD).read_bytes())
        if record.form == "adapter":
            base = load_base_model(
                self._base_model, self._revision, self._device, record.base_model.sha256
            )
            transformer = base.transformer
            load_adapter(transformer, path)
        else:
            transformer = load_transformer(path, self._device)
        card = (path / _CARD).read_text(encoding="utf-8")
        return Release(EmbeddingModel(transformer, record.manifest), record, card)

    def _write(self, data: Release, path: Path) -> None:
        transformer, record = data.model.transformer, data.record
        if record.form == "adapter":
            save_adapter(transformer, path, record.base_model)
        else:
            transformer.save(str(path), create_model_card=False)
        (path / _RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (path / _CARD).write_text(data.card, encoding="utf-8", newline="\n")
        _require_same_weights(self._read(path).model.transformer, transformer)

    def preview(self) -> TextPreview:
        """Show the model card in kedro-viz; nothing before there is a release."""
        if not self.exists():
            return preview_text("")
        return preview_text((self.latest_path() / _CARD).read_text(encoding="utf-8"))


def _require_same_weights(saved: "SentenceTransformer", given: "SentenceTransformer") -> None:
    """Check that two models have the same weights, bit for bit."""
    found, expected = saved.state_dict(), given.state_dict()
    differing = sorted(
        name
        for name in found.keys() | expected.keys()
        if name not in found
        or name not in expected
        or not found[name].cpu().equal(expected[name].cpu())
    )
    if differing:
        raise DatasetError(
            f"what was saved is not what was released: found {len(differing)} of {len(expected)} "
            f"weights that differ (such as {differing[0]}), expected none"
        )
