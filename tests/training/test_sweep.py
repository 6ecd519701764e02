"""Expansion, hashes, tables and conclusions of a sweep; its runs do not touch each other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.training.test_engine import LORA, TRAIN, VALIDATION, base
from tuneproof.errors import AdapterError, TrainingError
from tuneproof.manifest import describe_options
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult
from tuneproof.training.sweep import (
    SWEEP_TABLE,
    Configuration,
    SweepOptions,
    SweepSummary,
    diminishing_returns,
    expand,
    plan_configurations,
    require_modules,
    rows_along,
    summarise,
    tabulate,
    train_afresh,
)


def options(**changes: object) -> TrainingOptions:
    return TrainingOptions(
        **{  # type: ignore[arg-type]  # pydantic checks what the test changes
            "epochs": 12,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "warmup_steps": 0.1,
            "evaluations": 2,
            "patience": None,
            "loss": "cosine_similarity",
            "precision": "fp32",
            "frozen": ("pooler",),
            "dropout": None,
            "seed": 1,
            **changes,
        }
    )


START = options()
SHA = "0" * 64
PAIRS = {"train": "1" * 64, "validation": "2" * 64}
Varied = Mapping[str, object] | None


def sweep(
    *,
    grid: Varied = None,
    alone: Varied = None,
    seeds: tuple[int, ...] | None = None,
    start: str = "standard",
    tolerance: float = 0.002,
) -> SweepOptions:
    given_values: dict[str, object] = {"grid": grid, "one_at_a_time": alone, "seeds": seeds}
    return SweepOptions(start=start, tolerance=tolerance, **given_values)  # type: ignore[arg-type]


def plan(of: SweepOptions, start: TrainingOptions = START) -> list[Configuration]:
    return plan_configurations(of, start, SHA, PAIRS)


@pytest.fixture(scope="module")
def example(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A real result, of which tests change figures."""
    once = run(tmp_path_factory.mktemp("checkpoints"))
    return train(base(tiny_model_folder), TRAIN, VALIDATION, options(epochs=1), once).result


def run(folder: Path) -> RunOptions:
    return RunOptions(checkpoint_folder=str(folder), checkpoints=0, tensorboard=None, mlflow=None)


# Expansion


def test_a_grid_is_the_product_with_the_last_field_fastest() -> None:
    found = expand(sweep(grid={"epochs": [1, 2], "learning_rate": [1e-5, 1e-4, 1e-3]}), START)
    assert [(o.epochs, o.learning_rate) for o in found] == [
        (epochs, rate) for epochs in (1, 2) for rate in (1e-5, 1e-4, 1e-3)
    ]
    assert {replace(o, epochs=12, learning_rate=3e-3) for o in found} == {START}


def test_one_at_a_time_is_the_start_and_each_change_alone() -> None:
    found = expand(sweep(alone={"epochs": [1, 12], "batch_size": [2, 4, 8]}), START)
    assert found == [
        START,
        replace(START, epochs=1),
        replace(START, batch_size=2),
        replace(START, batch_size=8),
    ], "the starting point's own values, 12 and 4, are not trained twice"


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(1e-6, 1), min_size=1, max_size=4, unique=True),
)
def test_sizes_and_uniqueness(epochs: list[int], rates: list[float]) -> None:
    fields = {"epochs": epochs, "learning_rate": rates}
    grid = expand(sweep(grid=fields), START)
    alone = expand(sweep(alone=fields), START)
    assert len(set(grid)) == len(grid) == len(epochs) * len(rates)
    new = len(set(epochs) - {START.epochs}) + len(set(rates) - {START.learning_rate})
    assert len(set(alone)) == len(alone) == 1 + new


@pytest.mark.parametrize("design", ["grid", "alone"])
def test_no_field_is_the_starting_point_alone(design: str) -> None:
    assert expand(sweep(**{design: {}}), START) == [START]  # type: ignore[arg-type]
    assert expand(sweep(**{design: {"epochs": None}}), START) == [START]  # type: ignore[arg-type]


def test_fields_of_the_adapter() -> None:
    start = options(lora=LORA)
    fields = {"lora.rank": [2, 8], "lora.target_modules": [["query"], ["query", "key", "value"]]}
    found = [o.lora for o in expand(sweep(grid=fields, start="lora"), start)]
    assert [(lora.rank, lora.target_modules) for lora in found if lora is not None] == [
        (rank, modules) for rank in (2, 8) for modules in (("query",), ("query", "key", "value"))
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learnign_rate": [1e-4]}, "learnign_rate"),
        ({"evaluations": [2]}, "evaluations"),
        ({"epochs": []}, "at least 1 item"),
    ],
)
def test_unknown_fields_and_empty_lists_are_refused(
    fields: dict[str, object], message: str
) -> None:
    for design in ("grid", "alone"):
        with pytest.raises(ValidationError, match=message):
            sweep(**{design: fields})  # type: ignore[arg-type]


def test_an_unknown_field_is_told_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"'learning_rate', 'epochs'.*'lora.target_modules'"):
        sweep(grid={"rank": [4]})


def test_exactly_one_design_is_expected() -> None:
    with pytest.raises(ValidationError, match="found both of grid and one_at_a_time"):
        sweep(grid={"epochs": [1]}, alone={"epochs": [1]})
    with pytest.raises(ValidationError, match="found neither"):
        sweep()


def test_seeds_are_given_once_and_in_one_place() -> None:
    with pytest.raises(ValidationError, match="expected each seed once"):
        sweep(grid={}, seeds=(1, 1))
    with pytest.raises(ValidationError, match="found seed among the varied fields"):
        sweep(grid={"seed": [1, 2]}, seeds=(1, 2))
    with pytest.raises(ValidationError, match="seeds"):
        sweep(grid={}, seeds=())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lora.rank": [4]}, "lora.rank: found a field of the adapter for a run without one"),
        ({"epochs": [2, 0]}, "epochs: found 0, expected a value"),
        ({"loss": ["squared"]}, "loss: found 'squared'"),
        ({"epochs": [2, 2]}, "epochs: found \\[2, 2\\], expected each value once"),
        ({"learning_rate": ["1e-4", 0.0001]}, "expected each value once"),
    ],
)
def test_values_that_cannot_be_trained_are_refused(fields: dict[str, object], message: str) -> None:
    for design in ("grid", "alone"):
        with pytest.raises(TrainingError, match=message):
            expand(sweep(**{design: fields}), START)  # type: ignore[arg-type]


def test_layers_that_the_model_lacks_are_named_before_training(tiny_model_folder: Path) -> None:
    transformer = base(tiny_model_folder).transformer
    fields = {"lora.target_modules": [["query"], ["query", "attention.self.key"]]}
    good = plan(sweep(grid=fields, start="lora"), options(lora=LORA))
    require_modules(good, transformer)
    fields = {"lora.target_modules": [["query"], ["query", "qkv"]]}
    bad = plan(sweep(grid=fields, start="lora"), options(lora=LORA))
    with pytest.raises(AdapterError, match=r"found 'qkv'.*key.*query.*value"):
        require_modules(bad, transformer)

    good = plan(sweep(alone={"frozen": [["encoder.layer.0", "pooler"], []]}))
    require_modules(good, transformer)
    assert all(weight.requires_grad for weight in transformer.parameters())
    inherited = options(frozen=("pooler", "embedings"))
    require_modules(plan(sweep(alone={"epochs": [1, 2]}), inherited), transformer)
    for layer in ("embedings", "layer.0.atten", "weight"):
        bad = plan(sweep(alone={"frozen": [["pooler", layer]]}))
        with pytest.raises(TrainingError, match=rf"found '{layer}'.*embeddings, encoder.*pooler"):
            require_modules(bad, transformer)


@pytest.mark.parametrize(
    ("start", "frozen"),
    [(START, ["embeddings", "encoder", "pooler"]), (options(lora=LORA), ["query", "value"])],
)
def test_freezing_all_that_would_be_trained_is_refused_before_training(
    start: TrainingOptions, frozen: list[str], tiny_model_folder: Path
) -> None:
    """With an adapter nothing else is trained: freezing the layers it adapts freezes all."""
    transformer = base(tiny_model_folder).transformer
    kind = "standard" if start.lora is None else "lora"
    require_modules(plan(sweep(grid={"frozen": [frozen[:1]]}, start=kind), start), transformer)
    with pytest.raises(TrainingError, match="expected some layer left to train"):
        require_modules(plan(sweep(grid={"frozen": [frozen]}, start=kind), start), transformer)


# Hashes


def test_the_hash_changes_with_every_parameter_the_pairs_and_the_base() -> None:
    def key(start: TrainingOptions, sha: str = SHA, pairs: Mapping[str, str] = PAIRS) -> str:
        (configuration,) = plan_configurations(sweep(grid={}), start, sha, pairs)
        return configuration.hash

    start = options(lora=LORA)
    changes: dict[str, object] = {
        "epochs": 13,
        "batch_size": 5,
        "learning_rate": 4e-3,
        "warmup_steps": 0.2,
        "evaluations": 11,
        "patience": 3,
        "loss": "cosent",
        "precision": "bf16",
        "frozen": (),
        "dropout": 0.2,
        "seed": 2,
        "lora": None,
    }
    assert changes.keys() == describe_options(start).keys(), "a parameter has no change here"
    variants = [replace(start, **{name: value}) for name, value in changes.items()]  # type: ignore[arg-type]
    adapters: dict[str, object] = {
        "rank": 5,
        "alpha": 9,
        "dropout": 0.2,
        "target_modules": ("query",),
    }
    variants += [
        replace(start, lora=replace(LORA, **{name: value}))  # type: ignore[arg-type]
        for name, value in adapters.items()
    ]
    keys = [key(variant) for variant in variants]
    keys += [key(start, sha="f" * 64), key(start, pairs=PAIRS | {"validation": "f" * 64})]
    assert len({key(start), *keys}) == len(keys) + 1
    assert key(start) == key(options(lora=LORA)), "equal parameters have one hash"
    assert key(start, pairs=dict(reversed(PAIRS.items()))) == key(start)


def test_each_seed_is_a_run_of_its_own_and_more_seeds_change_neither_hash() -> None:
    (two,) = plan(sweep(grid={}, seeds=(1, 2)))
    (three,) = plan(sweep(grid={}, seeds=(3, 2, 1)))
    assert [run.seed for run in two.runs.values()] == [1, 2]
    assert two.runs.items() < three.runs.items()
    assert two.hash == three.hash
    assert two.hash not in two.runs
    (alone,) = plan(sweep(grid={}))
    assert list(alone.runs) == [alone.hash] == list(two.runs)[:1]


def test_varied_seeds_are_configurations() -> None:
    found = plan(sweep(grid={"seed": [1, 2, 3]}))
    assert len({configuration.hash for configuration in found}) == 3
    assert [len(configuration.runs) for configuration in found] == [1, 1, 1]


# Tables


def results(
    configurations: list[Configuration],
    example: TrainingResult,
    scores: list[list[float]],
    seconds: list[float] | None = None,
) -> dict[str, TrainingResult]:
    """Give the runs of each configuration their validation Spearman, and it its seconds."""
    return {
        key: example.model_copy(
            update={
                "best_spearman": score,
                "best_step": 10 * number,
                "training_time_seconds": 1.0 if seconds is None else seconds[place],
                "peak_memory_mb": 100.0 + number,
            }
        )
        for place, configuration in enumerate(configurations)
        for number, (key, score) in enumerate(
            zip(configuration.runs, scores[place], strict=False), start=1
        )
    }


def test_the_table_pools_the_finished_seeds(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2, 3]}, seeds=(1, 2, 3))
    configurations = plan(of)
    found = results(configurations, example, [[0.5, 0.6, 0.7], [0.8], []])
    table = tabulate(configurations, {"of another sweep": example, **found})
    assert table.dtypes.astype(str).to_dict() == SWEEP_TABLE
    assert table["n_seeds"].tolist() == [3, 1, 0]
    assert table["spearman_mean"].tolist()[:2] == pytest.approx([0.6, 0.8])
    assert table["spearman_sd"].iloc[0] == pytest.approx(np.std([0.5, 0.6, 0.7], ddof=1))
    assert table["spearman_sd"].isna().tolist() == [False, True, True]
    assert table["best_step"].iloc[0] == 20
    assert table["peak_memory_mb"].iloc[0] == 103
    assert table["seed"].isna().all()
    assert table.loc[2, ["spearman_mean", "seconds", "trainable_parameters"]].isna().all()


def test_the_table_survives_parquet(example: TrainingResult, tmp_path: Path) -> None:
    configurations = plan(sweep(alone={"lora.rank": [2]}, start="lora"), options(lora=LORA))
    table = tabulate(configurations, results(configurations, example, [[0.5], [0.6]]))
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table)
    assert table["lora.rank"].tolist() == [4, 2]
    assert table["lora.target_modules"].tolist() == ["query, value"] * 2
    assert table["start"].tolist() == [True, False]


def test_one_at_a_time_a_field_is_seen_with_all_else_as_in_the_start(
    example: TrainingResult,
) -> None:
    of = sweep(alone={"epochs": [20, 1], "batch_size": [8]})
    configurations = plan(of)
    table = tabulate(configurations, results(configurations, example, [[0.1], [0.2], [0.3], [0.9]]))
    assert rows_along(table, of, "epochs")["epochs"].tolist() == [1, 12, 20]
    assert rows_along(table, of, "epochs")["spearman_mean"].tolist() == [0.3, 0.1, 0.2]
    assert rows_along(table, of, "batch_size")["spearman_mean"].tolist() == [0.1, 0.9]


def test_in_a_grid_the_best_of_each_value_is_marked(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [2, 1], "loss": ["cosent", "cosine_similarity"]})
    configurations = plan(of)
    table = tabulate(configurations, results(configurations, example, [[0.4], [0.3], [0.1], [0.2]]))
    along = rows_along(table, of, "epochs")
    assert along["epochs"].tolist() == [1, 1, 2, 2]
    best = along[along["best_of_value"]]
    assert best["spearman_mean"].tolist() == [0.2, 0.4]
    by_loss = rows_along(table, of, "loss").query("best_of_value")
    assert by_loss["loss"].tolist() == ["cosent", "cosine_similarity"]
    assert by_loss["spearman_mean"].tolist() == [0.4, 0.3]


def test_no_frozen_layer_is_shown_as_none(example: TrainingResult) -> None:
    of = sweep(grid={"frozen": [["pooler", "embeddings"], []]})
    configurations = plan(of)
    table = tabulate(configurations, results(configurations, example, [[0.5], [0.6]]))
    assert table["frozen"].tolist() == ["pooler, embeddings", "none"]
    assert "Best: frozen=none (" in summarise(table, of, 0.86).conclusions[0]


# Conclusions


def test_null_is_a_value_but_no_amount(example: TrainingResult) -> None:
    """What the base model has may win, and is neither more nor less dropout than a number."""
    of = sweep(alone={"dropout": [None, 0.2, 0.0]})
    configurations = plan(of)
    table = tabulate(configurations, results(configurations, example, [[0.8], [0.6], [0.7]]))
    summary = summarise(table, of, 0.86)
    assert summary.best.settings == {"dropout": None}
    assert summary.next_best is not None
    assert summary.next_best.settings == {"dropout": 0.0}
    assert "Best: dropout=null (" in summary.conclusions[0]
    assert [(found.tried, found.spearman) for found in summary.returns] == [
        ([0.0, 0.2], [0.7, 0.6])
    ]
    assert SweepSummary.model_validate_json(summary.model_dump_json()) == summary
    along = rows_along(table, of, "dropout")
    assert along["spearman_mean"].tolist() == [0.7, 0.6, 0.8], "null stands last"
    alone = sweep(alone={"dropout": [None, 0.0]})
    two = tabulate(plan(alone), results(plan(alone), example, [[0.8], [0.6]]))
    assert summarise(two, alone, 0.86).returns == [], "one amount alone has no returns"


def test_a_best_that_stands_out(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2, 4]}, seeds=(1, 2, 3))
    configurations = plan(of)
    scores = [[0.50, 0.51, 0.52], [0.70, 0.71, 0.72], [0.60, 0.62, 0.64]]
    table = tabulate(configurations, results(configurations, example, scores, [1, 2, 4]))
    summary = summarise(table, of, 0.8638)
    assert summary.best.settings == {"epochs": 2}
    assert summary.best.spearman_mean == pytest.approx(0.71)
    assert summary.best.spearman_sd == pytest.approx(0.01)
    assert summary.next_best is not None
    assert summary.next_best.settings == {"epochs": 4}
    assert summary.difference == pytest.approx(0.09)
    assert summary.spread == pytest.approx(0.02), "the larger of both deviations"
    assert summary.beats_next is True
    assert summary.margin == pytest.approx(0.01)
    assert summary.cheapest == summary.best
    assert summary.returns[0].enough == 2
    text = " ".join(summary.conclusions)
    assert "epochs=2" in text
    assert "0.7100 (standard deviation 0.0100 over 3 seeds); the ceiling is 0.8638" in text
    assert "0.0900 below, beyond the spread over seeds" in text
    assert "The best is also the cheapest" in text


def test_a_best_within_the_spread_and_a_cheaper_equal(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2, 4, 8]}, seeds=(1, 2))
    configurations = plan(of)
    scores = [[0.50, 0.50], [0.69, 0.71], [0.69, 0.713], [0.685, 0.705]]
    table = tabulate(configurations, results(configurations, example, scores, [10, 20, 40, 80]))
    summary = summarise(table, of, None)
    assert summary.best.settings == {"epochs": 4}
    assert summary.beats_next is False
    assert summary.cheapest.settings == {"epochs": 2}
    assert summary.returns[0].enough == 2
    text = " ".join(summary.conclusions)
    assert "not beyond the spread" in text
    assert "Cheapest within" in text
    assert "20 s instead of 40 s" in text
    assert "epochs: from 2 on, more brings at most 0.0015." in text
    assert "the ceiling is n/a" in text


def test_with_one_seed_no_spread_is_claimed(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2, 4]}, tolerance=0.05)
    configurations = plan(of)
    table = tabulate(
        configurations, results(configurations, example, [[0.50], [0.70], [0.72]], [1, 2, 3])
    )
    summary = summarise(table, of, 0.86)
    assert summary.best.spearman_sd is None
    assert summary.spread is None
    assert summary.beats_next is None
    assert summary.margin == 0.05
    assert summary.cheapest.settings == {"epochs": 2}
    assert "n/a, so this may be chance" in " ".join(summary.conclusions)


def test_order_of_configurations_does_not_matter(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2, 4]}, seeds=(1, 2))
    configurations = plan(of)
    scores = [[0.6, 0.6], [0.6, 0.6], [0.5, 0.51]]
    table = tabulate(configurations, results(configurations, example, scores))
    for order in ([2, 1, 0], [1, 0, 2]):
        assert summarise(table.iloc[order], of, 0.8) == summarise(table, of, 0.8)


def test_what_finished_no_run_is_counted_and_left_out(example: TrainingResult) -> None:
    of = sweep(grid={"epochs": [1, 2]})
    configurations = plan(of)
    table = tabulate(configurations, results(configurations, example, [[0.5], []]))
    summary = summarise(table, of, 0.86)
    assert summary.n_without_result == 1
    assert summary.next_best is None
    assert summary.difference is None
    assert summary.returns == []
    assert "1 of 2 configurations finished no run" in summary.conclusions[-1]
    with pytest.raises(TrainingError, match="found no finished run of 2 configurations"):
        summarise(tabulate(configurations, {}), of, 0.86)


@pytest.mark.parametrize(
    ("spearman", "enough", "gain"),
    [
        ([0.5, 0.6, 0.7, 0.8], None, None),
        ([0.5, 0.7, 0.7, 0.7], 2, 0.0),
        ([0.5, 0.7, 0.69, 0.705], 2, 0.005),
        ([0.8, 0.7, 0.6, 0.5], 1, -0.1),
        ([0.5, 0.5, 0.5, 0.9], None, None),
    ],
)
def test_diminishing_returns(
    spearman: list[float], enough: float | None, gain: float | None
) -> None:
    found = diminishing_returns("epochs", [1, 2, 4, 8], spearman, margin=0.01)
    assert found.enough == enough
    assert found.gain_beyond == (None if gain is None else pytest.approx(gain))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8), st.floats(0, 0.5))
def test_beyond_enough_nothing_brings_more_than_the_margin(
    spearman: list[float], margin: float
) -> None:
    values = list(range(len(spearman)))
    found = diminishing_returns("epochs", values, spearman, margin)
    stop = len(values) - 1 if found.enough is None else int(found.enough)
    assert all(later - spearman[stop] <= margin for later in spearman[stop + 1 :])
    for earlier in range(stop):
        assert max(spearman[earlier + 1 :]) - spearman[earlier] > margin


# Training


@pytest.mark.parametrize("adapter", [None, LORA])
def test_a_second_configuration_equals_a_lone_run_bit_for_bit(
    tiny_model_folder: Path, tmp_path: Path, adapter: object
) -> None:
    shared = base(tiny_model_folder)
    before = {name: w.detach().clone() for name, w in shared.transformer.named_parameters()}
    first = options(epochs=2, lora=adapter)
    second = replace(first, learning_rate=1e-2)
    train_afresh(shared, TRAIN, VALIDATION, first, run(tmp_path / "1"))
    found = train_afresh(shared, TRAIN, VALIDATION, second, run(tmp_path / "1"))
    alone = train(base(tiny_model_folder), TRAIN, VALIDATION, second, run(tmp_path / "2")).result
    assert found.spearman_history == alone.spearman_history
    assert found.initial_spearman == alone.initial_spearman
    assert found.trainable_parameters == alone.trainable_parameters
    after = dict(shared.transformer.named_parameters())
    assert after.keys() == before.keys(), "an adapter is left in the base model"
    assert all((after[name] == before[name]).all() for name in before)
