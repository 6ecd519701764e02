"""Folders of records that fill one by one."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from kedro_datasets._typing import JSONPreview
from kedro_datasets.partitions import PartitionedDataset

from tuneproof.datasets.previews import preview_record

_PREVIEW_RECORDS = 3


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

    def preview(self) -> JSONPreview:
        """Show in kedro-viz how many records there are, and the first ones."""
        loaders = self.load()
        first = islice(sorted(loaders.items()), _PREVIEW_RECORDS)
        return preview_record(
            {
                "records": len(loaders),
                "first": {name: load().model_dump(mode="json") for name, load in first},
            }
        )
