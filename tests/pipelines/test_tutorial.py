"""The code of the tutorial and the how-to guides, on a whole run of the tiny model."""

from pathlib import Path

import pytest

from ..documents import DOCS, run_code
from .conftest import ROOT, Project


@pytest.mark.parametrize("page", ["tutorial", "how_to/mend_pairs", "how_to/decide", "how_to/gates"])
def test_code_that_reads_the_catalog_runs(finished: Project, page: str) -> None:
    run_code(DOCS / f"{page}.md", {"catalog": finished.catalog()})


def test_models_load_as_the_guide_says(
    finished: Project, tiny_model_folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "load_models.md"
    version = finished.files("standard_model")[-1].parent.name
    text = (DOCS / "how_to" / "load_models.md").read_text(encoding="utf-8")
    text = text.replace('Path("path/to/the/project").resolve()', f"Path({str(ROOT)!r})")
    text = text.replace('"data/', f'"{finished.data_root}/').replace("<version>", version)
    # The tests' adapter stands on the tiny model, not on the one that the guide names.
    page.write_text(text.replace("str(get_model_path())", f"{str(tiny_model_folder)!r}"), "utf-8")
    found = run_code(page, {"catalog": finished.catalog()})
    assert -1 <= found["cosine"] <= 1
    assert 0 < found["probability"] < 1
    same = found["lora"].encode(found["texts"])
    assert "lora_adapter" in found["catalog"]
    assert same == pytest.approx(found["model"].encode(found["texts"]), abs=1e-6)


def test_figures_of_several_seeds_are_put_side_by_side(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    for seed in (42, 43):
        (tmp_path / "data" / f"seed_{seed}").symlink_to(finished.data_root)
    monkeypatch.chdir(tmp_path)
    found = run_code(DOCS / "how_to" / "several_seeds.md", {})
    measured = finished.catalog().load("lora_metrics").auc_roc
    assert found["values"] == [measured, measured]
