"""A sweep with real training of a tiny model: what is finished is not trained again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from tests.training.test_sweep import START, run
from tuneproof.errors import DivergedError, TrainingError
from tuneproof.pipelines.sweep.nodes import train_sweep
from tuneproof.training.engine import train
from tuneproof.training.result import TrainingResult
from tuneproof.training.sweep import Configuration, SweepSummary

from .conftest import Project

# Parameters are merged with those in conf/base: what is not varied there too is null here.
ALONE: dict[str, Any] = {"learning_rate": [1e-3], "epochs": None, "loss": None}
SWEEP: dict[str, Any] = {"one_at_a_time": ALONE, "seeds": [1, 2]}
TRAINING: dict[str, Any] = {
    "epochs": 1,
    "learning_rate": 3e-3,
    "batch_size": 64,
    "evaluations": 1,
    "frozen": ["pooler"],
    "dropout": None,
    "precision": "fp32",
}


@pytest.fixture
def swept(project: Project) -> Project:
    """The project with a sweep of two configurations and two seeds, three steps each."""
    project.parameters |= {
        "sweep": SWEEP,
        "training_standard": TRAINING,
        "training": {"checkpoints": 0},
    }
    return project


class Killed(BaseException):
    """What nothing catches, as a kill."""


def results(project: Project) -> dict[Path, int]:
    """Return every saved result and when it was written."""
    found = project.data_root.glob("07_model_output/sweep_results/*.json/*/*.json")
    return {path: path.stat().st_mtime_ns for path in found}


def kill_after(number: int, patch: pytest.MonkeyPatch) -> list[float]:
    """Let so many trainings pass; return the list to which every one adds its learning rate."""
    started: list[float] = []

    def counted(*arguments: Any) -> Any:
        started.append(arguments[3].learning_rate)
        if len(started) > number:
            raise Killed
        return train(*arguments)

    patch.setattr("tuneproof.training.sweep.train", counted)
    return started


def test_a_killed_sweep_goes_on_where_it_was_and_a_finished_one_trains_nothing(
    swept: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kill_after(1, patch)
        with pytest.raises(Killed):
            swept.run("sweep")
    before = results(swept)
    assert len(before) == 1, "what was finished is saved before the next run starts"
    assert not list(swept.data_root.glob("*/sweep_table.parquet/*"))

    with monkeypatch.context() as patch:
        started = kill_after(99, patch)
        swept.run("sweep")
    after = results(swept)
    assert len(started) == 3
    assert len(after) == 4
    assert before.items() <= after.items(), "what was finished is untouched"

    with monkeypatch.context() as patch:
        started = kill_after(0, patch)
        swept.run("sweep")
    assert started == []
    assert results(swept) == after

    catalog = swept.catalog()
    table = catalog.load("sweep_table")
    assert table["n_seeds"].tolist() == [2, 2]
    assert table["learning_rate"].tolist() == [3e-3, 1e-3]
    assert table["start"].tolist() == [True, False]
    assert table["spearman_sd"].notna().all()
    assert (table["peak_memory_mb"] > 10).all()
    summary: SweepSummary = catalog.load("sweep_summary")
    assert summary.n_configurations == 2
    assert summary.ceiling is not None
    assert summary.best.spearman_mean == pytest.approx(table["spearman_mean"].max())
    assert catalog.load("sweep_chart").get_size_inches()[0] > 5


def test_results_are_those_of_the_pairs_and_need_no_eval_pairs(swept: Project) -> None:
    alone = ALONE | {"learning_rate": None, "dropout": [0.0]}
    swept.run("sweep", sweep={"one_at_a_time": alone, "seeds": None})
    loaders = swept.catalog().load("sweep_results")
    loaded: list[TrainingResult] = [load() for load in loaders.values()]
    assert {r.manifest.parameters["dropout"] for r in loaded} == {None, 0.0}
    summary: SweepSummary = swept.catalog().load("sweep_summary")
    found = [c.settings["dropout"] for c in (summary.best, summary.next_best) if c is not None]
    assert set(found) == {None, 0.0}, "null is a value too"
    assert all(result.manifest.pairs.keys() == {"train", "validation"} for result in loaded)
    lora = {"start": "lora", "seeds": None, "grid": {"lora.rank": [2, 4]}, "one_at_a_time": None}
    swept.run("sweep", sweep=lora, training_lora=TRAINING)
    table = swept.catalog().load("sweep_table")
    assert table["lora.rank"].tolist() == [2, 4], "results of the sweep before are passed over"
    assert (
        table["trainable_parameters"].tolist()[1] == 2 * table["trainable_parameters"].tolist()[0]
    )
    assert len(results(swept)) == 4


def test_a_run_that_diverges_leaves_no_result_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The node alone: a stub stands for training, and fails for one learning rate."""
    forgotten: list[float] = []
    monkeypatch.setattr("tuneproof.pipelines.sweep.nodes.train_afresh", diverge)
    monkeypatch.setattr(
        "tuneproof.pipelines.sweep.nodes.forget", lambda _, result: forgotten.append(result)
    )
    options = [replace(START, learning_rate=rate) for rate in (1e-4, 1e-3, 1e-2)]
    plan = [
        Configuration(f"c{number}", start=False, options=o, runs={f"r{number}": o}, pooled=False)
        for number, o in enumerate(options)
    ]
    nothing: Any = None
    finished: Any = object
    yielded: list[Any] = list(
        train_sweep(nothing, [], [], plan, run(tmp_path), {"r0": lambda: None})
    )
    assert yielded == [{"r0": 1e-4}, {"r2": 1e-2}], "a record that is not whole is no result"
    assert forgotten == [1e-4, 1e-2], "checkpoints are kept of what has no result"
    yielded = list(train_sweep(nothing, [], [], plan, run(tmp_path), {"r0": finished}))
    assert yielded == [{"r2": 1e-2}]


def test_what_no_other_parameters_mend_stops_the_sweep(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> float:
        raise TrainingError("step 8: the checkpoint could not be written")

    monkeypatch.setattr("tuneproof.pipelines.sweep.nodes.train_afresh", full)
    plan = [Configuration("c", start=True, options=START, runs={"r": START}, pooled=False)]
    nothing: Any = None
    with pytest.raises(TrainingError, match="could not be written"):
        list(train_sweep(nothing, [], [], plan, run(tmp_path), {}))


def diverge(*arguments: Any) -> float:
    rate: float = arguments[3].learning_rate
    if rate == 1e-3:
        raise DivergedError("step 1: found loss nan")
    return rate


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"one_at_a_time": ALONE | {"rank": [4]}}, "'learning_rate', 'epochs'"),
        ({"grid": {"epochs": [1]}}, "found both of grid and one_at_a_time"),
        ({"one_at_a_time": ALONE | {"lora.rank": [4]}}, "found a field of the adapter"),
        ({"one_at_a_time": ALONE | {"epochs": []}}, "at least 1 item"),
        ({"one_at_a_time": ALONE | {"frozen": [["embedings"]]}}, "frozen: found 'embedings'"),
        (
            {"one_at_a_time": ALONE | {"frozen": [["embeddings", "encoder", "pooler"]]}},
            "expected some layer left to train",
        ),
    ],
)
def test_a_faulty_sweep_stops_in_one_message_before_anything_is_trained(
    swept: Project, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    started = kill_after(0, monkeypatch)
    with pytest.raises(click.ClickException, match=message):
        swept.run("sweep", sweep=change)
    assert started == []
