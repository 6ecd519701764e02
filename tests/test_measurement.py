import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tuneproof.base_model import load_base_model
from tuneproof.encoding import PairEmbeddings, embed_pairs
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement import (
    PAIR_SCORES,
    PROJECTION,
    THRESHOLD_SWEEP,
    BaselineMetrics,
    MeasureOptions,
    measure,
    project_pairs,
    require_origin,
    score_pairs,
    sweep_thresholds,
    with_origin,
)
from tuneproof.metrics.clusters import (
    HdbscanOptions,
    UmapOptions,
    hdbscan_clusters,
    symmetric_pair_vectors,
    umap_projection,
)
from tuneproof.pairs import DatingPair, RawLines, parse_pairs

MANIFEST = Manifest(
    base_model=ModelIdentity(name="m", revision=None, sha256="a" * 64),
    pairs={"validation": "b" * 64, "eval": "c" * 64},
    environment=Environment(python="3.11.0", libraries={"numpy": "2"}, git_commit=None),
)
OPTIONS = MeasureOptions(
    batch_size=32,
    umap=UmapOptions(n_neighbors=15, min_dist=0.1, metric="cosine", random_state=42),
    hdbscan=HdbscanOptions(min_cluster_size=3, min_samples=2, cluster_selection_method="eom"),
)
PUBLISHED = Path(__file__).parents[2] / "shared" / "published"

Rows = list[tuple[float, int, str, str]]
EVAL: Rows = [
    (0.9, 1, "pets", "easy"),
    (0.8, 1, "food", "easy"),
    (0.3, 1, "food", "hard"),
    (0.1, 0, "food", "hard"),
    (0.2, 0, "food", "hard"),
    (0.7, 0, "food", "hard"),
]
# Separated by anything from 0.35 to 0.5, where no eval pair lies; the best on eval is lower.
VALIDATION: Rows = [(0.6, 1, "v", "v"), (0.5, 1, "v", "v"), (0.35, 0, "v", "v"), (0.0, 0, "v", "v")]


def scores_frame(evaluated: Rows = EVAL, validation: Rows = VALIDATION) -> pd.DataFrame:
    rows = [
        (split, row, f"a{row}", f"b{row}", label, category, pair_type, cosine)
        for split, part in (("validation", validation), ("eval", evaluated))
        for row, (cosine, label, category, pair_type) in enumerate(part)
    ]
    return pd.DataFrame(rows, columns=list(PAIR_SCORES))


def projection_frame(
    texts: tuple[int, ...] = (0, 0, 1, -1, -1, -1, 1, 0, -1, 1, -1, -1),
    of_pairs: tuple[int, ...] = (-1,) * 6,
) -> pd.DataFrame:
    labels = [label for _, label, *_ in EVAL]
    rows = [
        (points, n, 0.0, 0.0, cluster, labels[n])
        for points, clusters in (
            ("text_1", texts[:6]),
            ("text_2", texts[6:]),
            ("pair", of_pairs),
        )
        for n, cluster in enumerate(clusters)
    ]
    return pd.DataFrame(rows, columns=list(PROJECTION))


def measured(**changes: pd.DataFrame) -> BaselineMetrics:
    frames = {"scores": scores_frame(), "projection": projection_frame(), **changes}
    return measure("standard", **frames, manifest=MANIFEST)


class TestMeasure:
    def test_known_answers(self) -> None:
        # Means 2/3 and 1/3, each with a sum of squares of 0.62 / 3.
        deviation = math.sqrt(2 * 0.62 / 3 / 4)
        found = measured()
        assert found.model == "standard"
        assert (found.n_pairs, found.n_compatible, found.n_incompatible) == (6, 3, 3)
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
        assert found.spearman_correlation == pytest.approx(7 / 9 * math.sqrt(27 / 35))
        assert found.manifest == MANIFEST

    def test_distributions(self) -> None:
        compatible = measured().compatible_distribution
        assert compatible.n == 3
        assert compatible.mean == pytest.approx(2 / 3)
        assert compatible.std == pytest.approx(math.sqrt(0.62 / 3 / 2))
        assert (compatible.minimum, compatible.maximum) == (0.3, 0.9)
        assert compatible.quartiles == pytest.approx((0.55, 0.8, 0.85))
        assert measured().incompatible_distribution.maximum == 0.7

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

    def test_validation_pairs_move_the_threshold_and_nothing_else(self) -> None:
        other = measured(scores=scores_frame(validation=[(0.99, 1, "v", "v"), (0.95, 0, "v", "v")]))
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
            "category_metrics",
            "pair_type_metrics",
        }
        assert other.model_dump(exclude=depends) == measured().model_dump(exclude=depends)

    def test_eval_pairs_do_not_move_the_threshold(self) -> None:
        turned = [(-cosine, label, category, kind) for cosine, label, category, kind in EVAL]
        other = measured(scores=scores_frame(evaluated=turned))
        assert other.best_threshold == measured().best_threshold

    def test_group_of_one_label_is_not_zero(self) -> None:
        pets, easy = measured().category_metrics["pets"], measured().pair_type_metrics["easy"]
        for group in (pets, easy):
            assert group.incompatible == 0
            undefined = (
                group.incompatible_mean_cosine,
                group.compatibility_margin,
                group.cohens_d,
                group.auc_roc,
            )
            assert undefined == (None, None, None, None)
        assert (pets.n, pets.compatible, pets.compatible_mean_cosine) == (1, 1, 0.9)
        assert easy.compatible_mean_cosine == pytest.approx(0.85)
        assert '"compatibility_margin":null' in pets.model_dump_json()

    def test_group_of_both_labels(self) -> None:
        found = measured()
        assert list(found.category_metrics) == ["food", "pets"]
        food = found.category_metrics["food"]
        assert (food.n, food.compatible, food.incompatible) == (5, 2, 3)
        assert food.compatibility_margin == pytest.approx(0.55 - 1 / 3)
        assert food.auc_roc == pytest.approx(5 / 6)
        assert food.decisions.threshold == found.best_threshold
        assert (food.decisions.true_positives, food.decisions.false_positives) == (1, 1)

    def test_clusters_of_texts_and_pairs_are_kept_apart(self) -> None:
        # Texts: cluster 0 holds three labels 1, cluster 1 holds 1, 1 and 0; six are noise.
        found = measured()
        assert found.cluster_purity == pytest.approx(5 / 6)
        assert (found.n_clusters, found.noise_ratio) == (2, 6 / 12)
        assert (found.pair_cluster_purity, found.pair_n_clusters, found.pair_noise_ratio) == (
            None,
            0,
            1.0,
        )
        other = measured(projection=projection_frame(of_pairs=(4, 4, 4, 4, -1, -1)))
        assert (other.pair_cluster_purity, other.pair_n_clusters) == (0.75, 1)
        assert other.cluster_purity == found.cluster_purity

    def test_constant_scores_leave_the_tests_undefined(self) -> None:
        rows = [(0.5, label, "c", "t") for label in (1, 1, 0, 0)]
        found = measured(scores=scores_frame(evaluated=rows))
        undefined = (
            found.cohens_d,
            found.t_statistic,
            found.p_value,
            found.spearman_correlation,
        )
        assert undefined == (None, None, None, None)
        assert found.auc_roc == 0.5

    @pytest.mark.parametrize("split", ["validation", "eval"])
    @pytest.mark.parametrize("keep", [[0], [1], []], ids=["0 alone", "1 alone", "empty"])
    def test_split_without_both_labels_is_an_error(self, split: str, keep: list[int]) -> None:
        frame = scores_frame()
        frame = frame[(frame["split"] != split) | frame["label"].isin(keep)]
        with pytest.raises(ValueError, match=rf"^{split}: found labels .*expected 0 and 1"):
            measured(scores=frame)

    @pytest.mark.parametrize("split", ["validation", "eval"])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_cosine_that_is_not_finite_is_an_error(self, split: str, value: float) -> None:
        frame = scores_frame()
        frame.loc[frame.index[frame["split"] == split][0], "cosine"] = value
        with pytest.raises(ValueError, match=f"^{split}: found a cosine that is not finite"):
            measured(scores=frame)


class TestBaselineMetrics:
    def test_json_round_trip_is_exact(self) -> None:
        found = measured()
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


def some_pairs(count: int) -> list[DatingPair]:
    return [
        DatingPair(
            text_1=f"a{n}",
            text_2=f"b{n}",
            label=n % 2,
            category=f"c{n}",
            subcategory="s",
            pair_type=f"t{n}",
        )
        for n in range(count)
    ]


def random_embeddings(count: int) -> PairEmbeddings:
    vectors = np.random.default_rng(3).normal(size=(count, 2, 6)).astype(np.float32)
    return PairEmbeddings(vectors, MANIFEST)


class TestScorePairs:
    def test_puts_each_cosine_beside_its_pair(self) -> None:
        embeddings = random_embeddings(5)
        frame = score_pairs(embeddings, some_pairs(5), "eval")
        assert list(frame.columns) == list(PAIR_SCORES)
        for n, row in enumerate(frame.to_dict("records")):
            first, second = embeddings.vectors[n].astype(np.float64)
            assert row.pop("cosine") == pytest.approx(
                first @ second / np.linalg.norm(first) / np.linalg.norm(second)
            )
            assert row == {
                "split": "eval",
                "row": n,
                "text_1": f"a{n}",
                "text_2": f"b{n}",
                "label": n % 2,
                "category": f"c{n}",
                "pair_type": f"t{n}",
            }

    @pytest.mark.parametrize("count", [4, 6])
    def test_another_number_of_pairs_is_an_error(self, count: int) -> None:
        with pytest.raises(ValueError, match=rf"found 5 embedded pairs, expected {count} \(eval\)"):
            score_pairs(random_embeddings(5), some_pairs(count), "eval")


def test_project_pairs_keeps_points_with_their_rows() -> None:
    n = 12
    embeddings, labels = random_embeddings(n), [int(row % 3 == 0) for row in range(n)]

    frame = project_pairs(embeddings, labels, OPTIONS)

    assert list(frame.columns) == list(PROJECTION)
    assert frame["points"].tolist() == ["text_1"] * n + ["text_2"] * n + ["pair"] * n
    assert frame["row"].tolist() == [*range(n)] * 3
    assert frame["label"].tolist() == labels * 3
    texts = np.concatenate([embeddings.vectors[:, 0], embeddings.vectors[:, 1]])
    for rows, vectors in (
        (frame[:24], texts),
        (frame[24:], symmetric_pair_vectors(embeddings.vectors)),
    ):
        points = umap_projection(vectors, OPTIONS.umap)
        assert np.array_equal(rows[["x", "y"]].to_numpy(), points)
        assert rows["cluster"].tolist() == hdbscan_clusters(points, OPTIONS.hdbscan).tolist()
    pd.testing.assert_frame_equal(frame, project_pairs(embeddings, labels, OPTIONS))


def test_the_sweep_holds_every_threshold_of_both_splits_with_its_rates() -> None:
    frame = sweep_thresholds(scores_frame())
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == THRESHOLD_SWEEP
    evaluated = frame[frame["split"] == "eval"].set_index("threshold")
    # Midpoints of 0.1, 0.2, 0.3, 0.7, 0.8 and 0.9, and the lowest score itself.
    assert evaluated.index.tolist() == pytest.approx([0.1, 0.15, 0.25, 0.5, 0.75, 0.85])
    at_half = evaluated.loc[evaluated.index[3]]
    assert at_half[["accuracy", "precision", "recall", "f1"]].tolist() == pytest.approx([2 / 3] * 4)
    assert (frame["split"] == "validation").sum() == 4


class TestOrigin:
    OTHER = MANIFEST.model_copy(update={"pairs": {"eval": "d" * 64}})

    def test_a_frame_keeps_its_origin_through_parquet_and_a_filter(self, tmp_path: Path) -> None:
        with_origin(scores_frame(), MANIFEST).to_parquet(tmp_path / "s.parquet")
        loaded = pd.read_parquet(tmp_path / "s.parquet")
        require_origin("scores", loaded[loaded["split"] == "eval"], MANIFEST)

    @pytest.mark.parametrize("marked", [True, False], ids=["another", "none"])
    def test_another_origin_or_none_is_refused(self, marked: bool) -> None:
        frame = with_origin(scores_frame(), self.OTHER) if marked else scores_frame()
        with pytest.raises(StaleArtifactError, match=r"^scores has another origin.*Run: kedro"):
            require_origin("scores", frame, MANIFEST)

    def test_marking_leaves_the_original_alone(self) -> None:
        frame = scores_frame()
        with_origin(frame, MANIFEST)
        assert frame.attrs == {}


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published pairs are not beside the project")
def test_published_baseline_is_reproduced() -> None:
    def pairs_of(name: str) -> list[DatingPair]:
        raw = RawLines(name, (PUBLISHED / name).read_bytes())
        pairs, rejected = parse_pairs(raw, ("boy", "girl"))
        assert not rejected
        return pairs

    evaluated, validation = pairs_of("eval_pairs.jsonl"), pairs_of("dating_pairs.jsonl")[:60]
    model = load_base_model("all-MiniLM-L6-v2", None, "cpu")
    scores = pd.concat(
        score_pairs(PairEmbeddings(embed_pairs(model.transformer, part, 64), MANIFEST), part, split)
        for part, split in ((validation, "validation"), (evaluated, "eval"))
    )
    n = len(evaluated)
    no_clusters: dict[str, Any] = {
        "points": ["text_1"] * n + ["text_2"] * n + ["pair"] * n,
        "cluster": [-1] * (3 * n),
        "label": [pair.label for pair in evaluated] * 3,
    }

    found = measure("baseline", scores, pd.DataFrame(no_clusters), MANIFEST)

    assert (found.n_pairs, found.n_compatible, found.n_incompatible) == (295, 158, 137)
    published = {
        "spearman_correlation": -0.2194,
        "compatibility_margin": -0.0826,
        "cohens_d": -0.4191,
        "t_statistic": -3.6374,
        "auc_roc": 0.3730,
    }
    assert {name: round(getattr(found, name), 4) for name in published} == published
    one_label = [
        g for g in found.pair_type_metrics.values() if not (g.compatible and g.incompatible)
    ]
    assert (len(one_label), len(found.pair_type_metrics)) == (7, 9)
    assert all(group.compatibility_margin is None for group in one_label)
