import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.comparison.examples import (
    BOOTSTRAP,
    GENERAL,
    GRADES,
    KNOWS_LANGUAGE,
    N,
    measured,
    noisy,
    some_pairs,
)
from tuneproof.comparison.differences import MeasuredModel, compare_pair
from tuneproof.comparison.records import HEADLINE_METRICS, SUBSET_METRICS, ModelDifference
from tuneproof.measurement.records import SUBSETS

CLUSTERED = {"cluster_purity", "pair_cluster_purity"}
BY_LABEL = [np.arange(N) % 2] * 2
OPPOSITE = {
    "improved": "worsened",
    "worsened": "improved",
    "not shown": "not shown",
    "not tested": "not tested",
}
# Spearman's correlation with labels is AUC on another scale: it has no test of its own.
FAMILY = set(HEADLINE_METRICS) - CLUSTERED - {"spearman_correlation"}


def differ(first: MeasuredModel, second: MeasuredModel) -> ModelDifference:
    return compare_pair(first, second, GENERAL, BOOTSTRAP)


def outcomes(found: ModelDifference) -> dict[str, str]:
    return {name: each.outcome for name, each in found.metrics.items()}


def expected_outcomes(outcome: str) -> dict[str, str]:
    """The same for every metric but cluster purity, which is never judged."""
    return {name: "not tested" if name in CLUSTERED else outcome for name in HEADLINE_METRICS}


class TestKnownTruth:
    def test_identical_models_do_not_differ(self) -> None:
        found = differ(measured("baseline", noisy(0.2, 1)), measured("lora", noisy(0.2, 1)))
        parts = [found.metrics, found.general, *found.subsets.values()]
        for each in (difference for part in parts for difference in part.values()):
            assert each.before == each.after
            assert each.difference == 0
            assert each.interval is None
            assert each.outcome in ("not shown", "not tested")
        assert outcomes(found) == expected_outcomes("not shown")
        for name, each in found.metrics.items():
            expected = None if name in CLUSTERED else 1.0
            assert (each.p_value, each.adjusted_p_value) == (expected, expected)
        assert (found.decisions.gained, found.decisions.lost, found.decisions.p_value) == (0, 0, 1)
        assert found.decisions.group_p_value == 1

    def test_a_better_model_is_improved_and_the_other_way_round_worsened(self) -> None:
        weak = measured("baseline", noisy(0.05, 1))
        strong = measured("standard", noisy(0.6, 2), clusters=BY_LABEL)
        found = differ(weak, strong)
        assert (found.first, found.second) == ("baseline", "standard")
        assert outcomes(found) == expected_outcomes("improved")
        assert outcomes(differ(strong, weak)) == expected_outcomes("worsened")
        for name, each in found.metrics.items():
            assert each.before == getattr(weak.metrics, name)
            assert each.after == getattr(strong.metrics, name)
            assert each.difference == pytest.approx((each.after or 0) - (each.before or 0))
            assert each.interval is not None
            assert 0 < each.interval.low < each.interval.high

    def test_an_undefined_figure_gives_no_difference(self) -> None:
        constant = measured("baseline", [0.6] * N, clusters=[[-1] * N] * 2)
        found = differ(constant, measured("lora", noisy(0.5, 1)))
        for name in ("cohens_d", "t_statistic", "spearman_correlation", *CLUSTERED):
            each = found.metrics[name]
            assert (each.before, each.difference, each.interval) == (None, None, None)
            assert each.outcome == expected_outcomes("not shown")[name]
        assert found.metrics["auc_roc"].outcome == "improved"
        assert found.metrics["cohens_d"].p_value is None

    def test_general_language_a_rise_of_unrelated_cosines_is_worse(self) -> None:
        risen = np.where(GRADES == 0, KNOWS_LANGUAGE + 0.3, KNOWS_LANGUAGE)
        model = noisy(0.2, 1)
        first, second = measured("baseline", model), measured("lora", model, general=risen)
        up, down = differ(first, second).general, differ(second, first).general
        assert up["unrelated_mean_cosine"].outcome == "worsened"
        assert up["unrelated_mean_cosine"].difference == pytest.approx(0.3, abs=1e-6)
        assert down["unrelated_mean_cosine"].outcome == "improved"
        assert up["spearman_correlation"].outcome == "worsened"
        assert down["spearman_correlation"].outcome == "improved"
        after = up["spearman_correlation"].after
        assert after == pytest.approx(stats.spearmanr(risen, GRADES).statistic, abs=1e-6)

    def test_a_rise_must_be_sure_to_be_shown(self) -> None:
        random = np.random.default_rng(0)
        other = np.clip(KNOWS_LANGUAGE + random.normal(0.01, 0.3, len(GRADES)), -1, 1)
        found = differ(
            measured("baseline", noisy(0.2, 1)), measured("lora", noisy(0.22, 1), general=other)
        ).general["unrelated_mean_cosine"]
        assert found.difference
        assert found.interval is not None
        assert found.interval.low < 0 < found.interval.high
        assert found.outcome == "not shown"


@settings(max_examples=12)
@given(
    seeds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    signals=st.tuples(st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.0, 0.1, 0.4])),
)
def test_swapping_the_models_turns_every_sign(
    seeds: tuple[int, int], signals: tuple[float, float]
) -> None:
    random = np.random.default_rng(seeds)
    one, other = (
        measured(
            name,
            noisy(signal, seed),
            columns={"clean": np.arange(N) % 3 > 0},
            clusters=[random.integers(-1, 5, N)] * 2,
            general=np.clip(KNOWS_LANGUAGE + random.normal(0, 0.2, len(GRADES)), -1, 1),
        )
        for name, seed, signal in zip(("standard", "lora"), seeds, signals, strict=True)
    )
    there, back = differ(one, other), differ(other, one)
    for ahead, behind in (
        (there.metrics, back.metrics),
        (there.general, back.general),
        (there.subsets["clean"], back.subsets["clean"]),
    ):
        for name, each in ahead.items():
            turned = behind[name]
            assert (turned.before, turned.after) == (each.after, each.before)
            assert turned.difference == (None if each.difference is None else -each.difference)
            assert turned.p_value == each.p_value
            assert turned.adjusted_p_value == each.adjusted_p_value
            assert turned.outcome == OPPOSITE[each.outcome]
            assert (each.outcome == "not tested") == (name in CLUSTERED)
            if each.interval is None:
                assert turned.interval is None
            else:
                expected = (-each.interval.high, -each.interval.low)
                assert turned.interval == pytest.approx(expected, abs=1e-12)
    assert (back.decisions.gained, back.decisions.lost) == (
        there.decisions.lost,
        there.decisions.gained,
    )
    assert back.decisions.p_value == there.decisions.p_value


def test_holms_correction_spans_the_metrics_that_are_tested() -> None:
    found = differ(measured("baseline", noisy(0.2, 3)), measured("lora", noisy(0.3, 4))).metrics
    tested = {name: each.p_value for name, each in found.items() if each.p_value is not None}
    assert set(tested) == set(HEADLINE_METRICS) - CLUSTERED
    assert len(set(tested.values())) > 2
    largest = 0.0
    for rank, name in enumerate(sorted(FAMILY, key=tested.__getitem__)):
        largest = max(largest, (len(FAMILY) - rank) * tested[name])
        assert found[name].adjusted_p_value == pytest.approx(min(1.0, largest))
        assert (found[name].adjusted_p_value or 0) >= tested[name]
    same, auc = found["spearman_correlation"], found["auc_roc"]
    assert (same.p_value, same.adjusted_p_value) == (auc.p_value, auc.adjusted_p_value)
    assert {found[name].adjusted_p_value for name in CLUSTERED} == {None}


def test_an_interval_without_a_small_adjusted_p_shows_nothing() -> None:
    # Of two dozen seeds, two whose interval leaves out 0 while the corrected p does not stand.
    for seed in (5, 16):
        first, second = measured("a", noisy(0.1, seed)), measured("b", noisy(0.22, seed + 100))
        found = differ(first, second)
        auc = found.metrics["auc_roc"]
        assert auc.interval is not None
        assert auc.interval.low > 0
        assert auc.p_value is not None
        assert auc.p_value < 0.05 < (auc.adjusted_p_value or 0)
        assert auc.outcome == "not shown"


def test_flipped_decisions_are_counted_at_each_models_own_threshold() -> None:
    labels = np.arange(N) % 2
    rows = np.arange(N)
    # Right on all pairs but rows 0 to 3 (labels 0 and 1 alternate), decided at 0.5.
    first = np.where((labels == 1) == (rows > 3), 0.8, 0.2)
    # Right on all pairs but rows 3 to 5, decided at -0.3.
    second = np.where((labels == 1) == ((rows < 3) | (rows > 5)), -0.1, -0.5)
    found = differ(measured("a", first), measured("b", second, threshold=-0.3)).decisions
    assert (found.gained, found.lost) == (3, 2)
    assert found.p_value == pytest.approx(1.0)  # 2 of 5 or as extreme: all of the distribution
    perfect = measured("b", np.where(labels == 1, 0.9, 0.1))
    found = differ(measured("a", first), perfect).decisions
    assert (found.gained, found.lost) == (4, 0)
    assert found.p_value == pytest.approx(2 / 2**4)


def test_decisions_have_the_p_of_exchanging_groups_beside_mcnemars() -> None:
    # Ten groups of eight pairs that share a text; both models err by whole groups.
    groups = np.arange(N) // 8
    labels = np.arange(N) % 2
    pairs = some_pairs(labels.tolist(), text_1=[f"boy: a{group}" for group in groups])
    first, second = (
        measured(name, np.where(np.isin(groups, wrong), 1 - labels, labels) * 0.8, pairs)
        for name, wrong in (("a", [0, 1, 2, 3]), ("b", [4]))
    )
    assert first.metrics.n_groups == 10
    found = differ(first, second)
    assert (found.decisions.gained, found.decisions.lost) == (32, 8)
    # Pair by pair the change looks sure; four groups against one are none.
    assert found.decisions.p_value < 0.001
    assert found.decisions.group_p_value is not None
    assert found.decisions.group_p_value > 0.2
    accuracy = found.metrics["accuracy_at_best_threshold"]
    assert found.decisions.group_p_value == accuracy.p_value
    assert accuracy.outcome == "not shown"


class TestSubsets:
    def test_a_subset_is_what_comparing_its_rows_alone_gives(self) -> None:
        kept = np.arange(N) % 5 > 1
        models = [("baseline", noisy(0.1, 1)), ("lora", noisy(0.5, 2))]
        whole = differ(*(measured(name, c, columns={"clean": kept}) for name, c in models))
        pairs = [pair for pair, keep in zip(some_pairs(), kept, strict=True) if keep]
        alone = differ(*(measured(name, c[kept], pairs) for name, c in models))
        assert list(whole.subsets["clean"]) == list(SUBSET_METRICS)
        for name, each in whole.subsets["clean"].items():
            expected = alone.metrics[name]
            assert each.before == pytest.approx(expected.before)
            assert each.difference == pytest.approx(expected.difference)
            assert each.interval == pytest.approx(expected.interval)
            assert each.outcome == "improved"
            assert each.p_value == expected.p_value

    def test_holms_correction_spans_the_subsets_of_each_metric(self) -> None:
        columns = {"clean": np.arange(N) % 5 > 1, "shares_text": np.arange(N) < 30}
        models = [("baseline", noisy(0.1, 1)), ("lora", noisy(0.25, 2))]
        found = differ(*(measured(name, c, columns=columns) for name, c in models)).subsets
        assert set(SUBSETS) - set(found) == {"unseen_subcategories"}
        for metric in SUBSET_METRICS:
            # Each pair type and each category of these pairs holds both labels.
            once = [part[metric] for name, part in found.items() if not name.startswith("mixed")]
            ascending = sorted(once, key=lambda each: each.p_value or 0)
            largest = 0.0
            for rank, each in enumerate(ascending):
                assert each.p_value is not None
                largest = max(largest, (len(ascending) - rank) * each.p_value)
                assert each.adjusted_p_value == pytest.approx(min(1.0, largest))

    def test_the_same_pairs_under_several_names_are_one_test(self) -> None:
        found = differ(measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.25, 2)))
        assert len(found.subsets) > 1
        for part in found.subsets.values():
            for each in part.values():
                assert each.adjusted_p_value == each.p_value

    def test_an_interval_alone_does_not_show_a_change_on_a_subset(self) -> None:
        subset = _borderline().subsets["all"]["auc_roc"]
        assert subset.interval is not None
        assert subset.interval.low > 0
        assert subset.p_value is not None
        assert subset.p_value < 0.05 < (subset.adjusted_p_value or 0)
        assert subset.outcome == "not shown"

    def test_the_subset_of_all_pairs_is_all_pairs(self) -> None:
        found = differ(measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.3, 2)))
        for name, each in found.subsets["all"].items():
            whole = found.metrics[name]
            assert (each.difference, each.interval) == (whole.difference, whole.interval)

    def test_an_empty_subset_is_left_out_and_a_tiny_one_has_no_interval(self) -> None:
        columns = {"clean": np.arange(N) < 6, "shares_text": True}
        first, second = (
            measured(name, noisy(signal, 1), columns=columns)
            for name, signal in (("baseline", 0.1), ("lora", 0.9))
        )
        found = differ(first, second).subsets
        assert set(SUBSETS) - set(found) == {"no_shared_text", "unseen_subcategories"}
        tiny = found["clean"]["auc_roc"]
        assert tiny.difference is not None
        assert (tiny.interval, tiny.outcome) == (None, "not shown")


def _borderline() -> ModelDifference:
    """An AUC whose interval leaves out 0 while the corrected p does not stand."""
    columns = {"clean": np.arange(N) < N // 2}
    models = [("a", noisy(0.1, 5)), ("b", noisy(0.22, 105))]
    return differ(*(measured(name, cosines, columns=columns) for name, cosines in models))


def _width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_pairing_narrows_the_interval_of_models_that_err_alike() -> None:
    shared = noisy(0.2, 1)
    touched = np.clip(shared + np.random.default_rng(2).normal(0, 0.02, N), -1, 1)
    one, other = measured("baseline", shared), measured("lora", touched)
    found = differ(one, other)
    for metric in ("auc_roc", "compatibility_margin", "spearman_correlation"):
        apart = [_width(model.metrics.intervals[metric]) for model in (one, other)]
        assert _width(found.metrics[metric].interval) < 0.5 * math.hypot(*apart)


def test_pairs_that_share_a_text_are_resampled_together() -> None:
    # Each pair four times over: no more evidence than once, as the groups say.
    labels = np.repeat(np.arange(N // 4) % 2, 4)
    names = [f"boy: a{row // 4}" for row in range(N)]
    copied = some_pairs(labels.tolist(), text_1=names)
    cosines = [
        np.clip(signal * (labels - 0.5) + np.repeat(noisy(0, seed, N // 4), 4), -1, 1)
        for seed, signal in ((1, 0.1), (2, 0.2))
    ]
    widths = []
    for pairs in (copied, some_pairs(labels.tolist())):
        first, second = (
            measured(name, c, pairs) for name, c in zip(("baseline", "lora"), cosines, strict=True)
        )
        widths.append(_width(differ(first, second).metrics["compatibility_margin"].interval))
    assert widths[0] > 1.5 * widths[1]


def test_exchangeable_models_are_rarely_told_apart() -> None:
    rounds, alarms, told = 40, 0, 0
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        shared, language = noisy(0.2, seed), random.normal(0, 0.1, (2, len(GRADES)))
        first, second = (
            measured(
                name,
                np.clip(shared + random.normal(0, 0.1, N), -1, 1),
                clusters=[random.integers(0, 8, N)] * 2,
                general=np.clip(KNOWS_LANGUAGE + own, -1, 1),
            )
            for name, own in zip(("standard", "lora"), language, strict=True)
        )
        found = differ(first, second)
        shown = [each in ("improved", "worsened") for each in outcomes(found).values()]
        alarms += sum(shown)
        told += any(shown)
    assert alarms <= 0.08 * rounds * len(HEADLINE_METRICS)
    # Holm: the chance of any false alarm among those tested is at most 0.05; 6 of 40 has p < 0.02.
    assert told < 6
