"""Frames and embeddings of known truth to measure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tuneproof.encoding import PairEmbeddings
from tuneproof.general_pairs import GeneralPair
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement.frames import PAIR_SCORES, PROJECTION
from tuneproof.measurement.measure import measure
from tuneproof.measurement.records import BaselineMetrics, MeasureOptions
from tuneproof.metrics.calibration import calibrated_probabilities, fit_platt
from tuneproof.metrics.clusters import HdbscanOptions, UmapOptions
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import DatingPair

MANIFEST = Manifest(
    base_model=ModelIdentity(name="m", revision=None, sha256="a" * 64),
    pairs={"validation": "b" * 64, "eval": "c" * 64},
    environment=Environment(python="3.11.0", libraries={"numpy": "2"}, git_commit=None),
)
OPTIONS = MeasureOptions(
    batch_size=32,
    umap=UmapOptions(n_neighbors=15, min_dist=0.1, metric="cosine", random_state=42),
    hdbscan=HdbscanOptions(min_cluster_size=3, min_samples=2, cluster_selection_method="eom"),
    cluster_seeds=2,
    bootstrap=BootstrapOptions(rounds=200, seed=0),
    matched_recall=0.95,
    calibration_bins=5,
    swap_prefixes=("boy", "girl"),
)

Rows = Sequence[tuple[float, int, str, str]]
"""Cosine, label, category and pair type of each pair."""

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


def scores_frame(
    evaluated: Rows = EVAL, validation: Rows = VALIDATION, **columns: npt.ArrayLike
) -> pd.DataFrame:
    """Score pairs as given; columns replace those of the eval pairs, which share no text."""
    frames = []
    for split, rows in (("validation", validation), ("eval", evaluated)):
        cosines, labels, categories, pair_types = zip(*rows, strict=True)
        numbers = range(len(rows))
        frame: dict[str, Any] = {
            "split": split,
            "row": numbers,
            "text_1": [f"boy: {split} a{row}" for row in numbers],
            "text_2": [f"girl: {split} b{row}" for row in numbers],
            "label": labels,
            "category": categories,
            "subcategory": "s",
            "pair_type": pair_types,
            "group": numbers,
            "leak_level": "none",
            "shares_text": False,
            "clean": True,
            "unseen_subcategory": False,
            "cosine": cosines,
            "swapped_cosine": np.nan,
            "nearest_train_row": -1,
            "nearest_train_similarity": np.nan,
        }
        frames.append(pd.DataFrame(frame | columns if split == "eval" else frame))
    scores = pd.concat(frames, ignore_index=True)
    fitted = scores[scores["split"] == "validation"]
    platt = fit_platt(fitted["cosine"].to_numpy(), fitted["label"].to_numpy())
    assert platt is not None
    scores["probability"] = calibrated_probabilities(scores["cosine"].to_numpy(), platt)
    return scores[list(PAIR_SCORES)].astype(dict(PAIR_SCORES))


def projection_frame(
    labels: Sequence[int],
    texts: Sequence[Sequence[int]],
    of_pairs: Sequence[Sequence[int]],
) -> pd.DataFrame:
    """Cluster points as given: for each seed the 2n texts, first texts first, and the n pairs."""
    n = len(labels)
    rows = [
        (points, 42 + seed, row, 0.0, 0.0, clusters[start + row], labels[row])
        for seed, (of_texts, of_pair) in enumerate(zip(texts, of_pairs, strict=True))
        for points, clusters, start in (
            ("text_1", of_texts, 0),
            ("text_2", of_texts, n),
            ("pair", of_pair, 0),
        )
        for row in range(n)
    ]
    return pd.DataFrame(rows, columns=list(PROJECTION)).astype(dict(PROJECTION))


def noise_only(labels: Sequence[int]) -> pd.DataFrame:
    return projection_frame(labels, [[-1] * 2 * len(labels)], [[-1] * len(labels)])


def random_embeddings(count: int, seed: int = 3, dimensions: int = 6) -> PairEmbeddings:
    vectors = np.random.default_rng(seed).normal(size=(count, 2, dimensions))
    return PairEmbeddings(vectors.astype(np.float32), MANIFEST)


def graded(grades: Sequence[float]) -> list[GeneralPair]:
    return [
        GeneralPair(text_1=f"first {n}", text_2=f"second {n}", score=grade, topic="t")
        for n, grade in enumerate(grades)
    ]


def directions(cosines: Sequence[float]) -> PairEmbeddings:
    """Embed pairs in the plane so that they have these cosines."""
    second = [(cosine, np.sqrt(1 - cosine**2)) for cosine in cosines]
    vectors = np.array([[(1.0, 0.0), unit] for unit in second], dtype=np.float32)
    return PairEmbeddings(vectors, MANIFEST)


def measured(scores: pd.DataFrame | None = None, **changes: Any) -> BaselineMetrics:
    """Measure with what the test does not care about filled in."""
    scores = scores_frame() if scores is None else scores
    labels = scores.loc[scores["split"] == "eval", "label"].tolist()
    given: dict[str, Any] = {
        "projection": noise_only(labels),
        "embeddings": random_embeddings(len(labels)),
        "general": (random_embeddings(12, seed=4), graded([0, 0, 0, 1, 2, 3, 4, 5, 1, 2, 3, 4])),
        "options": OPTIONS,
    }
    return measure("standard", scores, **(given | changes))


def with_rounds(rounds: int) -> MeasureOptions:
    return replace(OPTIONS, bootstrap=BootstrapOptions(rounds=rounds, seed=0))


def random_scores(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Score pairs at random, with groups of several pairs, leaks and groups of one label."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    cosines = np.clip(0.3 * labels + random.normal(0.2, 0.3, n), -1, 1)
    categories = random.choice(["food", "pets", "work"], n)
    pair_types = np.where(labels == 1, random.choice(["match", "hard"], n), "hard")
    leaks = random.choice(["text_1", "near", "none"], n)
    validation = [
        (float(cosine), row % 2, "v", "v")
        for row, cosine in enumerate(random.normal(0.2, 0.2, 30) + np.arange(30) % 2 * 0.3)
    ]
    return scores_frame(
        list(zip(cosines.tolist(), labels.tolist(), categories, pair_types, strict=True)),
        validation,
        group=random.integers(0, n // 2, n),
        leak_level=leaks,
        shares_text=leaks == "text_1",
        clean=leaks == "none",
        unseen_subcategory=random.random(n) < 0.3,
        swapped_cosine=np.where(
            random.random(n) < 0.8, np.clip(cosines + random.normal(0, 0.1, n), -1, 1), np.nan
        ),
    )


def random_projection(labels: Sequence[int], seeds: int = 3, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n = len(labels)
    return projection_frame(
        labels,
        [random.integers(-1, 4, 2 * n).tolist() for _ in range(seeds)],
        [random.integers(-1, 4, n).tolist() for _ in range(seeds)],
    )


def eval_rows(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[scores["split"] == "eval"]


def pairs_of(rows: Sequence[tuple[str, str, int]]) -> list[DatingPair]:
    """Pairs of two texts and a label each, told apart by category, subcategory and type."""
    return [
        DatingPair(
            text_1=text_1,
            text_2=text_2,
            label=label,
            category=f"c{n}",
            subcategory=f"s{n}",
            pair_type=f"t{n}",
        )
        for n, (text_1, text_2, label) in enumerate(rows)
    ]


def some_pairs(count: int, name: str = "") -> list[DatingPair]:
    """Pairs that share no text."""
    return pairs_of([(f"boy: {name}a{n}", f"girl: {name}b{n}", n % 2) for n in range(count)])


def unit(*vectors: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Directions of the vectors, shape (n, d)."""
    rows = np.asarray(vectors, dtype=np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
