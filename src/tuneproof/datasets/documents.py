"""What people look at: charts, the HTML report, plain text."""

import base64
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from kedro_datasets._typing import ImagePreview
from matplotlib.figure import Figure

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.previews import TextPreview, preview_text

_UNSEEN: Final = {"nav", "script", "style", "svg", "template"}
_IN_LINE: Final = {"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup"}
_PAGE_PIECE: Final = 65_536
_PAGE_CHARACTERS: Final = 4_000


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
        """Show the chart in kedro-viz; nothing before it is saved."""
        content = self.latest_path().read_bytes() if self.exists() else b""
        return ImagePreview(base64.b64encode(content).decode("ascii"))


class TextDataset(AtomicDataset[str]):
    """A text in UTF-8."""

    def _read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")

    def _write(self, data: str, path: Path) -> None:
        path.write_text(data, encoding="utf-8", newline="\n")

    def preview(self) -> TextPreview:
        """Show the beginning in kedro-viz; nothing before it is saved."""
        return preview_text(self._read(self.latest_path()) if self.exists() else "")


class HtmlDataset(TextDataset):
    """An HTML page in UTF-8."""

    def preview(self) -> TextPreview:
        """Show in kedro-viz what a reader of the page reads first, without its markup."""
        if not self.exists():
            return preview_text("")
        words = _Words()
        with self.latest_path().open(encoding="utf-8") as page:
            while words.characters < _PAGE_CHARACTERS and (piece := page.read(_PAGE_PIECE)):
                words.feed(piece)
        return preview_text(words.text()[:_PAGE_CHARACTERS])


class _Words(HTMLParser):
    """The words of a page: a line for each element that starts one, nothing of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._unseen = 0
        self.characters = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        self._break_line(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN
        self._break_line(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(data)
            self.characters += len(data.strip())

    def text(self) -> str:
        """Return the lines that hold words, spaces joined."""
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\0"))
        return "\n".join(filter(None, lines))

    def _break_line(self, tag: str) -> None:
        if tag not in _IN_LINE:
            self._parts.append("\0")
