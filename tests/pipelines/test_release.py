"""Releases of a whole run, loaded the way that their cards and docs/release.md say."""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from tuneproof.manifest import Environment
from tuneproof.release.record import Release

from .conftest import ROOT, Catalog, Project, python_blocks
from .test_runs import shifted

FORMS = {"standard_release": "model", "lora_release": "adapter", "lora_merged_release": "merged"}
TRAINED = {
    "standard_release": "standard_model",
    "lora_release": "lora_adapter",
    "lora_merged_release": "lora_adapter",
}
DOCUMENTS = ["docs/release.md", "README.md"]
TEXTS = ["boy: i like tea", "girl: i hate hiking and dogs", "boy: cooking"]


@pytest.fixture(scope="module")
def released(finished: Project) -> Project:
    """A project with its three releases."""
    finished.run("release", release={"version": "1.2.0"})
    return finished


@pytest.fixture(scope="module")
def catalog(released: Project) -> Catalog:
    return released.catalog()


@pytest.fixture(scope="module")
def handed_over(
    released: Project, tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder that holds the releases and their base model and nothing else of the project."""
    place = tmp_path_factory.mktemp("handed over")
    for name in FORMS:
        shutil.copytree(released.files(name)[-1], place / name)
    shutil.copytree(tiny_model_folder, place / tiny_model_folder.name)
    return place


@pytest.fixture(scope="module")
def as_loaded(handed_over: Path) -> dict[str, Any]:
    """What the code of each card gives, in processes that cannot import tuneproof.

    Two of the three cannot import peft either: only the adapter needs it. The code of the documents
    runs after the adapter's, where all that takes a while is imported; it gives its error, or None.
    """
    found: dict[str, Any] = {}
    for names, documents, absent in (
        (["standard_release", "lora_merged_release"], [], ["tuneproof", "peft"]),
        (["lora_release"], DOCUMENTS, ["tuneproof"]),
    ):
        code = ["import json, sys, traceback"]
        code += [f"sys.modules.update(dict.fromkeys({absent!r}))\nfound = {{}}"]
        for name in names:
            code += python_blocks((handed_over / name / "README.md").read_text("utf-8"))
            code += [
                f"found[{name!r}] = [model.encode({TEXTS!r}).tolist(), cosine, compatible]",
                "del model, cosine, compatible",
            ]
        for document in documents:
            code += [
                "sys.modules.pop('tuneproof', None)",
                f"found[{document!r}] = None",
                f"try:\n    exec({code_of(document)!r}, {{}})",
                f"except Exception:\n    found[{document!r}] = traceback.format_exc()",
            ]
        given = run_python(handed_over, "\n".join([*code, "print(json.dumps(found))"]))
        found |= json.loads(given.splitlines()[-1])
    return found


def code_of(document: str) -> str:
    """Return the code that a document shows of loading releases, with the model of the tests."""
    text = (ROOT / document).read_text(encoding="utf-8")
    if document == "README.md":
        text = text.partition("## Release a model")[2].partition("\n## ")[0]
    blocks = python_blocks(text)
    assert blocks
    # The tests' adapter stands on the tiny model, not on the one that the documents name.
    code = "\n".join(blocks).replace("str(get_model_path())", "'tiny-model'")
    assert "tiny-model" in code
    return code


@pytest.mark.parametrize("name", FORMS)
def test_the_code_of_the_card_loads_the_model_that_was_measured(
    as_loaded: dict[str, Any], catalog: Catalog, name: str
) -> None:
    vectors, cosine, compatible = as_loaded[name]
    trained = catalog.load(TRAINED[name]).transformer.encode(TEXTS)
    within = 1e-4 if name == "lora_merged_release" else 1e-6
    np.testing.assert_allclose(vectors, trained, atol=within)
    base = catalog.load("base_model").transformer.encode(TEXTS)
    assert np.abs(trained - base).max() > 1e-3
    assert -1 <= cosine <= 1
    assert compatible == (cosine >= catalog.load(name).record.threshold.value)


@pytest.mark.parametrize("name", FORMS)
def test_a_release_says_what_it_is_made_of(catalog: Catalog, name: str) -> None:
    release: Release = catalog.load(name)
    record, model = release.record, TRAINED[name].split("_")[0]
    metrics, training = catalog.load(f"{model}_metrics"), catalog.load(f"{model}_training_info")
    assert (record.name, record.form, record.version) == (model, FORMS[name], "1.2.0")
    assert record.training == training
    assert release.model.manifest == training.manifest
    assert record.base_model == catalog.load("base_model").manifest.base_model
    assert record.pairs == metrics.manifest.pairs
    assert record.parameters["training"] == training.manifest.parameters
    assert record.parameters["measure"] == metrics.manifest.parameters
    assert record.parameters["prepare"]["validation_fraction"] == 0.15
    assert record.seeds == {"prepare": 42, "training": 42, "measure": 42}
    assert record.environment == Environment.current()
    assert record.released == date.today()
    for measured in ("baseline", model):
        known = catalog.load(f"{measured}_metrics")
        figure = record.metrics[measured]["all"]["auc_roc"]
        assert (figure.value, figure.interval) == (known.auc_roc, known.intervals["auc_roc"])
        clean = record.metrics[measured]["clean"]["auc_roc"]
        assert (clean.value, clean.n) == (known.subsets["clean"].auc_roc, known.subsets["clean"].n)
        general = record.metrics[measured]["general"]["spearman_correlation"]
        assert general.value == known.general.spearman_correlation
    assert record.threshold.value == metrics.best_threshold
    assert record.threshold.n == len(catalog.load("validation_pairs"))
    assert record.verdict == catalog.load("comparison").verdict


def test_the_merged_release_holds_whole_weights_and_the_adapter_its_own_alone(
    handed_over: Path, catalog: Catalog
) -> None:
    from safetensors.numpy import load_file

    base = set(load_file(next((handed_over / "tiny-model").rglob("model.safetensors"))))
    merged = handed_over / "lora_merged_release"
    assert set(load_file(next(merged.rglob("model.safetensors")))) == base
    assert not list(merged.rglob("adapter*"))
    adapter = handed_over / "lora_release"
    assert not list(adapter.rglob("model.safetensors"))
    assert all("lora_" in name for name in load_file(adapter / "adapter_model.safetensors"))
    difference = catalog.load("lora_merged_release").record.merged_against_adapter
    assert 0 < difference <= 1e-4
    assert catalog.load("lora_release").record.merged_against_adapter is None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_code_of_the_documents_runs(as_loaded: dict[str, Any], document: str) -> None:
    assert as_loaded[document] is None


def test_a_variant_that_is_not_trained_is_left_out(
    released: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Path(shifted(released, tmp_path))
    shutil.rmtree(place / "06_models" / "lora_adapter")
    shutil.rmtree(place / "09_release")
    released.run("release", data_root=str(place), release={"version": "1.2.0"})
    assert {path.name for path in (place / "09_release").iterdir()} == {"standard_release"}
    assert "lora is not trained" in caplog.text


def test_with_nothing_trained_the_run_says_what_to_run(project: Project) -> None:
    with pytest.raises(click.ClickException, match=r"kedro run --pipelines=.*training_standard"):
        project.run("release")
    assert not project.data_root.exists()


def test_a_model_trained_anew_is_not_released_with_the_old_figures(
    released: Project, tmp_path: Path
) -> None:
    place = shifted(released, tmp_path)
    released.run("training_standard", data_root=place, training_standard={"learning_rate": 1e-3})
    with pytest.raises(click.ClickException, match="standard_metrics measured another model"):
        released.run("release", data_root=place)
    standard = Path(place) / "09_release" / "standard_release"
    assert len(list(standard.iterdir())) == 1


def test_models_of_other_pairs_are_not_released(released: Project, tmp_path: Path) -> None:
    other = tmp_path / "fewer.jsonl"
    lines = Path(released.parameters["eval_pairs"]).read_text("utf-8").splitlines(keepends=True)
    other.write_text("".join(lines[:70]), encoding="utf-8")
    place = shifted(released, tmp_path)
    with pytest.raises(click.ClickException, match="was made from other eval pairs"):
        released.run("release", data_root=place, eval_pairs=str(other))
    assert len(list(Path(place).glob("09_release/*/*"))) == 3


def test_a_merge_that_goes_wrong_releases_nothing(
    released: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft.tuners.lora.layer import Linear

    right = Linear.get_delta_weight
    monkeypatch.setattr(Linear, "get_delta_weight", lambda self, name: 2 * right(self, name))
    place = Path(shifted(released, tmp_path))
    shutil.rmtree(place / "09_release")
    with pytest.raises(click.ClickException, match="the merged model is not the adapted one"):
        released.run("release", data_root=str(place), release={"version": "1.2.0"})
    assert not list(place.glob("09_release/lora*/*"))


def test_a_folder_that_loses_weights_is_no_release(
    catalog: Catalog, released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read back must be what was given: here the disk changes one weight."""
    from kedro.io import DatasetError
    from safetensors.numpy import load_file, save_file
    from sentence_transformers import SentenceTransformer

    save = SentenceTransformer.save

    def damaged(model: SentenceTransformer, path: str, **options: Any) -> None:
        save(model, path, **options)
        weights = next(Path(path).rglob("model.safetensors"))
        tensors = load_file(weights)
        first = min(tensors)
        save_file({**tensors, first: tensors[first] + 1}, weights, metadata={"format": "pt"})

    monkeypatch.setattr(SentenceTransformer, "save", damaged)
    versions = released.files("standard_release")
    with pytest.raises(DatasetError, match=r"found 1 of \d+ weights that differ"):
        released.catalog().save("standard_release", catalog.load("standard_release"))
    assert released.files("standard_release") == versions


def test_one_model_is_released_alone_with_the_parameters_that_made_its_pairs(
    released: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the nodes that prepare the pairs, the present parameters say nothing of them."""
    before = released.files("standard_release")
    session = released.session(
        release={"version": "2.0.0"}, prepare={"seed": 7, "validation_fraction": 0.3}
    )
    with session:
        session.run(pipeline_names=["release"], namespaces=["release.lora"])
    assert released.files("standard_release") == before
    catalog = released.catalog()
    record = catalog.load("lora_release").record
    assert record.version == "2.0.0"
    assert record.parameters["prepare"]["validation_fraction"] == 0.15
    assert record.seeds["prepare"] == record.parameters["prepare"]["seed"] != 7
    better = {each.model: each.better for each in catalog.load("comparison").standings}
    warned = "lora is not shown to rank better than the base model: its card says so"
    assert (warned in caplog.text) != better["lora"]
    assert record.shown_better == better["lora"]


def test_a_release_must_be_given_a_version(released: Project) -> None:
    versions = released.files("lora_release")
    with pytest.raises(click.ClickException, match=r"found no version .*release\.version=1\.0\.0"):
        released.run("release")
    assert released.files("lora_release") == versions


@pytest.mark.parametrize("version", ["1", "v1.0.0", "1.0", "01.0.0", "1.0.0\n", "latest", "1.0.0 "])
def test_a_version_that_is_none_is_refused(project: Project, version: str) -> None:
    with pytest.raises(click.ClickException, match="version"):
        project.run("release", release={"version": version})


def run_python(folder: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "", "HOME": str(folder), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
