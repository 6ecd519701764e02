"""What is registered, declared and configured fits together, and starts fast."""

import subprocess
import sys
from typing import Any, get_type_hints

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from .conftest import ROOT, Project

REGISTERED = {
    "data_quality",
    "baseline",
    "training_standard",
    "training_lora",
    "training_instructed",
    "evaluation",
    "reporting",
    "sweep",
    "release",
    "scoring",
    "__default__",
}
BY_CHOICE = {"release", "scoring", "sweep", "training_instructed"}
"""What is registered but no part of every run."""

IN_MEMORY = {
    "valid_train_pairs",
    "lora_candidate_info",
    "lora_candidate_log",
    "lora_candidate_layers",
    "lora_candidate_embeddings",
    "evidence",
    "training_runs",
    "artifact_versions",
    "standard_release_evidence",
    "lora_release_evidence",
    "sweep_plan",
}
HEAVY = {
    *("torch", "sentence_transformers", "peft", "umap", "hdbscan", "transformers"),
    *("matplotlib", "plotly", "seaborn"),
}


def all_pipelines() -> Pipeline:
    return sum(pipelines.values(), start=Pipeline([]))


def test_the_pipelines_and_the_default_are_registered() -> None:
    bootstrap_project(ROOT)
    pipelines.set_requested(None)
    assert set(pipelines) == REGISTERED
    together = sum(
        (pipeline for name, pipeline in pipelines.items() if name not in BY_CHOICE),
        start=pipelines["__default__"],
    )
    assert set(together.nodes) == set(pipelines["__default__"].nodes)


def test_annotations_of_all_nodes_resolve_at_run_time() -> None:
    """Kedro reads them whenever it starts, and warns of each that it cannot read."""
    bootstrap_project(ROOT)
    pipelines.set_requested(None)
    for node in all_pipelines().nodes:
        assert "return" in get_type_hints(node.func), node.name


def test_the_catalog_declares_what_pipelines_use_and_nothing_else(project: Project) -> None:
    catalog = project.catalog()
    used = {name for name in all_pipelines().datasets() if not name.startswith("params:")}
    declared = {name for name in catalog if name != "parameters" and not name.startswith("params:")}
    assert used - declared == IN_MEMORY
    assert declared - used == set()


def test_every_declared_dataset_names_its_layer_and_every_output_is_versioned(
    project: Project,
) -> None:
    catalog = project.catalog()
    for name in all_pipelines().datasets() - IN_MEMORY:
        if name.startswith("params:"):
            continue
        dataset = catalog.get(name)
        assert dataset is not None
        assert dataset.metadata["kedro-viz"]["layer"], name
        if name in all_pipelines().all_outputs():
            # A folder of files versions each of them.
            nested = getattr(dataset, "_dataset_config", {})
            assert nested.get("version") or dataset._version, name


def test_data_root_moves_everything_that_is_written(project: Project) -> None:
    catalog = project.catalog()
    for name in all_pipelines().all_outputs() - IN_MEMORY:
        dataset = catalog.get(name)
        assert dataset is not None
        place = dataset._path if name == "sweep_results" else dataset._filepath
        assert str(place).startswith(str(project.data_root)), name


def test_the_published_recipe_is_the_published_one() -> None:
    from kedro.config import OmegaConfigLoader

    from tuneproof.settings import CONFIG_LOADER_ARGS

    arguments: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
    loader = OmegaConfigLoader(str(ROOT / "conf"), env="published", **arguments)
    standard, lora = (loader["parameters"][name] for name in ("training_standard", "training_lora"))
    for recipe, rate in ((standard, 2e-5), (lora, 2e-4)):
        assert (recipe["epochs"], recipe["batch_size"]) == (4, 16)
        assert (recipe["learning_rate"], recipe["warmup_steps"]) == (rate, 100)
    assert lora["lora"] == {
        "rank": 8,
        "alpha": 16,
        "dropout": 0.1,
        "target_modules": ["query", "value"],
    }


@pytest.mark.parametrize("command", [["--help"], ["registry", "list"]])
def test_the_command_line_starts_without_heavy_libraries(command: list[str]) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['kedro', *{command!r}]\n"
        "from kedro.framework.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "LOADED []" in done.stdout
    assert ("training_lora" if "list" in command else "Usage") in done.stdout
