"""What scoring reads and writes: a chosen model, a file as a stream, and rows with their scores."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview, TablePreview

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import ROWS, preview_record, preview_rows
from tuneproof.datasets.raw_lines import InputFileDataset
from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import StaleArtifactError, TuneproofError, suggest
from tuneproof.manifest import Manifest
from tuneproof.scoring.new_pairs import PairFile
from tuneproof.scoring.records import ScoredPairs


class ChosenModelDataset(AbstractDataset[None, EmbeddingModel]):
    """One model of several, chosen by name; read only.

    Args:
        choice: Name of the model.
        among: The configuration of each model's dataset, by name.
        setting: Name of the setting that chooses, for error messages.
        metadata: For plugins, such as the layer that kedro-viz shows.
    """

    optional = True  # whether it is there is said when it is loaded

    def __init__(
        self,
        *,
        choice: str,
        among: Mapping[str, dict[str, Any]],
        setting: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._choice = choice
        self._among = among
        self._setting = setting
        self.metadata = metadata

    def load(self) -> EmbeddingModel:
        """Load the chosen model.

        Raises:
            TuneproofError: There is none of that name, or it is not trained (as the cause of
                Kedro's DatasetError).
        """
        if self._choice not in self._among:
            raise TuneproofError(
                f"{self._setting}: found {self._choice!r}, expected one of "
                f"{', '.join(self._among)}.{suggest(self._choice, self._among)}"
            )
        dataset = self._dataset()
        if not dataset.exists():
            raise StaleArtifactError(
                f"{self._setting}: found no trained model {self._choice}, expected one. Train and "
                f"measure it first: kedro run --pipelines=baseline,training_{self._choice},"
                "evaluation"
            )
        model: EmbeddingModel = dataset.load()
        return model

    def save(self, data: None) -> None:
        """Refuse: scoring writes no model."""
        raise TuneproofError(f"{self._setting}: models are read only here")

    def preview(self) -> JSONPreview:
        """Show in kedro-viz which model was chosen, and among which."""
        return preview_record(self._describe())

    def _dataset(self) -> AbstractDataset[Any, Any]:
        return AbstractDataset.from_config(self._choice, self._among[self._choice])

    def _exists(self) -> bool:
        return self._choice in self._among and self._dataset().exists()

    def _describe(self) -> dict[str, Any]:
        return {"choice": self._choice, "among": list(self._among)}


class PairFileDataset(InputFileDataset[PairFile]):
    """A file of pairs that is read as a stream: loading it opens it and closes it again."""

    def _read(self, path: Path) -> PairFile:
        with path.open("rb"):
            return PairFile(path)


class ScoredPairsDataset(AtomicDataset[ScoredPairs]):
    """Rows with their scores as JSON Lines, the manifest beside them; written and read as a stream.

    A run that is stopped before the last row leaves no version.
    """

    def _read(self, path: Path) -> ScoredPairs:
        manifest = Manifest.model_validate_json(_manifest_path(path).read_bytes())
        return ScoredPairs(_SavedRows(path), manifest)

    def _write(self, data: ScoredPairs, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in data.rows:
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        _manifest_path(path).write_text(
            data.manifest.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Show the first rows in kedro-viz; none before they are saved."""
        if not self.exists():
            return preview_rows([])
        return preview_rows(islice(_SavedRows(self.latest_path()), nrows))


@dataclass(frozen=True)
class _SavedRows:
    """The rows of a saved file; each iteration reads them anew."""

    path: Path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield json.loads(line)


def _manifest_path(path: Path) -> Path:
    return path.with_suffix(".manifest.json")
