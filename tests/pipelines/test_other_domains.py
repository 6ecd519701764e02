"""Pairs with names of their own: docs/other_domains.md, followed by a reader with a tiny model."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project

from tuneproof.audit.text import words
from tuneproof.pairs import DatingPair, RawLines, hash_pairs, parse_pairs
from tuneproof.session import TuneproofSession

from .conftest import ROOT, TINY, Catalog, Project

GUIDE = (ROOT / "docs" / "other_domains.md").read_text(encoding="utf-8")
SUPPORT = ROOT / "conf" / "support"


def blocks(language: str) -> list[str]:
    """Return the contents of the guide's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def flat(parameters: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value}"


class Reader:
    """Somebody who follows the guide in a copy of the project, with a tiny model.

    Args:
        place: The copy: configuration and shipped pairs.
        base_model: Folder of the tiny model.
    """

    def __init__(self, place: Path, base_model: Path) -> None:
        self.place = place
        tiny = {name: value for name, value in TINY.items() if not name.endswith("_pairs")}
        self.tiny = ",".join(flat({**tiny, "base_model": str(base_model)}))

    def follow(self, command: str) -> Result | None:
        """Run a command of the guide; those of kedro in this process, with the tiny model."""
        words = shlex.split(command)
        if words[:2] != ["kedro", "run"]:
            subprocess.run(words, cwd=self.place, check=True)
            return None
        given = [word.removeprefix("--params=") for word in words if word.startswith("--params=")]
        rest = [word for word in words[2:] if not word.startswith("--params=")]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.place)
            bootstrap_project(self.place)
            return CliRunner().invoke(
                kedro_run, [*rest, f"--params={','.join([*given, self.tiny])}"]
            )

    def catalog(self, env: str) -> Catalog:
        """Return the catalog as a notebook sees it."""
        bootstrap_project(self.place)
        session = cast(TuneproofSession, TuneproofSession.create(self.place, env=env))
        with session:
            catalog: Catalog = session.load_context().catalog
        return catalog

    def artifacts(self, root: str) -> set[str]:
        """Name the artifacts below a data root."""
        return {path.parents[1].name for path in (self.place / root).glob("*/*/*/*")}


@pytest.fixture(scope="module")
def worded_model_folder(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Path:
    """The tiny model with the words of the support questions, so that it can tell them apart."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_model_folder), device="cpu")
    text = (ROOT / "data" / "01_raw" / "support_train.csv").read_text(encoding="utf-8")
    model.tokenizer.add_tokens(sorted(set(words(text))))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bert: Any = model[0].auto_model
        bert.resize_token_embeddings(len(model.tokenizer))
    folder = tmp_path_factory.mktemp("worded") / "model"
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, worded_model_folder: Path) -> Iterator[Reader]:
    """A reader who has followed the whole guide."""
    place = tmp_path_factory.mktemp("reader")
    for folder in ("conf/base", "conf/support", "data/01_raw"):
        shutil.copytree(ROOT / folder, place / folder)
    for file in ("pyproject.toml", "conf/logging.yml"):
        shutil.copy(ROOT / file, place / file)
    for folder in ("src", "conf/local"):
        (place / folder).mkdir()
    reader = Reader(place, worded_model_folder)
    commands = "".join(blocks("console")).splitlines()
    assert len(commands) >= 5
    for command in commands:
        if command == "kedro run --env=mine":
            continue  # It is the whole run on the support questions once more.
        result = reader.follow(command)
        if result is not None:
            assert result.exit_code == 0, f"{command}: {result.exception!r}\n{result.output}"
    yield reader
    bootstrap_project(ROOT)


def test_the_guide_shows_the_files_that_are_shipped() -> None:
    shown = blocks("yaml")
    names = ("globals", "parameters_prepare", "parameters_measure")
    assert shown == [(SUPPORT / f"{name}.yml").read_text(encoding="utf-8") for name in names]
    assert {path.stem for path in SUPPORT.iterdir()} == set(names)
    (head,) = blocks("csv")
    train = (ROOT / "data" / "01_raw" / "support_train.csv").read_text(encoding="utf-8")
    assert train.startswith(head)


def test_the_whole_run_leaves_what_the_guide_names(reader: Reader) -> None:
    paths = re.findall(r"`data/support/(\w+/[\w.]+)/<version>/`", GUIDE)
    assert len(paths) >= 2
    for path in paths:
        assert list((reader.place / "data" / "support" / path).glob("*/*")), path


def test_the_code_of_the_guide_runs(reader: Reader) -> None:
    (code,) = blocks("python")
    names: dict[str, Any] = {"catalog": reader.catalog("support")}
    exec(code, names)
    assert set(names["auc"]) == {"baseline", "standard", "lora"}
    assert all(0 <= auc <= 1 for auc in names["auc"].values())
    assert len(names["missed"]) == 5
    assert names["model"].encode("Where is my box?").shape == (32,)


@pytest.mark.parametrize("root", ["data/support", "data/once"])
def test_every_way_of_the_guide_reads_the_same_pairs(reader: Reader, root: str) -> None:
    folder = reader.place / root / "02_intermediate"
    (first, *others) = sorted((folder / "eval_pairs.jsonl").glob("*/*"))
    lines = first.read_bytes()
    assert all(path.read_bytes() == lines for path in others)
    pairs, rejected = parse_pairs(RawLines("eval_pairs.jsonl", lines))
    assert not rejected
    assert len(pairs) == 80
    assert {(pair.subcategory, pair.pair_type) for pair in pairs} == {("all", "all")}
    assert len({pair.category for pair in pairs}) == 10
    assert {"article_a", "article_b"} == set(pairs[0].model_extra or ())


def test_a_wrong_name_says_what_the_guide_says(reader: Reader) -> None:
    before = reader.artifacts("data/support")
    (option,) = re.findall(r"With `(--params=prepare\.columns\.\S+)`", GUIDE)
    (shown,) = blocks("text")
    result = reader.follow(f"kedro run --env=support --pipelines=data_quality {option}")
    assert result is not None
    assert result.exit_code == 1
    said = result.output.splitlines() + str(result.exception).splitlines()
    message = "\n".join(said)
    for line in shown.splitlines():
        assert line in message
    assert reader.artifacts("data/support") == before


def test_what_has_one_group_or_no_prefix_is_not_applicable(reader: Reader) -> None:
    catalog = reader.catalog("support")
    audit = catalog.load("data_quality_report")
    assert audit.bias.sub_scores["gender_by_label"].score is None
    for model in ("baseline", "standard", "lora"):
        metrics = catalog.load(f"{model}_metrics")
        assert metrics.prefix_swap is None
        assert set(metrics.pair_type_metrics) == {"all"}
        assert len(metrics.category_metrics) == 10
        assert "unseen_subcategories" not in metrics.subsets
        assert metrics.subsets["mixed_pair_types"].auc_roc == metrics.auc_roc


def bare(pair: DatingPair) -> dict[str, Any]:
    return {"a": pair.text_1, "b": pair.text_2, "same": pair.label}


def test_two_texts_and_a_label_are_enough(project: Project, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    for split, name in (("train", "dating_pairs"), ("eval", "eval_pairs")):
        source = ROOT / "tests" / "data" / f"{name}.jsonl"
        pairs, _ = parse_pairs(RawLines(str(source), source.read_bytes()))
        path = tmp_path / f"{split}.jsonl"
        path.write_text("".join(json.dumps(bare(pair)) + "\n" for pair in pairs), "utf-8")
        given[f"{split}_pairs"] = str(path)
    columns = {
        "text_1": "a",
        "text_2": "b",
        "label": "same",
        **dict.fromkeys(("category", "subcategory", "pair_type")),
    }

    given |= {
        "prepare": {"columns": columns, "prefixes": None},
        "measure": {**TINY["measure"], "swap_prefixes": None},
    }
    project.run("data_quality", "baseline", **given)
    project.run("reporting", to_outputs=["comparison_report"], **given)

    catalog = project.catalog()
    eval_pairs = catalog.load("eval_pairs")
    assert {(p.category, p.subcategory, p.pair_type) for p in eval_pairs} == {("all",) * 3}
    scores = catalog.load("data_quality_report").diversity.sub_scores
    assert scores["category_entropy"].score is None
    metrics = catalog.load("baseline_metrics")
    assert metrics.manifest.pairs["eval"] == hash_pairs(eval_pairs)
    assert metrics.category_metrics["all"].auc_roc == metrics.auc_roc
    assert catalog.exists("comparison_report")
