"""Files of pairs as they come: unparsed, so that every bad line can be named."""

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from tuneproof.datasets.previews import TextPreview, preview_file, preview_text
from tuneproof.errors import InvalidPairsError
from tuneproof.pairs import RawLines

T = TypeVar("T")


class InputFileDataset(AbstractDataset[None, T]):
    """A file of pairs that a setting points to; read only.

    Args:
        filepath: Path of the file, where `~` is the home folder; None where none was given.
        setting: Name of the setting, for error messages.
        metadata: For plugins, such as the layer that kedro-viz shows.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str] | None,
        setting: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(os.path.expanduser(filepath)) if filepath else None
        self._setting = setting
        self.metadata = metadata

    @abstractmethod
    def _read(self, path: Path) -> T:
        """Read the file at a path, or open it, so that an OSError tells that it cannot be read."""

    def load(self) -> T:
        """Read the file.

        Raises:
            InvalidPairsError: None was given, there is no such file, or it cannot be read (as the
                cause of Kedro's DatasetError).
        """
        remedy = f"--params={self._setting}=PATH"
        if self._filepath is None:
            raise InvalidPairsError(f"{self._setting}: found no file, expected {remedy}")
        try:
            return self._read(self._filepath)
        except OSError as error:
            raise InvalidPairsError(
                f"{self._filepath}: found no readable file ({error.strerror}), expected a file "
                f"of pairs; set it with {remedy}."
            ) from error

    def save(self, data: None) -> None:
        """Refuse: the input is never written."""
        raise InvalidPairsError(f"{self._filepath}: input pairs are read only")

    def preview(self) -> TextPreview:
        """Show the first lines in kedro-viz, as they stand in the file."""
        return preview_text("") if self._filepath is None else preview_file(self._filepath)

    def _exists(self) -> bool:
        return self._filepath is not None and self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": None if self._filepath is None else str(self._filepath)}


class RawLinesDataset(InputFileDataset[RawLines]):
    """The bytes of a file beside its path."""

    def _read(self, path: Path) -> RawLines:
        return RawLines(source=str(path), content=path.read_bytes())
