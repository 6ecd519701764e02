"""The hooks advise commands that work as they are printed."""

import errno
from collections.abc import Mapping
from typing import Any, Literal

import click
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Node, Pipeline

from tests.audit.examples import audit_of, pair
from tests.comparison.examples import compared, measured, noisy
from tuneproof.audit.gates import GateOutcome
from tuneproof.audit.score import DataQualityScore
from tuneproof.errors import GateError, StaleArtifactError
from tuneproof.hooks import ConsoleHooks, GateHooks, InputHooks, choose_makers, repeat_options


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


def fail(error: Exception, env: str = "mine", **datasets: MemoryDataset) -> None:
    catalog = DataCatalog(datasets)  # type: ignore[arg-type]
    InputHooks().on_pipeline_error(error, {"env": env}, making(*datasets), catalog)


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
    error.__cause__ = StaleArtifactError("old. Run: kedro run")
    with pytest.raises(click.ClickException, match=r"^old\. Run: kedro run \(with: --env=mine\)$"):
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


def test_only_what_the_disk_does_not_take_is_told_as_such() -> None:
    full = Broken(OSError(errno.ENOSPC, "No space left on device"))
    faulty = Broken(ValueError("a bug"))
    with pytest.raises(click.ClickException, match=r"^model could not be saved: .*No space left"):
        fail(dataset_error(full, saving=True), audit=faulty, model=full)
    fail(dataset_error(full, saving=False), audit=faulty, model=full)
    fail(dataset_error(faulty, saving=True), audit=faulty, model=full)


def printed(capsys: pytest.CaptureFixture[str], *made: str, **datasets: Any) -> str:
    catalog = DataCatalog(
        {name: MemoryDataset(data, copy_mode="assign") for name, data in datasets.items()}
    )
    ConsoleHooks().after_pipeline_run(making(*made), catalog)
    return " ".join(capsys.readouterr().out.split())


class TestSummary:
    def test_verdict_and_threats_are_printed_word_for_word(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        models = [measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.5, 2))]
        comparison = compared(*models).model_copy(
            update={"left_out": ["standard is left out: [/x]"]}
        )
        metrics = {f"{model.metrics.model}_metrics": model.metrics for model in models}
        shown = printed(capsys, "comparison", comparison=comparison, **metrics)
        assert "Headline figures" in shown
        for sentence in (*comparison.verdict, *comparison.left_out, *comparison.threats):
            assert f"- {sentence}" in shown

    def test_the_baseline_alone_has_its_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        metrics = measured("baseline", noisy(0.1, 1)).metrics
        shown = printed(capsys, "baseline_metrics", baseline_metrics=metrics)
        assert "Headline figures" in shown
        assert "Verdict" not in shown

    def test_a_run_without_figures_prints_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert printed(capsys, "pairs") == ""
