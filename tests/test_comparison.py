from typing import Any

import pytest
from pydantic import ValidationError

from tuneproof.comparison import (
    HEADLINE_METRICS,
    EvaluationOptions,
    compare,
    describe_change,
    figure,
    meets,
)
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Manifest
from tuneproof.measurement import BaselineMetrics

A, B = "a" * 64, "b" * 64
NO_CRITERIA = EvaluationOptions(success_criteria={})


def manifest(base: str = A, **pairs: str) -> Manifest:
    return Manifest.model_validate(
        {
            "base_model": {"name": "m", "revision": None, "sha256": base},
            "pairs": {"validation": A, "eval": A, **pairs},
            "environment": {"python": "3", "libraries": {}, "git_commit": None},
        }
    )


def metrics(model: str = "baseline", **changes: Any) -> BaselineMetrics:
    distribution = {
        "n": 2,
        "mean": 0.5,
        "std": 0.1,
        "minimum": 0.4,
        "quartiles": (0.45, 0.5, 0.55),
        "maximum": 0.6,
    }
    decisions = {
        "threshold": 0.5,
        "true_positives": 1,
        "false_positives": 2,
        "true_negatives": 0,
        "false_negatives": 1,
        "accuracy": 0.25,
        "precision": 1 / 3,
        "recall": 0.5,
        "f1": 0.4,
    }
    record = {
        "model": model,
        "n_pairs": 4,
        "n_compatible": 2,
        "n_incompatible": 2,
        "compatible_distribution": distribution,
        "incompatible_distribution": distribution,
        "compatible_mean_cosine": 0.5,
        "incompatible_mean_cosine": 0.6,
        "compatibility_margin": -0.1,
        "cohens_d": -0.5,
        "t_statistic": -1.0,
        "p_value": 0.4,
        "auc_roc": 0.4,
        "spearman_correlation": -0.2,
        "best_threshold": 0.5,
        "best_f1": 0.4,
        "accuracy_at_best_threshold": 0.25,
        "precision_at_best_threshold": 1 / 3,
        "recall_at_best_threshold": 0.5,
        "decisions": decisions,
        "optimistic_decisions": decisions,
        "false_positive_counts": {"t": 2},
        "cluster_purity": 0.8,
        "n_clusters": 3,
        "noise_ratio": 0.1,
        "pair_cluster_purity": None,
        "pair_n_clusters": 0,
        "pair_noise_ratio": 1.0,
        "category_metrics": {},
        "pair_type_metrics": {},
        "manifest": manifest(),
    }
    return BaselineMetrics.model_validate({**record, **changes})


class TestMeets:
    @pytest.mark.parametrize(
        ("value", "criterion", "met"),
        [
            (0.86, ">= 0.86", True),
            (0.8599, ">= 0.86", False),
            (0.8, "> 0.8", False),
            (0.8001, "> 0.8", True),
            (-0.1, ">= -0.2", True),
            (-0.3, ">-0.2", False),
            (3.0, "  >=3 ", True),
            (None, ">= 0.86", None),
        ],
    )
    def test_known_answers(self, value: float | None, criterion: str, met: bool | None) -> None:
        assert meets(value, criterion) is met

    @pytest.mark.parametrize(
        "criterion",
        ["", "0.86", "< 0.5", "<= 0.5", "= 1", "=> 1", "> x", ">= 1 2", "> nan", "> 1."],
    )
    def test_wrong_criterion_is_refused_everywhere(self, criterion: str) -> None:
        for value in (1.0, None):
            with pytest.raises(ValueError, match="expected '>= number' or '> number'"):
                meets(value, criterion)
        with pytest.raises(ValueError, match=r"success_criteria\.auc_roc: found"):
            EvaluationOptions(success_criteria={"auc_roc": criterion})


class TestEvaluationOptions:
    @pytest.mark.parametrize("metric", ["auc", "n_pairs", "noise_ratio"])
    def test_unknown_metric_is_refused_by_name(self, metric: str) -> None:
        with pytest.raises(ValueError, match=f"found '{metric}', expected one of spearman_corr"):
            EvaluationOptions(success_criteria={metric: "> 1"})

    @pytest.mark.parametrize("change", [{"success_criteria": {"auc_roc": 0.8}}, {"criteria": {}}])
    def test_wrong_parameters_are_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(change))):
            EvaluationOptions(**{"success_criteria": {}, **change})


class TestCompare:
    def test_figures_and_differences(self) -> None:
        standard = metrics("standard", auc_roc=0.9, cohens_d=None, pair_cluster_purity=0.7)
        found = compare(metrics(), [standard, metrics("lora")], NO_CRITERIA)
        assert [model.model for model in found.models] == ["baseline", "standard", "lora"]
        baseline, tuned, same = found.models
        assert baseline.differences == {}
        assert set(baseline.figures) == set(tuned.figures) == set(HEADLINE_METRICS)
        assert (baseline.figures["auc_roc"], tuned.figures["auc_roc"]) == (0.4, 0.9)
        assert tuned.differences["auc_roc"] == pytest.approx(0.5)
        assert tuned.differences["best_f1"] == 0
        # Undefined on one side or the other.
        assert (tuned.differences["cohens_d"], tuned.differences["pair_cluster_purity"]) == (
            None,
            None,
        )
        assert {value for value in same.differences.values() if value is not None} == {0.0}
        assert baseline.false_positives == 2
        assert found.manifests["standard"] == standard.manifest

    def test_criteria_are_judged_for_each_model(self) -> None:
        options = EvaluationOptions(
            success_criteria={"auc_roc": "> 0.8", "pair_cluster_purity": ">= 0.7"}
        )
        standard = metrics("standard", auc_roc=0.9, pair_cluster_purity=0.7)
        found = compare(metrics(), [standard], options)
        assert [(c.metric, c.criterion, c.met) for c in found.criteria] == [
            ("auc_roc", "> 0.8", {"baseline": False, "standard": True}),
            ("pair_cluster_purity", ">= 0.7", {"baseline": None, "standard": True}),
        ]

    @pytest.mark.parametrize("model", ["standard", "lora"])
    def test_one_variant_may_be_missing(self, model: str) -> None:
        found = compare(metrics(), [metrics(model)], NO_CRITERIA)
        assert [headline.model for headline in found.models] == ["baseline", model]
        assert len(found.statements) == 1
        assert set(found.manifests) == {"baseline", model}

    @pytest.mark.parametrize(
        ("stale", "fault"),
        [
            (manifest(eval=B), "lora_metrics was made from other eval pairs"),
            (manifest(validation=B), "lora_metrics was made from other validation pairs"),
            (manifest(B), "lora_metrics stands on base model"),
        ],
        ids=["eval", "validation", "base model"],
    )
    def test_stale_metrics_are_left_out_and_named(self, stale: Manifest, fault: str) -> None:
        variants = [metrics("standard"), metrics("lora", manifest=stale)]
        found = compare(metrics(), variants, NO_CRITERIA)
        assert [headline.model for headline in found.models] == ["baseline", "standard"]
        assert set(found.manifests) == {"baseline", "standard"}
        assert found.statements[-1].startswith(f"lora is left out: {fault}")

    def test_nothing_but_stale_metrics_is_refused(self) -> None:
        stale = metrics("lora", manifest=manifest(eval=B))
        with pytest.raises(StaleArtifactError, match=r"nothing to compare: lora.*Run: kedro run"):
            compare(metrics(), [stale], NO_CRITERIA)


class TestDescribeChange:
    @pytest.mark.parametrize(
        ("margin", "verb"),
        [
            (0.2, "improved the compatibility margin from -0.1000 to 0.2000 ("),
            (-0.05, "improved the compatibility margin from -0.1000 to -0.0500 ("),
            (-0.3, "worsened the compatibility margin from -0.1000 to -0.3000 ("),
            (-0.1, "did not change the compatibility margin of -0.1000 ("),
            (-0.10004, "did not change the compatibility margin of -0.1000 ("),
        ],
    )
    def test_says_what_happened_to_the_margin(self, margin: float, verb: str) -> None:
        sentence = describe_change(metrics(), metrics("lora", compatibility_margin=margin))
        assert sentence.startswith(f"LoRA fine-tuning (lora) {verb}")
        others = {"improved", "worsened", "did not change"} - {verb.partition(" the ")[0]}
        assert not any(other in sentence for other in others)

    @pytest.mark.parametrize(
        ("margin", "auc", "opposite"),
        [
            (0.2, 0.3, True),
            (-0.3, 0.5, True),
            (0.2, 0.5, False),
            (-0.3, 0.3, False),
            (0.2, 0.4, False),
            (-0.3, 0.4, False),
            (-0.1, 0.5, False),
            (-0.1, 0.3, False),
            (-0.1, 0.4, False),
        ],
    )
    def test_warns_exactly_when_margin_and_auc_part(
        self, margin: float, auc: float, opposite: bool
    ) -> None:
        variant = metrics("standard", compatibility_margin=margin, auc_roc=auc)
        sentence = describe_change(metrics(), variant)
        assert ("The margin and the AUC moved in opposite directions." in sentence) is opposite

    def test_names_the_other_figures(self) -> None:
        variant = metrics(
            "mine",
            compatibility_margin=0.2,
            cohens_d=None,
            auc_roc=0.9,
            spearman_correlation=0.75,
        )
        sentence = describe_change(metrics(), variant)
        assert sentence == (
            "Fine-tuning (mine) improved the compatibility margin from -0.1000 to 0.2000 "
            "(Cohen's d from -0.5000 to n/a; AUC-ROC from 0.4000 to 0.9000; Spearman from -0.2000 "
            "to 0.7500) on 4 eval pairs."
        )

    @pytest.mark.parametrize(("margin", "said"), [(-0.01, True), (0.0, False), (0.2, False)])
    def test_says_when_the_margin_is_negative(self, margin: float, said: bool) -> None:
        sentence = describe_change(metrics(), metrics("lora", compatibility_margin=margin))
        assert ("The margin is negative" in sentence) is said


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(None, 4, "n/a"), (0.0, 4, "0.0000"), (-0.21945, 2, "-0.22"), (7.0, 0, "7")],
)
def test_figure(value: float | None, digits: int, text: str) -> None:
    assert figure(value, digits) == text
