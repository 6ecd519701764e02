"""What kedro-viz shows: boxes for models, layers in order, previews; its site, free of paths."""

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import Pipeline

from tests.browsing import chromium, served
from tuneproof.lineage import build_lineage, remove_paths
from tuneproof.pipeline_registry import register_pipelines
from tuneproof.variants import VARIANTS

from .conftest import ROOT, Project
from .test_runs import forget, shifted

LAYERS = ["raw", "intermediate", "models", "feature", "model_output", "reporting", "release"]
USER = "zaphod"


def test_kedro_has_nothing_to_say_against_the_pipelines() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registered = register_pipelines()
        for first, second in combinations(registered.values(), 2):
            first + second
        sum(registered.values(), start=Pipeline([]))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_model_is_trained_and_measured_in_one_box(name: str) -> None:
    registered = register_pipelines()
    training, evaluation = registered[f"training_{name}"], registered["evaluation"]
    inside = (training + evaluation).only_nodes_with_namespaces([name])
    assert {node.namespace for node in inside.nodes} == {name}
    assert {f"{name}_training_info", f"{name}_metrics"} <= inside.all_outputs()
    assert VARIANTS[name] in inside.all_outputs() & inside.all_inputs()


def test_every_catalogued_dataset_of_a_pipeline_has_a_preview(project: Project) -> None:
    catalog = project.catalog()
    used = set().union(*(pipeline.datasets() for pipeline in register_pipelines().values()))
    declared = {name for name in used & set(catalog.keys()) if not name.startswith("param")}
    assert len(declared) > 60
    for name in declared:
        assert callable(getattr(catalog.get(name), "preview", None)), name


@pytest.fixture(scope="module")
def run(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as if a run had trained one model; of the others nothing is there."""
    place = tmp_path_factory.mktemp("run")
    project = Project(Path(shifted(finished, place)), finished.parameters)
    forget(place, "lora_*")
    return project


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, run: Project) -> Path:
    """A copy of the project in the home folder of somebody, with the results of the run."""
    checkout = tmp_path_factory.mktemp("home") / USER / "proof"
    for part in ("conf", "src"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    shutil.copytree(ROOT / "data" / "01_raw", checkout / "data" / "01_raw")
    shutil.copytree(run.data_root, checkout / "data", dirs_exist_ok=True)
    return checkout


@pytest.fixture(scope="module")
def site(checkout: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "tuneproof.lineage", "build/lineage"],
        cwd=checkout,
        env={
            **os.environ,
            "HOME": str(checkout.parent),
            "USER": USER,
            "PYTHONPATH": str(checkout / "src"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    # Neither a preview that failed nor layers that cannot be ordered.
    assert "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    return checkout / "build" / "lineage"


@pytest.fixture(scope="module")
def graph(site: Path) -> dict[str, Any]:
    """What kedro-viz draws first: the default pipeline."""
    graph: dict[str, Any] = json.loads((site / "api" / "main").read_bytes())
    return graph


def responses(site: Path, graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is told of each dataset of the default pipeline, by its name."""
    return {
        node["name"]: json.loads((site / "api" / "nodes" / node["id"]).read_bytes())
        for node in graph["nodes"]
        if node["type"] == "data"
    }


def test_layers_stand_in_the_order_of_the_work(graph: dict[str, Any]) -> None:
    present = {node.get("layer") for node in graph["nodes"]}
    assert [layer for layer in graph["layers"] if layer in present] == LAYERS[:-1]


def test_what_is_there_has_a_preview_and_what_is_not_has_an_empty_one(
    site: Path, graph: dict[str, Any], run: Project
) -> None:
    catalog, told = run.catalog(), responses(site, graph)
    declared = set(catalog.keys()) & told.keys() - {"rejected_pairs"}  # the file holds no row
    assert len(declared) > 60
    for name in declared:
        empty = told[name]["preview"] in ("", {"index": [], "columns": [], "data": []})
        assert empty != catalog.exists(name), name
    assert told["train_pairs"]["preview"]["columns"][:2] == ["text_1", "text_2"]
    assert json.loads(told["baseline_metrics"]["preview"])["model"] == "baseline"
    assert json.loads(told["standard_model"]["preview"])["base_model"]["name"] == "tiny-model"
    assert told["umap_chart"]["preview_type"] == "ImagePreview"


def test_previews_are_short(site: Path, graph: dict[str, Any]) -> None:
    for name, response in responses(site, graph).items():
        if response["preview_type"] not in (None, "ImagePreview"):
            assert len(json.dumps(response["preview"])) < 200_000, name


def test_no_file_of_the_site_names_a_path_of_the_machine_or_its_user(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = str(tmp_path_factory.getbasetemp().parent)  # the run and the copies of its results
    private = [USER, made, str(ROOT), sys.prefix]
    files = [path for path in site.rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        content = path.read_bytes()
        assert not [name for name in private if name.encode() in content], path


def test_paths_are_relative_to_the_project(site: Path, graph: dict[str, Any]) -> None:
    given = {name: response["filepath"] for name, response in responses(site, graph).items()}
    assert given["train_pairs_raw"] == "data/01_raw/dating_pairs.jsonl"
    assert given["comparison_report"] == "data/08_reporting/comparison_report.html"
    sources = [
        json.loads((site / "api" / "nodes" / node["id"]).read_bytes())["filepath"]
        for node in graph["nodes"]
        if node["type"] == "task"
    ]
    assert "src/tuneproof/pipelines/measure/nodes.py" in sources
    assert all((ROOT / source).is_file() for source in sources)


def test_a_folder_that_is_no_such_site_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="expected a site or nothing"):
        build_lineage(tmp_path, ROOT, {})
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_outside_of_the_project_nothing_is_built(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected the project's root"):
        build_lineage(tmp_path / "site", tmp_path, {})
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/it/data/x.png", "d/x.png"),
        ("saved to '/srv/it/src/a.py'", "saved to './src/a.py'"),
        ("/srv/item/x", "/srv/item/x"),
        ("and/srv/it or https://a.b/c", "and/srv/it or https://a.b/c"),
        ("/home/ann/models and /Users/bob", "~/models and ~"),
        ("file:///home/ann/runs", "file://~/runs"),
        ("boy: I am at home/work", "boy: I am at home/work"),
    ],
)
def test_only_paths_are_replaced(text: str, expected: str) -> None:
    assert remove_paths(text, {"/srv/it": ".", "/srv/it/data": "d"}) == expected


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a server of its own."""
    with served(site) as address:
        yield f"{address}/"


def test_a_browser_shows_boxes_layers_and_hostile_texts_as_texts(
    site: Path, graph: dict[str, Any], address: str
) -> None:
    attack = '<img src=x onerror="window.harm=1"> [a](b" onmouseover="window.harm=1" c=")'
    ids = {node["name"]: node["id"] for node in graph["nodes"]}
    for name in ("train_pairs", "comparison_report", "comparison"):
        file = site / "api" / "nodes" / ids[name]
        response = json.loads(file.read_bytes())
        if name == "train_pairs":
            response["preview"]["data"][0][0] = attack
        else:
            response["preview"] = json.dumps({"text": attack}) if name == "comparison" else attack
        file.write_text(json.dumps(response), encoding="utf-8")
    state = {"showFeatureHints": False}
    requests: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.add_init_script(f"localStorage.setItem('KedroViz', {json.dumps(json.dumps(state))})")
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        page.locator(".pipeline-node").first.wait_for(timeout=30_000)
        boxes = set(page.locator(".pipeline-node--modularPipeline").all_text_contents())
        layers = page.locator(".pipeline-layer-name").all_text_contents()
        shown = {}
        for name, where in {
            "train_pairs": ".preview-table",
            "comparison": ".pipeline-metadata__preview-json",
            "comparison_report": ".pipeline-text-renderer",
        }.items():
            page.goto(f"{address}?pid=__default__&sn={name}")
            preview = page.locator(where).first
            preview.wait_for(timeout=30_000)
            preview.hover()
            shown[name] = preview.inner_text()
        harm = page.evaluate("window.harm")
    assert {"baseline", *VARIANTS} <= {re.sub(r"\s", "", box).lower() for box in boxes}
    assert [layer for layer in layers if layer in LAYERS] == [
        layer for layer in LAYERS[:-1] if layer in layers
    ]
    assert {"raw", "intermediate", "reporting"} <= set(layers)
    assert harm is None
    assert all("onmouseover" in text for text in shown.values()), shown
    assert not [url for url in requests if not url.startswith((address, "data:", "blob:"))]
