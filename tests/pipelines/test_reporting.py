from typing import Any

import pytest

from tests.report.examples import (
    artifacts_of,
    comparison_of,
    evidence_of,
    origin,
    quality_of,
    some_pairs,
    splits_of,
    training_of,
)
from tuneproof.comparison.records import ComparisonResult
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement.frames import with_origin
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.pipelines.reporting import create_pipeline, nodes
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.variants import VARIANTS

MODELS = ("baseline", "standard", "lora")


@pytest.fixture(scope="module")
def evidence() -> dict[str, ModelEvidence]:
    return evidence_of(some_pairs(), "standard", "lora")


@pytest.fixture(scope="module")
def comparison() -> ComparisonResult:
    return comparison_of(some_pairs(), "standard", "lora")


def gather(
    pairs: list[DatingPair], compared: tuple[str, ...] = MODELS, /, **changes: Any
) -> dict[str, ModelEvidence]:
    """Gather what was measured of all models, with a comparison of some, after changes."""
    artifacts = artifacts_of(pairs, *MODELS[1:])
    comparison = comparison_of(pairs, *compared[1:])
    splits = {f"{name}_pairs": part for name, part in splits_of(pairs).items()}
    given = {**splits, "comparison": comparison, **artifacts, **changes}
    return nodes.gather_evidence(**given)


NOT_TRAINED: dict[str, Any] = {
    f"{model}_{artifact}": None
    for model in VARIANTS
    for artifact in ("training_info", "training_log", "convergence")
}


def left_by(run: TrainingRun) -> dict[str, Any]:
    """Name what a training run left as the catalog does."""
    name = run.result.model_type
    return {
        f"{name}_training_info": run.result,
        f"{name}_training_log": run.log,
        f"{name}_convergence": run.convergence,
    }


class TestOrigins:
    def test_the_compared_models_are_gathered(self) -> None:
        pairs = some_pairs()
        evidence = gather(pairs)
        assert list(evidence) == ["baseline", "standard", "lora"]
        assert set(evidence["standard"].scores["split"]) == {"eval"}
        assert len(evidence["standard"].scores) == len(pairs)

    def test_a_variant_that_is_not_compared_is_left_out(self) -> None:
        pairs = some_pairs()
        other = artifacts_of(some_pairs(38), "lora")
        stale = {name: found for name, found in other.items() if name.startswith("lora")}
        assert list(gather(pairs, ("baseline", "standard"), **stale)) == ["baseline", "standard"]
        assert list(gather(pairs, comparison=None, **stale)) == ["baseline"]
        assert list(gather(pairs, ("baseline", "lora"), standard_metrics=None)) == [
            "baseline",
            "lora",
        ]

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_metrics_of_other_pairs_than_the_present_ones_are_refused(self, split: str) -> None:
        changed = {f"{split}_pairs": some_pairs(7)}
        with pytest.raises(
            StaleArtifactError, match=f"baseline_metrics was .* other {split} pairs"
        ):
            gather(some_pairs(), **changed)

    def test_metrics_of_other_eval_pairs_are_refused(self) -> None:
        with pytest.raises(StaleArtifactError, match="baseline_metrics was made from other eval"):
            gather(some_pairs(), eval_pairs=some_pairs(38))
        other = artifacts_of(some_pairs(38), "standard")
        del other["baseline_metrics"], other["baseline_scores"], other["baseline_projection"]
        with pytest.raises(StaleArtifactError, match="standard_metrics was made from other eval"):
            gather(some_pairs(), **other)

    @pytest.mark.parametrize("artifact", ["metrics", "scores", "projection"])
    def test_a_compared_model_without_all_its_artifacts_is_refused(self, artifact: str) -> None:
        with pytest.raises(StaleArtifactError, match="expected standard_metrics, standard_scores"):
            gather(some_pairs(), **{f"standard_{artifact}": None})

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("artifact", ["scores", "projection"])
    def test_frames_of_another_origin_are_refused(self, model: str, artifact: str) -> None:
        name = f"{model}_{artifact}"
        pairs = some_pairs()
        frame = artifacts_of(pairs, *MODELS[1:])[name]
        other = with_origin(frame, origin(model, {"eval": hash_pairs(pairs)}, seed=8))
        unknown = frame.copy()
        unknown.attrs = {}
        for changed in (other, unknown):
            with pytest.raises(StaleArtifactError, match=f"{name} has another origin"):
                gather(pairs, **{name: changed})

    def test_a_comparison_of_earlier_metrics_is_refused(self) -> None:
        pairs = some_pairs()
        later = comparison_of(pairs, "standard")
        changed = later.manifests["standard"].model_copy(update={"seed": 8})
        earlier = later.model_copy(update={"manifests": {**later.manifests, "standard": changed}})
        with pytest.raises(StaleArtifactError, match="comparison was made from baseline, standard"):
            gather(pairs, comparison=earlier)

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_an_audit_of_other_pairs_is_refused(
        self, split: str, evidence: dict[str, ModelEvidence], comparison: ComparisonResult
    ) -> None:
        quality = quality_of(some_pairs(), **{split: some_pairs(38)})
        message = f"other {split} pairs than baseline_metrics.*--pipelines=data_quality"
        with pytest.raises(StaleArtifactError, match=message):
            nodes.build_report(quality, evidence, {}, comparison, some_pairs(), {})

    def test_training_runs_of_what_is_shown(self, evidence: dict[str, ModelEvidence]) -> None:
        runs = [training_of(model) for model in ("standard", "lora")]
        artifacts = {**NOT_TRAINED, **left_by(runs[0]), **left_by(runs[1])}
        found = nodes.gather_training_runs(evidence, **artifacts)
        assert list(found) == ["standard", "lora"]
        assert found["lora"].log is runs[1].log
        assert found["lora"].convergence == runs[1].convergence
        baseline = {"baseline": evidence["baseline"]}
        assert nodes.gather_training_runs(baseline, **artifacts) == {}
        assert nodes.gather_training_runs(evidence, **NOT_TRAINED) == {}

    @pytest.mark.parametrize("lost", ["training_info", "training_log", "convergence"])
    def test_a_part_of_a_training_run_is_refused(
        self, evidence: dict[str, ModelEvidence], lost: str
    ) -> None:
        part = {**left_by(training_of("lora")), f"lora_{lost}": None}
        with pytest.raises(StaleArtifactError, match=rf"found no lora_{lost} beside"):
            nodes.gather_training_runs(evidence, **{**NOT_TRAINED, **part})

    def test_the_convergence_of_another_run_is_refused(
        self, evidence: dict[str, ModelEvidence]
    ) -> None:
        run = training_of("lora")
        other = run.convergence.manifest.model_copy(update={"seed": 8})
        convergence = run.convergence.model_copy(update={"manifest": other})
        artifacts = {**NOT_TRAINED, **left_by(run), "lora_convergence": convergence}
        with pytest.raises(StaleArtifactError, match="lora_convergence tells of another run"):
            nodes.gather_training_runs(evidence, **artifacts)

    def test_a_later_training_run_is_refused_only_if_its_model_is_shown(
        self, evidence: dict[str, ModelEvidence]
    ) -> None:
        run = training_of("lora")
        changed = run.result.manifest.model_copy(update={"seed": 8})
        retrained = TrainingRun(
            run.result.model_copy(update={"manifest": changed}),
            run.log,
            run.convergence.model_copy(update={"manifest": changed}),
        )
        artifacts = {**NOT_TRAINED, **left_by(retrained)}
        with pytest.raises(StaleArtifactError, match="lora_metrics measured another model"):
            nodes.gather_training_runs(evidence, **artifacts)
        fewer = {name: evidence[name] for name in ("baseline", "standard")}
        assert nodes.gather_training_runs(fewer, **artifacts) == {}


def test_pipeline_makes_the_charts_and_the_page() -> None:
    pipeline = create_pipeline()
    made = pipeline.outputs()
    assert "comparison_report" in made
    assert all(name.endswith("_chart") for name in made - {"comparison_report"})
    assert pipeline.all_outputs() - made == {"evidence", "training_runs"}
    verbs = {node.name.removeprefix("reporting.").split("_")[0] for node in pipeline.nodes}
    assert verbs == {"draw", "build", "gather"}
