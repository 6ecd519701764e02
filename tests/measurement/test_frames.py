from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from tests.measurement.examples import (
    MANIFEST,
    OPTIONS,
    directions,
    eval_rows,
    measured,
    pairs_of,
    random_embeddings,
    scores_frame,
    some_pairs,
    unit,
)
from tuneproof.audit.leakage import LEAKAGE, trace_leakage
from tuneproof.encoding import PairEmbeddings
from tuneproof.errors import StaleArtifactError
from tuneproof.measurement.frames import (
    PAIR_SCORES,
    PROJECTION,
    THRESHOLD_SWEEP,
    Cosines,
    first_projection,
    project_pairs,
    require_origin,
    score_pairs,
    select_split,
    sweep_thresholds,
    with_origin,
)
from tuneproof.metrics.clusters import hdbscan_clusters, symmetric_pair_vectors, umap_projection
from tuneproof.pairs import DatingPair, swap_prefixes


def clean_leakage(validation: int, evaluated: int) -> pd.DataFrame:
    """Say that no pair leaks."""
    rows = [
        (split, row, "none", False, True, "", -1, 0.0, False)
        for split, count in (("validation", validation), ("eval", evaluated))
        for row in range(count)
    ]
    return pd.DataFrame(rows, columns=list(LEAKAGE)).astype(dict(LEAKAGE))


def scored(**changes: Any) -> pd.DataFrame:
    """Score 6 validation and 5 eval pairs; changes replace what goes in."""
    evaluated = some_pairs(5, "e")
    given: dict[str, Any] = {
        "embeddings": {
            "train": random_embeddings(7, seed=1),
            "validation": random_embeddings(6, seed=2),
            "eval": random_embeddings(5, seed=3),
        },
        "swapped": random_embeddings(5, seed=4),
        "pairs": {"validation": some_pairs(6, "v"), "eval": evaluated},
        "swapped_pairs": swap_prefixes(evaluated, ("boy", "girl")),
        "leakage": clean_leakage(6, 5),
    }
    return score_pairs(**(given | changes))


def cosine_of(vectors: np.ndarray[Any, Any]) -> float:
    first, second = vectors.astype(np.float64)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


class TestScorePairs:
    def test_puts_what_the_model_says_beside_the_pair(self) -> None:
        frame = scored()
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == PAIR_SCORES
        assert frame["split"].tolist() == ["validation"] * 6 + ["eval"] * 5
        for split, name, count, seed in (("validation", "v", 6, 2), ("eval", "e", 5, 3)):
            vectors = random_embeddings(count, seed=seed).vectors
            for n, row in enumerate(frame[frame["split"] == split].to_dict("records")):
                assert row["cosine"] == pytest.approx(cosine_of(vectors[n]))
                assert 0 < row["probability"] < 1
                assert {field: row[field] for field in list(PAIR_SCORES)[:13]} == {
                    "split": split,
                    "row": n,
                    "text_1": f"boy: {name}a{n}",
                    "text_2": f"girl: {name}b{n}",
                    "label": n % 2,
                    "category": f"c{n}",
                    "subcategory": f"s{n}",
                    "pair_type": f"t{n}",
                    "group": n,
                    "leak_level": "none",
                    "shares_text": False,
                    "clean": True,
                    "unseen_subcategory": False,
                }

    def test_pairs_of_a_split_that_share_texts_are_one_group(self) -> None:
        rows = [("a", "b", 0), ("c", "d", 1), ("e", "b", 1), ("c", "e", 0), ("f", "g", 1)]
        evaluated = pairs_of(rows)
        frame = scored(
            pairs={"validation": some_pairs(6, "v"), "eval": evaluated}, swapped_pairs=evaluated
        )
        assert eval_rows(frame)["group"].tolist() == [0, 0, 0, 0, 1]
        assert frame.loc[frame["split"] == "validation", "group"].tolist() == [*range(6)]

    @pytest.mark.parametrize("seed", range(3))
    def test_leaks_follow_their_rows_whatever_the_order_of_the_frame(self, seed: int) -> None:
        train = pairs_of([("boy: i like cats", "girl: i like dogs", 1)])
        # Exact, swapped, one text, both texts of no pair, and nothing.
        evaluated = pairs_of(
            [
                ("boy: i like cats", "girl: i like dogs", 1),
                ("girl: i like dogs", "boy: i like cats", 0),
                ("boy: i like cats", "girl: planes bore me", 1),
                ("boy: trains run late", "girl: rain fell all week", 0),
                ("boy: soup needs salt", "girl: stars are far away", 1),
            ]
        )
        evaluated[3] = evaluated[3].model_copy(update={"subcategory": "new"})
        validation = some_pairs(6, "v")
        leakage = trace_leakage(train, validation, evaluated, 0.8)
        shuffled = leakage.sample(frac=1, random_state=seed)
        assert shuffled["row"].tolist() != leakage["row"].tolist()

        frame = scored(
            pairs={"validation": validation, "eval": evaluated},
            swapped_pairs=evaluated,
            leakage=shuffled,
        )

        found = eval_rows(frame)
        assert found["shares_text"].tolist() == [True, True, True, False, False]
        assert found["clean"].tolist() == [False, False, False, True, True]
        assert found["unseen_subcategory"].tolist() == [False, False, False, True, False]
        levels = leakage.loc[leakage["split"] == "eval", "level"].tolist()
        assert found["leak_level"].tolist() == levels
        assert len(set(levels[:3])) == 3
        assert not frame.loc[frame["split"] == "validation", "shares_text"].any()

    def test_probability_is_calibrated_on_the_validation_pairs(self) -> None:
        random = np.random.default_rng(0)
        cosines = random.uniform(-1, 1, 4_000)
        truth = expit(5 * cosines - 1)
        labels = (random.random(4_000) < truth).astype(int)
        validation = pairs_of(
            [(f"a{n}", f"b{n}", label) for n, label in enumerate(labels.tolist())]
        )
        frame = scored(
            embeddings={
                "train": random_embeddings(2, dimensions=2),
                "validation": directions(cosines.tolist()),
                "eval": directions([-0.9, -0.1, 0.2, 0.5, 1.0]),
            },
            pairs={"validation": validation, "eval": some_pairs(5, "e")},
            leakage=clean_leakage(4_000, 5),
        )
        found = frame[frame["split"] == "validation"]["probability"]
        assert np.abs(found.to_numpy() - truth).max() < 0.05
        # Where the likelihood is largest, probabilities and targets have the same mean.
        n_1, n_0 = labels.sum(), 4_000 - labels.sum()
        targets = n_1 * (n_1 + 1) / (n_1 + 2) + n_0 / (n_0 + 2)
        assert found.sum() == pytest.approx(targets, rel=1e-6)
        assert eval_rows(frame)["probability"].is_monotonic_increasing

    def test_probability_falls_where_higher_cosines_mean_less_compatible(self) -> None:
        frame = scored(
            embeddings={
                "train": random_embeddings(2, dimensions=2),
                "validation": directions([0.9, 0.1, 0.8, 0.2, 0.7, 0.3]),
                "eval": directions([-0.9, -0.1, 0.2, 0.5, 1.0]),
            },
        )
        assert (np.diff(eval_rows(frame)["probability"]) < 0).all()

    def test_swapped_cosine_is_of_the_pairs_that_change_alone(self) -> None:
        texts = [("boy: a", "girl: b", 0), ("no prefix", "none", 1), ("x", "girl: c", 1)]
        evaluated = pairs_of(texts)
        swapped = random_embeddings(3, seed=4)
        frame = scored(
            embeddings={
                "train": random_embeddings(7, seed=1),
                "validation": random_embeddings(6, seed=2),
                "eval": random_embeddings(3, seed=3),
            },
            swapped=swapped,
            pairs={"validation": some_pairs(6, "v"), "eval": evaluated},
            swapped_pairs=swap_prefixes(evaluated, ("boy", "girl")),
            leakage=clean_leakage(6, 3),
        )
        expected = [cosine_of(swapped.vectors[0]), np.nan, cosine_of(swapped.vectors[2])]
        found = eval_rows(frame)["swapped_cosine"].to_numpy()
        assert found == pytest.approx(expected, nan_ok=True)
        assert frame.loc[frame["split"] == "validation", "swapped_cosine"].isna().all()

    def test_nearest_train_pair_in_either_order_of_the_texts(self) -> None:
        east, north, up = np.eye(3)
        train = np.stack([unit(east, up), unit(north, up), unit(up, east)])
        evaluated = np.stack(
            [
                unit(up, north),  # the second one, its texts exchanged
                unit(up, east),  # the first exchanged and the third: the first of equals
                unit(north, north),  # half of the second
                unit(-east, -up),  # opposite to the first, but at right angles if exchanged
                unit(east + up, east + up),  # two cosines of sqrt(1/2) with the first
            ]
        )
        frame = scored(
            embeddings={
                "train": PairEmbeddings(train, MANIFEST),
                "validation": random_embeddings(6, dimensions=3),
                "eval": PairEmbeddings(evaluated, MANIFEST),
            },
        )
        found = eval_rows(frame)
        assert found["nearest_train_row"].tolist() == [1, 0, 1, 0, 0]
        expected = [1, 1, 0.5, 0, np.sqrt(1 / 2)]
        assert found["nearest_train_similarity"].tolist() == pytest.approx(expected, abs=1e-6)
        of_validation = frame[frame["split"] == "validation"]
        assert (of_validation["nearest_train_row"] == -1).all()
        assert of_validation["nearest_train_similarity"].isna().all()

    @pytest.mark.parametrize("split", ["validation", "eval"])
    @pytest.mark.parametrize("off", [-1, 1])
    def test_another_number_of_pairs_is_an_error(self, split: str, off: int) -> None:
        counts = {"validation": 6, "eval": 5}
        pairs = {name: some_pairs(count + off * (name == split)) for name, count in counts.items()}
        found, expected = counts[split], counts[split] + off
        message = rf"found {found} embedded pairs, expected {expected} \({split}\)"
        with pytest.raises(ValueError, match=message):
            scored(pairs=pairs, swapped_pairs=pairs["eval"])

    @pytest.mark.parametrize("counts", [(5, 5), (6, 6)])
    def test_another_number_of_leak_levels_is_an_error(self, counts: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match=r"found \d leak levels, expected \d \("):
            scored(leakage=clean_leakage(*counts))

    @pytest.mark.parametrize("count", [1, 4, 6])
    def test_another_number_of_swapped_pairs_is_an_error(self, count: int) -> None:
        with pytest.raises(ValueError, match=r"shorter|longer"):
            scored(swapped_pairs=some_pairs(count, "e"))
        with pytest.raises(ValueError, match=f"found {count} embedded swapped pairs, expected 5"):
            scored(swapped=random_embeddings(count))

    def test_validation_pairs_of_one_label_are_an_error(self) -> None:
        alike = [pair.model_copy(update={"label": 1}) for pair in some_pairs(6, "v")]
        with pytest.raises(ValueError, match=r"^validation: found labels \[1\], expected 0 and 1"):
            scored(pairs={"validation": alike, "eval": some_pairs(5, "e")})

    def test_same_input_same_frame(self) -> None:
        pd.testing.assert_frame_equal(scored(), scored())


class TestSelectSplit:
    @pytest.mark.parametrize("split", ["validation", "eval"])
    def test_returns_the_rows_of_the_split_and_their_arrays(self, split: str) -> None:
        frame = scores_frame(group=[5, 5, 7, 8, 9, 9])
        rows, found = select_split(frame, split)
        assert (rows["split"] == split).all()
        assert found.scores.tolist() == rows["cosine"].tolist()
        assert found.labels.tolist() == rows["label"].tolist()
        assert found.groups.tolist() == rows["group"].tolist()
        assert len(rows) == {"validation": 4, "eval": 6}[split]

    @pytest.mark.parametrize("split", ["validation", "eval"])
    @pytest.mark.parametrize("keep", [[0], [1], []], ids=["0 alone", "1 alone", "empty"])
    def test_split_without_both_labels_is_an_error(self, split: str, keep: list[int]) -> None:
        frame = scores_frame()
        frame = frame[(frame["split"] != split) | frame["label"].isin(keep)]
        match = rf"^{split}: found labels \[.*\], expected 0 and 1"
        for refuse in (lambda: select_split(frame, split), lambda: measured(frame)):
            with pytest.raises(ValueError, match=match):
                refuse()
        with pytest.raises(ValueError, match=match):
            sweep_thresholds(frame)

    @pytest.mark.parametrize("split", ["validation", "eval"])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_cosine_that_is_not_finite_is_an_error(self, split: str, value: float) -> None:
        frame = scores_frame()
        frame.loc[frame.index[frame["split"] == split][0], "cosine"] = value
        for refuse in (lambda: select_split(frame, split), lambda: measured(frame)):
            with pytest.raises(ValueError, match=f"^{split}: found a cosine that is not finite"):
                refuse()

    def test_some_of_the_pairs(self) -> None:
        cosines = Cosines(np.array([0.1, 0.2, 0.3]), np.array([0, 1, 1]), np.array([4, 5, 6]))
        found = cosines.where(np.array([True, False, True]))
        assert (found.scores.tolist(), found.labels.tolist()) == ([0.1, 0.3], [0, 1])
        assert found.groups.tolist() == [4, 6]


class TestSweepThresholds:
    def test_holds_every_threshold_of_both_splits_with_its_rates(self) -> None:
        frame = sweep_thresholds(scores_frame())
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == THRESHOLD_SWEEP
        evaluated = frame[frame["split"] == "eval"].set_index("threshold")
        # Midpoints of 0.1, 0.2, 0.3, 0.7, 0.8 and 0.9, and the lowest score itself.
        assert evaluated.index.tolist() == pytest.approx([0.1, 0.15, 0.25, 0.5, 0.75, 0.85])
        at_half = evaluated.loc[evaluated.index[3]]
        rates = at_half[["accuracy", "precision", "recall", "f1"]].tolist()
        assert rates == pytest.approx([2 / 3] * 4)
        assert (frame["split"] == "validation").sum() == 4

    def test_the_chosen_threshold_is_the_best_of_the_validation_pairs(self) -> None:
        found = measured()
        frame = sweep_thresholds(scores_frame()).set_index("split")
        for split, decisions in (
            ("validation", found.decisions),
            ("eval", found.optimistic_decisions),
        ):
            swept = frame.loc[split]
            best = swept["f1"].max()
            assert swept.loc[swept["f1"] == best, "threshold"].max() == decisions.threshold


class TestOrigin:
    OTHER = MANIFEST.model_copy(update={"pairs": {"eval": "d" * 64}})

    def test_a_frame_keeps_its_origin_through_parquet_and_a_filter(self, tmp_path: Path) -> None:
        with_origin(scores_frame(), MANIFEST).to_parquet(tmp_path / "s.parquet")
        loaded = pd.read_parquet(tmp_path / "s.parquet")
        require_origin("scores", loaded[loaded["split"] == "eval"], MANIFEST)
        pd.testing.assert_frame_equal(loaded, scores_frame())

    @pytest.mark.parametrize("marked", [True, False], ids=["another", "none"])
    def test_another_origin_or_none_is_refused(self, marked: bool) -> None:
        frame = with_origin(scores_frame(), self.OTHER) if marked else scores_frame()
        with pytest.raises(StaleArtifactError, match=r"^scores has another origin.*Run: kedro"):
            require_origin("scores", frame, MANIFEST)

    def test_marking_leaves_the_original_alone(self) -> None:
        frame = scores_frame()
        with_origin(frame, MANIFEST)
        assert frame.attrs == {}


N = 12
LABELS = [int(row % 3 == 0) for row in range(N)]


@pytest.fixture(scope="module")
def projection() -> pd.DataFrame:
    return project_pairs(random_embeddings(N), LABELS, OPTIONS)


class TestProjectPairs:
    def test_keeps_points_of_each_seed_with_their_rows(self, projection: pd.DataFrame) -> None:
        embeddings = random_embeddings(N)
        assert {name: str(dtype) for name, dtype in projection.dtypes.items()} == PROJECTION
        texts = np.concatenate([embeddings.vectors[:, 0], embeddings.vectors[:, 1]])
        for seed in (42, 43):
            options = replace(OPTIONS.umap, random_state=seed)
            frame = projection[projection["seed"] == seed]
            assert frame["points"].tolist() == ["text_1"] * N + ["text_2"] * N + ["pair"] * N
            assert frame["row"].tolist() == [*range(N)] * 3
            assert frame["label"].tolist() == LABELS * 3
            for rows, vectors in (
                (frame[: 2 * N], texts),
                (frame[2 * N :], symmetric_pair_vectors(embeddings.vectors)),
            ):
                points = umap_projection(vectors, options)
                assert np.array_equal(rows[["x", "y"]].to_numpy(), points)
                clusters = hdbscan_clusters(points, OPTIONS.hdbscan)
                assert rows["cluster"].tolist() == clusters.tolist()

    def test_is_repeatable_and_seeds_differ(self, projection: pd.DataFrame) -> None:
        again = project_pairs(random_embeddings(N), LABELS, OPTIONS)
        pd.testing.assert_frame_equal(projection, again)
        first, second = (
            projection.loc[projection["seed"] == seed, ["x", "y"]].to_numpy() for seed in (42, 43)
        )
        assert np.abs(first - second).max() > 0.1

    def test_first_projection_is_that_of_the_first_seed(self, projection: pd.DataFrame) -> None:
        first = first_projection(projection)
        assert set(first["seed"]) == {42}
        assert len(first) == 3 * N
        alone = project_pairs(random_embeddings(N), LABELS, replace(OPTIONS, cluster_seeds=1))
        by_point = ["points", "row"]
        pd.testing.assert_frame_equal(
            first.sort_values(by_point, ignore_index=True),
            alone.sort_values(by_point, ignore_index=True),
        )

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_pairs_too_few_to_project_are_noise(self, count: int) -> None:
        labels = [row % 2 for row in range(count)]
        found = project_pairs(random_embeddings(count), labels, OPTIONS)
        assert len(found) == 3 * count * OPTIONS.cluster_seeds
        of_pairs = found[found["points"] == "pair"]
        assert of_pairs["row"].tolist() == [*range(count)] * OPTIONS.cluster_seeds
        assert of_pairs["label"].tolist() == labels * OPTIONS.cluster_seeds
        assert (of_pairs[["x", "y"]] == 0).to_numpy().all()
        assert (of_pairs["cluster"] == -1).all()


PREFIXES = ("boy", "girl")


def embed_by_hand(pairs: list[DatingPair], prefix_length: float) -> PairEmbeddings:
    """Embed `prefix: number` by the number as an angle; girl adds a dimension of its own."""

    def vector(text: str) -> list[float]:
        prefix, _, statement = text.partition(": ")
        angle = float(statement)
        return [np.cos(angle), np.sin(angle), prefix_length * (prefix == "girl")]

    vectors = [[vector(text) for text in pair.texts] for pair in pairs]
    return PairEmbeddings(np.array(vectors, dtype=np.float32), MANIFEST)


class TestPrefixProbe:
    """Models made by hand: one does not see the prefixes, one does."""

    ANGLES = (0.2, 1.4, 0.4, 1.2, 0.9, 1.0)

    def scored(self, prefix_length: float) -> pd.DataFrame:
        """Score, for each angle, a pair of two boys, of two girls, and of one and one."""
        evaluated = pairs_of(
            [
                (f"{first}: 0", f"{second}: {angle}", row % 2)
                for row, angle in enumerate(self.ANGLES)
                for first, second in (("boy", "boy"), ("girl", "girl"), ("boy", "girl"))
            ]
        )
        swapped_pairs = swap_prefixes(evaluated, PREFIXES)
        validation = pairs_of([(f"boy: {n}", f"boy: {n + n / 3.1}", n % 2) for n in range(4)])
        return scored(
            embeddings={
                "train": embed_by_hand(validation, prefix_length),
                "validation": embed_by_hand(validation, prefix_length),
                "eval": embed_by_hand(evaluated, prefix_length),
            },
            swapped=embed_by_hand(swapped_pairs, prefix_length),
            pairs={"validation": validation, "eval": evaluated},
            swapped_pairs=swapped_pairs,
            leakage=clean_leakage(4, len(evaluated)),
        )

    def test_a_model_that_ignores_the_prefix_changes_nothing(self) -> None:
        found = measured(self.scored(0.0)).prefix_swap
        assert found is not None
        assert found.n == 18
        assert (found.mean_change, found.mean_absolute_change, found.largest_change) == (0, 0, 0)
        assert found.flipped_decisions == 0
        assert found.auc_roc == found.auc_roc_before
        assert set(found.intervals.values()) == {None}

    def test_a_model_that_reads_the_prefix_is_found(self) -> None:
        metrics = measured(self.scored(1.0))
        found = metrics.prefix_swap
        assert found is not None
        # Two boys at cosine c become two girls at (c + 1) / 2, and the other way round; a boy and a
        # girl keep c / sqrt(2).
        cosines = np.cos(self.ANGLES)
        steps = (1 - cosines) / 2
        assert found.n == 18
        assert found.mean_change == pytest.approx(0, abs=1e-7)
        assert found.mean_absolute_change == pytest.approx(2 * steps.sum() / 18, abs=1e-7)
        assert found.largest_change == pytest.approx(steps.max(), abs=1e-7)
        threshold = metrics.best_threshold
        crossed = (cosines < threshold) & ((cosines + 1) / 2 >= threshold)
        assert found.flipped_decisions == 2 * crossed.sum()
        assert crossed.any()
        interval = found.intervals["mean_absolute_change"]
        # The pairs all share the text 'boy: 0' or 'girl: 0': one group, nothing to resample.
        assert interval is None
