import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from tuneproof.metrics.decisions import decide
from tuneproof.metrics.ranking import auc_roc, average_precision, spearman
from tuneproof.metrics.separation import cohens_d, margin, welch_t
from tuneproof.metrics.uncertainty import (
    FEWEST_GROUPS,
    BootstrapOptions,
    association_p_values,
    bootstrap,
    bootstrap_intervals,
    can_be_permuted,
    count_groups,
    holm,
    mcnemar_test,
    percentile_interval,
    permuted_labels,
    swap_p_values,
    two_sided_p_value,
    weighted_metrics,
    weighted_spearman,
)

REPETITIONS = 300
OPTIONS = BootstrapOptions(rounds=400, seed=0)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def grouped_pairs(seed: int, n_groups: int = 80, effect: float = 1.0) -> tuple[Floats, Ints, Ints]:
    """Scores that groups share a part of, and labels that come in like company."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), random.choice([1, 1, 1, 2, 3, 4], n_groups))
    shares = random.beta(2, 2, n_groups)[groups]
    labels = (random.random(len(groups)) < shares).astype(np.int64)
    scores = effect * labels + random.normal(size=n_groups)[groups]
    return scores + random.normal(size=len(groups)), labels, groups


def reference(scores: Floats, labels: Ints, threshold: float) -> dict[str, float | None]:
    """The same figures by the functions that take no weights."""
    decisions = decide(scores, labels, threshold)
    negatives = decisions.false_positives + decisions.true_negatives
    return {
        "compatible_mean_cosine": float(scores[labels == 1].mean()) if labels.any() else None,
        "incompatible_mean_cosine": float(scores[labels == 0].mean()) if negatives else None,
        "compatibility_margin": margin(scores, labels),
        "cohens_d": cohens_d(scores, labels),
        "t_statistic": welch_t(scores, labels).t_statistic,
        "auc_roc": auc_roc(scores, labels),
        "average_precision": average_precision(scores, labels),
        "spearman_correlation": spearman(scores, labels),
        "best_f1": decisions.f1,
        "accuracy_at_best_threshold": decisions.accuracy,
        "precision_at_best_threshold": decisions.precision,
        "recall_at_best_threshold": decisions.recall,
        "error_rate": 1 - decisions.accuracy,
        "false_positive_rate": decisions.false_positives / negatives if negatives else None,
    }


rows = st.lists(
    st.tuples(st.integers(-10, 10), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=20
).filter(lambda drawn: any(weight for *_, weight in drawn))


class TestWeightedMetrics:
    @given(rows, st.integers(-10, 10))
    def test_a_weight_counts_a_pair_as_often(
        self, drawn: list[tuple[int, int, int]], cut: int
    ) -> None:
        tenths, labels, weights = (np.array(column) for column in zip(*drawn, strict=True))
        scores = tenths / 10
        found = weighted_metrics(scores, labels, cut / 10)(weights[None].astype(np.float64))
        expected = reference(np.repeat(scores, weights), np.repeat(labels, weights), cut / 10)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            if value is None:
                assert np.isnan(found[name][0]), name
            else:
                assert found[name][0] == pytest.approx(value, abs=1e-9), name

    @given(
        st.lists(
            st.tuples(st.integers(-5, 5), st.integers(0, 10), st.integers(0, 3)), min_size=2
        ).filter(lambda drawn: sum(weight for *_, weight in drawn) > 1)
    )
    def test_weighted_spearman_is_that_of_repeated_rows(
        self, drawn: list[tuple[int, int, int]]
    ) -> None:
        first, second, weights = (np.array(column) for column in zip(*drawn, strict=True))
        (found,) = weighted_spearman(first / 5, second / 2)(weights[None].astype(np.float64))
        one, other = np.repeat(first, weights), np.repeat(second, weights)
        if np.ptp(one) == 0 or np.ptp(other) == 0:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-9)

    def test_without_a_threshold_there_are_no_decisions(self) -> None:
        scores, labels, _ = grouped_pairs(0)
        found = weighted_metrics(scores, labels)(np.ones((1, len(scores))))
        assert "auc_roc" in found
        assert "best_f1" not in found


class TestBootstrap:
    def test_groups_are_drawn_whole_and_as_many_as_there_are(self) -> None:
        groups = np.array([7, 3, 7, 7, 9, 3])
        drawn = bootstrap(
            lambda weights: {str(row): weights[:, row] for row in range(6)}, groups, OPTIONS
        )
        np.testing.assert_array_equal(drawn["0"], drawn["2"])
        np.testing.assert_array_equal(drawn["0"], drawn["3"])
        np.testing.assert_array_equal(drawn["1"], drawn["5"])
        assert set(drawn["0"] + drawn["1"] + drawn["4"]) == {3.0}
        assert drawn["0"].mean() == pytest.approx(1, abs=0.15)
        assert len(drawn["0"]) == OPTIONS.rounds

    def test_standard_error_of_a_mean_of_groups(self) -> None:
        values = np.random.default_rng(1).normal(size=200)
        draws = bootstrap(
            lambda weights: {"mean": weights @ values / 200},
            np.arange(200),
            BootstrapOptions(rounds=4000, seed=2),
        )
        assert draws["mean"].std() == pytest.approx(values.std() / np.sqrt(200), rel=0.05)

    def test_chunks_of_rounds_draw_every_round_anew(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("tuneproof.metrics.uncertainty._CHUNK", 120)
        scores, labels, groups = grouped_pairs(3, n_groups=20)
        found = bootstrap(weighted_metrics(scores, labels), groups, OPTIONS)["auc_roc"]
        assert len(found) == OPTIONS.rounds
        assert len(np.unique(found)) > OPTIONS.rounds / 2

    def test_same_seed_same_draws_for_models_on_the_same_pairs(self) -> None:
        scores, labels, groups = grouped_pairs(4)
        first, second = (
            bootstrap(weighted_metrics(each, labels), groups, OPTIONS)["compatibility_margin"]
            for each in (scores, scores + 1)
        )
        np.testing.assert_allclose(first, second)

    @pytest.mark.parametrize("effect", [0.3, 1.0])
    def test_intervals_cover_the_truth(self, effect: float) -> None:
        # Two scores of different groups differ by N(effect, 4) where the labels differ.
        auc = float(stats.norm.cdf(effect / 2))
        truth = {
            "compatibility_margin": effect,
            "auc_roc": auc,
            "spearman_correlation": (2 * auc - 1) * np.sqrt(3) / 2,
        }
        covered = dict.fromkeys(truth, 0)
        for seed in range(REPETITIONS):
            found = bootstrap_intervals(*grouped_pairs(seed, effect=effect), OPTIONS)
            for name, value in truth.items():
                interval = found[name]
                assert interval is not None
                covered[name] += interval.low <= value <= interval.high
        for name, count in covered.items():
            assert 0.92 <= count / REPETITIONS <= 0.98, name

    @pytest.mark.parametrize(("few", "many"), [(15, 100), (10, 200)])
    def test_intervals_cover_the_truth_of_a_rare_label(self, few: int, many: int) -> None:
        labels = np.r_[np.ones(few, dtype=np.int64), np.zeros(many, dtype=np.int64)]
        truth = {
            "compatible_mean_cosine": 1.0,
            "compatibility_margin": 1.0,
            "auc_roc": float(stats.norm.cdf(1 / np.sqrt(2))),
        }
        covered, narrow = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
        for seed in range(REPETITIONS):
            scores = labels + np.random.default_rng(seed).normal(size=few + many)
            draws = bootstrap(weighted_metrics(scores, labels), np.arange(few + many), OPTIONS)
            for name, value in truth.items():
                for count, found in (
                    (count_groups(name, labels, np.arange(few + many)), covered),
                    (few + many, narrow),
                ):
                    interval = percentile_interval(draws[name], count)
                    assert interval is not None
                    found[name] += interval.low <= value <= interval.high
        for name, count in covered.items():
            assert count / REPETITIONS >= 0.90, name
            # As sure as if all pairs held the rare label: too sure.
            assert narrow[name] < count, name

    def test_a_label_of_few_groups_leaves_its_figures_without_interval(self) -> None:
        one_label = {"compatible_mean_cosine", "incompatible_mean_cosine"}
        decided = {"accuracy_at_best_threshold", "error_rate"}
        for few in (FEWEST_GROUPS - 1, FEWEST_GROUPS):
            labels = np.r_[np.ones(few, dtype=np.int64), np.zeros(200, dtype=np.int64)]
            for known in (labels, 1 - labels):
                scores = known + np.random.default_rng(few).normal(size=len(known))
                found = bootstrap_intervals(scores, known, np.arange(len(known)), OPTIONS, 0.5)
                without = {name for name, interval in found.items() if interval is None}
                # The mean of the common label and the accuracy rest on enough.
                common = "incompatible" if known is labels else "compatible"
                expected = found.keys() - decided - {f"{common}_mean_cosine"}
                expected -= {"recall_at_best_threshold"} if common == "compatible" else set()
                assert one_label < found.keys()
                assert without == (expected if few < FEWEST_GROUPS else set())

    def test_groups_that_a_figure_rests_on(self) -> None:
        labels = np.array([1, 0, 0, 0, 0, 1, 0])
        groups = np.array([5, 5, 2, 2, 9, 5, 4])
        counts = {
            "auc_roc": 1,
            "recall_at_best_threshold": 1,
            "compatible_mean_cosine": 1,
            "incompatible_mean_cosine": 4,
        }
        for name, count in {**counts, "accuracy_at_best_threshold": 4, "error_rate": 4}.items():
            assert count_groups(name, labels, groups) == count

    def test_taking_grouped_pairs_as_independent_would_not(self) -> None:
        covered = 0
        for seed in range(REPETITIONS):
            random = np.random.default_rng(seed)
            # Each group has one label: the number of groups counts, not that of pairs.
            labels = np.repeat(np.arange(40) % 2, 6)
            scores = labels + np.repeat(random.normal(size=40), 6) + random.normal(size=240) / 5
            interval = bootstrap_intervals(scores, labels, np.arange(240), OPTIONS)[
                "compatibility_margin"
            ]
            assert interval is not None
            covered += interval.low <= 1 <= interval.high
        assert covered / REPETITIONS < 0.7

    def test_no_pairs_no_intervals(self) -> None:
        nothing = np.array([], dtype=np.int64)
        assert bootstrap_intervals(nothing.astype(float), nothing, nothing, OPTIONS) == {}

    @pytest.mark.parametrize("wrong", [{"rounds": 199}, {"seed": -1}, {"round": 200}])
    def test_wrong_parameters_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            BootstrapOptions(**{"rounds": 200, "seed": 0, **wrong})


class TestPercentileInterval:
    DRAWS = np.random.default_rng(0).normal(size=20_000)

    def test_many_groups_give_plain_percentiles(self) -> None:
        found = percentile_interval(self.DRAWS, 100_000)
        assert found == pytest.approx(tuple(np.quantile(self.DRAWS, [0.025, 0.975])), abs=1e-3)

    def test_few_groups_widen_it_as_students_t_does(self) -> None:
        found = percentile_interval(self.DRAWS, 10)
        assert found is not None
        wide = float(stats.t.ppf(0.975, 9)) * np.sqrt(10 / 9)
        assert (found.low, found.high) == pytest.approx((-wide, wide), abs=0.15)

    def test_undefined_figures_have_none(self) -> None:
        few, constant = FEWEST_GROUPS - 1, np.full(200, 0.3)
        mostly = np.where(np.arange(200) < 11, np.nan, self.DRAWS[:200])
        assert percentile_interval(self.DRAWS, few) is None
        assert percentile_interval(constant, 50) is None
        assert percentile_interval(mostly, 50) is None
        assert percentile_interval(np.r_[mostly, self.DRAWS[:20]], 50) is not None


class TestPermutedLabels:
    def test_groups_keep_their_labels_together(self) -> None:
        groups = np.array([0, 0, 1, 1, 2, 3, 4, 4, 4])
        labels = np.array([1, 0, 1, 1, 0, 1, 1, 0, 1])
        found = permuted_labels(labels, groups, OPTIONS)
        assert found.shape == (OPTIONS.rounds, 9)
        pairs = {tuple(sorted([tuple(row[:2]), tuple(row[2:4])])) for row in found.tolist()}
        assert pairs == {((1, 0), (1, 1))}
        assert {tuple(row[:2]) for row in found.tolist()} == {(1, 0), (1, 1)}
        assert {tuple(row[4:6]) for row in found.tolist()} == {(0, 1), (1, 0)}
        # No other group has three pairs.
        assert {tuple(row[6:]) for row in found.tolist()} == {(1, 0, 1)}

    def test_p_values_are_uniform_where_nothing_is_to_be_found(self) -> None:
        found: dict[str, list[float]] = {"compatibility_margin": [], "auc_roc": []}
        options = BootstrapOptions(rounds=200, seed=1)
        for seed in range(REPETITIONS):
            scores, labels, groups = grouped_pairs(seed, effect=0.0)
            values = association_p_values(scores, labels, permuted_labels(labels, groups, options))
            for name, value in values.items():
                assert value is not None
                found[name].append(value)
        for values_found in found.values():
            assert stats.kstest(values_found, "uniform").pvalue > 0.01

    def test_an_effect_is_found(self) -> None:
        scores, labels, groups = grouped_pairs(0, effect=2.0)
        found = association_p_values(scores, labels, permuted_labels(labels, groups, OPTIONS))
        smallest = 2 / (OPTIONS.rounds + 1)
        assert found == {"compatibility_margin": smallest, "auc_roc": smallest}

    def test_nothing_to_exchange(self) -> None:
        labels = np.array([1, 0, 1])
        permuted = permuted_labels(labels, np.array([0, 0, 0]), OPTIONS)
        assert association_p_values(np.array([0.1, 0.2, 0.3]), labels, permuted) == {
            "compatibility_margin": None,
            "auc_roc": None,
        }

    @pytest.mark.parametrize(("giant", "moves"), [(41, False), (39, True), (1, True)])
    def test_a_group_that_holds_most_pairs_leaves_nothing_to_exchange(
        self, giant: int, moves: bool
    ) -> None:
        labels = np.arange(80) % 2
        groups = np.r_[np.zeros(giant, dtype=np.int64), np.arange(1, 81 - giant)]
        permuted = permuted_labels(labels, groups, OPTIONS)
        assert can_be_permuted(labels, permuted) == moves
        # Perfect scores, and yet no p-value could tell where the labels hardly move.
        for value in association_p_values(labels.astype(np.float64), labels, permuted).values():
            assert value is not None if moves else value is None

    def test_two_sided_p_value_counts_the_observed_one(self) -> None:
        assert two_sided_p_value(3.0, np.array([0.0, 1.0, 2.0])) == pytest.approx(2 / 4)
        assert two_sided_p_value(1.0, np.array([0.0, 1.0, 2.0])) == 1.0


class TestSwap:
    def test_equals_all_exchanges_by_hand(self) -> None:
        random = np.random.default_rng(5)
        groups = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6, 7])
        labels = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
        first, second = random.normal(size=10) / 5, random.normal(size=10) / 2 + labels / 5 + 0.3
        cuts = 0.05, 0.45
        # Labels that groups hold unevenly: a common shift would matter if it were not taken out.
        labels[[3, 5]] = 1

        def figures(
            centred: Floats, standard: Floats, calls: npt.NDArray[np.bool_], ranks: Floats
        ) -> list[float]:
            decisions = decide(calls.astype(float), labels, 0.5)
            values = (
                margin(centred, labels),
                cohens_d(standard, labels),
                welch_t(standard, labels).t_statistic,
                auc_roc(ranks, labels),
                decisions.f1,
                decisions.accuracy,
            )
            return [float(value) for value in values if value is not None]

        def difference(swapped: npt.NDArray[np.bool_]) -> Floats:
            parts = []
            for flip in (swapped, ~swapped):
                take = [
                    np.where(flip, other, one)
                    for one, other in (
                        (first - first.mean(), second - second.mean()),
                        (stats.zscore(first), stats.zscore(second)),
                        (first >= cuts[0], second >= cuts[1]),
                        (stats.rankdata(first), stats.rankdata(second)),
                    )
                ]
                parts.append(figures(*take))
            return np.asarray(np.abs(np.array(parts[0]) - np.array(parts[1])), dtype=np.float64)

        everything = [
            difference(np.array(signs)[groups])
            for signs in itertools.product([False, True], repeat=8)
        ]
        observed = difference(np.zeros(10, dtype=np.bool_))
        exact = (np.array(everything) >= observed - 1e-9).mean(axis=0)
        found = swap_p_values(
            (first, cuts[0]),
            (second, cuts[1]),
            labels,
            groups,
            BootstrapOptions(rounds=20_000, seed=0),
        )
        names = ("compatibility_margin", "cohens_d", "t_statistic", "auc_roc", "best_f1")
        for name, expected in zip((*names, "accuracy_at_best_threshold"), exact, strict=True):
            assert found[name] == pytest.approx(expected, abs=0.012), name

    def test_identical_models_differ_in_nothing(self) -> None:
        scores, labels, groups = grouped_pairs(0)
        found = swap_p_values((scores, 0.5), (scores, 0.5), labels, groups, OPTIONS)
        assert set(found.values()) == {1.0}

    def test_another_scale_is_no_other_ranking(self) -> None:
        scores, labels, groups = grouped_pairs(0)
        found = swap_p_values((scores, 0.5), (3 * scores, 0.5), labels, groups, OPTIONS)
        assert found["auc_roc"] == found["spearman_correlation"] == 1.0
        assert found["cohens_d"] == found["t_statistic"] == 1.0
        assert found["compatibility_margin"] is not None
        assert found["compatibility_margin"] < 0.05

    def test_a_common_shift_hides_no_difference_and_makes_none(self) -> None:
        names = ("compatibility_margin", "cohens_d", "t_statistic")
        shown = {("same", name): 0 for name in names} | {("wider", name): 0 for name in names}
        options = BootstrapOptions(rounds=200, seed=1)
        groups = np.arange(80)
        for seed in range(100):
            random = np.random.default_rng(seed)
            labels = random.permutation(groups % 2)
            first = 0.1 * labels + random.normal(0, 0.15, 80)
            noise = random.normal(0, 0.15, 80)
            for kind, signal in (("same", 0.1), ("wider", 0.25)):
                second = (signal * labels + noise + 0.25, 0.55)
                found = swap_p_values((first, 0.3), second, labels, groups, options)
                for name in names:
                    value = found[name]
                    assert value is not None
                    shown[kind, name] += value <= 0.05
        for name in names:
            # 11 of 100 has p < 0.02 at a level of 0.05.
            assert shown["same", name] < 11, name
            assert shown["wider", name] >= 75, name

    def test_a_shift_alone_is_no_difference(self) -> None:
        scores, labels, groups = grouped_pairs(0)
        found = swap_p_values((scores, 0.5), (scores + 0.25, 0.75), labels, groups, OPTIONS)
        assert set(found.values()) == {1.0}

    def test_p_values_are_uniform_for_exchangeable_models(self) -> None:
        found: dict[str, list[float]] = {}
        options = BootstrapOptions(rounds=200, seed=1)
        for seed in range(REPETITIONS):
            random = np.random.default_rng(seed)
            _, labels, groups = grouped_pairs(seed)
            models = [
                labels + random.normal(size=80)[groups] + random.normal(size=len(groups))
                for _ in range(2)
            ]
            values = swap_p_values((models[0], 0.5), (models[1], 0.5), labels, groups, options)
            for name, value in values.items():
                assert value is not None
                found.setdefault(name, []).append(value)
        for name in ("compatibility_margin", "cohens_d", "t_statistic", "auc_roc"):
            assert stats.kstest(found[name], "uniform").pvalue > 0.01, name
        # Decisions are counts: their p-values come in steps and err on the safe side.
        for name in ("best_f1", "accuracy_at_best_threshold"):
            assert np.mean(np.array(found[name]) <= 0.05) <= 0.09, name

    def test_a_better_model_is_found(self) -> None:
        scores, labels, groups = grouped_pairs(0)
        better = scores + 2 * labels
        found = swap_p_values((scores, 0.5), (better, 1.5), labels, groups, OPTIONS)
        assert all(value is not None and value < 0.01 for value in found.values())


class TestMcNemar:
    def test_known_answer(self) -> None:
        first = np.array([True] * 9 + [False] + [True] * 5)
        second = np.array([False] * 9 + [True] + [True] * 5)
        found = mcnemar_test(first, second)
        assert (found.gained, found.lost) == (1, 9)
        # Two tails of 10 tosses with at most one head.
        assert found.p_value == pytest.approx(2 * (1 + 10) / 2**10)

    def test_no_flip(self) -> None:
        right = np.array([True, False])
        assert mcnemar_test(right, right) == (0, 0, 1.0)

    def test_it_is_misled_by_groups_that_the_exchange_of_groups_heeds(self) -> None:
        groups = np.repeat(np.arange(25), 8)
        labels = np.arange(200) % 2
        options = BootstrapOptions(rounds=200, seed=0)
        false_alarms = {"pairs": 0, "groups": 0}
        for seed in range(100):
            random = np.random.default_rng(seed)
            # Equally good models, each of which understands a group or does not.
            models = [np.where(random.random(25)[groups] < 0.8, labels, 1 - labels) for _ in "ab"]
            right = [calls == labels for calls in models]
            found = swap_p_values((models[0], 0.5), (models[1], 0.5), labels, groups, options)
            value = found["accuracy_at_best_threshold"]
            assert value is not None
            false_alarms["groups"] += value <= 0.05
            false_alarms["pairs"] += mcnemar_test(right[0], right[1]).p_value <= 0.05
        assert false_alarms["pairs"] > 30
        assert false_alarms["groups"] < 11


class TestHolm:
    def test_known_answer(self) -> None:
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_nothing_to_adjust(self) -> None:
        assert holm([]) == []

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    @settings(max_examples=50)
    def test_equals_the_step_down_test(self, p_values: list[float]) -> None:
        adjusted = holm(p_values)
        for level in (0.01, 0.05, 0.2):
            rejected = set()
            for step, index in enumerate(np.argsort(p_values, kind="stable")):
                if p_values[index] * (len(p_values) - step) > level:
                    break
                rejected.add(int(index))
            assert {i for i, value in enumerate(adjusted) if value <= level} == rejected
