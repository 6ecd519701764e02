import numpy as np
import pytest

from tests.audit.examples import of_pairs
from tests.comparison.examples import (
    N,
    compared,
    measured,
    noisy,
    options_with,
    origin,
    some_pairs,
    untelling,
)
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult
from tuneproof.errors import StaleArtifactError

OTHER = "f" * 64


@pytest.fixture(scope="module")
def baseline() -> MeasuredModel:
    return measured("baseline", noisy(0.1, 1))


@pytest.fixture(scope="module")
def standard() -> MeasuredModel:
    return measured("standard", noisy(0.5, 2))


@pytest.fixture(scope="module")
def found(baseline: MeasuredModel, standard: MeasuredModel) -> ComparisonResult:
    constant = measured("lora", [0.6] * N, clusters=[[-1] * N] * 2)
    return compared(baseline, standard, constant)


class TestHeadline:
    def test_figures_intervals_and_differences(
        self, found: ComparisonResult, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        assert [model.model for model in found.models] == ["baseline", "standard", "lora"]
        before, after, _ = found.models
        assert before.differences == {}
        for metric in HEADLINE_METRICS:
            value = getattr(standard.metrics, metric)
            assert after.figures[metric] == value
            assert after.intervals[metric] == standard.metrics.intervals[metric]
            assert after.differences[metric] == value - getattr(baseline.metrics, metric)
        assert after.false_positives == standard.metrics.decisions.false_positives
        assert (
            after.false_positives_at_matched_recall
            == standard.metrics.matched_recall_decisions.false_positives
        )

    def test_what_is_undefined_for_one_model_has_no_difference(
        self, found: ComparisonResult
    ) -> None:
        constant = found.models[2]
        for metric in ("spearman_correlation", "cohens_d", "cluster_purity"):
            assert (constant.figures[metric], constant.differences[metric]) == (None, None)

    def test_every_two_models_are_held_against_each_other(
        self, found: ComparisonResult, baseline: MeasuredModel
    ) -> None:
        assert [(each.first, each.second) for each in found.differences] == [
            ("baseline", "standard"),
            ("baseline", "lora"),
            ("standard", "lora"),
        ]
        assert list(found.errors) == list(found.manifests) == ["baseline", "standard", "lora"]
        assert found.manifests["baseline"] == baseline.metrics.manifest
        assert found.left_out == []

    def test_errors_stand_beside_what_the_baseline_said(
        self, found: ComparisonResult, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        errors = found.errors["standard"]
        listed = [*errors.false_positives, *errors.false_negatives]
        assert listed
        for pair in listed:
            assert pair.cosine == standard.cosines.scores[pair.row]
            assert pair.baseline_cosine == baseline.cosines.scores[pair.row]

    def test_the_record_survives_json(self, found: ComparisonResult) -> None:
        assert ComparisonResult.model_validate_json(found.model_dump_json()) == found

    @pytest.mark.parametrize("model", ["standard", "lora"])
    def test_one_variant_may_be_missing(self, baseline: MeasuredModel, model: str) -> None:
        alone = compared(baseline, measured(model, noisy(0.3, 5)))
        assert [headline.model for headline in alone.models] == ["baseline", model]
        assert len(alone.differences) == 1
        assert set(alone.manifests) == set(alone.errors) == {"baseline", model}


class TestCriteria:
    def test_they_are_judged_for_each_model_and_for_the_lower_end(
        self, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        interval = standard.metrics.intervals["auc_roc"]
        assert interval is not None
        between = (interval.low + standard.metrics.auc_roc) / 2
        options = options_with(auc_roc=f"> {between:.6f}", cohens_d=">= 0.9")
        auc, separation = compared(baseline, standard, options=options).criteria
        assert (auc.metric, auc.criterion) == ("auc_roc", f"> {between:.6f}")
        assert auc.met == {"baseline": False, "standard": True}
        assert auc.sure == {"baseline": False, "standard": False}
        assert separation.met == separation.sure == {"baseline": False, "standard": True}
        assert auc.note is separation.note is None

    def test_undefined_figures_and_intervals_leave_them_open(self) -> None:
        pure = measured("standard", noisy(0.5, 2), clusters=[np.arange(N) % 2] * 2)
        constant = measured("baseline", [0.6] * N, clusters=[[-1] * N] * 2)
        options = options_with(cohens_d=">= 0", cluster_purity=">= 0.5", auc_roc=">= 0.5")
        found = compared(constant, pure, options=options).criteria
        assert [result.met["baseline"] for result in found] == [None, None, True]
        assert [result.sure["baseline"] for result in found] == [None, None, None]
        # One purity in all resamples: met, but how surely is not known.
        assert (found[1].met["standard"], found[1].sure["standard"]) == (True, None)

    def test_spearmans_ceiling_and_the_auc_that_a_criterion_needs(self) -> None:
        labels = [1] * 158 + [0] * 137
        pairs = some_pairs(labels)
        random = np.random.default_rng(0)
        cosines = np.clip(random.normal(0.4, 0.2, 295) + 0.2 * np.array(labels), -1, 1)
        models = [measured(name, cosines, pairs) for name in ("baseline", "lora")]
        (reached,) = compared(
            *models, options=options_with(spearman_correlation=">= 0.86")
        ).criteria
        assert (
            reached.note
            == "without tied cosines these labels allow 0.8638 at most; it needs an AUC >= 0.99778"
        )
        result = compared(*models, options=options_with(spearman_correlation="> 0.87"))
        assert result.criteria[0].note == (
            "without tied cosines these labels allow 0.8638 at most; no ranking gets there"
        )
        assert (
            "the criterion Spearman > 0.87 is out of reach: these labels allow 0.8638 without tied "
            "cosines" in result.threats
        )


class TestOrigins:
    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"eval": OTHER}, "lora_metrics was made from other eval pairs"),
            ({"validation": OTHER}, "lora_metrics was made from other validation pairs"),
            ({"general": OTHER}, "lora_metrics was made from other general pairs"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_a_variant_of_other_pairs_is_left_out_and_named(
        self,
        baseline: MeasuredModel,
        standard: MeasuredModel,
        change: dict[str, str],
        fault: str,
    ) -> None:
        manifest = origin("lora")
        stale = manifest.model_copy(update={"pairs": {**manifest.pairs, **change}})
        found = compared(baseline, measured("lora", noisy(0.2, 3), manifest=stale), standard)
        assert [headline.model for headline in found.models] == ["baseline", "standard"]
        assert set(found.manifests) == set(found.errors) == {"baseline", "standard"}
        assert len(found.differences) == 1
        (sentence,) = found.left_out
        assert sentence.startswith(f"lora is left out: {fault}")

    def test_a_variant_of_other_parameters_or_another_base_model_is_left_out(
        self, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        other_seed = origin("lora", parameters={**origin().parameters, "seed": 8})
        other_base = origin("lora", base_model={"name": "o", "revision": None, "sha256": OTHER})
        for manifest, fault in (
            (other_seed, "was made with other parameters: found seed 8, expected None"),
            (other_base, "stands on base model o (ffffffffffff...), expected m"),
        ):
            stale = measured("lora", noisy(0.2, 3), manifest=manifest)
            (sentence,) = compared(baseline, standard, stale).left_out
            assert sentence.startswith(f"lora is left out: lora_metrics {fault}")

    def test_nothing_but_stale_variants_is_refused(self, baseline: MeasuredModel) -> None:
        stale = [
            measured(name, noisy(0.2, 3), manifest=origin(name, parameters={"seed": 8}))
            for name in ("standard", "lora")
        ]
        with pytest.raises(
            StaleArtifactError, match=r"nothing to compare: standard.*; lora.*Run: kedro run"
        ):
            compared(baseline, *stale)

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_an_audit_of_other_pairs_is_refused(
        self, baseline: MeasuredModel, standard: MeasuredModel, split: str
    ) -> None:
        stale = of_pairs(untelling(), **{split: OTHER})
        with pytest.raises(
            StaleArtifactError, match=f"baseline_metrics was made from other {split} pairs"
        ):
            compared(baseline, standard, quality=stale)

    def test_another_idea_of_near_duplicates_is_refused(
        self, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        """The clean pairs of one would not be those of the other."""
        other = origin("standard", parameters={"near_duplicate_similarity": 0.3})
        changed = measured("standard", noisy(0.3, 1), manifest=other)
        message = "found near_duplicate_similarity 0.3, expected 0.8"
        with pytest.raises(StaleArtifactError, match=message):
            compared(baseline, changed)
        base = measured("baseline", noisy(0.0, 0), manifest=origin(parameters=other.parameters))
        with pytest.raises(StaleArtifactError, match=f"than the audit: {message}"):
            compared(base, changed)

    def test_the_audits_warnings_are_threats(
        self, baseline: MeasuredModel, standard: MeasuredModel
    ) -> None:
        warnings = untelling().warnings
        assert warnings
        assert compared(baseline, standard).threats[: len(warnings)] == warnings
