"""What a user reads: errors without a traceback, hints that are true, a console that is quiet."""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from kedro.framework.startup import bootstrap_project

from tuneproof.session import TuneproofSession

from .conftest import ROOT, SAMPLE, Project

_LOGGED = re.compile(r"(\d\d:\d\d:\d\d| {8}) INFO     ")


def test_an_environment_that_is_not_there_is_named_with_those_that_are() -> None:
    bootstrap_project(ROOT)
    session = TuneproofSession.create(project_path=ROOT, env="publishd")
    with session, pytest.raises(click.ClickException) as error:
        session.run(pipeline_names=["data_quality"])
    assert error.value.message.startswith("no environment is named 'publishd'")
    assert "Did you mean published?" in error.value.message


@pytest.mark.parametrize(
    ("parameters", "lines"),
    [
        (
            {"training_lora": {"lora": {"rank": 0}}},
            [
                "training_lora.lora.rank",
                "  found 0, expected greater than or equal to 1",
                "  set by --params=training_lora.lora.rank=...",
            ],
        ),
        (
            {"seed": -1},
            ["  found -1, expected greater than or equal to 0", "  set by --params=seed=..."],
        ),
        (
            {"training_standard": {"learning_rat": 1.0}},
            [
                "training_standard.learning_rat",
                "  found 1.0, but nothing reads a parameter of this name. Did you mean "
                "learning_rate?",
                "  set by --params=training_standard.learning_rat=...",
            ],
        ),
        (
            {"evaluation": {"success_criteria": {"auc_roc": "high"}}},
            ["  success_criteria.auc_roc: found 'high', expected '>= number' or '> number'"],
        ),
        (
            {"train_pairs": 7},
            [
                "train_pairs",
                "  found 7, expected a file: a path as text, such as ./2024",
                "  set by --params=train_pairs=...",
            ],
        ),
        (
            {"data_root": None},
            [
                "data_root",
                "  found null, expected a folder: a path as text, such as ./2024",
                "  set by --params=data_root=...",
            ],
        ),
    ],
    ids=["range", "setting", "name", "own check", "number", "nothing"],
)
def test_a_parameter_that_cannot_be_used_says_what_is_expected_and_where_it_is_set(
    project: Project, parameters: Mapping[str, Any], lines: list[str]
) -> None:
    with pytest.raises(click.ClickException) as error:
        project.run("training_lora", "training_standard", "evaluation", **parameters)
    told = error.value.message.splitlines()
    assert told[0] == "these parameters cannot be used:"
    assert [line for line in told if line in lines] == lines
    assert "pydantic" not in error.value.message
    assert not project.data_root.exists()


def test_a_global_that_cannot_be_used_names_the_file_that_sets_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    local = tmp_path / "conf" / "local"
    local.mkdir(exist_ok=True)
    (local / "globals.yml").write_text("data_root: ~/results\n", "utf-8")
    bootstrap_project(ROOT)
    session = TuneproofSession.create(project_path=ROOT, conf_source=str(tmp_path / "conf"))
    with session, pytest.raises(click.ClickException) as error:
        session.run(pipeline_names=["data_quality"])
    assert error.value.message.splitlines()[1:] == [
        "data_root",
        '  found "~/results", expected a folder whose path has no ~',
        "  set in conf/local/globals.yml",
    ]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("scorin", {}, "no pipeline is named 'scorin', expected one of "),
        ("scoring", {"new_pair": "x.csv"}, "no parameter is named 'new_pair', expected one of "),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_one_most_like_it(
    project: Project, name: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(click.ClickException) as error:
        project.run(name, **parameters)
    assert error.value.message.startswith(message)
    likely = "new_pairs" if parameters else "scoring"
    assert error.value.message.endswith(f". Did you mean {likely}?")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"node_names": ["nobody"]}, r"nodes named \['nobody'\]"),
        ({"to_outputs": ["nothing"]}, r"datasets named \['nothing'\]"),
        ({"namespaces": ["nowhere"]}, r"namespaces: \['nowhere'\]"),
    ],
    ids=str,
)
def test_a_part_of_a_pipeline_that_is_not_there_is_named(
    project: Project, chosen: dict[str, list[str]], message: str
) -> None:
    session = project.session()
    with session, pytest.raises(click.ClickException, match=message):
        session.run(pipeline_names=["data_quality"], **chosen)


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "local").mkdir(exist_ok=True)
    (tmp_path / "conf" / "local" / "parameters_prepare.yml").write_text("prepare: [\n", "utf-8")
    bootstrap_project(ROOT)
    session = TuneproofSession.create(project_path=ROOT, conf_source=str(tmp_path / "conf"))
    with session, pytest.raises(click.ClickException, match=r"parameters_prepare\.yml, unable"):
        session.run(pipeline_names=["data_quality"])


@pytest.mark.parametrize(
    "chosen", [{"to_outputs": ["comparison"]}, {"namespaces": ["lora"]}, {}], ids=str
)
def test_what_is_not_left_out_is_not_said_to_be(
    project: Project, caplog: pytest.LogCaptureFixture, chosen: dict[str, list[str]]
) -> None:
    """Nothing is trained, so nothing is left out: what is missing is the error's to say."""
    session = project.session()
    with (
        caplog.at_level(logging.WARNING),
        session,
        pytest.raises(click.ClickException, match="missing; run first"),
    ):
        session.run(pipeline_names=["evaluation"], **chosen)
    assert not [record for record in caplog.records if "trained" in record.getMessage()]


def test_a_run_says_its_nodes_its_steps_its_summary_and_nothing_else(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    parameters = {
        "train_pairs": SAMPLE / "dating_pairs.jsonl",
        "eval_pairs": SAMPLE / "eval_pairs.jsonl",
        "base_model": tiny_model_folder,
        "data_root": tmp_path / "data",
        "device": "cpu",
        "training_lora.epochs": 1,
        "training_lora.evaluations": 4,  # four checkpoints, within a second where it is fast
    }
    given = ",".join(f"{name}={value}" for name, value in parameters.items())
    run = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipelines=training_lora", f"--params={given}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    lines = [line.rstrip() for line in run.stdout.splitlines() if line.strip()]
    start = lines.index("Training")
    log, summary = lines[:start], lines[start:]
    assert all(_LOGGED.match(line) for line in log), log
    nodes = [line for line in log if re.search(r"\[ *\d+/\d+\] ", line)]
    assert len(nodes) == int(re.findall(r"/(\d+)\]", nodes[0])[0])
    assert len([line for line in log if line.endswith(" ...")]) == 1  # the training
    assert summary[1].startswith("  lora: best validation Spearman ")
    (place,) = [line for line in summary if line.startswith("Log of lora  ")]
    assert Path(place.removeprefix("Log of lora  ")).is_file()
    assert summary[-1] == (
        f"    kedro run --pipelines=baseline,evaluation,reporting --params={given}"
    )
