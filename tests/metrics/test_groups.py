import math

import numpy as np
import pytest

from tuneproof.metrics.groups import summarise_groups

SCORES = np.array([0.8, 0.6, 0.2, 0.0, 0.9, -0.3, -0.5])
LABELS = np.array([1, 1, 0, 0, 1, 0, 0])
GROUPS = np.array(["mixed"] * 4 + ["all compatible"] + ["incompatible"] * 2, dtype=object)


def test_mixed_group_is_measured_on_its_own() -> None:
    mixed = summarise_groups(SCORES, LABELS, GROUPS, 0.7)["mixed"]
    assert (mixed.compatible, mixed.incompatible) == (2, 2)
    assert mixed.compatible_mean_cosine == pytest.approx(0.7)
    assert mixed.incompatible_mean_cosine == pytest.approx(0.1)
    assert mixed.compatibility_margin == pytest.approx(0.6)
    assert mixed.cohens_d == pytest.approx(0.6 / math.sqrt(0.02))
    assert mixed.auc_roc == 1.0
    assert mixed.decisions[:5] == (0.7, 1, 0, 2, 1)


@pytest.mark.parametrize(
    ("group", "means", "counts"),
    [
        ("all compatible", (0.9, None), (1, 0)),
        ("incompatible", (None, pytest.approx(-0.4)), (0, 2)),
    ],
)
def test_group_of_one_label_has_no_margin(
    group: str, means: tuple[float | None, float | None], counts: tuple[int, int]
) -> None:
    found = summarise_groups(SCORES, LABELS, GROUPS, 0.7)[group]
    assert (found.compatible, found.incompatible) == counts
    assert (found.compatible_mean_cosine, found.incompatible_mean_cosine) == means
    assert (found.compatibility_margin, found.cohens_d, found.auc_roc) == (None, None, None)


def test_names_are_in_alphabetical_order() -> None:
    names = list(summarise_groups(SCORES, LABELS, GROUPS, 0.7))
    assert names == ["all compatible", "incompatible", "mixed"]
