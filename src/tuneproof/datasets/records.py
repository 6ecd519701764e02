"""Pydantic models on disk: one as JSON, or a list of them as JSON Lines."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

from kedro.utils import load_obj
from kedro_datasets._typing import JSONPreview, TablePreview
from pydantic import BaseModel, ValidationError

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import ROWS, preview_record, preview_rows
from tuneproof.errors import StaleArtifactError
from tuneproof.rows import printable


class RecordDataset(AtomicDataset[BaseModel]):
    """One pydantic model as an indented JSON file.

    Args:
        model: Dotted name of the pydantic model's class.
        common: The arguments of AtomicDataset.
    """

    def __init__(self, *, model: str, **common: Any) -> None:
        super().__init__(**common)
        self._model = model

    def _read(self, path: Path) -> BaseModel:
        try:
            return _model_class(self._model).model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise StaleArtifactError(
                f"{path}: {describe_mismatch(error)}; another version of Tuneproof saved it, or "
                "somebody changed it. Make it anew"
            ) from error

    def _write(self, data: BaseModel, path: Path) -> None:
        _require_instance(data, self._model)
        path.write_text(data.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def preview(self) -> JSONPreview:
        """Show the record in kedro-viz; nothing before it is saved."""
        if not self.exists():
            return JSONPreview("")
        return preview_record(json.loads(self.latest_path().read_bytes()))


class RecordLinesDataset(AtomicDataset[list[BaseModel]]):
    """A list of pydantic models, one JSON object a line.

    Args:
        model: Dotted name of the pydantic model's class.
        common: The arguments of AtomicDataset.
    """

    def __init__(self, *, model: str, **common: Any) -> None:
        super().__init__(**common)
        self._model = model

    def _read(self, path: Path) -> list[BaseModel]:
        model = _model_class(self._model)
        with path.open("rb") as lines:
            return [model.model_validate_json(line) for line in lines]

    def _write(self, data: list[BaseModel], path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for record in data:
                _require_instance(record, self._model)
                file.write(record.model_dump_json() + "\n")

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Show the first rows in kedro-viz; none before they are saved."""
        if not self.exists():
            return preview_rows([])
        with self.latest_path().open("rb") as lines:
            return preview_rows(json.loads(line) for line in islice(lines, nrows))


def describe_mismatch(error: ValidationError) -> str:
    """Say where a record first differs from what is expected, what was found and what was not."""
    first, *more = error.errors(include_url=False, include_input=False)
    place = ".".join(str(part) for part in first["loc"]) or "the record"
    others = f", and {len(more)} more" if more else ""
    return f"{printable(place)}: {first['msg'][:1].lower()}{first['msg'][1:]}{others}"


def _model_class(name: str) -> type[BaseModel]:
    found = load_obj(name)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise TypeError(f"model: found {name}, expected the dotted name of a pydantic model")
    return found


def _require_instance(record: object, name: str) -> None:
    if not isinstance(record, _model_class(name)):
        raise TypeError(f"found {type(record).__name__}, expected {name}")
