"""Whole runs: pairs in, evidence out, with a tiny real model and a small sample of pairs."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from tuneproof.manifest import ModelIdentity
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import hash_pairs
from tuneproof.pipeline_registry import register_pipelines

from .conftest import ROOT, SAMPLE, TINY, Project, python_blocks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODELS = ("baseline", "standard", "lora")


def test_a_whole_run_leaves_every_artifact_that_the_catalog_declares(finished: Project) -> None:
    catalog = finished.catalog()
    declared = set(catalog.keys())
    for node in register_pipelines()["__default__"].nodes:
        for name in declared.intersection(node.outputs):
            # What no default run trains is measured where it was trained.
            assert catalog.exists(name) == (node.namespace != "instructed"), name


def test_every_artifact_loads_from_the_catalog(finished: Project) -> None:
    catalog = finished.catalog()
    n_eval = len(catalog.load("eval_pairs"))
    for model in MODELS:
        assert catalog.load(f"{model}_metrics").model == model
        assert catalog.load(f"{model}_embeddings_eval").vectors.shape == (n_eval, 2, 32)
        assert len(catalog.load(f"{model}_scores").query("split == 'eval'")) == n_eval
        seeds = TINY["measure"]["cluster_seeds"]
        assert len(catalog.load(f"{model}_projection")) == 3 * n_eval * seeds
    texts = ["boy: i like tea", "girl: i like coffee"]
    vectors = [
        catalog.load(name).transformer.encode(texts)
        for name in ("base_model", "standard_model", "lora_adapter")
    ]
    assert np.abs(vectors[1] - vectors[0]).max() > 1e-3
    assert np.abs(vectors[2] - vectors[0]).max() > 1e-3


def test_the_code_of_the_readme_loads_what_a_run_made(
    finished: Project, tiny_model_folder: Path
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Load what a run made")[2].partition("\n## ")[0]
    through_catalog, from_folders = python_blocks(section)
    catalog = finished.catalog()
    exec(through_catalog, {"catalog": catalog})
    for name in ("standard_model", "lora_adapter"):
        written = f"data/06_models/{name}/<version>/{name}"
        assert from_folders.count(written) == 1
        from_folders = from_folders.replace(written, str(finished.files(name)[-1]))
    from_folders = from_folders.replace("str(get_model_path())", repr(str(tiny_model_folder)))
    loaded: dict[str, Any] = {}
    exec(from_folders, loaded)
    texts = ["boy: I bake my own bread", "girl: Sourdough is my weekend"]
    for name, artifact in (("standard", "standard_model"), ("lora", "lora_adapter")):
        expected = catalog.load(artifact).transformer.encode(texts)
        np.testing.assert_allclose(loaded[name].encode(texts), expected, atol=1e-6)


def test_no_text_stands_in_two_splits_of_train_and_validation(finished: Project) -> None:
    catalog = finished.catalog()
    train = {t for pair in catalog.load("train_pairs") for t in pair.texts}
    validation = {t for pair in catalog.load("validation_pairs") for t in pair.texts}
    assert not train & validation


def test_metrics_agree_with_the_saved_embeddings(finished: Project) -> None:
    """Recompute from the .npy files, without the project's own code."""
    from scipy.stats import spearmanr
    from sklearn.metrics import f1_score, roc_auc_score

    catalog = finished.catalog()
    labels = np.array([pair.label for pair in catalog.load("eval_pairs")])
    for model in MODELS:
        metrics: BaselineMetrics = catalog.load(f"{model}_metrics")
        vectors = np.load(finished.files(f"{model}_embeddings_eval.npy")[-1]).astype(np.float64)
        cosines = (vectors[:, 0] * vectors[:, 1]).sum(axis=1)
        cosines /= np.linalg.norm(vectors, axis=2).prod(axis=1)
        assert metrics.auc_roc == pytest.approx(roc_auc_score(labels, cosines), abs=1e-9)
        expected = spearmanr(cosines, labels).statistic
        assert metrics.spearman_correlation == pytest.approx(expected, abs=1e-9)
        assert metrics.best_f1 == pytest.approx(f1_score(labels, cosines >= metrics.best_threshold))


def test_evaluation_alone_gives_the_same_metrics_to_the_byte(finished: Project) -> None:
    names = ("standard_metrics.json", "lora_metrics.json", "comparison.json")
    before = {name: finished.files(name)[-1].read_bytes() for name in names}
    finished.run("evaluation")
    for name in names:
        versions = finished.files(name)
        assert len(versions) >= 2, name
        assert versions[-1].read_bytes() == before[name], name


def test_every_manifest_names_base_model_pairs_and_versions(finished: Project) -> None:
    catalog = finished.catalog()
    hashes = {
        split: hash_pairs(catalog.load(f"{split}_pairs"))
        for split in ("train", "validation", "eval", "general")
    }
    base = catalog.load("base_model").manifest.base_model
    for model in MODELS:
        for artifact in ("metrics", "embeddings_train", "embeddings_eval"):
            manifest = catalog.load(f"{model}_{artifact}").manifest
            assert manifest.model_name == model
            assert manifest.base_model == base
            assert manifest.pairs == hashes
            assert manifest.environment.libraries["torch"][0].isdigit()
    trained = catalog.load("lora_metrics").manifest.model
    assert (
        trained
        == catalog.load("lora_adapter").manifest
        == (catalog.load("lora_training_info").manifest)
    )


def test_the_adapter_is_small_names_no_path_and_was_checked(finished: Project) -> None:
    folder = finished.files("lora_adapter")[-1]
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 1_000_000
    config = json.loads((folder / "adapter_config.json").read_text())
    assert "/" not in config["base_model_name_or_path"]
    info = finished.catalog().load("lora_training_info")
    assert info.lora.check.reloaded_against_trained <= 1e-6
    assert info.lora.check.reloaded_against_base > 1e-4


def test_a_failed_adapter_check_publishes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rename the keys of the saved adapter before it is reloaded, as a faulty library would."""
    from safetensors.numpy import load_file, save_file

    from tuneproof.training.adapters import save_adapter

    def misspell(transformer: "SentenceTransformer", folder: Path, base: ModelIdentity) -> None:
        save_adapter(transformer, folder, base)
        path = folder / "adapter_model.safetensors"
        renamed = {key.replace("query", "queries"): t for key, t in load_file(path).items()}
        save_file(renamed, path, metadata={"format": "pt"})

    monkeypatch.setattr("tuneproof.datasets.models.save_adapter", misspell)
    with pytest.raises(click.ClickException, match="adapter weights missing"):
        project.run("training_lora")
    assert not project.files("lora_adapter")
    assert not project.files("lora_training_info.json")
    assert not project.files("lora_training_log.parquet")


@pytest.mark.parametrize("name", ["data_quality", "baseline", "training_standard", "training_lora"])
def test_what_needs_only_pairs_runs_alone_on_a_fresh_clone(project: Project, name: str) -> None:
    project.run(name)
    made = {
        "data_quality": "data_quality_report",
        "baseline": "baseline_metrics",
        "training_standard": "standard_model",
        "training_lora": "lora_adapter",
    }
    assert project.catalog().exists(made[name])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("evaluation", "--pipelines=baseline,training_standard,training_lora"),
        ("reporting", "--pipelines=data_quality,baseline"),
    ],
)
def test_what_needs_more_says_in_one_line_what_to_run_first(
    project: Project, name: str, hint: str
) -> None:
    with pytest.raises(click.ClickException) as error:
        project.run(name)
    assert f"run first: kedro run {hint} --params=" in error.value.message
    assert f"data_root={project.data_root}" in error.value.message
    assert "\n" not in error.value.message
    assert not project.data_root.exists()


@pytest.mark.parametrize(("trained", "missing"), [("standard", "lora"), ("lora", "standard")])
def test_who_trained_only_one_variant_gets_its_evaluation_and_report(
    finished: Project, tmp_path: Path, trained: str, missing: str
) -> None:
    place = {"data_root": shifted(finished, tmp_path)}
    forget(tmp_path, f"{missing}_*", f"{trained}_metrics.json", "comparison*", "*_chart.png")
    finished.run("evaluation", "reporting", **place)
    catalog = finished.catalog(**place)
    assert [model.model for model in catalog.load("comparison").models] == ["baseline", trained]
    assert catalog.load(f"{missing}_metrics") is None
    assert catalog.exists("comparison_report")


def copy_pairs(folder: Path, which: str, keep: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{which}.jsonl"
    lines = (SAMPLE / f"{which}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:keep]), encoding="utf-8")
    return path


def test_a_model_trained_on_other_pairs_is_refused(finished: Project, tmp_path: Path) -> None:
    other = copy_pairs(tmp_path, "dating_pairs", 150)
    with pytest.raises(click.ClickException, match="model was made from other train pairs"):
        finished.run("evaluation", train_pairs=str(other), data_root=shifted(finished, tmp_path))


def test_a_variant_trained_on_other_pairs_is_left_out_of_what_follows(
    finished: Project, tmp_path: Path
) -> None:
    """Everything was run once; then the train pairs change and only one variant is trained."""
    changed = {
        "train_pairs": str(copy_pairs(tmp_path, "dating_pairs", 150)),
        "data_root": shifted(finished, tmp_path),
    }
    finished.run("data_quality", "baseline", "training_standard", "evaluation", **changed)
    finished.run("reporting", to_outputs=["comparison_report"], **changed)
    catalog = finished.catalog(**changed)
    comparison = catalog.load("comparison")
    assert [model.model for model in comparison.models] == ["baseline", "standard"]
    (reason,) = comparison.left_out
    assert reason.startswith("lora is left out: lora_metrics was made from")


def test_who_chooses_the_nodes_gets_them(finished: Project, tmp_path: Path) -> None:
    """The session leaves out nodes of its own accord only where the user chose none."""
    session = finished.session(data_root=shifted(finished, tmp_path))
    forget(tmp_path, "lora_*")
    with session, pytest.raises(click.ClickException, match="lora_adapter is missing"):
        session.run(pipeline_names=["evaluation"], namespaces=["lora"])


def test_embeddings_of_other_pairs_are_refused(finished: Project, tmp_path: Path) -> None:
    """Same number of pairs, another order: without the check the metrics would be nonsense."""
    lines = (SAMPLE / "eval_pairs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    other = tmp_path / "reversed.jsonl"
    other.write_text("".join(reversed(lines)), encoding="utf-8")
    changed = {"eval_pairs": str(other), "data_root": shifted(finished, tmp_path)}
    finished.run("data_quality", **changed)
    for node in ("baseline.score_splits", "baseline.project_eval"):
        session = finished.session(**changed)
        with session, pytest.raises(click.ClickException, match="was made from other eval pairs"):
            session.run(pipeline_names=["baseline"], node_names=[node])


def test_models_measured_with_other_parameters_are_not_compared(
    finished: Project, tmp_path: Path
) -> None:
    with pytest.raises(click.ClickException, match="made with other parameters: found hdbscan"):
        finished.run(
            "evaluation",
            data_root=shifted(finished, tmp_path),
            measure={**TINY["measure"], "hdbscan": {"min_cluster_size": 9}},
        )


def test_another_idea_of_near_duplicates_is_refused(finished: Project, tmp_path: Path) -> None:
    """The clean pairs of the variants would not be those of the baseline."""
    message = r"than the audit: found near_duplicate_similarity 0\.8, expected 0\.3"
    with pytest.raises(click.ClickException, match=message):
        finished.run(
            "evaluation",
            data_root=shifted(finished, tmp_path),
            prepare={"near_duplicate_similarity": 0.3},
        )


def test_a_gate_that_fails_stops_a_whole_run_before_anything_is_trained(
    project: Project,
) -> None:
    gates = {"overall": {"minimum": 100, "action": "fail"}}
    with pytest.raises(click.ClickException) as error:
        project.run(data_quality={"gates": gates})
    assert "data_quality.gates.overall: overall score" in error.value.message
    assert "expected 100 at least" in error.value.message
    catalog = project.catalog()
    assert not catalog.load("data_quality_report").target_met
    assert not any(catalog.exists(name) for name in ("standard_model", "lora_candidate"))


def test_evidence_is_traced_from_the_pairs_to_the_comparison(finished: Project) -> None:
    """Leak levels, groups, general pairs and the audit reach what is said in the end."""
    catalog = finished.catalog()
    leakage = catalog.load("pair_leakage").query("split == 'eval'")
    quality, comparison = catalog.load("data_quality_report"), catalog.load("comparison")
    assert set(quality.warnings) <= set(comparison.threats)
    for model in MODELS:
        metrics = catalog.load(f"{model}_metrics")
        assert metrics.subsets["clean"].n == int(leakage["clean"].sum())
        assert metrics.subsets["clean"].n == quality.leakage["eval"].clean
        assert metrics.general.n == len(catalog.load("general_pairs"))
        low, high = metrics.intervals["auc_roc"]
        assert low <= metrics.auc_roc <= high
    couples = [(each.first, each.second) for each in comparison.differences]
    assert couples == [("baseline", "standard"), ("baseline", "lora"), ("standard", "lora")]


def test_wrong_general_pairs_stop_the_run_and_nothing_is_written(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "general.jsonl"
    path.write_text('{"text_1": "a", "text_2": "b", "score": 7, "topic": "x"}\n', "utf-8")
    with pytest.raises(click.ClickException, match=r"general\.jsonl:1: score: found 7, expected"):
        project.run("data_quality", general_pairs=str(path))
    assert not project.data_root.exists()


def test_metrics_of_other_eval_pairs_are_refused(finished: Project, tmp_path: Path) -> None:
    other = copy_pairs(tmp_path, "eval_pairs", 70)
    for name in ("evaluation", "reporting"):
        with pytest.raises(click.ClickException, match="was made from other eval pairs"):
            finished.run(name, eval_pairs=str(other), data_root=shifted(finished, tmp_path))


def shifted(project: Project, place: Path) -> str:
    """Copy the results, so that a run that goes wrong leaves the shared ones alone."""
    copy = place / "copy"
    if not copy.exists():
        shutil.copytree(project.data_root, copy)
    return str(copy)


def forget(place: Path, *names: str) -> None:
    """Delete artifacts of the shifted results, as if no run had made them."""
    for name in names:
        found = list((place / "copy").glob(f"*/{name}"))
        assert found, name
        for folder in found:
            shutil.rmtree(folder)


def test_bad_rows_stop_the_run_with_one_message_and_nothing_is_written(
    project: Project, tmp_path: Path
) -> None:
    path = copy_pairs(tmp_path, "eval_pairs", 80)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"text_1": "boy: [/red] x", "label": 2}\n')
    with pytest.raises(click.ClickException) as error:
        project.run("data_quality", eval_pairs=str(path))
    assert f"{path}:81: label: found 2, expected 0 or 1" in error.value.message
    assert f"{path}:81: text_2: found nothing" in error.value.message
    assert not project.data_root.exists()


def test_quarantine_sets_bad_rows_aside_and_goes_on(project: Project, tmp_path: Path) -> None:
    path = copy_pairs(tmp_path, "eval_pairs", 80)
    with path.open("ab") as file:
        file.write(b'{"label": 2}\n\xff\n')
    project.run("data_quality", eval_pairs=str(path), prepare={"on_invalid": "quarantine"})
    catalog = project.catalog()
    rejected = catalog.load("rejected_pairs")
    assert [(row.file, row.line) for row in rejected] == [(str(path), 81), (str(path), 82)]
    assert len(catalog.load("eval_pairs")) == 80
    assert catalog.load("data_quality_report").rejected_rows == 2


def test_a_missing_file_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"nowhere\.jsonl: found no readable file"):
        project.run("data_quality", train_pairs=str(tmp_path / "nowhere.jsonl"))


@pytest.mark.parametrize(
    ("names", "parameters", "message"),
    [
        (["data_qualty"], {}, "no pipeline is named 'data_qualty', expected one of .*data_quality"),
        (
            ["data_quality"],
            {"trainpairs": "x"},
            "no parameter is named 'trainpairs', .*train_pairs",
        ),
    ],
)
def test_what_nothing_reads_is_refused(
    project: Project, names: list[str], parameters: dict[str, str], message: str
) -> None:
    """A misspelt setting would otherwise run on the shipped pairs and look like a result."""
    with pytest.raises(click.ClickException, match=message):
        project.run(*names, **parameters)
    assert not project.data_root.exists()


def test_a_misspelt_parameter_is_named(project: Project) -> None:
    with pytest.raises(click.ClickException, match=r"training_standard.*\n?learning_rat\n"):
        project.run("training_standard", training_standard={"learning_rat": 1.0})
