"""Memory between nodes: what a model was held in is let go of, and nothing is searched else."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from kedro.pipeline import Node

from tests.comparison.examples import origin
from tuneproof.encoding import EmbeddingModel
from tuneproof.hooks import ConsoleHooks

TRANSFORMER: Any = object()
MODEL = EmbeddingModel(TRANSFORMER, origin())


class Trainer:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


def use(first: object, second: object) -> object:
    return first or second


@pytest.fixture(autouse=True)
def collected_by_hooks_alone() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("inputs", "freed"),
    [
        ({"first": MODEL, "second": 1}, True),
        ({"first": [1, 2], "second": MODEL}, True),
        ({"first": [1, 2], "second": 1}, False),
    ],
    ids=["model first", "model second", "no model"],
)
def test_garbage_is_collected_after_nodes_that_read_a_model_alone(
    inputs: dict[str, Any], freed: bool
) -> None:
    node, hooks = Node(use, inputs=["first", "second"], outputs="made"), ConsoleHooks()
    hooks.before_node_run(node)
    trainer = weakref.ref(Trainer())
    assert trainer() is not None
    hooks.after_node_run(node, inputs)
    assert (trainer() is None) == freed
