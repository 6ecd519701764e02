import json

import pytest
from pydantic import ValidationError

from tests.measurement.examples import OPTIONS, measured, random_projection, random_scores
from tuneproof.manifest import describe_options
from tuneproof.measurement.measure import subset_masks
from tuneproof.measurement.records import SUBSETS, BaselineMetrics, MeasureOptions


class TestBaselineMetrics:
    @pytest.mark.parametrize("full", [True, False], ids=["everything", "little"])
    def test_json_round_trip_is_exact(self, full: bool) -> None:
        scores = random_scores()
        labels = scores.loc[scores["split"] == "eval", "label"].tolist()
        found = measured(scores, projection=random_projection(labels)) if full else measured()
        assert (found.prefix_swap is not None) == full
        text = found.model_dump_json(indent=2)
        assert BaselineMetrics.model_validate_json(text) == found
        # Strict JSON: no NaN or Infinity in it.
        json.loads(text, parse_constant=pytest.fail)

    @pytest.mark.parametrize("field", ["auc_roc", "cohens_d", "best_threshold", "p_value"])
    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_no_number_is_refused(self, field: str, value: float) -> None:
        record = measured().model_dump()
        BaselineMetrics.model_validate(record)
        with pytest.raises(ValidationError, match=field):
            BaselineMetrics.model_validate({**record, field: value})
        text = json.dumps({**json.loads(measured().model_dump_json()), field: value})
        with pytest.raises(ValidationError, match=field):
            BaselineMetrics.model_validate_json(text)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("auc_roc", 1.01), ("noise_ratio", -0.1), ("compatible_mean_cosine", 1.5), ("new", 1)],
    )
    def test_what_cannot_be_is_refused(self, field: str, value: float) -> None:
        with pytest.raises(ValidationError, match=field):
            BaselineMetrics.model_validate({**measured().model_dump(), field: value})


class TestMeasureOptions:
    def test_seeds_count_up_from_that_of_umap(self) -> None:
        seeded = list(OPTIONS.seeded_umaps())
        assert [each.random_state for each in seeded] == [42, 43]
        assert seeded[0] == OPTIONS.umap

    @pytest.mark.parametrize(
        "change",
        [
            {"batch_size": 0},
            {"cluster_seeds": 0},
            {"matched_recall": 0.0},
            {"matched_recall": 1.1},
            {"calibration_bins": 1},
            {"swap_prefixes": ["boy"]},
            {"unknown": 1},
        ],
        ids=str,
    )
    def test_wrong_parameters_are_refused(self, change: dict[str, object]) -> None:
        right = describe_options(OPTIONS)
        assert MeasureOptions(**right) == OPTIONS  # type: ignore[arg-type]  # as Kedro passes them
        with pytest.raises(ValidationError, match=next(iter(change))):
            MeasureOptions(**{**right, **change})  # type: ignore[arg-type]  # the fault


def test_every_subset_is_described() -> None:
    assert list(subset_masks(random_scores())) == list(SUBSETS)
