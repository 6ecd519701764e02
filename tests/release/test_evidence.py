"""A release is made of what belongs together, or not at all."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from tests.audit.examples import of_pairs
from tuneproof.errors import ReleaseError, StaleArtifactError
from tuneproof.release.evidence import describe, gather, require_trained
from tuneproof.release.record import ReleaseOptions, ReleaseRecord

from .examples import PRESENT, evidence, model_origin, trained

OTHER = "c" * 64


def gathered(**changes: Any) -> None:
    found = evidence()
    known = {name: getattr(found, name) for name in found.__dataclass_fields__}
    gather(**{**known, "present": PRESENT, **changes})


def test_what_belongs_together_passes() -> None:
    gathered()


def of_other_pairs(split: str) -> dict[str, str]:
    return {**PRESENT, split: OTHER}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": None}, "expected lora_metrics and comparison"),
        ({"comparison": None}, "expected lora_metrics and comparison"),
        ({"training": trained(manifest=model_origin(seed=8))}, "measured another model"),
        (
            {"training": trained(manifest=model_origin(parameters={"epochs": 2}))},
            "measured another model",
        ),
        ({"present": of_other_pairs("train")}, "the lora model was made from other train pairs"),
        ({"present": of_other_pairs("validation")}, "the lora model was made from other valid"),
        ({"present": of_other_pairs("eval")}, "baseline_metrics was made from other eval pairs"),
    ],
)
def test_a_mixture_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StaleArtifactError, match=message):
        gathered(**changes)


@pytest.mark.parametrize("name", ["baseline", "lora"])
def test_figures_that_were_measured_after_the_comparison_are_refused(name: str) -> None:
    comparison = evidence().comparison
    earlier = comparison.manifests[name].model_copy(update={"seed": 99})
    changed = comparison.model_copy(
        update={"manifests": {**comparison.manifests, name: earlier}, "left_out": ["lora: why"]}
    )
    with pytest.raises(StaleArtifactError, match=rf"does not tell of {name}_metrics.*lora: why"):
        gathered(comparison=changed)


def test_an_audit_of_other_pairs_is_refused() -> None:
    changed = of_pairs(evidence().quality, eval=OTHER)
    with pytest.raises(StaleArtifactError, match="tells of other eval pairs"):
        gathered(quality=changed)


def test_a_model_of_another_run_is_refused() -> None:
    require_trained(model_origin(), trained())
    with pytest.raises(StaleArtifactError, match="the lora model is another one"):
        require_trained(model_origin(seed=8), trained())


def test_the_record_reads_back_as_it_was_written() -> None:
    record = describe(
        evidence(), "merged", ReleaseOptions(version="2.1.0-rc.1"), date(2026, 1, 2), 1e-7
    )
    assert ReleaseRecord.model_validate_json(record.model_dump_json()) == record
    assert record.seeds == {"prepare": 3, "training": 7, "measure": None}
    assert record.metrics["lora"]["unseen_subcategories"]["auc_roc"].n == 0


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0", "10.20.30", "1.0.0-rc.1", None])
def test_versions_that_are_some(version: str | None) -> None:
    assert ReleaseOptions(version=version).version == version


@pytest.mark.parametrize(
    "version",
    ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0 ", "1.0.0\n", "1.0.0-", "\u0661.0.0", "latest", 1],
)
def test_versions_that_are_none(version: Any) -> None:
    with pytest.raises(ValidationError, match=r"found .*, expected major\.minor\.patch, such as"):
        ReleaseOptions(version=version)


def test_a_release_without_a_version_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"--params=release\.version=1\.0\.0"):
        describe(evidence(), "model", ReleaseOptions(None), date(2026, 1, 2))
