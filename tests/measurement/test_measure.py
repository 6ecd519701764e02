import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from sklearn.metrics import (
    adjusted_rand_score,
    average_precision_score,
    brier_score_loss,
    roc_auc_score,
)

from tests.audit.examples import needs_published, published, published_eval
from tests.measurement.examples import (
    EVAL,
    MANIFEST,
    OPTIONS,
    Rows,
    directions,
    eval_rows,
    graded,
    measured,
    noise_only,
    projection_frame,
    random_embeddings,
    random_projection,
    random_scores,
    scores_frame,
    with_rounds,
)
from tuneproof.audit.leakage import trace_leakage
from tuneproof.base_model import load_base_model
from tuneproof.encoding import PairEmbeddings, embed_pairs
from tuneproof.measurement.frames import score_pairs, select_split
from tuneproof.measurement.measure import cluster_points, headline_draws, subset_masks
from tuneproof.measurement.records import SUBSETS, BaselineMetrics, GroupMetrics, SubsetMetrics
from tuneproof.metrics.calibration import (
    chance_calibration_error,
    expected_calibration_error,
    reliability_bins,
    wilson_interval,
)
from tuneproof.metrics.clusters import summarise_clusters
from tuneproof.metrics.decisions import decide, false_positives_by_group
from tuneproof.metrics.geometry import alignment, anisotropy, effective_rank, uniformity
from tuneproof.metrics.ranking import spearman_ceiling
from tuneproof.metrics.separation import cohens_d, margin, welch_t
from tuneproof.metrics.uncertainty import (
    FEWEST_GROUPS,
    Interval,
    association_p_values,
    bootstrap_intervals,
    permuted_labels,
)

LABELS = [label for _, label, *_ in EVAL]
RESAMPLED = {
    "compatible_mean_cosine",
    "incompatible_mean_cosine",
    "compatibility_margin",
    "cohens_d",
    "t_statistic",
    "auc_roc",
    "average_precision",
    "spearman_correlation",
    "best_f1",
    "accuracy_at_best_threshold",
    "precision_at_best_threshold",
    "recall_at_best_threshold",
    "error_rate",
    "false_positive_rate",
}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return random_scores()


@pytest.fixture(scope="module")
def projection(scores: pd.DataFrame) -> pd.DataFrame:
    return random_projection(eval_rows(scores)["label"].tolist())


@pytest.fixture(scope="module")
def metrics(scores: pd.DataFrame, projection: pd.DataFrame) -> BaselineMetrics:
    return measured(scores, projection=projection, embeddings=random_embeddings(80))


def defined(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def flat(record: object, path: str = "") -> dict[str, Any]:
    """List every figure of a record under its path; words and what is undefined are none."""
    parts: list[tuple[str, object]]
    if isinstance(record, dict):
        parts = [(str(key), value) for key, value in record.items()]
    elif isinstance(record, list | tuple):
        parts = [(str(key), value) for key, value in enumerate(record)]
    else:
        return {} if record is None or isinstance(record, str) else {path: record}
    return {
        name: figure
        for key, value in parts
        for name, figure in flat(value, f"{path}/{key}").items()
    }


class TestHeadline:
    def test_known_answers(self) -> None:
        # Means 2/3 and 1/3, each with a sum of squares of 0.62 / 3.
        deviation = math.sqrt(2 * 0.62 / 3 / 4)
        found = measured()
        assert found.model == "standard"
        assert (found.n_pairs, found.n_compatible, found.n_incompatible) == (6, 3, 3)
        assert found.n_groups == 6
        assert found.compatible_mean_cosine == pytest.approx(2 / 3)
        assert found.incompatible_mean_cosine == pytest.approx(1 / 3)
        assert found.compatibility_margin == pytest.approx(1 / 3)
        assert found.cohens_d == pytest.approx(1 / 3 / deviation)
        assert found.t_statistic == pytest.approx(1 / 3 / deviation * math.sqrt(3 / 2))
        # Equal variances make Welch's degrees of freedom 4: a closed form of Student's t.
        t = 1 / 3 / deviation * math.sqrt(3 / 2)
        u = t / math.sqrt(4 + t * t)
        assert found.p_value == pytest.approx(1 - (1.5 * u - 0.5 * u**3))
        assert found.auc_roc == pytest.approx(8 / 9)
        # Compatible pairs at ranks 1, 2 and 4 of 6.
        assert found.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
        assert found.spearman_correlation == pytest.approx(7 / 9 * math.sqrt(27 / 35))
        assert found.spearman_ceiling == pytest.approx(math.sqrt(27 / 35))
        assert found.share_of_spearman_ceiling == pytest.approx(7 / 9)
        assert found.manifest == MANIFEST

    def test_distributions(self) -> None:
        compatible = measured().compatible_distribution
        assert compatible.n == 3
        assert compatible.mean == pytest.approx(2 / 3)
        assert compatible.std == pytest.approx(math.sqrt(0.62 / 3 / 2))
        assert (compatible.minimum, compatible.maximum) == (0.3, 0.9)
        assert compatible.quartiles == pytest.approx((0.55, 0.8, 0.85))
        assert measured().incompatible_distribution.maximum == 0.7

    def test_one_pair_of_a_label_has_no_spread(self) -> None:
        found = measured(scores_frame([(0.5, 1, "c", "t"), (0.1, 0, "c", "t"), (0.2, 0, "c", "t")]))
        assert found.compatible_distribution.std is None
        assert found.compatible_distribution.quartiles == (0.5, 0.5, 0.5)
        assert (found.t_statistic, found.p_value) == (None, None)

    def test_constant_scores_leave_the_tests_undefined(self) -> None:
        rows = [(0.5, label, "c", "t") for label in (1, 1, 0, 0)]
        found = measured(scores_frame(rows))
        undefined = (
            found.cohens_d,
            found.t_statistic,
            found.p_value,
            found.spearman_correlation,
            found.share_of_spearman_ceiling,
        )
        assert undefined == (None,) * 5
        assert found.auc_roc == 0.5
        assert found.average_precision == 0.5

    def test_permutation_p_values(self, scores: pd.DataFrame, metrics: BaselineMetrics) -> None:
        _, found = select_split(scores, "eval")
        permuted = permuted_labels(found.labels, found.groups, OPTIONS.bootstrap)
        expected = association_p_values(found.scores, found.labels, permuted)
        assert metrics.permutation_p_values == expected
        # 20 pairs apart from 20 others: no permutation comes near, so p is the smallest possible.
        apart: Rows = [(row / 100 + row // 20 / 2, row // 20, "c", "t") for row in range(40)]
        smallest = 2 / (1 + OPTIONS.bootstrap.rounds)
        assert set(measured(scores_frame(apart)).permutation_p_values.values()) == {smallest}

    def test_labels_that_cannot_be_exchanged_have_no_p_value(self) -> None:
        # Groups of sizes that no other group has keep their labels.
        found = measured(scores_frame(group=[0, 1, 1, 2, 2, 2]))
        assert set(found.permutation_p_values.values()) == {None}

    @pytest.mark.parametrize("rounds", [200, 300])
    def test_same_input_same_output(self, rounds: int, projection: pd.DataFrame) -> None:
        given: dict[str, Any] = {"projection": projection, "options": with_rounds(rounds)}
        first, second = (measured(random_scores(), **given) for _ in range(2))
        assert first == second
        assert first.model_dump_json() == second.model_dump_json()

    def test_order_of_the_pairs_does_not_matter(
        self, scores: pd.DataFrame, projection: pd.DataFrame, metrics: BaselineMetrics
    ) -> None:
        order = np.random.default_rng(5).permutation(80)
        place = np.argsort(order)
        evaluated = eval_rows(scores).iloc[order].assign(row=range(80))
        moved = pd.concat([scores[scores["split"] == "validation"], evaluated], ignore_index=True)
        points = projection.assign(row=place[projection["row"].to_numpy()])
        points = points.sort_values(["seed", "points", "row"], ignore_index=True)
        other = measured(
            moved,
            projection=points,
            embeddings=PairEmbeddings(random_embeddings(80).vectors[order], MANIFEST),
        )
        # Which labels are exchanged at random depends on the order, their distribution does not.
        random = {"permutation_p_values", "text_clusters", "pair_clusters"}
        found = flat(other.model_dump(exclude=random))
        assert found == pytest.approx(flat(metrics.model_dump(exclude=random)), rel=1e-9, abs=1e-12)
        assert [draw.purity for draw in other.text_clusters.draws] == pytest.approx(
            [draw.purity for draw in metrics.text_clusters.draws]
        )


class TestThresholds:
    def test_threshold_comes_from_validation(self) -> None:
        found = measured()
        assert found.best_threshold == pytest.approx((0.35 + 0.5) / 2)
        assert found.decisions.threshold == found.best_threshold
        counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        assert [getattr(found.decisions, name) for name in counts] == [2, 1, 2, 1]
        assert found.best_f1 == found.decisions.f1 == pytest.approx(2 / 3)
        assert found.accuracy_at_best_threshold == pytest.approx(2 / 3)
        assert found.precision_at_best_threshold == pytest.approx(2 / 3)
        assert found.recall_at_best_threshold == pytest.approx(2 / 3)
        assert found.false_positive_counts == {"easy": 0, "hard": 1}

    def test_optimistic_threshold_comes_from_eval(self) -> None:
        optimistic = measured().optimistic_decisions
        assert optimistic.threshold == pytest.approx(0.25)
        assert (optimistic.true_positives, optimistic.false_positives) == (3, 1)
        assert optimistic.f1 == pytest.approx(6 / 7)

    @pytest.mark.parametrize(
        ("recall", "threshold", "positives"),
        [(1.0, 0.25, (3, 1)), (0.95, 0.25, (3, 1)), (0.6, 0.75, (2, 0)), (0.3, 0.85, (1, 0))],
    )
    def test_matched_recall(
        self, recall: float, threshold: float, positives: tuple[int, int]
    ) -> None:
        found = measured(options=replace(OPTIONS, matched_recall=recall)).matched_recall_decisions
        assert found.threshold == pytest.approx(threshold)
        assert (found.true_positives, found.false_positives) == positives
        assert found.recall is not None
        assert found.recall >= recall

    def test_validation_pairs_move_the_threshold_and_calibration_and_nothing_else(self) -> None:
        other = measured(scores_frame(validation=[(0.99, 1, "v", "v"), (0.95, 0, "v", "v")]))
        assert other.best_threshold == pytest.approx(0.97)
        assert (other.precision_at_best_threshold, other.recall_at_best_threshold) == (None, 0.0)
        assert other.false_positive_counts == {"easy": 0, "hard": 0}
        depends = {
            "best_threshold",
            "best_f1",
            "decisions",
            "accuracy_at_best_threshold",
            "precision_at_best_threshold",
            "recall_at_best_threshold",
            "false_positive_counts",
            "calibration",
            "category_metrics",
            "pair_type_metrics",
            "subsets",
        }
        assert other.model_dump(exclude=depends) == measured().model_dump(exclude=depends)

    def test_eval_pairs_do_not_move_the_threshold(self) -> None:
        turned = [(-cosine, label, category, kind) for cosine, label, category, kind in EVAL]
        other = measured(scores_frame(turned))
        assert other.best_threshold == measured().best_threshold


class TestIntervals:
    def test_every_headline_metric_lies_in_its_interval(self, metrics: BaselineMetrics) -> None:
        assert metrics.intervals.keys() == RESAMPLED | {"cluster_purity", "pair_cluster_purity"}
        rates = {
            "error_rate": 1 - metrics.accuracy_at_best_threshold,
            "false_positive_rate": metrics.decisions.false_positives / metrics.n_incompatible,
        }
        figures = {
            **{name: getattr(metrics, name) for name in RESAMPLED - rates.keys()},
            **rates,
        }
        for name, figure in figures.items():
            interval = defined(metrics.intervals[name])
            assert interval.low < figure < interval.high, name

    def test_interval_of_clusters_that_follow_the_labels(self) -> None:
        rows: Rows = [(row / 60, row % 2, "c", "t") for row in range(60)]
        labels = [label for _, label, *_ in rows]
        clusters = [1 - label if row < 6 else label for row, label in enumerate(labels)]
        projection = projection_frame(labels, [clusters * 2], [clusters])
        found = measured(scores_frame(rows), projection=projection)
        for name in ("cluster_purity", "pair_cluster_purity"):
            assert getattr(found, name) == 0.9
            interval = defined(found.intervals[name])
            assert 0.75 < interval.low < 0.9 < interval.high <= 1
        # Both texts of a pair are drawn together, so 2n texts say no more than n pairs.
        assert found.intervals["cluster_purity"] == pytest.approx(
            found.intervals["pair_cluster_purity"]
        )

    def test_groups_of_pairs_are_drawn_not_pairs(self) -> None:
        # 24 groups of ten pairs, each with its own label and its own cosine.
        random = np.random.default_rng(0)
        rows: Rows = [
            (float(centre + random.normal(0, 0.02)), group % 2, "c", "t")
            for group, centre in enumerate(random.uniform(-0.5, 0.5, 24))
            for _ in range(10)
        ]
        alone = measured(scores_frame(rows))
        grouped = measured(scores_frame(rows, group=np.repeat(np.arange(24), 10)))
        assert (alone.n_groups, grouped.n_groups) == (240, 24)
        assert (alone.largest_group, grouped.largest_group) == (1, 10)
        for name in ("compatible_mean_cosine", "compatibility_margin", "auc_roc"):
            narrow, wide = defined(alone.intervals[name]), defined(grouped.intervals[name])
            assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
        unmoved = {"intervals", "n_groups", "permutation_p_values", "subsets", "text_clusters"} | {
            "pair_clusters",
            "category_metrics",
            "pair_type_metrics",
            "without_pair_type",
            "largest_group",
        }
        assert alone.model_dump(exclude=unmoved) == grouped.model_dump(exclude=unmoved)

    def test_too_few_groups_have_no_interval(self) -> None:
        rows: Rows = [(row / 40, row % 2, "c", "t") for row in range(40)]
        found = measured(scores_frame(rows, group=[row % 5 for row in range(40)]))
        assert set(found.intervals.values()) == {None}
        assert set(found.subsets["all"].intervals.values()) == {None}

    def test_draws_are_the_same_for_models_on_the_same_pairs(
        self, scores: pd.DataFrame, projection: pd.DataFrame
    ) -> None:
        _, found = select_split(scores, "eval")
        raised = replace(found, scores=found.scores + 0.25)
        first, second = (
            headline_draws(each, projection, threshold, OPTIONS.bootstrap)
            for each, threshold in ((found, 0.3), (raised, 0.55))
        )
        assert first["cluster_purity"].shape == (OPTIONS.bootstrap.rounds,)
        for name, draws in first.items():
            shift = 0.25 if name.endswith("mean_cosine") else 0
            assert second[name] == pytest.approx(draws + shift, abs=1e-9)


class TestGroups:
    def test_group_of_one_label_is_not_zero(self) -> None:
        found = measured()
        pets, easy = found.category_metrics["pets"], found.pair_type_metrics["easy"]
        for group in (pets, easy):
            assert group.incompatible == 0
            undefined = (
                group.incompatible_mean_cosine,
                group.compatibility_margin,
                group.cohens_d,
                group.auc_roc,
                group.spearman_correlation,
            )
            assert undefined == (None,) * 5
        assert (pets.n, pets.compatible, pets.compatible_mean_cosine) == (1, 1, 0.9)
        assert easy.compatible_mean_cosine == pytest.approx(0.85)
        assert (pets.error_rate, easy.error_rate) == (0, 0)
        assert '"compatibility_margin":null' in pets.model_dump_json()

    def test_group_of_one_label_has_intervals_of_what_it_has(
        self, metrics: BaselineMetrics
    ) -> None:
        match = metrics.pair_type_metrics["match"]
        assert (match.n, match.incompatible) == (match.compatible, 0)
        assert match.error_rate == match.decisions.false_negatives / match.n > 0
        for name in ("compatible_mean_cosine", "error_rate"):
            interval = defined(match.intervals[name])
            assert interval.low < getattr(match, name) < interval.high
        for name in ("incompatible_mean_cosine", "compatibility_margin", "cohens_d", "auc_roc"):
            assert match.intervals[name] is None

    def test_group_of_both_labels(self) -> None:
        found = measured()
        assert list(found.category_metrics) == ["food", "pets"]
        food = found.category_metrics["food"]
        assert (food.n, food.compatible, food.incompatible) == (5, 2, 3)
        assert food.compatibility_margin == pytest.approx(0.55 - 1 / 3)
        assert food.auc_roc == pytest.approx(5 / 6)
        assert food.decisions.threshold == found.best_threshold
        assert (food.decisions.true_positives, food.decisions.false_positives) == (1, 1)
        assert food.error_rate == pytest.approx(2 / 5)

    @pytest.mark.parametrize("field", ["category", "pair_type"])
    def test_group_equals_its_pairs_alone(
        self, field: str, scores: pd.DataFrame, metrics: BaselineMetrics
    ) -> None:
        rows, found = select_split(scores, "eval")
        groups: dict[str, GroupMetrics] = getattr(metrics, f"{field}_metrics")
        assert sum(group.n for group in groups.values()) == 80
        for name, group in groups.items():
            part = found.where((rows[field] == name).to_numpy())
            assert group.intervals == bootstrap_intervals(
                part.scores, part.labels, part.groups, OPTIONS.bootstrap, metrics.best_threshold
            )
            decisions = decide(part.scores, part.labels, metrics.best_threshold)
            assert group.decisions.model_dump() == decisions._asdict()
            if 0 < part.labels.sum() < group.n:
                assert group.auc_roc == pytest.approx(roc_auc_score(part.labels, part.scores))

    def test_auc_without_each_pair_type(
        self, scores: pd.DataFrame, metrics: BaselineMetrics
    ) -> None:
        rows = eval_rows(scores)
        assert metrics.without_pair_type.keys() == set(rows["pair_type"])
        kept = rows[rows["pair_type"] != "match"]
        expected = roc_auc_score(kept["label"], kept["cosine"])
        found = metrics.without_pair_type["match"]
        assert found.auc_roc == pytest.approx(expected)
        assert found.change == pytest.approx(expected - metrics.auc_roc)
        interval = defined(found.interval)
        assert interval.low < expected - metrics.auc_roc < interval.high
        # Without the hard ones, no incompatible pair is left.
        undefined = metrics.without_pair_type["hard"]
        assert (undefined.auc_roc, undefined.change, undefined.interval) == (None, None, None)

    def test_one_pair_type_leaves_nothing_without_it(self) -> None:
        rows: Rows = [(row / 40, row % 2, "c", "only") for row in range(40)]
        (found,) = measured(scores_frame(rows)).without_pair_type.values()
        assert (found.auc_roc, found.change, found.interval) == (None, None, None)

    def test_names_that_end_in_nul_are_groups_of_their_own(self) -> None:
        rows: Rows = [
            (row / 40, row % 2, "c\0" if row < 20 else "c", "t\0" if row < 24 else "t")
            for row in range(40)
        ]
        found = measured(scores_frame(rows))
        assert [found.category_metrics[name].n for name in ("c", "c\0")] == [20, 20]
        assert found.category_metrics["c\0"].intervals["auc_roc"] is not None
        left = rows[24:]
        expected = roc_auc_score([label for _, label, *_ in left], [each for each, *_ in left])
        assert found.without_pair_type["t\0"].auc_roc == pytest.approx(expected)


class TestSubsets:
    def test_masks_by_hand(self) -> None:
        frame = scores_frame(
            shares_text=[True, False, False, False, True, False],
            clean=[False, False, True, True, False, True],
            unseen_subcategory=[False, False, True, False, False, False],
        )
        masks = {name: mask.tolist() for name, mask in subset_masks(eval_rows(frame)).items()}
        assert masks == {
            "all": [True] * 6,
            "no_shared_text": [False, True, True, True, False, True],
            "clean": [False, False, True, True, False, True],
            "unseen_subcategories": [False, False, True, False, False, False],
            "mixed_categories": [False, True, True, True, True, True],
            "mixed_pair_types": [False, False, True, True, True, True],
        }

    @pytest.mark.parametrize("name", SUBSETS)
    def test_subset_equals_its_rows_alone(
        self,
        name: str,
        scores: pd.DataFrame,
        projection: pd.DataFrame,
        metrics: BaselineMetrics,
    ) -> None:
        all_rows, all_found = select_split(scores, "eval")
        mask = subset_masks(all_rows)[name]
        rows, found = all_rows[mask], all_found.where(mask)
        cosines, labels = found.scores, found.labels
        compatible, incompatible = cosines[labels == 1], cosines[labels == 0]
        probabilities = rows["probability"].to_numpy()
        decisions = decide(cosines, labels, metrics.best_threshold)
        points = projection[(projection["seed"] == 42) & projection["row"].isin(rows["row"])]
        texts = cluster_points(points, ("text_1", "text_2"))
        pairs = cluster_points(points, ("pair",))
        expected = {
            "n": len(rows),
            "n_groups": rows["group"].nunique(),
            "compatible": len(compatible),
            "incompatible": len(incompatible),
            "compatible_mean_cosine": compatible.mean(),
            "incompatible_mean_cosine": incompatible.mean(),
            "compatibility_margin": margin(cosines, labels),
            "cohens_d": cohens_d(cosines, labels),
            **welch_t(cosines, labels)._asdict(),
            "auc_roc": roc_auc_score(labels, cosines),
            "spearman_correlation": stats.spearmanr(cosines, labels).statistic,
            "spearman_ceiling": spearman_ceiling(len(compatible), len(incompatible)),
            "average_precision": average_precision_score(labels, cosines),
            "error_rate": 1 - decisions.accuracy,
            "decisions": decisions._asdict(),
            "brier_score": brier_score_loss(labels, probabilities),
            "expected_calibration_error": expected_calibration_error(probabilities, labels, 5),
            "cluster_purity": summarise_clusters(*texts).cluster_purity,
            "pair_cluster_purity": summarise_clusters(*pairs).cluster_purity,
            "false_positive_counts": false_positives_by_group(
                cosines, labels, rows["pair_type"].to_numpy(), metrics.best_threshold
            ),
            "intervals": bootstrap_intervals(
                cosines, labels, found.groups, OPTIONS.bootstrap, metrics.best_threshold
            ),
        }
        assert expected.keys() == SubsetMetrics.model_fields.keys()
        assert flat(metrics.subsets[name].model_dump()) == pytest.approx(flat(expected), rel=1e-9)

    def test_all_pairs_are_the_headline(self, metrics: BaselineMetrics) -> None:
        everything = metrics.subsets["all"].model_dump()
        for name in everything.keys() & metrics.model_dump().keys() - {"intervals"}:
            assert everything[name] == pytest.approx(metrics.model_dump()[name]), name
        assert metrics.subsets["all"].brier_score == metrics.calibration.brier_score
        for name in RESAMPLED:
            assert everything["intervals"][name] == metrics.intervals[name]

    def test_empty_subset_is_left_out(self) -> None:
        found = measured(scores_frame(clean=[False] * 6))
        assert found.subsets.keys() == SUBSETS.keys() - {"clean", "unseen_subcategories"}

    def test_subset_of_one_label(self) -> None:
        frame = scores_frame(clean=[True, True, True, False, False, False])
        clean = measured(frame).subsets["clean"]
        assert (clean.n, clean.compatible, clean.incompatible) == (3, 3, 0)
        assert clean.compatible_mean_cosine == pytest.approx(2 / 3)
        assert clean.error_rate == pytest.approx(1 / 3)
        undefined = (clean.auc_roc, clean.average_precision, clean.spearman_ceiling)
        assert undefined == (None, None, None)


class TestClusters:
    TEXTS = (0, 0, 1, -1, -1, -1, 1, 0, -1, 1, -1, -1)
    NOISE = (-1,) * 6

    def test_clusters_of_texts_and_pairs_are_kept_apart(self) -> None:
        # Texts: cluster 0 holds three labels 1, cluster 1 holds 1, 1 and 0; six are noise.
        found = measured(projection=projection_frame(LABELS, [self.TEXTS], [self.NOISE]))
        assert found.cluster_purity == pytest.approx(5 / 6)
        assert (found.n_clusters, found.noise_ratio) == (2, 6 / 12)
        assert found.text_clusters.draws[0].purity_with_noise == pytest.approx(5 / 12)
        of_pairs = (found.pair_cluster_purity, found.pair_n_clusters, found.pair_noise_ratio)
        assert of_pairs == (None, 0, 1.0)
        assert found.pair_clusters.mean_purity is None
        assert found.pair_clusters.chance_purity is None
        clustered = projection_frame(LABELS, [self.TEXTS], [(4, 4, 4, 4, -1, -1)])
        other = measured(projection=clustered)
        assert (other.pair_cluster_purity, other.pair_n_clusters) == (0.75, 1)
        assert other.cluster_purity == found.cluster_purity

    def test_every_seed_counts_and_the_first_stands_for_the_model(self) -> None:
        whole = (0,) * 6
        followed = tuple(LABELS)
        half = (0, 0, 1, 1, 1, -1)
        seeds = [half, followed, whole, self.NOISE]
        projection = projection_frame(LABELS, [seed * 2 for seed in seeds], seeds)
        found = measured(projection=projection)
        for clusters in (found.text_clusters, found.pair_clusters):
            purities = [draw.purity for draw in clusters.draws]
            assert [draw.seed for draw in clusters.draws] == [42, 43, 44, 45]
            assert purities == pytest.approx([0.8, 1.0, 0.5, None])
            assert [draw.n_clusters for draw in clusters.draws] == [2, 2, 1, 0]
            assert [draw.noise_ratio for draw in clusters.draws] == pytest.approx([1 / 6, 0, 0, 1])
            assert clusters.mean_purity == pytest.approx(2.3 / 3)
            assert clusters.purity_std == pytest.approx(np.std([0.8, 1.0, 0.5], ddof=1))
            agreement = [draw.adjusted_rand_index for draw in clusters.draws]
            assert agreement[1] == pytest.approx(1)
            assert agreement[2:] == pytest.approx([0, 0])
        noise_alone = [0, 0, 1, 1, 1, 2]
        assert found.pair_clusters.draws[0].adjusted_rand_index == pytest.approx(
            adjusted_rand_score(LABELS, noise_alone)
        )
        assert found.cluster_purity == found.pair_cluster_purity == pytest.approx(0.8)
        assert found.n_clusters == 2

    def test_one_seed_has_no_spread(self) -> None:
        projection = projection_frame(LABELS, [self.TEXTS], [tuple(LABELS)])
        found = measured(projection=projection).pair_clusters
        assert (found.mean_purity, found.purity_std) == (1.0, None)

    def test_chance_is_that_of_labels_dealt_out_anew(self) -> None:
        rows: Rows = [(row / 60, row % 2, "c", "t") for row in range(60)]
        labels = [label for _, label, *_ in rows]
        sizes = (10, 20, 30)
        clusters = np.repeat([0, 1, 2], sizes).tolist()
        projection = projection_frame(labels, [clusters * 2], [clusters])
        found = measured(scores_frame(rows), projection=projection, options=with_rounds(2_000))
        expected = 0.0
        for size in sizes:
            compatible = np.arange(size + 1)
            chances = stats.hypergeom(60, 30, size).pmf(compatible)
            expected += float(chances @ np.maximum(compatible, size - compatible)) / 60
        for each in (found.text_clusters, found.pair_clusters):
            assert each.chance_purity == pytest.approx(expected, abs=0.005)
            assert each.chance_purity_percentile_95 is not None
            assert each.chance_purity_percentile_95 > expected
            # Labels alternate, so every cluster is half and half: no permutation is less pure.
            assert each.p_value == 1
        # Both texts of a pair bear its label, so chance knows n labels, not 2n.
        assert found.text_clusters.chance_purity == found.pair_clusters.chance_purity

    def test_clusters_that_follow_the_labels_are_no_chance(self) -> None:
        rows: Rows = [(row / 40, row % 2, "c", "t") for row in range(40)]
        labels = [label for _, label, *_ in rows]
        projection = projection_frame(labels, [labels * 2], [labels])
        found = measured(scores_frame(rows), projection=projection)
        assert found.cluster_purity == 1
        assert found.text_clusters.p_value == 1 / (1 + OPTIONS.bootstrap.rounds)


class TestCalibration:
    def test_curve_comes_from_validation_alone(self, scores: pd.DataFrame) -> None:
        other = scores.copy()
        evaluated = other["split"] == "eval"
        other.loc[evaluated, "cosine"] *= -0.5
        other.loc[evaluated, "label"] = 1 - other.loc[evaluated, "label"]
        first, second = measured(scores).calibration, measured(other).calibration
        assert (first.slope, first.intercept) == (second.slope, second.intercept)
        assert first.brier_score != second.brier_score

    def test_validation_pairs_move_the_curve(self) -> None:
        turned: Rows = [(0.6, 0, "v", "v"), (0.5, 0, "v", "v"), (0.1, 1, "v", "v")]
        assert (
            measured().calibration.slope
            > 0
            > measured(scores_frame(validation=turned)).calibration.slope
        )

    def test_errors_are_of_the_probabilities_of_the_eval_pairs(
        self, scores: pd.DataFrame, metrics: BaselineMetrics
    ) -> None:
        rows, found = select_split(scores, "eval")
        calibration = metrics.calibration
        probabilities = rows["probability"].to_numpy()
        curve = expit(calibration.slope * found.scores + calibration.intercept)
        assert probabilities == pytest.approx(curve, abs=1e-12)
        brier = brier_score_loss(found.labels, probabilities)
        assert calibration.brier_score == pytest.approx(brier)
        bins = reliability_bins(probabilities, found.labels, OPTIONS.calibration_bins)
        assert [tuple(one.model_dump().values()) for one in calibration.bins] == [
            (*one, wilson_interval(one.observed_share, one.n)) for one in bins
        ]
        share = found.labels.mean()
        assert calibration.constant_brier_score == pytest.approx(share * (1 - share))
        assert calibration.chance_calibration_error == chance_calibration_error(bins)
        assert [one.n for one in calibration.bins] == [16] * 5
        gaps = [abs(one.mean_probability - one.observed_share) for one in bins]
        assert calibration.expected_calibration_error == pytest.approx(np.mean(gaps))


class TestGeometry:
    def test_counts_each_text_once(self) -> None:
        # Four texts in six pairs, the first one in five of them.
        texts = random_embeddings(2, dimensions=5).vectors.reshape(4, 5)
        first, second = [0, 0, 0, 1, 2, 0], [1, 2, 3, 0, 3, 0]
        vectors = np.stack([texts[first], texts[second]], axis=1)
        found = measured(
            scores_frame(text_1=[f"t{i}" for i in first], text_2=[f"t{i}" for i in second]),
            embeddings=PairEmbeddings(vectors, MANIFEST),
        ).geometry
        assert (found.n_texts, found.dimensions) == (4, 5)
        units = texts / np.linalg.norm(texts, axis=1, keepdims=True)
        cosines = (units @ units.T)[np.triu_indices(4, 1)]
        assert found.anisotropy == pytest.approx(cosines.mean(), abs=1e-6)
        assert found.uniformity == pytest.approx(np.log(np.exp(4 * cosines - 4).mean()), abs=1e-6)
        assert found.effective_rank == pytest.approx(effective_rank(texts))
        # The first three pairs are compatible: distances of pairs, each as often as it stands.
        distances = [((units[a] - units[b]) ** 2).sum() for a, b in ((0, 1), (0, 2), (0, 3))]
        assert found.alignment == pytest.approx(np.mean(distances), abs=1e-6)

    def test_texts_that_differ_are_all_counted(self) -> None:
        embeddings = random_embeddings(6)
        found = measured(embeddings=embeddings).geometry
        texts = embeddings.vectors.reshape(12, 6)
        assert found.n_texts == 12
        assert found.anisotropy == pytest.approx(anisotropy(texts))
        assert found.uniformity == pytest.approx(uniformity(texts))
        compatible = embeddings.vectors[:3]
        assert found.alignment == pytest.approx(alignment(compatible[:, 0], compatible[:, 1]))

    @pytest.mark.parametrize("seed", range(4))
    def test_a_model_that_collapsed_is_measured(self, seed: int) -> None:
        direction = random_embeddings(1, seed=seed).vectors[:, :1]
        vectors = np.tile(direction, (6, 2, 1))
        found = measured(embeddings=PairEmbeddings(vectors, MANIFEST)).geometry
        assert found.anisotropy == pytest.approx(1)
        assert found.effective_rank is None
        assert (found.alignment, found.uniformity) == pytest.approx((0, 0), abs=1e-6)


class TestGeneral:
    def test_figures_by_scipy_and_by_hand(self) -> None:
        cosines = [0.1, -0.2, 0.3, 0.3, 0.5, 0.4, 0.9, 0.6, 0.2, 0.7]
        grades = [0, 0, 0, 1, 2, 2, 5, 4, 1, 3.5]
        found = measured(general=(directions(cosines), graded(grades))).general
        assert (found.n, found.n_unrelated) == (10, 3)
        assert found.cosines == pytest.approx(cosines, abs=1e-6)
        # Cosines 3 and 4 tie, but for the rounding of the vectors.
        rho = stats.spearmanr(found.cosines, grades).statistic
        assert found.spearman_correlation == pytest.approx(rho)
        assert found.unrelated_mean_cosine == pytest.approx(0.2 / 3, abs=1e-6)
        interval = defined(found.intervals["spearman_correlation"])
        assert interval.low < rho < interval.high

    def test_interval_of_the_unrelated_pairs(self) -> None:
        random = np.random.default_rng(2)
        cosines = np.r_[random.normal(0.1, 0.1, 40), random.normal(0.6, 0.1, 40)]
        general = (directions(cosines.tolist()), graded([0.0] * 40 + [4.0] * 40))
        found = measured(general=general, options=with_rounds(2_000)).general
        interval = defined(found.intervals["unrelated_mean_cosine"])
        error = stats.sem(cosines[:40])
        half = stats.t.ppf(0.975, 39) * error
        assert interval.low == pytest.approx(cosines[:40].mean() - half, abs=0.15 * half)
        assert interval.high == pytest.approx(cosines[:40].mean() + half, abs=0.15 * half)

    def test_few_unrelated_pairs_have_no_interval_however_many_there_are_of_others(self) -> None:
        random = np.random.default_rng(2)
        for unrelated in (FEWEST_GROUPS - 1, FEWEST_GROUPS):
            grades = [0.0] * unrelated + [4.0] * 80
            cosines = random.uniform(0, 0.9, len(grades))
            found = measured(general=(directions(cosines.tolist()), graded(grades))).general
            assert found.intervals["spearman_correlation"] is not None
            known = found.intervals["unrelated_mean_cosine"] is not None
            assert known == (unrelated == FEWEST_GROUPS)

    def test_collapse_leaves_the_correlation_undefined(self) -> None:
        general = (directions([1.0] * 10), graded([0, 0, 1, 2, 3, 4, 5, 1, 2, 3]))
        found = measured(general=general).general
        assert found.spearman_correlation is None
        assert found.unrelated_mean_cosine == 1.0
        assert set(found.intervals.values()) == {None}


class TestPrefixSwap:
    def test_known_changes(self) -> None:
        # Threshold 0.425. Two pairs fall below it, one rises above, one stays, two have no prefix.
        after = [0.4, 0.41, 0.5, 0.1, np.nan, np.nan]
        found = measured(scores_frame(swapped_cosine=after)).prefix_swap
        assert found is not None
        assert found.prefixes == ("boy", "girl")
        assert found.n == 4
        assert found.flipped_decisions == 3
        assert found.mean_change == pytest.approx((-0.5 - 0.39 + 0.2 + 0) / 4)
        assert found.mean_absolute_change == pytest.approx((0.5 + 0.39 + 0.2 + 0) / 4)
        assert found.largest_change == pytest.approx(0.5)
        assert (found.auc_roc_before, found.auc_roc) == (1.0, 1.0)

    def test_intervals_hold_the_figures(
        self, scores: pd.DataFrame, metrics: BaselineMetrics
    ) -> None:
        found = metrics.prefix_swap
        assert found is not None
        rows = eval_rows(scores)
        rows = rows[rows["swapped_cosine"].notna()]
        assert found.n == len(rows) < 80
        assert found.auc_roc_before == pytest.approx(roc_auc_score(rows["label"], rows["cosine"]))
        assert found.auc_roc == pytest.approx(roc_auc_score(rows["label"], rows["swapped_cosine"]))
        figures = {
            "mean_change": found.mean_change,
            "mean_absolute_change": found.mean_absolute_change,
            "flipped_share": found.flipped_decisions / found.n,
        }
        assert found.intervals.keys() == figures.keys()
        for name, figure in figures.items():
            interval = defined(found.intervals[name])
            assert interval.low < figure < interval.high

    def test_a_prefix_that_always_lowers_is_shown(self) -> None:
        rows: Rows = [(row / 40, row % 2, "c", "t") for row in range(40)]
        after = [cosine - 0.1 - 0.02 * (row % 3) for row, (cosine, *_) in enumerate(rows)]
        found = measured(scores_frame(rows, swapped_cosine=after)).prefix_swap
        assert found is not None
        interval = defined(found.intervals["mean_change"])
        assert -0.14 < interval.low < found.mean_change < interval.high < -0.1

    def test_pairs_of_one_label_have_no_auc(self) -> None:
        after = [0.8, 0.7, 0.3, np.nan, np.nan, np.nan]
        found = measured(scores_frame(swapped_cosine=after)).prefix_swap
        assert found is not None
        assert (found.auc_roc, found.auc_roc_before) == (None, None)

    def test_without_prefixes_there_is_no_probe(self, scores: pd.DataFrame) -> None:
        assert measured().prefix_swap is None  # no pair has one
        off = replace(OPTIONS, swap_prefixes=None)
        assert measured(scores, options=off).prefix_swap is None  # nobody asks


tied_cosines = st.integers(-4, 4).map(lambda steps: steps / 4)
few_rows = st.lists(
    st.tuples(
        tied_cosines, st.integers(0, 1), st.sampled_from("ab"), st.sampled_from(["x", "y", "z"])
    ),
    min_size=2,
    max_size=14,
).filter(lambda rows: {label for _, label, *_ in rows} == {0, 1})


@settings(max_examples=25)
@given(few_rows, few_rows, st.data())
def test_whatever_the_pairs_the_record_is_consistent(
    evaluated: Rows, validation: Rows, data: st.DataObject
) -> None:
    n = len(evaluated)

    def draw(values: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(values, min_size=n, max_size=n))

    clean = draw(st.booleans())
    frame = scores_frame(
        evaluated,
        validation,
        group=draw(st.integers(0, n)),
        clean=clean,
        swapped_cosine=draw(tied_cosines | st.just(math.nan)),
    )
    labels = [label for _, label, *_ in evaluated]
    clusters = draw(st.integers(-1, 2))
    projection = projection_frame(labels, [clusters * 2], [clusters])

    found = measured(frame, projection=projection, options=with_rounds(200))

    assert BaselineMetrics.model_validate_json(found.model_dump_json()) == found
    assert found.n_pairs == n == found.n_compatible + found.n_incompatible
    for groups in (found.category_metrics, found.pair_type_metrics):
        assert sum(group.n for group in groups.values()) == n
        wrong = sum(group.error_rate * group.n for group in groups.values())
        assert wrong / n == pytest.approx(1 - found.accuracy_at_best_threshold)
    assert sum(found.false_positive_counts.values()) == found.decisions.false_positives
    assert ("clean" in found.subsets) == any(clean)
    assert found.optimistic_decisions.f1 is not None
    assert found.best_f1 <= found.optimistic_decisions.f1
    assert found.cluster_purity == found.pair_cluster_purity
    for interval in found.intervals.values():
        assert interval is None or interval.low <= interval.high


@needs_published
def test_published_baseline_is_reproduced() -> None:
    evaluated, validation = published_eval(), published()[:60]
    model = load_base_model("all-MiniLM-L6-v2", None, "cpu")
    embeddings = {
        split: PairEmbeddings(embed_pairs(model.transformer, pairs, 64), MANIFEST)
        for split, pairs in (("validation", validation), ("eval", evaluated))
    }
    frame = score_pairs(
        {"train": embeddings["validation"], **embeddings},
        embeddings["eval"],
        {"validation": validation, "eval": evaluated},
        evaluated,
        trace_leakage(validation, validation, evaluated, 0.8),
    )

    found = measured(
        frame,
        projection=noise_only([pair.label for pair in evaluated]),
        embeddings=embeddings["eval"],
    )

    assert (found.n_pairs, found.n_compatible, found.n_incompatible) == (295, 158, 137)
    expected = {
        "spearman_correlation": -0.2194,
        "compatibility_margin": -0.0826,
        "cohens_d": -0.4191,
        "t_statistic": -3.6374,
        "auc_roc": 0.3730,
    }
    assert {name: round(getattr(found, name), 4) for name in expected} == expected
    one_label = [
        g for g in found.pair_type_metrics.values() if not (g.compatible and g.incompatible)
    ]
    assert (len(one_label), len(found.pair_type_metrics)) == (7, 9)
    assert all(group.compatibility_margin is None for group in one_label)
