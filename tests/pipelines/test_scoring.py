"""Pipeline `scoring` after a whole run: the same figures as measuring gives, or a clear refusal."""

import csv
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

from tuneproof.scoring.records import ScoredPairs

from .conftest import SAMPLE, Project
from .test_runs import shifted

EVAL = SAMPLE / "eval_pairs.jsonl"
NEW = {"text_1": "boy: i like tea", "text_2": "girl: i hate hiking and dogs", "id": "x1"}


@pytest.fixture(scope="module")
def copy(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What a whole run left, to write scores beside it."""
    place = shifted(finished, tmp_path_factory.mktemp("scoring"))
    return Project(Path(place), {**finished.parameters, "data_root": place})


def new_file(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "new.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def scores(project: Project, **parameters: Any) -> list[Any]:
    project.run("scoring", **parameters)
    scored: ScoredPairs = project.catalog().load("scored_pairs")
    return list(scored.rows)


def require_measured(project: Project, name: str) -> None:
    """Check that scoring the eval pairs says what measuring said of them."""
    found = pd.DataFrame(scores(project, new_pairs=str(EVAL), scoring_model=name))
    catalog = project.catalog()
    known = catalog.load(f"{name}_scores").query("split == 'eval'").reset_index()
    metrics = catalog.load(f"{name}_metrics")
    for field in ("text_1", "text_2", "label", "pair_type"):
        assert found[field].tolist() == known[field].tolist()
    for field in ("cosine", "probability"):
        np.testing.assert_allclose(found[field], known[field], atol=1e-6)
    # Where the two differ by rounding alone, a pair may stand on the other side of the threshold.
    clear = (known["cosine"] - metrics.best_threshold).abs() > 1e-6
    decided = known["cosine"] >= metrics.best_threshold
    assert clear.sum() >= len(clear) - 1
    assert (found["decision"] == decided)[clear].all()
    nearest = [pairs[0] for pairs in found["nearest_train_pairs"]]
    similarities = [near["similarity"] for near in nearest]
    np.testing.assert_allclose(similarities, known["nearest_train_similarity"], atol=1e-6)
    train = catalog.load("train_pairs")
    for near in nearest:
        pair = train[near["row"]]
        assert (near["text_1"], near["text_2"], near["label"]) == (*pair.texts, pair.label)
    same = [near["row"] for near in nearest] == known["nearest_train_row"]
    assert same.mean() > 0.95  # but for ties


@pytest.mark.parametrize("name", ["baseline", "standard", "lora"])
def test_the_eval_pairs_get_the_figures_that_measuring_gave_them(copy: Project, name: str) -> None:
    require_measured(copy, name)
    manifest = copy.catalog().load("scored_pairs").manifest
    assert manifest.model_name == name
    measured = copy.catalog().load(f"{name}_metrics").manifest
    assert (manifest.model, manifest.base_model) == (measured.model, measured.base_model)


def test_an_instructed_model_reads_its_instructions(copy: Project) -> None:
    copy.run("training_instructed")
    session = copy.session()
    with session:
        session.run(pipeline_names=["evaluation"], namespaces=["instructed"])
    require_measured(copy, "instructed")


def test_csv_gives_the_same_scores_and_the_default_model_is_lora(
    copy: Project, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in EVAL.read_text("utf-8").splitlines()][:20]
    path = tmp_path / "new.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    from_json = scores(copy, new_pairs=new_file(tmp_path, rows), scoring_model="lora")
    from_csv = scores(copy, new_pairs=str(path))
    assert [row["cosine"] for row in from_csv] == [row["cosine"] for row in from_json]
    assert [row["label"] for row in from_csv] == [str(row["label"]) for row in rows]


def test_scoring_is_not_said_to_be_done_before_it_is(
    copy: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        scores(copy, new_pairs=new_file(tmp_path, [NEW]))
    said = [record.getMessage() for record in caplog.records]
    assert "score_new_pairs ..." in said
    assert not [line for line in said if line.startswith("[1/1]")]
    assert any(line.startswith("1 pairs scored with lora") for line in said)


def test_files_with_other_column_names_are_scored(copy: Project, tmp_path: Path) -> None:
    renamed = {"a": NEW["text_1"], "b": NEW["text_2"], "text_1": "kept"}
    columns = {"text_1": "a", "text_2": "b"}
    path = new_file(tmp_path, [renamed])
    (mapped,) = scores(copy, new_pairs=path, prepare={"columns": columns})
    (plain,) = scores(copy, new_pairs=new_file(tmp_path, [NEW]))
    assert {key: mapped[key] for key in renamed} == renamed
    assert mapped["cosine"] == plain["cosine"]
    assert plain["id"] == "x1"


def test_bad_rows_stop_the_run_with_one_message_and_nothing_is_written(
    copy: Project, tmp_path: Path
) -> None:
    path = new_file(tmp_path, [NEW, {**NEW, "text_2": "[/red] x"}, {"cosine": 1}])
    before = copy.files("scored_pairs.jsonl")
    with pytest.raises(click.ClickException) as error:
        copy.run("scoring", new_pairs=path)
    message = error.value.message
    assert f"{path}:2: text_2: found '[/red] x', expected it to begin with" in message
    assert f"{path}:3: cosine: found a field of this name" in message
    assert f"{path}:3: text_1: found nothing" in message
    assert copy.files("scored_pairs.jsonl") == before
    scores(copy, new_pairs=path, prepare={"on_invalid": "quarantine"})
    rejected = copy.catalog().load("rejected_new_pairs")
    assert [row.line for row in rejected] == [2, 3]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "new_pairs: found no file, expected --params=new_pairs=PATH"),
        ({"new_pairs": "gone.jsonl"}, "gone.jsonl: found no readable file"),
        (
            {"new_pairs": str(EVAL), "scoring_model": "standrad"},
            "scoring_model: found 'standrad', expected one of baseline, standard, lora, "
            "instructed. Did you mean standard?",
        ),
    ],
)
def test_a_wrong_setting_is_named(copy: Project, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(click.ClickException) as error:
        copy.run("scoring", **parameters)
    assert message in error.value.message


def test_on_a_fresh_clone_the_run_says_what_to_run(project: Project) -> None:
    with pytest.raises(click.ClickException) as error:
        project.run("scoring", new_pairs=str(EVAL), scoring_model="standard")
    message = error.value.message
    assert "kedro run --pipelines=baseline,training_standard,evaluation" in message
    assert f"data_root={project.data_root}" in message  # of those results
    with pytest.raises(click.ClickException, match="kedro run --pipelines=baseline "):
        project.run("scoring", new_pairs=str(EVAL), scoring_model="baseline")
    assert not project.data_root.exists()


def test_a_model_trained_anew_is_not_scored_with_the_old_threshold(
    finished: Project, tmp_path: Path
) -> None:
    place = Path(shifted(finished, tmp_path))
    fresh = {"data_root": str(place), "new_pairs": str(EVAL)}
    finished.run(
        "training_standard", data_root=str(place), training_standard={"learning_rate": 1e-3}
    )
    with pytest.raises(click.ClickException, match="standard_metrics measured another"):
        finished.run("scoring", scoring_model="standard", **fresh)
    shutil.rmtree(place / "07_model_output" / "lora_metrics.json")
    with pytest.raises(click.ClickException, match="found no lora_metrics beside the lora model"):
        finished.run("scoring", scoring_model="lora", **fresh)
    finished.run("data_quality", data_root=str(place), seed=7)  # another validation split
    with pytest.raises(click.ClickException, match="was made from other train pairs"):
        finished.run("scoring", scoring_model="baseline", **fresh)
    assert not (place / "10_scoring").exists()
