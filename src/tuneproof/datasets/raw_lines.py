"""Files of pairs as they come: unparsed, so that every bad line can be named."""

import os
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tuneproof.datasets.previews import TextPreview, preview_file
from tuneproof.errors import InvalidPairsError
from tuneproof.pairs import RawLines


class RawLinesDataset(AbstractDataset[None, RawLines]):
    """The bytes of a file beside its path; read only.

    Args:
        filepath: Path of a file of pairs.
        setting: Name of the setting that points here, for the error message.
        metadata: For plugins, such as the layer that kedro-viz shows.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        setting: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._setting = setting
        self.metadata = metadata

    def load(self) -> RawLines:
        """Read the file.

        Raises:
            InvalidPairsError: There is no such file, or it cannot be read (as the cause of
                Kedro's DatasetError).
        """
        try:
            return RawLines(source=str(self._filepath), content=self._filepath.read_bytes())
        except OSError as error:
            raise InvalidPairsError(
                f"{self._filepath}: found no readable file ({error.strerror}), expected a file "
                f"of pairs; set it with --params={self._setting}=PATH."
            ) from error

    def save(self, data: None) -> None:
        """Refuse: the input is never written."""
        raise InvalidPairsError(f"{self._filepath}: input pairs are read only")

    def preview(self) -> TextPreview:
        """Show the first lines in kedro-viz, as they stand in the file."""
        return preview_file(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
