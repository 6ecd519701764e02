"""What people look at: charts, the HTML report, plain text."""

import base64
from pathlib import Path

from kedro_datasets._typing import HTMLPreview, ImagePreview
from matplotlib.figure import Figure

from tuneproof.datasets.atomic import AtomicDataset


class ChartDataset(AtomicDataset[Figure]):
    """A matplotlib figure, saved as PNG; what was saved loads as a figure that shows the image."""

    def _read(self, path: Path) -> Figure:
        from matplotlib.image import imread

        pixels = imread(path)
        height, width = pixels.shape[:2]
        figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        figure.figimage(pixels)
        return figure

    def _write(self, data: Figure, path: Path) -> None:
        data.savefig(path, format="png")

    def preview(self) -> ImagePreview:
        """Show the chart in kedro-viz."""
        content = self.latest_path().read_bytes()
        return ImagePreview(base64.b64encode(content).decode("ascii"))


class TextDataset(AtomicDataset[str]):
    """A text in UTF-8."""

    def _read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")

    def _write(self, data: str, path: Path) -> None:
        path.write_text(data, encoding="utf-8", newline="\n")


class HtmlDataset(TextDataset):
    """An HTML page in UTF-8."""

    def preview(self) -> HTMLPreview:
        """Show the page in kedro-viz."""
        return HTMLPreview(self._read(self.latest_path()))
