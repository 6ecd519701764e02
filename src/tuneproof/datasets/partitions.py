"""Folders of records that fill one by one."""

from collections.abc import Callable
from typing import Any

from kedro_datasets.partitions import PartitionedDataset


class GrowingDataset(PartitionedDataset):  # type: ignore[misc]  # kedro_datasets is untyped
    """A PartitionedDataset that is an empty mapping where nothing was saved yet.

    A node that skips what is done already reads it before it writes it, the first time too.
    """

    optional = True

    def load(self) -> dict[str, Callable[[], Any]]:
        """Return a function that loads each partition, by the partition's name."""
        self._invalidate_caches()
        loaders: dict[str, Callable[[], Any]] = super().load() if self._exists() else {}
        return loaders
