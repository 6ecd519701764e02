"""The hooks advise commands that work as they are printed, and sum a run up."""

import errno
import io
import logging
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import click
import pytest
import rich
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline
from rich.console import Console

from tests.audit.examples import audit_of, pair
from tests.comparison.examples import compared, measured, noisy, untelling
from tests.report.test_console import trained
from tuneproof import hooks
from tuneproof.audit.gates import GateOutcome
from tuneproof.audit.score import DataQualityScore
from tuneproof.datasets.documents import TextDataset
from tuneproof.errors import GateError, StaleArtifactError
from tuneproof.hooks import (
    ConsoleHooks,
    GateHooks,
    InputHooks,
    VersionHooks,
    choose_makers,
    logs_of_itself,
    places,
    repeat_options,
    write_command,
)
from tuneproof.progress import STREAMS
from tuneproof.report.next_steps import Step


def make(raw: object) -> object:
    return raw


def making(*names: str) -> Pipeline:
    return Pipeline([Node(make, inputs="raw", outputs=name, name=f"make_{name}") for name in names])


REGISTERED = {
    "first": making("pairs", "audit"),
    "second": making("pairs", "model"),
    "third": making("pairs", "metrics"),
    "__default__": making("pairs", "audit", "model", "metrics"),
}


@pytest.mark.parametrize(
    ("missing", "makers"),
    [
        ({"model"}, ["second"]),
        ({"metrics", "audit"}, ["first", "third"]),
        ({"pairs", "model"}, ["second"]),
        ({"pairs"}, ["first"]),
        ({"raw"}, []),
        (set(), []),
    ],
)
def test_as_few_pipelines_as_possible_are_advised(missing: set[str], makers: list[str]) -> None:
    assert choose_makers(missing, REGISTERED) == makers


@pytest.mark.parametrize(
    ("run_params", "options"),
    [
        ({"env": "local", "runtime_params": {}}, ""),
        ({"env": None}, ""),
        ({"env": "published", "runtime_params": None}, " --env=published"),
        (
            {"runtime_params": {"data_root": "x", "prepare": {"prefixes": None, "seed": 3}}},
            " --params=data_root=x,prepare.prefixes=null,prepare.seed=3",
        ),
    ],
)
def test_the_options_of_the_run_are_repeated(
    run_params: Mapping[str, object], options: str
) -> None:
    assert repeat_options(run_params) == options


def test_options_survive_the_shell() -> None:
    options = repeat_options({"runtime_params": {"data_root": "my results/$x"}})
    assert shlex.split(options) == ["--params=data_root=my results/$x"]


@pytest.mark.parametrize(
    ("run_params", "command"),
    [
        ({}, "kedro run --pipelines=release,reporting --params=release.version=1.0.0"),
        (
            {"env": "published", "runtime_params": {"data_root": "x", "release": {"name": "n"}}},
            "kedro run --pipelines=release,reporting --env=published "
            "--params=data_root=x,release.version=1.0.0,release.name=n",
        ),
        (
            {"runtime_params": {"release": {"version": "2.0.0"}}},
            "kedro run --pipelines=release,reporting --params=release.version=2.0.0",
        ),
    ],
)
def test_a_step_becomes_a_command_and_what_the_user_set_stays(
    run_params: Mapping[str, object], command: str
) -> None:
    step = Step("go on", ("release", "reporting"), {"release": {"version": "1.0.0"}})
    assert write_command(step, run_params) == command
    assert write_command(Step("look"), run_params) is None


def test_a_step_for_some_models_names_their_namespaces() -> None:
    step = Step("go on", ("release",), namespaces=("release.lora", "release.standard"))
    command = "kedro run --pipelines=release --namespaces=release.lora,release.standard --env=x"
    assert write_command(step, {"env": "x"}) == command


def audit_with(action: Literal["warn", "fail", "off"], passed: bool) -> DataQualityScore:
    outcome = GateOutcome(
        name="leakage",
        found=0.5,
        limit=0.1,
        action=action,
        passed=passed,
        message="50.0% of the eval pairs, expected 10.0% at most",
    )
    report = audit_of([pair(label=1), pair("boy: b", "girl: c", 0)])
    return report.model_copy(update={"gates": [outcome, *report.gates]})


def fail(error: Exception, env: str = "mine", saving: str | None = None) -> None:
    hooks_of_run = InputHooks()
    hooks_of_run.before_pipeline_run({}, Pipeline([]), DataCatalog())
    hooks_of_run.before_dataset_saved("earlier")
    hooks_of_run.after_dataset_saved()
    if saving:
        hooks_of_run.before_dataset_saved(saving)
    hooks_of_run.on_pipeline_error(error, {"env": env})


def test_the_report_is_told_which_versions_it_reads_and_makes(tmp_path: Path) -> None:
    def dataset(name: str, version: str) -> TextDataset:
        return TextDataset(filepath=tmp_path / name, version=Version(None, version))

    for version in ("2026-01-01", "2026-01-02"):
        dataset("read", version).save(version)
    catalog = DataCatalog(
        {name: dataset(name, "2026-02-01") for name in ("read", "made", "never_saved")}
    )
    inputs = ["read", "never_saved", "artifact_versions"]
    nodes = [Node(lambda *_: "", inputs=inputs, outputs="made", name="write")]
    VersionHooks().before_pipeline_run(Pipeline(nodes), catalog)
    assert catalog.load("artifact_versions") == {"read": "2026-01-02", "made": "2026-02-01"}


class TestGateHooks:
    def test_a_gate_that_says_fail_stops_the_run(self) -> None:
        with pytest.raises(
            GateError,
            match=r"not fit: data_quality\.gates\.leakage: 50\.0% .*data_quality_report is saved",
        ):
            GateHooks().after_dataset_saved("data_quality_report", audit_with("fail", False))

    @pytest.mark.parametrize(
        ("action", "passed"), [("fail", True), ("warn", False), ("off", False)]
    )
    def test_every_other_gate_lets_it_go_on(
        self, action: Literal["warn", "fail", "off"], passed: bool
    ) -> None:
        GateHooks().after_dataset_saved("data_quality_report", audit_with(action, passed))

    def test_other_datasets_are_not_looked_at(self) -> None:
        GateHooks().after_dataset_saved("train_pairs", audit_with("fail", False))

    def test_its_error_becomes_a_message_without_traceback(self) -> None:
        with pytest.raises(click.ClickException, match=r"^the data are not fit$"):
            fail(GateError("the data are not fit"), env="published")


def test_a_stale_artifact_repeats_the_options_of_the_run() -> None:
    error = RuntimeError("node failed")
    error.__cause__ = StaleArtifactError("old. Run: kedro run and wait.")
    with pytest.raises(click.ClickException, match=r"^old\. Run: kedro run --env=mine and wait\.$"):
        fail(error)
    fail(RuntimeError("a bug"))


class Broken(MemoryDataset):
    """A dataset that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def load(self) -> object:
        raise self._error

    def save(self, data: object) -> None:
        raise self._error

    def _describe(self) -> dict[str, object]:
        return {"error": self._error}


def dataset_error(dataset: Broken, saving: bool) -> DatasetError:
    with pytest.raises(DatasetError) as found:
        dataset.save("made") if saving else dataset.load()
    return found.value


FULL = Broken(OSError(errno.ENOSPC, "No space left on device"))
FAULTY = Broken(ValueError("a bug"))


def test_what_the_disk_does_not_take_is_told_as_such() -> None:
    with pytest.raises(click.ClickException, match=r"^model could not be saved: .*No space left"):
        fail(dataset_error(FULL, saving=True), saving="model")


@pytest.mark.parametrize("fault", [FileNotFoundError, NotADirectoryError])
def test_so_is_a_folder_that_is_gone_which_kedro_lets_through_as_it_is(
    fault: type[OSError],
) -> None:
    error = fault(errno.ENOENT, "No such file or directory", "/data/x")
    with pytest.raises(fault) as raised:
        Broken(error).save("made")
    with pytest.raises(click.ClickException, match=r"^model could not be saved: .*'/data/x'\. No"):
        fail(raised.value, saving="model")


def test_other_errors_are_not_told_as_such() -> None:
    fail(dataset_error(FULL, saving=False))
    fail(dataset_error(FAULTY, saving=True), saving="model")
    fail(OSError("of a node"))


def printed(
    capsys: pytest.CaptureFixture[str], catalog: DataCatalog, *made: str, **run_params: Any
) -> str:
    ConsoleHooks().after_pipeline_run(run_params, making(*made), catalog)
    return " ".join(capsys.readouterr().out.split())


def catalog_of(folder: Path, *files: str, **datasets: Any) -> DataCatalog:
    """Make a catalog that holds these data, and files of text."""
    known: dict[str, Any] = {
        name: MemoryDataset(data, copy_mode="assign") for name, data in datasets.items()
    }
    for name in files:
        dataset = TextDataset(filepath=folder / name, version=Version(None, "now"))
        dataset.save("text")
        known[name] = dataset
    return DataCatalog(known)


class TestSummary:
    @pytest.fixture(autouse=True)
    def wide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rich.get_console(), "width", 1000)

    def test_a_whole_run_tells_data_figures_verdict_report_and_what_is_next(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        models = [measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.5, 2))]
        comparison = compared(*models).model_copy(
            update={"left_out": ["standard is left out: [/x]"]}
        )
        metrics = {f"{model.metrics.model}_metrics": model.metrics for model in models}
        shown = printed(
            capsys,
            catalog_of(
                tmp_path,
                "comparison_report",
                data_quality_report=untelling(),
                comparison=comparison,
                **metrics,
            ),
            "data_quality_report",
            "comparison",
            "comparison_report",
            runtime_params={"data_root": "here"},
        )
        parts = ["Data ", "AUC-ROC", "Verdict ", "[/x]", "Report ", "Next 1. "]
        places_of = [shown.index(part) for part in parts]
        assert places_of == sorted(places_of)
        assert str(tmp_path / "comparison_report" / "now" / "comparison_report") in shown
        assert (
            "kedro run --pipelines=training_standard,evaluation,reporting --params=data_root=here"
        ) in shown
        assert "--params=data_root=here,release.version=1.0.0" in shown

    def test_a_training_alone_tells_its_best_step_its_log_and_how_to_measure_it(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        class Convergence:
            recommendations = ("Raise epochs: more.",)

        shown = printed(
            capsys,
            catalog_of(
                tmp_path,
                "lora_training_log",
                lora_training_info=trained(),
                lora_convergence=Convergence(),
            ),
            "lora_training_info",
            "lora_training_log",
            "lora_convergence",
        )
        assert "best validation Spearman 0.2338 at step 231 of 256" in shown
        assert "Raise epochs: more." in shown
        assert f"Log of lora {tmp_path / 'lora_training_log' / 'now'}" in shown
        assert "kedro run --pipelines=baseline,evaluation,reporting" in shown

    def test_the_baseline_alone_has_its_table(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        metrics = measured("baseline", noisy(0.1, 1)).metrics
        catalog = catalog_of(tmp_path, baseline_metrics=metrics)
        shown = printed(capsys, catalog, "baseline_metrics")
        assert "AUC-ROC" in shown
        assert "Verdict" not in shown
        assert "--pipelines=training_standard,training_lora,evaluation,reporting" in shown

    def test_a_run_without_figures_prints_nothing(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert printed(capsys, catalog_of(tmp_path), "pairs") == ""

    @pytest.mark.parametrize(("content", "told"), [("{}\n", True), ("", False)])
    def test_rows_that_were_set_aside_are_told_where_there_are_some(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, told: bool
    ) -> None:
        catalog = catalog_of(tmp_path, "scored_pairs")
        rejected = TextDataset(filepath=tmp_path / "rejected", version=Version(None, "now"))
        rejected.save(content)
        catalog["rejected_new_pairs"] = rejected
        shown = printed(capsys, catalog, "scored_pairs", "rejected_new_pairs")
        assert f"Scores {tmp_path / 'scored_pairs' / 'now' / 'scored_pairs'}" in shown
        assert (f"Set aside {rejected.latest_path()}" in shown) is told
        assert ("rejected" in shown) is told

    def test_a_report_stands_for_all_else(self) -> None:
        assert places({"comparison_report", "data_quality_summary"}) == {
            "comparison_report": "Report"
        }
        assert list(places({"data_quality_summary", "lora_release", "pairs"})) == [
            "data_quality_summary",
            "lora_release",
        ]


def yields(raw: object) -> Iterator[object]:
    yield raw


def train(raw: object, options: object) -> object:
    return raw or options


PLAIN = Node(make, inputs="raw", outputs="made", name="plain")
TRAINING = Node(train, inputs=["raw", "params:training"], outputs="made", name="trains")
SWEEP = Node(yields, inputs="raw", outputs="made", name="yields")
STREAMING = Node(make, inputs="raw", outputs="made", name="streams", tags=STREAMS)


class TestNodes:
    def run(self, *nodes: Node) -> None:
        console_hooks = ConsoleHooks()
        console_hooks.before_pipeline_run(Pipeline(nodes))
        for node in nodes:
            console_hooks.before_node_run(node)
            console_hooks.after_node_run(node, {})

    @pytest.mark.parametrize(
        ("node", "expected"), [(PLAIN, False), (TRAINING, True), (SWEEP, True), (STREAMING, True)]
    )
    def test_what_logs_of_itself_is_known(self, node: Node, expected: bool) -> None:
        assert logs_of_itself(node) is expected

    @pytest.mark.parametrize(
        ("node", "lines"),
        [
            (PLAIN, ["[1/1] plain: 0.0 s"]),
            (TRAINING, ["trains ...", "[1/1] trains: 0.0 s"]),
            (SWEEP, ["yields ..."]),
            (STREAMING, ["streams ..."]),
        ],
        ids=lambda value: value.name if isinstance(value, Node) else "",
    )
    def test_a_node_has_one_line_but_for_those_that_log_on_their_way(
        self, node: Node, lines: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            self.run(node)
        assert [record.getMessage() for record in caplog.records] == lines

    @pytest.mark.parametrize("terminal", [True, False])
    def test_only_a_terminal_announces_a_node_and_wipes_it_away(
        self, terminal: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = io.StringIO()
        console = Console(file=screen, width=40, force_terminal=terminal, color_system=None)
        monkeypatch.setattr(rich, "get_console", lambda: console)
        console_hooks = ConsoleHooks()
        console_hooks.before_node_run(PLAIN)
        assert screen.getvalue() == ("plain ...\r" if terminal else "")
        console_hooks.on_node_error()
        assert screen.getvalue().endswith(" " * 39 + "\r") is terminal

    @pytest.mark.parametrize(
        ("terminal", "columns", "width"),
        [(False, None, hooks._LOG_WIDTH), (False, "70", 70), (True, None, 50)],
    )
    def test_a_log_gets_room_unless_somebody_chose_its_width(
        self, terminal: bool, columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
        console = Console(
            file=io.StringIO(), width=None if columns else 50, force_terminal=terminal
        )
        monkeypatch.setattr(rich, "get_console", lambda: console)
        ConsoleHooks().after_context_created()
        assert console.width == width
