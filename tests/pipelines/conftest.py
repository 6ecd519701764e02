"""Runs of the real project on a tiny real model, everything written under a temporary folder."""

import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from filelock import FileLock
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogProtocol

from tuneproof.session import TuneproofSession

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data"
TINY: dict[str, Any] = {
    "train_pairs": str(SAMPLE / "dating_pairs.jsonl"),
    "eval_pairs": str(SAMPLE / "eval_pairs.jsonl"),
    "device": "cpu",
    "bootstrap_rounds": 200,
    "measure": {
        "umap": {"n_neighbors": 5},
        "hdbscan": {"min_cluster_size": 5},
        "cluster_seeds": 2,
    },
    "training_standard": {"epochs": 1, "learning_rate": 3e-3},
    "training_lora": {"epochs": 1, "learning_rate": 3e-2},
}

Catalog = CatalogProtocol[Any, Any]


class Project:
    """The project with its results in a folder of its own.

    Args:
        data_root: Where results go.
        parameters: Runtime parameters of every run.
    """

    def __init__(self, data_root: Path, parameters: Mapping[str, Any]) -> None:
        self.data_root = data_root
        self.parameters = {**TINY, **parameters, "data_root": str(data_root)}

    def run(self, *names: str, to_outputs: Sequence[str] = (), **parameters: Any) -> None:
        """Run registered pipelines; no name stands for the default one.

        Args:
            names: Of the pipelines.
            to_outputs: What to run them for, if not for all that they make.
            parameters: Runtime parameters of this run.
        """
        session = self.session(**parameters)
        with session:
            session.run(pipeline_names=list(names) or None, to_outputs=to_outputs)

    def catalog(self, **parameters: Any) -> Catalog:
        """Return the catalog, as a notebook sees it."""
        session = self.session(**parameters)
        with session:
            catalog: Catalog = session.load_context().catalog
            return catalog

    def files(self, name: str) -> list[Path]:
        """Return the saved versions of an artifact, oldest first."""
        return sorted(self.data_root.glob(f"*/{name}/*/{name}"))

    def session(self, **parameters: Any) -> TuneproofSession:
        """Return a new session, good for one run."""
        configure()
        pipelines.set_requested(None)  # a run before asked for its own alone
        runtime = {**self.parameters, **parameters}
        session = TuneproofSession.create(project_path=ROOT, runtime_params=runtime)
        return cast(TuneproofSession, session)


@cache
def configure() -> None:
    """Make the project known to Kedro, which takes a while."""
    bootstrap_project(ROOT)


def python_blocks(text: str) -> list[str]:
    """Return the blocks of Python code in a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path, tiny_model_folder: Path) -> Project:
    """The project, nothing run yet."""
    return Project(tmp_path / "data", {"base_model": str(tiny_model_folder)})


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path, worker_id: str
) -> Project:
    """A project after one whole run; tests may run pipelines in it that change no artifact.

    Of several processes that test, the first one runs it, and each gets a copy.
    """
    own = tmp_path_factory.getbasetemp()
    place = (own if worker_id == "master" else own.parent) / "finished"
    parameters = {"base_model": str(tiny_model_folder)}
    with FileLock(f"{place}.lock"):
        if not place.exists():
            Project(place.with_name("unfinished"), parameters).run()
            place.with_name("unfinished").rename(place)
    copied = shutil.copytree(place, tmp_path_factory.mktemp("finished") / "data")
    return Project(copied, parameters)
