from typing import Any

import pytest
from pydantic import ValidationError

from tests.comparison.examples import ALARMS, BOOTSTRAP, options_with
from tuneproof.comparison.records import AlarmOptions, EvaluationOptions, meets
from tuneproof.comparison.wording import chance, figure, signed, span, with_span
from tuneproof.metrics.uncertainty import Interval


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
            options_with(auc_roc=criterion)


class TestEvaluationOptions:
    @pytest.mark.parametrize("metric", ["auc", "n_pairs", "noise_ratio"])
    def test_unknown_metric_is_refused_by_name(self, metric: str) -> None:
        with pytest.raises(ValueError, match=f"found '{metric}', expected one of spearman_corr"):
            options_with(1, **{metric: "> 1"})

    @pytest.mark.parametrize(
        "change",
        [{"success_criteria": {"auc_roc": 0.8}}, {"criteria": {}}, {"worst_errors": -1}],
    )
    def test_wrong_parameters_are_refused(self, change: dict[str, Any]) -> None:
        given = {"success_criteria": {}, "bootstrap": BOOTSTRAP, "alarms": ALARMS}
        with pytest.raises(ValidationError, match=next(iter(change))):
            EvaluationOptions(**{**given, "worst_errors": 1, **change})

    @pytest.mark.parametrize(
        "change", [{"effective_rank_share": 0}, {"probe_gap": -0.1}, {"mixture_shift": 1.1}]
    )
    def test_alarms_out_of_range_are_refused(self, change: dict[str, float]) -> None:
        known = {name: getattr(ALARMS, name) for name in AlarmOptions.__dataclass_fields__}
        with pytest.raises(ValidationError, match=next(iter(change))):
            AlarmOptions(**{**known, **change})


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(None, 4, "n/a"), (0.0, 4, "0.0000"), (-0.21945, 2, "-0.22"), (7.0, 0, "7")],
)
def test_figure(value: float | None, digits: int, text: str) -> None:
    assert figure(value, digits) == text


def test_wording_of_differences_intervals_and_chances() -> None:
    assert (signed(0.25, 2), signed(-0.25, 2), signed(None)) == ("+0.25", "-0.25", "n/a")
    assert (span(Interval(-0.5, 1), 1), span(None)) == ("[-0.5, 1.0]", "no interval")
    assert with_span(0.5, Interval(0.25, 0.75), 2) == "0.50 [0.25, 0.75]"
    assert (with_span(0.5, None, 1), with_span(None, None)) == ("0.5 no interval", "n/a")
    assert (chance(0.04567), chance(1e-5), chance(1.0), chance(None)) == (
        "0.046",
        "1e-05",
        "1",
        "n/a",
    )
