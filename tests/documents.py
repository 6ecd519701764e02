"""What the tests of documents read of them."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a Markdown file in one language, in order."""
    text = page.read_text(encoding="utf-8")
    return [code for found, code in _BLOCK.findall(text) if found == language]


def run_code(page: Path, names: dict[str, Any]) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other, as a notebook would.

    Args:
        page: A Markdown file with at least one such block.
        names: What the code finds defined, and where it defines more.
    """
    blocks = code_blocks(page, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    return names
