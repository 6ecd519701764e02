import math
import random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from tuneproof.metrics.calibration import (
    Platt,
    ReliabilityBin,
    brier_score,
    calibrated_probabilities,
    chance_calibration_error,
    expected_calibration_error,
    fit_platt,
    reliability_bins,
    wilson_interval,
)

pytestmark = pytest.mark.filterwarnings("error")

Rows = list[tuple[float, int]]
# Few levels, so that many tie; negative cosines.
scored = st.lists(
    st.tuples(st.integers(-5, 5).map(lambda n: n / 5), st.integers(0, 1)), min_size=2, max_size=40
)
predicted = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 4).map(lambda n: n / 4), st.floats(0, 1)), st.integers(0, 1)
    ),
    min_size=1,
    max_size=40,
)


def arrays(rows: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    return np.array([s for s, _ in rows], dtype=np.float64), np.array(
        [label for _, label in rows], dtype=np.int64
    )


def fitted(scores: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Platt:
    found = fit_platt(scores, labels)
    assert found is not None
    return found


def platt_loss(coefficients: npt.NDArray[np.float64], rows: Rows) -> float:
    """Cross entropy against Platt's targets, by a loop."""
    slope, intercept = coefficients
    n_1 = sum(label for _, label in rows)
    n_0 = len(rows) - n_1
    total = 0.0
    for score, label in rows:
        odds = slope * score + intercept
        target = (n_1 + 1) / (n_1 + 2) if label else 1 / (n_0 + 2)
        total += float(np.logaddexp(0, odds)) - target * odds
    return total


class TestFitPlatt:
    @given(scored.filter(lambda rows: {label for _, label in rows} == {0, 1}))
    def test_minimises_the_cross_entropy_of_the_smoothed_targets(self, rows: Rows) -> None:
        scores, labels = arrays(rows)
        found = fitted(scores, labels)
        if np.ptp(scores) == 0:
            assert found.slope == 0
            return
        reference = optimize.minimize(platt_loss, [0.0, 0.0], args=(rows,), method="BFGS")
        assert platt_loss(np.array(found), rows) <= reference.fun + 1e-9
        assert list(found) == pytest.approx(reference.x, rel=1e-2, abs=1e-2)

    @pytest.mark.parametrize("n", [6, 300, 100_000])
    def test_scores_without_any_effect_converge(self, n: int) -> None:
        # The same scores for both labels: the best slope is 0, and no step improves on the start.
        scores = np.tile(np.linspace(-0.2, 0.9, n // 2), 2)
        assert list(fitted(scores, np.repeat([0, 1], n // 2))) == pytest.approx([0, 0], abs=1e-6)

    def test_recovers_the_curve_that_made_the_labels(self) -> None:
        generator = np.random.default_rng(0)
        scores = generator.uniform(-0.5, 1, 100_000)
        odds = 6 * scores - 2
        labels = (generator.random(len(scores)) < 1 / (1 + np.exp(-odds))).astype(np.int64)
        assert list(fitted(scores, labels)) == pytest.approx([6, -2], rel=0.03)

    def test_perfect_separation_stays_finite(self) -> None:
        # Platt's targets for 2 and 3 pairs: 3/4 and 1/5, met exactly by a curve through two points.
        scores, labels = np.array([0.8, 0.8, 0.3, 0.3, 0.3]), np.array([1, 1, 0, 0, 0])
        found = fitted(scores, labels)
        slope = (math.log(3) - math.log(1 / 4)) / 0.5
        assert list(found) == pytest.approx([slope, math.log(3) - 0.8 * slope])
        assert calibrated_probabilities(scores, found) == pytest.approx([0.75] * 2 + [0.2] * 3)

    @pytest.mark.parametrize("scale", [1.0, 1e-3, 6e-8])
    def test_spread_and_place_of_the_scores_do_not_matter(self, scale: float) -> None:
        # A collapsed model's cosines differ by no more than float32 resolves.
        generator = np.random.default_rng(1)
        labels = generator.integers(0, 2, 200)
        wide = generator.normal(labels, 1)
        narrow = 0.99 + scale * wide
        expected = calibrated_probabilities(wide, fitted(wide, labels))
        found = calibrated_probabilities(narrow, fitted(narrow, labels))
        assert found == pytest.approx(expected, abs=1e-6)

    def test_order_of_the_pairs_does_not_matter(self) -> None:
        generator = np.random.default_rng(2)
        labels = generator.integers(0, 2, 100)
        scores = generator.normal(labels, 1)
        order = generator.permutation(100)
        assert list(fitted(scores[order], labels[order])) == pytest.approx(
            list(fitted(scores, labels)), rel=1e-9
        )

    def test_scores_that_say_nothing_give_the_mean_target(self) -> None:
        # Targets 4/5, three times, and 1/3.
        found = fitted(np.full(4, 0.1 + 0.2), np.array([1, 1, 1, 0]))
        share = (3 * 4 / 5 + 1 / 3) / 4
        assert list(found) == pytest.approx([0, math.log(share / (1 - share))])

    def test_scores_against_the_labels_give_a_negative_slope(self) -> None:
        assert fitted(np.array([0.1, 0.2, 0.8, 0.9]), np.array([1, 1, 0, 0])).slope < 0

    @pytest.mark.parametrize("labels", [[], [0], [1, 1]])
    def test_missing_label_is_none(self, labels: list[int]) -> None:
        assert fit_platt(np.linspace(0, 1, len(labels)), np.array(labels, dtype=np.int64)) is None


def test_probabilities_keep_the_ranking_and_do_not_overflow() -> None:
    scores = np.array([-1.0, -0.2, 0.3, 1.0])
    found = calibrated_probabilities(scores, Platt(2.0, 0.5))
    assert found == pytest.approx([1 / (1 + math.exp(-(2 * s + 0.5))) for s in scores])
    extreme = calibrated_probabilities(scores, Platt(1e6, 0.0))
    assert extreme.tolist() == [0, 0, 1, 1]


class TestBrierScore:
    @given(predicted)
    def test_agrees_with_scikit_learn_and_a_loop(self, rows: Rows) -> None:
        probabilities, labels = arrays(rows)
        found = brier_score(probabilities, labels)
        assert found == pytest.approx(brier_score_loss(labels, probabilities, pos_label=1))
        assert found == pytest.approx(sum((p - label) ** 2 for p, label in rows) / len(rows))

    def test_of_nothing_is_none(self) -> None:
        assert brier_score(*arrays([])) is None


def bins_by_hand(rows: Rows, bins: int) -> list[ReliabilityBin]:
    """Put each probability into the bin of the middle of its ranks, pair by pair."""
    members: dict[int, Rows] = {}
    for row in rows:
        below = sum(p < row[0] for p, _ in rows)
        tied = sum(p == row[0] for p, _ in rows)
        members.setdefault((2 * below + tied) * bins // (2 * len(rows)), []).append(row)
    return [
        ReliabilityBin(
            sum(p for p, _ in part) / len(part),
            sum(label for _, label in part) / len(part),
            len(part),
        )
        for _, part in sorted(members.items())
    ]


class TestReliability:
    @given(predicted, st.integers(1, 12))
    def test_agrees_with_a_hand_calculation(self, rows: Rows, bins: int) -> None:
        probabilities, labels = arrays(rows)
        found, expected = reliability_bins(probabilities, labels, bins), bins_by_hand(rows, bins)
        assert [part.n for part in found] == [part.n for part in expected]
        for name in ("mean_probability", "observed_share"):
            assert [getattr(part, name) for part in found] == pytest.approx(
                [getattr(part, name) for part in expected], abs=1e-12
            )
        gaps = sum(part.n * abs(part.mean_probability - part.observed_share) for part in expected)
        error = expected_calibration_error(probabilities, labels, bins)
        assert error == pytest.approx(gaps / len(rows), abs=1e-12)

    @given(predicted, st.integers(1, 12), st.randoms(use_true_random=False))
    def test_ties_are_never_split_and_order_does_not_matter(
        self, rows: Rows, bins: int, source: random.Random
    ) -> None:
        found = reliability_bins(*arrays(rows), bins)
        assert sum(part.n for part in found) == len(rows)
        # Whole ties: each bin ends where the cumulative counts of the distinct values do.
        ends = set(np.cumsum(np.unique([p for p, _ in rows], return_counts=True)[1]).tolist())
        assert set(np.cumsum([part.n for part in found]).tolist()) <= ends
        shuffled = source.sample(rows, len(rows))
        assert reliability_bins(*arrays(shuffled), bins) == found

    def test_agrees_with_scikit_learn_without_ties(self) -> None:
        generator = np.random.default_rng(3)
        probabilities, labels = generator.random(1000), generator.integers(0, 2, 1000)
        found = reliability_bins(probabilities, labels, 10)
        observed, mean = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
        assert [part.n for part in found] == [100] * 10
        assert [part.mean_probability for part in found] == pytest.approx(mean.tolist())
        assert [part.observed_share for part in found] == pytest.approx(observed.tolist())

    def test_masses_differ_by_at_most_one_without_ties(self) -> None:
        found = reliability_bins(np.linspace(0, 1, 37), np.zeros(37, dtype=np.int64), 10)
        assert {part.n for part in found} == {3, 4}

    def test_known_answer(self) -> None:
        probabilities, labels = np.array([0.9, 0.1, 0.2, 0.8]), np.array([1, 0, 1, 1])
        assert reliability_bins(probabilities, labels, 2) == [
            pytest.approx((0.15, 0.5, 2)),
            pytest.approx((0.85, 1.0, 2)),
        ]
        assert expected_calibration_error(probabilities, labels, 2) == pytest.approx(0.25)

    def test_equal_probabilities_share_one_bin(self) -> None:
        found = reliability_bins(np.full(50, 0.5), np.arange(50) % 2)
        assert found == [ReliabilityBin(0.5, 0.5, 50)]

    def test_large_calibrated_sample_has_no_error_and_a_squeezed_one_has(self) -> None:
        generator = np.random.default_rng(4)
        truth = generator.random(200_000)
        labels = (generator.random(len(truth)) < truth).astype(np.int64)
        right = expected_calibration_error(truth, labels)
        assert right is not None
        assert right < 0.005
        # Squeezed halfway to 0.5, the mean gap is half the mean distance from 0.5.
        squeezed = expected_calibration_error((truth + 0.5) / 2, labels)
        assert squeezed == pytest.approx(0.125, abs=0.005)

    def test_bias_of_a_small_calibrated_sample_is_as_documented(self) -> None:
        generator = np.random.default_rng(5)
        errors = []
        for _ in range(200):
            near_half = generator.uniform(0.4, 0.6, 300)
            labels = (generator.random(300) < near_half).astype(np.int64)
            errors.append(expected_calibration_error(near_half, labels))
        assert np.mean(np.array(errors, dtype=np.float64)) == pytest.approx(
            0.4 * math.sqrt(10 / 300), rel=0.1
        )

    @pytest.mark.parametrize("shape", [(2, 5), (1, 1), (6, 2)])
    def test_chance_alone_gives_the_error_that_is_expected_of_it(
        self, shape: tuple[float, float]
    ) -> None:
        generator = np.random.default_rng(7)
        errors, expected = [], []
        for _ in range(200):
            truth = generator.beta(*shape, 300)
            labels = (generator.random(300) < truth).astype(np.int64)
            errors.append(expected_calibration_error(truth, labels) or 0.0)
            expected.append(chance_calibration_error(reliability_bins(truth, labels)))
        assert np.mean(expected) == pytest.approx(float(np.mean(errors)), rel=0.08)

    def test_fitting_calibrates(self) -> None:
        generator = np.random.default_rng(6)
        labels = generator.integers(0, 2, 40_000)
        # Normal scores of equal variance have logistic posteriors.
        scores = np.clip(generator.normal(0.3 + 0.1 * labels, 0.1), -1, 1)
        platt = fitted(scores[:20_000], labels[:20_000])
        after = calibrated_probabilities(scores[20_000:], platt)
        raw = expected_calibration_error(scores[20_000:], labels[20_000:])
        error = expected_calibration_error(after, labels[20_000:])
        assert raw is not None
        assert error is not None
        assert error < 0.015
        assert raw > 0.1
        assert roc_auc_score(labels[20_000:], after) == pytest.approx(
            roc_auc_score(labels[20_000:], scores[20_000:])
        )

    def test_of_nothing_is_none(self) -> None:
        assert reliability_bins(*arrays([])) == []
        assert expected_calibration_error(*arrays([])) is None

    @pytest.mark.parametrize("bins", [0, -3])
    def test_no_bins_is_an_error(self, bins: int) -> None:
        with pytest.raises(ValueError, match=f"found {bins} bins"):
            reliability_bins(np.array([0.5]), np.array([1]), bins)


class TestWilsonInterval:
    @pytest.mark.parametrize(("share", "n"), [(0.25, 20), (0.4, 30), (1.0, 10), (0.0, 7)])
    def test_its_ends_are_where_the_normal_approximation_just_reaches_the_share(
        self, share: float, n: int
    ) -> None:
        """Wilson (1927)."""
        found = wilson_interval(share, n)
        assert found.low <= share <= found.high
        for end in found:
            if 0 < end < 1:
                assert abs(share - end) == pytest.approx(
                    norm.ppf(0.975) * np.sqrt(end * (1 - end) / n)
                )

    def test_a_share_that_rounding_moved_is_still_a_count(self) -> None:
        assert wilson_interval(17 / 29, 29) == wilson_interval(17 / 29 + 1e-15, 29)
