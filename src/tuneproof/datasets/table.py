"""DataFrames with a stated schema, as Parquet."""

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any, cast

import pandas as pd
from kedro.utils import load_obj
from kedro_datasets._typing import TablePreview

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import ROWS, preview_rows


class TableDataset(AtomicDataset[pd.DataFrame]):
    """A DataFrame whose columns and their types are checked when saved and when loaded.

    Args:
        schema: Dotted name of a mapping from column to pandas dtype, in order.
        common: The arguments of AtomicDataset.
    """

    def __init__(self, *, schema: str, **common: Any) -> None:
        super().__init__(**common)
        self._schema = schema

    def _read(self, path: Path) -> pd.DataFrame:
        return self._checked(pd.read_parquet(path))

    def _write(self, data: pd.DataFrame, path: Path) -> None:
        self._checked(data).to_parquet(path, index=False)

    def preview(self, nrows: int = ROWS) -> TablePreview:
        """Show the first rows in kedro-viz; none before they are saved."""
        if not self.exists():
            return preview_rows([])
        from pyarrow.parquet import ParquetFile

        with ParquetFile(self.latest_path()) as file:
            batch = next(file.iter_batches(batch_size=nrows), None)
        rows = [] if batch is None else batch.to_pylist()
        return preview_rows({c: _or_none(v) for c, v in row.items()} for row in rows)

    def _checked(self, data: pd.DataFrame) -> pd.DataFrame:
        expected = cast(Mapping[str, str], load_obj(self._schema))
        found = {str(column): str(dtype) for column, dtype in data.dtypes.items()}
        if list(found.items()) != list(expected.items()):
            raise TypeError(f"found columns {found}, expected {dict(expected)} ({self._schema})")
        return data


def _or_none(value: Any) -> Any:
    """Return None for NaN, which JSON does not know."""
    return None if isinstance(value, float) and isnan(value) else value
