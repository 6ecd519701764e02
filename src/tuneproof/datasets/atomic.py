"""Saving that either happens or does not: what is half-written never becomes a version."""

import os
import shutil
from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from kedro.io import AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import VersionNotFoundError

T = TypeVar("T")


class AtomicDataset(AbstractVersionedDataset[T, T | None], Generic[T]):
    """A file or folder that is written beside its place and then renamed into it.

    A save that fails or is killed leaves at most a hidden `.….partial` folder, which no version
    look-up finds; earlier versions stay as they are.

    Args:
        filepath: Local path of the file or folder, without the version.
        version: Set by Kedro where the catalog says `versioned: true`, as it must.
        optional: Load None where nothing was ever saved, instead of failing: for what a run may
            leave out, such as the metrics of a variant that nobody trained.
        metadata: For plugins, such as the layer that kedro-viz shows.

    Raises:
        DatasetError: The dataset is not versioned.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        version: Version | None = None,
        optional: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if version is None:
            raise DatasetError(f"{filepath}: found no version, expected `versioned: true`")
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self.optional = optional
        self.metadata = metadata

    @abstractmethod
    def _read(self, path: Path) -> T:
        """Read the file or folder at a path."""

    @abstractmethod
    def _write(self, data: T, path: Path) -> None:
        """Write the file or folder at a path, which does not exist, in a folder that does."""

    def load(self) -> T | None:
        """Load the latest version, or the one that was asked for."""
        try:
            path = self.latest_path()
        except VersionNotFoundError:
            if self.optional:
                return None
            raise
        return self._read(path)

    def save(self, data: T) -> None:
        """Save a new version: all of it, or nothing."""
        place = Path(self._get_save_path())
        staging = place.parent.with_name(f".{place.parent.name}.{os.getpid()}.partial")
        staging.mkdir(parents=True)
        try:
            self._write(data, staging / place.name)
            staging.rename(place.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def latest_path(self) -> Path:
        """Return where the version that `load` reads stands.

        Raises:
            VersionNotFoundError: Nothing was saved yet.
        """
        return Path(self._get_load_path())

    def _exists(self) -> bool:
        try:
            return self.latest_path().exists()
        except VersionNotFoundError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
