"""What is wrong with a configuration is named, with what was found, expected, and where to mend."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.configuration import (
    Fault,
    Source,
    describe_environment,
    describe_faults,
    find_faults,
    find_global_faults,
    read_sources,
)

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Adapter:
    rank: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=_STRICT)
class Training:
    learning_rate: Annotated[float, Field(gt=0)]
    loss: Literal["cosine", "contrastive"]
    seed: int = 0
    adapter: Adapter | None = None

    def __post_init__(self) -> None:
        if self.seed == 13:
            raise ValueError("seed: found 13, expected luck")


GOOD: dict[str, Any] = {"learning_rate": 0.1, "loss": "cosine"}


def faults_of(value: Any, kind: Any = Training) -> list[Fault]:
    return find_faults({"training": value, "other": 1}, {"training": kind, "absent": Training})


def test_nothing_is_said_of_what_is_good() -> None:
    assert faults_of({**GOOD, "adapter": {"rank": 8}}) == []
    assert faults_of(None, Training | None) == []
    assert faults_of(GOOD, Training | None) == []


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({"learning_rate": -1}, "learning_rate", "found -1, expected greater than 0"),
        (
            {"learning_rate": "fast"},
            "learning_rate",
            'found "fast", expected a valid number, unable to parse string as a number',
        ),
        ({"loss": "hinge"}, "loss", "found \"hinge\", expected 'cosine' or 'contrastive'"),
        (
            {"learning_rat": 1.0},
            "learning_rat",
            "found 1.0, but nothing reads a parameter of this name. Did you mean learning_rate?",
        ),
        (
            {"zzz": None},
            "zzz",
            "found null, but nothing reads a parameter of this name. Expected one of "
            "learning_rate, loss, seed, adapter.",
        ),
        ({"adapter": {"rank": 0}}, "adapter.rank", "expected greater than or equal to 1"),
        ({"adapter": {"rang": 1}}, "adapter.rang", "Did you mean rank?"),
        ({"adapter": {}}, "adapter.rank", "found nothing, expected a value"),
    ],
)
def test_each_fault_is_named_with_what_was_found_and_expected(
    changes: Mapping[str, Any], name: str, message: str
) -> None:
    found = {fault.name: fault.message for fault in faults_of({**GOOD, **changes})}
    assert message in found[f"training.{name}"]
    assert "pydantic" not in str(found)


def test_a_check_of_our_own_speaks_for_itself() -> None:
    assert faults_of({**GOOD, "seed": 13}) == [Fault("training", "seed: found 13, expected luck")]


def test_every_fault_is_told_and_not_the_first_alone() -> None:
    names = [fault.name for fault in faults_of({"loss": "hinge", "seed": "x"})]
    assert names == ["training.learning_rate", "training.loss", "training.seed"]


@pytest.mark.parametrize("value", [None, 3, [1]])
def test_what_is_no_block_is_told(value: Any) -> None:
    ((name, message),) = faults_of(value)
    assert name == "training"
    assert "expected a block of parameters: learning_rate, loss, seed, adapter" in message


@given(st.text() | st.lists(st.text(), max_size=30))
def test_whatever_stands_there_is_written_on_one_short_printable_line(value: Any) -> None:
    (fault,) = faults_of({**GOOD, "seed": value})[:1] or [Fault("", "")]
    assert fault.message.isprintable()
    assert len(fault.message) < 250


class TestGlobals:
    GOOD: Mapping[str, Any] = {
        "train_pairs": "train.jsonl",
        "eval_pairs": Path("eval.jsonl"),
        "general_pairs": "~/general.jsonl",
        "data_root": "data",
        "base_model": "all-MiniLM-L6-v2",
        "base_model_revision": None,
        "device": "auto",
        "new_pairs": None,
        "scoring_model": "lora",
    }

    def test_nothing_is_said_of_what_is_good_and_of_what_a_project_adds(self) -> None:
        assert find_global_faults({**self.GOOD, "own": 7, "prepare": {}}) == []

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("train_pairs", 7, "found 7, expected a file: a path as text, such as ./2024"),
            ("eval_pairs", None, "found null, expected a file: a path as text, such as ./2024"),
            ("general_pairs", " ", 'found " ", expected a file: a path as text, such as ./2024'),
            ("new_pairs", 2024, "found 2024, expected a file: a path as text, such as ./2024"),
            ("data_root", None, "found null, expected a folder: a path as text, such as ./2024"),
            ("data_root", "", 'found "", expected a folder: a path as text, such as ./2024'),
            ("data_root", "~/x", 'found "~/x", expected a folder whose path has no ~'),
            ("base_model", 7, "found 7, expected a model: its name, or its folder, as text"),
            ("base_model", None, "found null, expected a model: its name, or its folder, as text"),
            ("base_model_revision", 1, "found 1, expected a valid string"),
            ("device", "gpu", "found \"gpu\", expected 'auto', 'cuda', 'mps' or 'cpu'"),
            ("scoring_model", None, "found null, expected a valid string"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, name: str, value: Any, message: str) -> None:
        ((found, told),) = find_global_faults({**self.GOOD, name: value})
        assert found == name
        assert told.startswith(message)


class TestWhere:
    SOURCES = (
        Source("conf/fast/parameters_training.yml", {"training": {"loss": "x"}}),
        Source(
            "conf/base/parameters_training.yml",
            {
                "training": {
                    "loss": "cosine",
                    "learning_rate": 0.1,
                    "seed": "${runtime_params:seed, ${globals:seed}}",
                }
            },
        ),
    )

    @pytest.mark.parametrize(
        ("name", "runtime", "where"),
        [
            ("training.loss", {}, "set in conf/fast/parameters_training.yml"),
            ("training.learning_rate", {}, "set in conf/base/parameters_training.yml"),
            (
                "training.loss",
                {"training": {"loss": "hinge"}},
                "set by --params=training.loss=...",
            ),
            ("training.seed", {"seed": -1}, "set by --params=seed=..."),
            ("training.seed", {}, "set in globals.yml as seed"),
            ("training.missing", {}, "to be set in conf/fast/parameters_training.yml"),
            ("nowhere.missing", {}, "to be set by --params=nowhere.missing=..."),
        ],
    )
    def test_it_is_where_the_value_comes_from(
        self, name: str, runtime: Mapping[str, Any], where: str
    ) -> None:
        told = describe_faults([Fault(name, "is wrong")], runtime, self.SOURCES)
        assert told.splitlines()[1:] == [name, "  is wrong", f"  {where}"]

    def test_what_comes_from_one_setting_is_told_once(self) -> None:
        base = {"seed": "${runtime_params:seed, 0}"}
        sources = [Source("conf/base/parameters.yml", {"one": base, "two": base})]
        faults = [Fault(f"{block}.seed", "found -1") for block in ("one", "two")]
        told = describe_faults(faults, {"seed": -1}, sources)
        assert told.splitlines()[1:] == [
            "one.seed",
            "two.seed",
            "  found -1",
            "  set by --params=seed=...",
        ]

    def test_files_are_read_as_they_are_written_what_wins_first(self, tmp_path: Path) -> None:
        conf = tmp_path / "conf"
        for environment in ("base", "fast"):
            (conf / environment).mkdir(parents=True)
            (conf / environment / "parameters_a.yml").write_text(
                f"a: {{of: {environment}, seed: '${{globals:seed}}'}}\n", encoding="utf-8"
            )
        (conf / "base" / "catalog.yml").write_text("b: 1\n", encoding="utf-8")
        found = read_sources(conf, ("fast", "base"), "parameters")
        assert [source.path for source in found] == [
            "conf/fast/parameters_a.yml",
            "conf/base/parameters_a.yml",
        ]
        assert found[0].parameters == {"a": {"of": "fast", "seed": "${globals:seed}"}}
        assert read_sources(tmp_path / "conf.tar.gz", ("fast", "base"), "parameters") == []


class TestEnvironment:
    @pytest.fixture
    def conf(self, tmp_path: Path) -> Path:
        for name in ("base", "local", "published"):
            (tmp_path / "conf" / name).mkdir(parents=True)
        (tmp_path / "conf" / "logging.yml").touch()
        return tmp_path / "conf"

    def test_one_that_is_there_needs_no_word(self, conf: Path) -> None:
        assert describe_environment(conf, "published") is None

    def test_one_that_is_not_is_told_with_those_that_are(self, conf: Path) -> None:
        told = describe_environment(conf, "publishd")
        assert told is not None
        assert "no environment is named 'publishd': found no folder conf/publishd" in told
        assert "expected one of base, local, published. Did you mean published?" in told

    def test_of_an_archive_nothing_is_said(self, conf: Path) -> None:
        assert describe_environment(conf / "logging.yml", "published") is None
