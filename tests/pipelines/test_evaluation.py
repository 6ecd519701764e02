"""What the comparison is made from: a missing or mistyped input is an error, never left out."""

from typing import Any

import pytest

from tests.audit.examples import of_pairs
from tests.comparison.examples import (
    GENERAL,
    measured,
    noisy,
    options_with,
    origin,
    some_pairs,
    untelling,
)
from tuneproof.comparison.records import ComparisonResult
from tuneproof.errors import StaleArtifactError
from tuneproof.pairs import hash_pairs
from tuneproof.pipelines.evaluation.nodes import compare_models
from tuneproof.variants import VARIANTS

TRAIN = some_pairs([0, 1])
PARTS = ("metrics", "scores", "projection")


@pytest.fixture(scope="module")
def artifacts() -> dict[str, Any]:
    """What was measured of the baseline and of LoRA; nothing of the others."""
    found: dict[str, Any] = {f"{name}_{part}": None for name in VARIANTS for part in PARTS}
    for seed, name in enumerate(("baseline", "lora")):
        pairs = {**origin().pairs, "train": hash_pairs(TRAIN)}
        model = measured(name, noisy(0.2 + seed, seed), manifest=origin(name, pairs=pairs))
        found |= {f"{name}_{part}": getattr(model, part) for part in PARTS}
    return found


def compared(artifacts: dict[str, Any]) -> ComparisonResult:
    return compare_models(
        train_pairs=TRAIN,
        general_pairs=GENERAL,
        data_quality_report=of_pairs(untelling(), train=hash_pairs(TRAIN)),
        options=options_with(),
        **artifacts,
    )


def test_variants_that_were_not_measured_are_not_compared(artifacts: dict[str, Any]) -> None:
    assert [model.model for model in compared(artifacts).models] == ["baseline", "lora"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *((f"baseline_{part}", None) for part in PARTS),
        ("baseline_metrics", {"model": "baseline"}),
        ("lora_metrics", {"model": "lora"}),
        ("lora_scores", None),
        ("lora_projection", []),
    ],
)
def test_what_is_missing_or_mistyped_is_named(
    artifacts: dict[str, Any], name: str, found: object
) -> None:
    model = name.partition("_")[0]
    expected = f"expected {model}_metrics, {model}_scores and {model}_projection, found no {name}."
    with pytest.raises(StaleArtifactError, match=expected):
        compared({**artifacts, name: found})
