import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from tuneproof.metrics.decisions import (
    best_f1_threshold,
    decide,
    false_positives_by_group,
    threshold_at_recall,
    threshold_sweep,
)

Rows = list[tuple[float, int]]
# Ties, negative scores, adjacent and subnormal floats.
score = st.one_of(
    st.integers(-5, 5).map(lambda n: n / 5),
    st.floats(-1, 1),
    st.sampled_from([0.5, -0.5, 0.0]).flatmap(
        lambda x: st.sampled_from([float(np.nextafter(x, -1)), x, float(np.nextafter(x, 1))])
    ),
)
rows = st.lists(st.tuples(score, st.integers(0, 1)), min_size=1, max_size=30)
rows_with_positive = rows.filter(lambda drawn: any(label for _, label in drawn))


def arrays(drawn: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    return (
        np.array([s for s, _ in drawn], dtype=np.float64),
        np.array([label for _, label in drawn], dtype=np.int64),
    )


class TestDecide:
    @given(rows, score)
    def test_agrees_with_scikit_learn(self, drawn: Rows, threshold: float) -> None:
        scores, labels = arrays(drawn)
        called = [int(s >= threshold) for s, _ in drawn]

        found = decide(scores, labels, threshold)

        assert [
            [found.true_negatives, found.false_positives],
            [found.false_negatives, found.true_positives],
        ] == confusion_matrix(labels, called, labels=[0, 1]).tolist()
        assert found.threshold == threshold
        assert found.accuracy == pytest.approx(accuracy_score(labels, called))
        for rate, function, undefined in (
            (found.precision, precision_score, not any(called)),
            (found.recall, recall_score, not labels.any()),
            (found.f1, f1_score, not any(called) and not labels.any()),
        ):
            expected = None if undefined else pytest.approx(function(labels, called))
            assert rate == expected

    def test_score_at_the_threshold_is_called_compatible(self) -> None:
        found = decide(np.array([0.5, 0.5]), np.array([1, 0]), 0.5)
        assert (found.true_positives, found.false_positives) == (1, 1)

    def test_undefined_rates_are_none(self) -> None:
        nothing_called = decide(np.array([0.1, 0.2]), np.array([0, 0]), 0.9)
        assert nothing_called[5:] == (1.0, None, None, None)
        assert decide(np.array([0.1]), np.array([1]), 0.9)[5:] == (0.0, None, 0.0, 0.0)

    def test_no_pairs_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="found no pairs"):
            decide(*arrays([]), 0.5)


class TestThresholdSweep:
    @given(rows_with_positive)
    def test_reaches_every_distinct_outcome_once(self, drawn: Rows) -> None:
        scores, labels = arrays(drawn)
        sweep = threshold_sweep(scores, labels)
        outcomes = [(scores >= threshold).tolist() for threshold in sweep.thresholds]
        assert outcomes == [(scores >= lowest).tolist() for lowest in sorted(set(scores))]
        assert (np.diff(sweep.thresholds) > 0).all()

    @given(rows_with_positive)
    def test_agrees_with_deciding_at_each_threshold(self, drawn: Rows) -> None:
        scores, labels = arrays(drawn)
        sweep = threshold_sweep(scores, labels)
        one_by_one = [decide(scores, labels, threshold) for threshold in sweep.thresholds]
        for name in ("accuracy", "precision", "recall", "f1"):
            expected = [getattr(decisions, name) for decisions in one_by_one]
            assert getattr(sweep, name) == pytest.approx(expected, abs=1e-15)

    @given(rows_with_positive)
    def test_agrees_with_scikit_learn(self, drawn: Rows) -> None:
        scores, labels = arrays(drawn)
        sweep = threshold_sweep(scores, labels)
        precision, recall, thresholds = precision_recall_curve(labels, scores)
        assert len(thresholds) == len(sweep.thresholds)
        # The curve ends with a point at which nothing is called compatible.
        assert sweep.precision == pytest.approx(precision[:-1])
        assert sweep.recall == pytest.approx(recall[:-1])

    def test_thresholds_are_midpoints(self) -> None:
        scores, labels = np.array([0.4, -0.8, 0.2, 0.2]), np.array([1, 0, 0, 1])
        assert threshold_sweep(scores, labels).thresholds == pytest.approx([-0.8, -0.3, 0.3])

    @pytest.mark.parametrize("low", [0.5, -0.5, 0.0, -1.0, float(np.nextafter(1, 0)), 1e-310])
    def test_adjacent_floats_are_separated(self, low: float) -> None:
        high = float(np.nextafter(low, 2))
        found = best_f1_threshold(np.array([low, high]), np.array([0, 1]))
        assert low < found <= high

    @pytest.mark.parametrize("drawn", [[], [(0.5, 0), (0.1, 0)]], ids=["empty", "no positive"])
    def test_without_compatible_pairs_is_an_error(self, drawn: Rows) -> None:
        with pytest.raises(ValueError, match="found no compatible pair"):
            threshold_sweep(*arrays(drawn))
        with pytest.raises(ValueError, match="found no compatible pair"):
            best_f1_threshold(*arrays(drawn))


class TestBestF1Threshold:
    @given(rows_with_positive, st.floats(-1.1, 1.1))
    def test_no_threshold_is_better(self, drawn: Rows, other: float) -> None:
        scores, labels = arrays(drawn)

        def f1(threshold: float) -> float:
            found = decide(scores, labels, threshold).f1
            assert found is not None
            return found

        best = best_f1_threshold(scores, labels)
        candidates = [*scores, other, -2.0, 2.0]
        assert f1(best) == max(f1(best), *[f1(candidate) for candidate in candidates])
        assert all(f1(float(s)) < f1(best) for s in scores if s > scores[scores >= best].min())

    def test_of_equally_good_ones_the_highest(self) -> None:
        # Calling all, the upper 3, or the top pair compatible: F1 2 * 2 / (4 + 2), 2/3 and 2/3.
        scores, labels = np.array([0.9, 0.7, 0.5, 0.1]), np.array([1, 0, 0, 1])
        assert best_f1_threshold(scores, labels) == pytest.approx(0.8)


class TestThresholdAtRecall:
    @given(rows_with_positive, st.floats(0, 1))
    def test_reaches_the_recall_and_the_next_higher_one_does_not(
        self, drawn: Rows, recall: float
    ) -> None:
        scores, labels = arrays(drawn)
        threshold = threshold_at_recall(scores, labels, recall)
        assert threshold is not None
        found = decide(scores, labels, threshold).recall
        assert found is not None
        assert found >= recall
        called = scores[scores >= threshold]
        assert len(called)
        if called.max() > called.min():  # raised past the lowest score that it calls compatible
            higher = float(called[called > called.min()].min())
            beyond = decide(scores, labels, higher).recall
            assert beyond is not None
            assert beyond < recall

    @given(rows_with_positive)
    def test_meets_the_recall_of_another_model_exactly(self, drawn: Rows) -> None:
        scores, labels = arrays(drawn)
        positives = int(labels.sum())
        distinct = len(set(scores[labels == 1]))
        for hits in range(1, positives + 1):
            threshold = threshold_at_recall(scores, labels, hits / positives)
            assert threshold is not None
            found = decide(scores, labels, threshold).true_positives
            assert found >= hits
            if distinct == positives:
                assert found == hits

    @pytest.mark.parametrize(
        ("recall", "expected"), [(0.0, 0.8), (0.5, 0.8), (0.51, -0.45), (1.0, -0.45)]
    )
    def test_known_answers(self, recall: float, expected: float) -> None:
        scores, labels = np.array([0.9, 0.7, -0.4, -0.5]), np.array([1, 0, 1, 0])
        assert threshold_at_recall(scores, labels, recall) == pytest.approx(expected)

    @pytest.mark.parametrize("drawn", [[], [(0.5, 0)]], ids=["empty", "no positive"])
    def test_without_compatible_pairs_is_none(self, drawn: Rows) -> None:
        assert threshold_at_recall(*arrays(drawn), 0.5) is None

    @pytest.mark.parametrize("recall", [-0.1, 1.1, float("nan")])
    def test_recall_out_of_range_is_an_error(self, recall: float) -> None:
        with pytest.raises(ValueError, match="found recall"):
            threshold_at_recall(np.array([0.5]), np.array([1]), recall)


class TestFalsePositivesByGroup:
    @given(st.lists(st.tuples(score, st.integers(0, 1), st.sampled_from("abc"))), score)
    def test_counts_the_false_positives_of_each_group(
        self, drawn: list[tuple[float, int, str]], threshold: float
    ) -> None:
        scores, labels = arrays([(s, label) for s, label, _ in drawn])
        groups = np.array([group for *_, group in drawn], dtype=object)

        counts = false_positives_by_group(scores, labels, groups, threshold)

        assert list(counts) == sorted(set(groups))
        for name, count in counts.items():
            inside = [(s, label) for s, label, group in drawn if group == name]
            assert count == decide(*arrays(inside), threshold).false_positives
        if drawn:
            assert sum(counts.values()) == decide(scores, labels, threshold).false_positives

    def test_groups_without_any_are_listed(self) -> None:
        counts = false_positives_by_group(
            np.array([0.9, 0.9, 0.1]), np.array([1, 0, 0]), np.array(["a", "b", "c"]), 0.5
        )
        assert counts == {"a": 0, "b": 1, "c": 0}
