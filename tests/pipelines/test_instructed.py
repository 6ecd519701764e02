"""The instructed variant: trained and measured with its instructions, left out where it is not."""

import logging
from pathlib import Path

import click
import numpy as np
import pytest

from tuneproof.encoding import embed_pairs
from tuneproof.instructions import instruct, trained_instructions
from tuneproof.pairs import hash_pairs, swap_prefixes
from tuneproof.session import TRAINED_MODELS

from .conftest import Project
from .test_runs import shifted

NAMES = ["baseline", "standard", "lora", "instructed"]


@pytest.fixture(scope="module")
def instructed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What a whole run left, and then the instructed variant beside it."""
    copy = shifted(finished, tmp_path_factory.mktemp("instructed"))
    changed = {**finished.parameters, "data_root": copy}
    project = Project(Path(copy), changed)
    project.run("training_instructed", "evaluation")
    project.run("reporting", to_outputs=["comparison_report"])
    return project


def test_it_stands_beside_the_others_in_comparison_and_report(instructed: Project) -> None:
    catalog = instructed.catalog()
    comparison = catalog.load("comparison")
    assert [model.model for model in comparison.models] == NAMES
    assert comparison.left_out == []
    assert len(comparison.differences) == 6
    assert any("instructed reads an instruction" in threat for threat in comparison.threats)
    page = instructed.files("comparison_report.html")[-1].read_text(encoding="utf-8")
    assert "instructed model" in page  # its origin
    assert "instructed reaches its best validation Spearman" in page  # the training curves
    assert catalog.load("instructed_convergence").model_type == "instructed"


def test_its_manifest_names_bare_pairs_and_instructions(instructed: Project) -> None:
    catalog = instructed.catalog()
    manifest = catalog.load("instructed_model").manifest
    assert manifest.model_name == "instructed"
    for split in ("train", "validation"):
        assert manifest.pairs[split] == hash_pairs(catalog.load(f"{split}_pairs"))
    assert trained_instructions(manifest) == catalog.load("params:training_instructed")
    standard = catalog.load("standard_model").manifest
    assert trained_instructions(standard) is None
    # The same recipe: nothing but the instructions differs.
    rest = {name: v for name, v in manifest.parameters.items() if name != "instructions"}
    assert rest == standard.parameters


def test_it_reads_instructions_wherever_it_is_measured_but_not_in_general_language(
    instructed: Project,
) -> None:
    catalog = instructed.catalog()
    model = catalog.load("instructed_model")
    instructions = trained_instructions(model.manifest)
    pairs = {split: catalog.load(f"{split}_pairs") for split in ("train", "validation", "eval")}
    read = {split: instruct(each, instructions) for split, each in pairs.items()}
    read["swapped"] = instruct(swap_prefixes(pairs["eval"], ("boy", "girl")), instructions)
    read["general"] = catalog.load("general_pairs")
    for name, each in read.items():
        expected = embed_pairs(model.transformer, each, 64)
        found = catalog.load(f"instructed_embeddings_{name}").vectors
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=name)
    bare = embed_pairs(model.transformer, pairs["eval"], 64)
    assert np.abs(bare - catalog.load("instructed_embeddings_eval").vectors).max() > 1e-3
    # The tables show the bare texts.
    shown = catalog.load("instructed_scores").query("split == 'eval'")["text_1"].tolist()
    assert shown == [pair.text_1 for pair in pairs["eval"]]


def test_the_others_are_measured_as_without_it(finished: Project, instructed: Project) -> None:
    for name in ("standard_metrics.json", "lora_metrics.json", "baseline_metrics.json"):
        before, after = (each.files(name)[-1].read_bytes() for each in (finished, instructed))
        assert before == after, name


def test_where_it_is_not_trained_nothing_is_said_of_it(
    finished: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by a whole pipeline nor by a part of one that names others."""
    catalog = finished.catalog()
    for name in catalog:
        if name.startswith("instructed_"):
            assert not catalog.exists(name), name
    with caplog.at_level(logging.WARNING):
        for outputs in (["comparison"], ["comparison", "standard_metrics"]):
            session = finished.session()
            with session:
                session.run(pipeline_names=["evaluation"], to_outputs=outputs)
    assert not [each for each in caplog.records if "instructed" in each.getMessage()]
    assert [model.model for model in catalog.load("comparison").models] == NAMES[:3]


@pytest.mark.parametrize(
    "named",
    [
        {"namespaces": ["instructed"]},
        {"node_names": ["instructed.embed_all"]},
        {"to_outputs": ["instructed_metrics"]},
        {"to_outputs": ["comparison", "instructed_projection"]},
        {"to_nodes": ["instructed.measure_model"]},
        {"from_nodes": ["instructed.embed_all"]},
        {"from_inputs": ["instructed_model"]},
    ],
    ids=str,
)
def test_where_it_is_not_trained_but_named_it_is_missed(
    finished: Project, named: dict[str, list[str]]
) -> None:
    session = finished.session()
    with session, pytest.raises(click.ClickException, match=r"run first: .*training_instructed"):
        session.run(pipeline_names=["evaluation"], **named)


def test_instructions_for_no_category_of_the_pairs_are_refused(project: Project) -> None:
    none = dict.fromkeys(project.catalog().load("params:training_instructed").by_category)
    with pytest.raises(click.ClickException, match=r"no instruction for any category .*'values'"):
        project.run("training_instructed", training_instructed={"by_category": none})
    assert not project.files("instructed_model")


def test_every_variant_has_a_pipeline_that_trains_it() -> None:
    from tuneproof.pipeline_registry import register_pipelines

    registered = register_pipelines()
    for model, name in TRAINED_MODELS.items():
        assert model in registered[f"training_{name}"].all_outputs()
