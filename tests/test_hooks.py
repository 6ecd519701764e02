"""The hooks advise commands that work as they are printed."""

from collections.abc import Mapping

import pytest
from kedro.pipeline import Node, Pipeline

from tuneproof.hooks import choose_makers, repeat_options


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
