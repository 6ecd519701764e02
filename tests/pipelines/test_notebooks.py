"""The notebooks run from start to end on what a whole run left."""

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from .conftest import ROOT, Project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def test_a_notebook_is_committed_without_outputs(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert code_cells(notebook)
    assert not [c for c in code_cells(notebook) if c.outputs or c.execution_count is not None]


def test_a_notebook_runs_without_error_or_warning(notebook: Any, finished: Project) -> None:
    # As the notebook tells a reader who wants other results than those under data/.
    start = next(n for n, cell in enumerate(notebook.cells) if "%load_ext" in cell.source)
    parameters = ",".join(
        f"{name}={finished.parameters[name]}" for name in ("data_root", "base_model", "device")
    )
    notebook.cells.insert(start + 1, new_code_cell(f"%reload_kedro --params={parameters}"))
    where = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    for output in outputs:
        assert output.get("name") != "stderr", output
        shown = [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
        assert "WARNING" not in "".join(shown), output
    assert any("image/png" in output.get("data", {}) for output in outputs)
