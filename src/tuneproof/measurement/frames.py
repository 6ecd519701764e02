"""The tables between embeddings and metrics: scores, projections, threshold sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tuneproof.encoding import PairEmbeddings, nearest_pairs, pair_cosines
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Manifest
from tuneproof.measurement.records import BaselineMetrics, MeasureOptions
from tuneproof.metrics.calibration import calibrated_probabilities, fit_platt
from tuneproof.metrics.clusters import (
    SMALLEST_PROJECTION,
    hdbscan_clusters,
    symmetric_pair_vectors,
    umap_projection,
)
from tuneproof.metrics.decisions import threshold_sweep
from tuneproof.pairs import DatingPair, connected_groups
from tuneproof.progress import progress_bar

PAIR_SCORES: Final[Mapping[str, str]] = {
    "split": "str",
    "row": "int64",
    "text_1": "str",
    "text_2": "str",
    "label": "int64",
    "category": "str",
    "subcategory": "str",
    "pair_type": "str",
    "group": "int64",
    "leak_level": "str",
    "shares_text": "bool",
    "clean": "bool",
    "unseen_subcategory": "bool",
    "cosine": "float64",
    "probability": "float64",
    "swapped_cosine": "float64",
    "nearest_train_row": "int64",
    "nearest_train_similarity": "float64",
}
"""Columns of a scores frame: one row for each validation and eval pair.

split is `validation` or `eval`, row the pair's position in its split from 0, group the number of
the group of pairs of its split that share texts; leak_level to unseen_subcategory say what training
saw of it (`tuneproof.audit.leakage.LEAKAGE`). cosine is in [-1, 1], probability that of label 1
after calibration on the validation pairs, swapped_cosine the cosine of an eval pair whose prefixes
are swapped (NaN where there is nothing to swap). nearest_train_row is the train pair nearest to an
eval pair in this model's space, at the similarity beside it (-1 and NaN for validation pairs).
"""

PROJECTION: Final[Mapping[str, str]] = {
    "points": "str",
    "seed": "int64",
    "row": "int64",
    "x": "float64",
    "y": "float64",
    "cluster": "int64",
    "label": "int64",
}
"""Columns of a projection frame: UMAP coordinates and HDBSCAN cluster of the eval pairs.

points is `text_1` or `text_2` for the 2n points of the texts, projected together, and `pair` for
the n points of the symmetric pair vectors; seed is UMAP's, the first one first; row is the pair's
position among the eval pairs; cluster is -1 for noise.
"""

THRESHOLD_SWEEP: Final[Mapping[str, str]] = {
    "split": "str",
    "threshold": "float64",
    "accuracy": "float64",
    "precision": "float64",
    "recall": "float64",
    "f1": "float64",
}
"""Columns of a threshold sweep: one row for each threshold that changes a decision.

split is `validation` or `eval`; the rates are in [0, 1].
"""

RERUN: Final = "Run: kedro run --pipelines=baseline,evaluation"

_ORIGIN = "manifest"


@dataclass(frozen=True)
class Cosines:
    """What most metrics need of one split.

    Attributes:
        scores: Cosine of each pair, shape (n,), in [-1, 1].
        labels: 0 or 1, shape (n,).
        groups: Number of the group of pairs that share texts, shape (n,).
    """

    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Cosines":
        """Return those of some pairs; mask has shape (n,)."""
        return Cosines(self.scores[mask], self.labels[mask], self.groups[mask])


def with_origin(frame: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """Return the frame with its manifest, which Parquet keeps in the file's metadata."""
    marked = frame.copy()
    marked.attrs = {_ORIGIN: manifest.model_dump(mode="json")}
    return marked


def require_origin(artifact: str, frame: pd.DataFrame, manifest: Manifest) -> None:
    """Check that a frame comes from the same model, pairs and parameters as what it stands beside.

    Args:
        artifact: Name of the frame, for the message.
        frame: A frame from `with_origin`.
        manifest: The manifest that it must carry.

    Raises:
        StaleArtifactError: It carries another one, or none.
    """
    if frame.attrs.get(_ORIGIN) != manifest.model_dump(mode="json"):
        raise StaleArtifactError(
            f"{artifact} has another origin than what it stands beside: its manifest differs. "
            f"{RERUN}"
        )


def gather_measured(
    name: str, measured: Mapping[str, BaselineMetrics | pd.DataFrame | None]
) -> tuple[BaselineMetrics, pd.DataFrame, pd.DataFrame]:
    """Return metrics, scores and projection of a model, of one measurement.

    Args:
        name: The model.
        measured: What was measured of it and of others, by dataset name; None where it was not.

    Raises:
        StaleArtifactError: One of the three is missing, or they tell of different measurements.
    """
    metrics, scores, projection = (
        measured[f"{name}_{part}"] for part in ("metrics", "scores", "projection")
    )
    if (
        not isinstance(metrics, BaselineMetrics)
        or not isinstance(scores, pd.DataFrame)
        or not isinstance(projection, pd.DataFrame)
    ):
        there = {
            "metrics": isinstance(metrics, BaselineMetrics),
            "scores": isinstance(scores, pd.DataFrame),
            "projection": isinstance(projection, pd.DataFrame),
        }
        missing = [f"{name}_{part}" for part, is_there in there.items() if not is_there]
        raise StaleArtifactError(
            f"expected {name}_metrics, {name}_scores and {name}_projection, found no "
            f"{' and no '.join(missing)}. {RERUN}"
        )
    require_origin(f"{name}_scores", scores, metrics.manifest)
    require_origin(f"{name}_projection", projection, metrics.manifest)
    return metrics, scores, projection


def select_split(scores: pd.DataFrame, split: str) -> tuple[pd.DataFrame, Cosines]:
    """Return the rows of a split and what metrics need of them.

    Args:
        scores: Frame with the columns of `PAIR_SCORES`.
        split: `validation` or `eval`.

    Raises:
        ValueError: The split is empty, holds one label only, or a cosine that is not finite.
    """
    rows = scores[scores["split"] == split]
    labels = rows["label"].to_numpy(dtype=np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise ValueError(f"{split}: found labels {sorted(set(labels.tolist()))}, expected 0 and 1")
    cosines = rows["cosine"].to_numpy(dtype=np.float64)
    if not np.isfinite(cosines).all():
        raise ValueError(f"{split}: found a cosine that is not finite, expected all in [-1, 1]")
    return rows, Cosines(cosines, labels, rows["group"].to_numpy(dtype=np.int64))


def score_pairs(
    embeddings: Mapping[str, PairEmbeddings],
    swapped: PairEmbeddings,
    pairs: Mapping[str, Sequence[DatingPair]],
    swapped_pairs: Sequence[DatingPair],
    leakage: pd.DataFrame,
) -> pd.DataFrame:
    """Put what a model says of each validation and eval pair beside what is known of the pair.

    Args:
        embeddings: Embeddings of the train, validation and eval pairs, by split.
        swapped: Embeddings of the eval pairs with swapped prefixes.
        pairs: The validation and the eval pairs, in the same order.
        swapped_pairs: The eval pairs with swapped prefixes (`tuneproof.pairs.swap_prefixes`).
        leakage: Frame with the columns of `tuneproof.audit.leakage.LEAKAGE`.

    Returns:
        A frame with the columns of `PAIR_SCORES`, validation pairs first.

    Raises:
        ValueError: Numbers of embeddings, leak levels and pairs differ, or the validation pairs
            hold one label only.
    """
    parts = [
        _score_split(embeddings[split], pairs[split], leakage[leakage["split"] == split], split)
        for split in ("validation", "eval")
    ]
    scores = pd.concat(parts, ignore_index=True)
    _, validation = select_split(scores, "validation")
    platt = fit_platt(validation.scores, validation.labels)
    assert platt is not None  # there are both labels
    evaluated = scores["split"] == "eval"
    scores["probability"] = calibrated_probabilities(scores["cosine"].to_numpy(), platt)
    _require_count("embedded swapped pairs", len(swapped.vectors), pairs["eval"], "eval")
    changed = [
        pair.texts != other.texts for pair, other in zip(pairs["eval"], swapped_pairs, strict=True)
    ]
    scores.loc[evaluated, "swapped_cosine"] = np.where(
        changed, pair_cosines(swapped.vectors), np.nan
    )
    rows, similarities = nearest_pairs(embeddings["eval"].vectors, embeddings["train"].vectors)
    scores.loc[evaluated, "nearest_train_row"] = rows
    scores.loc[evaluated, "nearest_train_similarity"] = similarities
    return scores.astype(dict(PAIR_SCORES))


def sweep_thresholds(scores: pd.DataFrame) -> pd.DataFrame:
    """Evaluate every threshold that changes a decision, on the validation and on the eval pairs.

    Args:
        scores: Frame with the columns of `PAIR_SCORES`.

    Returns:
        A frame with the columns of `THRESHOLD_SWEEP`, thresholds ascending in each split.

    Raises:
        ValueError: A split is empty or holds one label only.
    """
    sweeps = []
    for split in ("validation", "eval"):
        _, found = select_split(scores, split)
        swept = threshold_sweep(found.scores, found.labels)
        sweeps.append(pd.DataFrame({"split": split, **swept._asdict()}))
    frame = pd.concat(sweeps, ignore_index=True).rename(columns={"thresholds": "threshold"})
    return frame.astype(dict(THRESHOLD_SWEEP))


def project_pairs(
    embeddings: PairEmbeddings, labels: Sequence[int], options: MeasureOptions
) -> pd.DataFrame:
    """Project and cluster the eval pairs with each seed, as 2n texts and as n pair vectors.

    Args:
        embeddings: Embeddings of the n eval pairs.
        labels: Label of each pair.
        options: Parameters of UMAP and HDBSCAN, and the number of seeds.

    Returns:
        A frame of 3n rows for each seed with the columns of `PROJECTION`; points too few to be
        projected stand at the origin, in no cluster.
    """
    n = len(labels)
    texts = np.concatenate([embeddings.vectors[:, 0], embeddings.vectors[:, 1]])
    parts = []
    with progress_bar(2 * options.cluster_seeds, "projection", "projecting") as progress:
        for names, vectors in (
            (["text_1"] * n + ["text_2"] * n, texts),
            (["pair"] * n, symmetric_pair_vectors(embeddings.vectors)),
        ):
            repeats = len(vectors) // n
            for seeded in options.seeded_umaps():
                points = (
                    umap_projection(vectors, seeded)
                    if len(vectors) >= SMALLEST_PROJECTION
                    else np.zeros((len(vectors), 2))
                )
                parts.append(
                    pd.DataFrame(
                        {
                            "points": names,
                            "seed": seeded.random_state,
                            "row": np.tile(np.arange(n), repeats),
                            "x": points[:, 0],
                            "y": points[:, 1],
                            "cluster": hdbscan_clusters(points, options.hdbscan),
                            "label": np.tile(np.asarray(labels), repeats),
                        }
                    )
                )
                progress.update()
    return pd.concat(parts, ignore_index=True).astype(dict(PROJECTION))


def first_projection(projection: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first seed, the one that charts show and `cluster_purity` tells of."""
    first: pd.DataFrame = projection[projection["seed"] == projection["seed"].iloc[0]]
    return first


def _score_split(
    embeddings: PairEmbeddings, pairs: Sequence[DatingPair], leakage: pd.DataFrame, split: str
) -> pd.DataFrame:
    _require_count("embedded pairs", len(embeddings.vectors), pairs, split)
    _require_count("leak levels", len(leakage), pairs, split)
    known = leakage.sort_values("row")
    return pd.DataFrame(
        {
            "split": [split] * len(pairs),
            "row": range(len(pairs)),
            **{
                field: [getattr(pair, field) for pair in pairs]
                for field in ("text_1", "text_2", "label", "category", "subcategory", "pair_type")
            },
            "group": connected_groups(pairs),
            "leak_level": known["level"].to_numpy(),
            **{
                name: known[name].to_numpy()
                for name in ("shares_text", "clean", "unseen_subcategory")
            },
            "cosine": pair_cosines(embeddings.vectors),
            "probability": np.nan,
            "swapped_cosine": np.nan,
            "nearest_train_row": -1,
            "nearest_train_similarity": np.nan,
        }
    )


def _require_count(what: str, found: int, pairs: Sequence[DatingPair], split: str) -> None:
    if found != len(pairs):
        raise ValueError(f"found {found} {what}, expected {len(pairs)} ({split})")
