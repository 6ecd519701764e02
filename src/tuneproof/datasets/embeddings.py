"""Embeddings of pairs: a plain .npy file, its manifest beside it."""

import json
from pathlib import Path

import numpy as np
from kedro_datasets._typing import JSONPreview

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import preview_record
from tuneproof.encoding import PairEmbeddings
from tuneproof.manifest import Manifest


class EmbeddingsDataset(AtomicDataset[PairEmbeddings]):
    """An array of shape (pairs, 2, dimensions), float32, that numpy alone can read."""

    def _read(self, path: Path) -> PairEmbeddings:
        manifest = Manifest.model_validate_json(_manifest_path(path).read_bytes())
        return PairEmbeddings(np.load(path, allow_pickle=False), manifest)

    def _write(self, data: PairEmbeddings, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, data.vectors, allow_pickle=False)
        _manifest_path(path).write_text(
            data.manifest.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )

    def preview(self) -> JSONPreview:
        """Show shape and origin in kedro-viz; nothing before they are saved."""
        if not self.exists():
            return JSONPreview("")
        path = self.latest_path()
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        manifest = json.loads(_manifest_path(path).read_bytes())
        return preview_record({"shape": list(vectors.shape), "manifest": manifest})


def _manifest_path(path: Path) -> Path:
    return path.with_suffix(".manifest.json")
