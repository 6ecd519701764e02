"""Better is what all pairs, chance and leaks bear; all else is said with it."""

from typing import Any

import numpy as np
import pytest

from tests.comparison.examples import (
    GENERAL,
    N,
    compared,
    measured,
    noisy,
    options_with,
    untelling,
)
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import Standing


def leaking() -> DataQualityScore:
    """Audit pairs of which more leak than the gate allows."""
    found = untelling()
    gates = [
        gate.model_copy(update={"passed": gate.name != "leakage" and gate.passed})
        for gate in found.gates
    ]
    return found.model_copy(update={"gates": gates})


def standing(
    variant: dict[str, Any] | None = None,
    quality: DataQualityScore | None = None,
    before: float = 0.0,
    **shared: Any,
) -> Standing:
    models = (
        measured("baseline", noisy(before, 1), **shared),
        measured("lora", **{"cosines": noisy(0.6, 2), **shared, **(variant or {})}),
    )
    options = options_with(auc_roc=">= 0.6", best_f1=">= 0.99")
    (found,) = compared(*models, quality=quality, options=options).standings
    return found


def test_a_higher_auc_is_better_and_unmet_criteria_are_said() -> None:
    assert standing() == Standing(
        model="lora", better=True, reasons=["1 of 2 success criteria are not surely met"]
    )


@pytest.mark.parametrize(
    ("cosines", "claim"),
    [(noisy(0.02, 3), "that it ranks better is not shown (p"), (noisy(-0.9, 3), "it ranks worse")],
)
def test_what_is_not_shown_is_not_better(cosines: Any, claim: str) -> None:
    found = standing({"cosines": cosines})
    assert not found.better
    assert found.reasons[0].startswith(f"on all {N} eval pairs {claim}")


def test_better_than_a_model_that_ranks_backwards_is_not_better_than_chance() -> None:
    found = standing({"cosines": noisy(0.02, 3)}, before=-0.6)
    assert found == Standing(
        model="lora",
        better=False,
        reasons=["that it ranks better than chance is not shown"],
    )


class TestLeaks:
    seen = np.arange(N) < N // 2

    def test_of_pairs_that_leak_the_clean_ones_must_gain(self) -> None:
        columns = {"shares_text": self.seen, "clean": ~self.seen}
        memory = np.where(self.seen, noisy(0.8, 2), noisy(0.0, 1))
        found = standing({"cosines": memory}, leaking(), columns=columns)
        assert not found.better
        assert found.reasons == [
            "training saw more of the eval pairs than the audit allows, and on the 40 pairs "
            "without any leak or near duplicate no gain is shown"
        ]

    def test_where_they_gain_leaks_do_not_matter(self) -> None:
        columns = {"shares_text": self.seen, "clean": ~self.seen}
        assert standing(None, leaking(), columns=columns).better

    def test_of_pairs_that_do_not_leak_it_is_a_reservation(self) -> None:
        columns = {"shares_text": self.seen, "clean": ~self.seen}
        memory = np.where(self.seen, noisy(0.8, 2), noisy(0.0, 1))
        found = standing({"cosines": memory}, columns=columns)
        assert found.better
        assert found.reasons[0] == (
            "no gain is shown on the 40 pairs that share no text with the train and validation "
            "pairs"
        )


def test_a_threshold_that_calls_almost_all_is_a_reservation() -> None:
    found = standing({"cosines": noisy(0.6, 2), "threshold": 0.0})
    called = int((noisy(0.6, 2) >= 0.0).sum())
    assert called > 0.95 * N
    assert f"its threshold calls {called} of {N} compatible" in found.reasons


def test_lost_language_is_a_reservation() -> None:
    forgetful = np.random.default_rng(0).uniform(0.3, 0.5, len(GENERAL))
    found = standing({"general": forgetful})
    assert found.better
    assert found.reasons[-1] == "it knows general language less well than the base model"
