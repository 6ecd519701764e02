"""Embeddings and labels in, all metrics of one model out: the same for every model."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.encoding import PairEmbeddings, pair_cosines
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Manifest
from tuneproof.metrics.clusters import (
    ClusterSummary,
    HdbscanOptions,
    UmapOptions,
    hdbscan_clusters,
    summarise_clusters,
    symmetric_pair_vectors,
    umap_projection,
)
from tuneproof.metrics.decisions import (
    Decisions,
    best_f1_threshold,
    decide,
    false_positives_by_group,
    threshold_sweep,
)
from tuneproof.metrics.groups import GroupSummary, summarise_groups
from tuneproof.metrics.ranking import auc_roc, spearman
from tuneproof.metrics.separation import cohens_d, margin, mean_or_none, split_by_label, welch_t
from tuneproof.pairs import DatingPair

PAIR_SCORES: Final[Mapping[str, str]] = {
    "split": "str",
    "row": "int64",
    "text_1": "str",
    "text_2": "str",
    "label": "int64",
    "category": "str",
    "pair_type": "str",
    "cosine": "float64",
}
"""Columns of a scores frame: one row for each validation and eval pair.

split is `validation` or `eval`, row the pair's position in its split from 0, cosine in [-1, 1].
"""

PROJECTION: Final[Mapping[str, str]] = {
    "points": "str",
    "row": "int64",
    "x": "float64",
    "y": "float64",
    "cluster": "int64",
    "label": "int64",
}
"""Columns of a projection frame: UMAP coordinates and HDBSCAN cluster of the eval pairs.

points is `text_1` or `text_2` for the 2n points of the texts, projected together, and `pair` for
the n points of the symmetric pair vectors; row is the pair's position among the eval pairs;
cluster is -1 for noise.
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

split is `validation` or `eval`; pairs at or above the threshold are called compatible; the rates
lie in [0, 1].
"""

RERUN: Final = "Run: kedro run --pipelines=baseline,evaluation"
"""How to measure all models anew."""

_ORIGIN: Final = "manifest"

UnitInterval = Annotated[float, Field(ge=0, le=1)]
Cosine = Annotated[float, Field(ge=-1, le=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MeasureOptions:
    """Parameters of *measure*, the same for every model.

    Attributes:
        batch_size: Texts a forward pass when encoding.
        umap: Parameters of the projection.
        hdbscan: Parameters of the clustering.
    """

    batch_size: Annotated[int, Field(ge=1)]
    umap: UmapOptions
    hdbscan: HdbscanOptions


class DecisionMetrics(_Record):
    """Decisions at one threshold; a pair at or above it is called compatible.

    Attributes: as in `tuneproof.metrics.decisions.Decisions`.
    """

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    accuracy: UnitInterval
    precision: UnitInterval | None
    recall: UnitInterval | None
    f1: UnitInterval | None


class GroupMetrics(_Record):
    """The metrics of one category or pair type; None stands for 'n/a'.

    Attributes:
        n: Number of eval pairs in the group.
        compatible: Number of them with label 1.
        incompatible: Number of them with label 0.
        compatible_mean_cosine: Mean cosine of the compatible pairs.
        incompatible_mean_cosine: Mean cosine of the incompatible pairs.
        compatibility_margin: Difference of the two means; None if a label is missing.
        cohens_d: Standardised difference of the two means.
        t_statistic: Welch's t; None if a label has fewer than 2 pairs.
        p_value: Two-sided p of Welch's t.
        auc_roc: Area under the ROC curve; None if a label is missing.
        spearman_correlation: Rank correlation of cosine and label; None if a label is missing.
        decisions: Decisions at the threshold chosen on validation pairs.
    """

    n: int
    compatible: int
    incompatible: int
    compatible_mean_cosine: Cosine | None
    incompatible_mean_cosine: Cosine | None
    compatibility_margin: float | None
    cohens_d: float | None
    t_statistic: float | None
    p_value: UnitInterval | None
    auc_roc: UnitInterval | None
    spearman_correlation: Cosine | None
    decisions: DecisionMetrics


class CosineDistribution(_Record):
    """Five-number summary, mean and standard deviation of the cosines of one label.

    Attributes:
        n: Number of pairs.
        mean: Mean, in [-1, 1].
        std: Standard deviation with n - 1 in the denominator; None below 2 pairs.
        minimum: Smallest value.
        quartiles: 25th, 50th and 75th percentile.
        maximum: Largest value.
    """

    n: int
    mean: Cosine
    std: Annotated[float, Field(ge=0)] | None
    minimum: Cosine
    quartiles: tuple[Cosine, Cosine, Cosine]
    maximum: Cosine


class BaselineMetrics(_Record):
    """All metrics of one model on the eval pairs; None stands for 'n/a'.

    Attributes:
        model: `baseline`, `standard` or `lora`.
        n_pairs: Number of eval pairs.
        n_compatible: Number of them with label 1.
        n_incompatible: Number of them with label 0.
        compatible_distribution: Cosines of the compatible pairs.
        incompatible_distribution: Cosines of the incompatible pairs.
        compatible_mean_cosine: Mean cosine of the compatible pairs.
        incompatible_mean_cosine: Mean cosine of the incompatible pairs.
        compatibility_margin: Difference of the two means, in [-2, 2].
        cohens_d: Difference of the means over the pooled standard deviation.
        t_statistic: Welch's t.
        p_value: Two-sided p of Welch's t; it takes the pairs as independent.
        auc_roc: Area under the ROC curve.
        spearman_correlation: Spearman's rank correlation of cosine and label.
        best_threshold: Threshold with the best F1 on the *validation* pairs.
        best_f1: F1 of the eval pairs at that threshold.
        accuracy_at_best_threshold: Accuracy of the eval pairs there.
        precision_at_best_threshold: Precision of the eval pairs there.
        recall_at_best_threshold: Recall of the eval pairs there.
        decisions: The confusion counts behind those figures.
        optimistic_decisions: The same at the threshold that is best on the eval pairs themselves;
            optimistic, because that threshold has seen the pairs it is judged on.
        false_positive_counts: Incompatible eval pairs called compatible, by pair type.
        cluster_purity: Purity of the clusters of the 2n texts, noise ignored, as published.
        n_clusters: Number of those clusters.
        noise_ratio: Share of the 2n texts in no cluster.
        pair_cluster_purity: Purity of the clusters of the n symmetric pair vectors.
        pair_n_clusters: Number of those clusters.
        pair_noise_ratio: Share of the n pairs in no cluster.
        category_metrics: The metrics of each category.
        pair_type_metrics: The metrics of each pair type.
        manifest: Origin of the figures.
    """

    model: str
    n_pairs: int
    n_compatible: int
    n_incompatible: int
    compatible_distribution: CosineDistribution
    incompatible_distribution: CosineDistribution
    compatible_mean_cosine: Cosine
    incompatible_mean_cosine: Cosine
    compatibility_margin: float
    cohens_d: float | None
    t_statistic: float | None
    p_value: UnitInterval | None
    auc_roc: UnitInterval
    spearman_correlation: Cosine | None
    best_threshold: float
    best_f1: UnitInterval
    accuracy_at_best_threshold: UnitInterval
    precision_at_best_threshold: UnitInterval | None
    recall_at_best_threshold: UnitInterval
    decisions: DecisionMetrics
    optimistic_decisions: DecisionMetrics
    false_positive_counts: dict[str, int]
    cluster_purity: UnitInterval | None
    n_clusters: int
    noise_ratio: UnitInterval
    pair_cluster_purity: UnitInterval | None
    pair_n_clusters: int
    pair_noise_ratio: UnitInterval
    category_metrics: dict[str, GroupMetrics]
    pair_type_metrics: dict[str, GroupMetrics]
    manifest: Manifest


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


def sweep_thresholds(scores: pd.DataFrame) -> pd.DataFrame:
    """Evaluate every threshold that changes a decision, on the validation and on the eval pairs.

    Args:
        scores: Frame with the columns of `PAIR_SCORES`.

    Returns:
        A frame with the columns of `THRESHOLD_SWEEP`, thresholds ascending in each split.

    Raises:
        ValueError: A split is empty or holds one label only.
    """
    sweeps = [
        pd.DataFrame({"split": split, **threshold_sweep(*_cosines(scores, split))._asdict()})
        for split in ("validation", "eval")
    ]
    frame = pd.concat(sweeps, ignore_index=True).rename(columns={"thresholds": "threshold"})
    return frame.astype(dict(THRESHOLD_SWEEP))


def score_pairs(
    embeddings: PairEmbeddings, pairs: Sequence[DatingPair], split: str
) -> pd.DataFrame:
    """Put the cosine of each pair beside what the pair says.

    Args:
        embeddings: Embeddings of the pairs.
        pairs: The n pairs, in the same order.
        split: `validation` or `eval`.

    Returns:
        A frame of n rows with the columns of `PAIR_SCORES`.

    Raises:
        ValueError: The numbers of embeddings and pairs differ.
    """
    if len(embeddings.vectors) != len(pairs):
        raise ValueError(
            f"found {len(embeddings.vectors)} embedded pairs, expected {len(pairs)} ({split})"
        )
    frame = pd.DataFrame(
        {
            "split": [split] * len(pairs),
            "row": range(len(pairs)),
            "text_1": [pair.text_1 for pair in pairs],
            "text_2": [pair.text_2 for pair in pairs],
            "label": [pair.label for pair in pairs],
            "category": [pair.category for pair in pairs],
            "pair_type": [pair.pair_type for pair in pairs],
            "cosine": pair_cosines(embeddings.vectors),
        }
    )
    return frame.astype(dict(PAIR_SCORES))


def project_pairs(
    embeddings: PairEmbeddings, labels: Sequence[int], options: MeasureOptions
) -> pd.DataFrame:
    """Project and cluster the eval pairs twice: as 2n texts, and as n symmetric pair vectors.

    Args:
        embeddings: Embeddings of the n eval pairs.
        labels: Label of each pair.
        options: Parameters of UMAP and HDBSCAN.

    Returns:
        A frame of 3n rows with the columns of `PROJECTION`.
    """
    n = len(labels)
    texts = np.concatenate([embeddings.vectors[:, 0], embeddings.vectors[:, 1]])
    parts = []
    for names, vectors in (
        (["text_1"] * n + ["text_2"] * n, texts),
        (["pair"] * n, symmetric_pair_vectors(embeddings.vectors)),
    ):
        points = umap_projection(vectors, options.umap)
        repeats = len(vectors) // n
        parts.append(
            pd.DataFrame(
                {
                    "points": names,
                    "row": np.tile(np.arange(n), repeats),
                    "x": points[:, 0],
                    "y": points[:, 1],
                    "cluster": hdbscan_clusters(points, options.hdbscan),
                    "label": np.tile(np.asarray(labels), repeats),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype(dict(PROJECTION))


def measure(
    model: str, scores: pd.DataFrame, projection: pd.DataFrame, manifest: Manifest
) -> BaselineMetrics:
    """Compute all metrics of one model.

    Args:
        model: Name of the model.
        scores: Frame with the columns of `PAIR_SCORES`, validation and eval pairs.
        projection: Frame with the columns of `PROJECTION`.
        manifest: Origin to record.

    Returns:
        The metrics of the eval pairs; the threshold comes from the validation pairs.

    Raises:
        ValueError: A split is empty, holds one label only, or a cosine that is not finite.
    """
    evaluated, labels = _cosines(scores, "eval")
    validation, validation_labels = _cosines(scores, "validation")
    threshold = best_f1_threshold(validation, validation_labels)
    decisions = decide(evaluated, labels, threshold)
    optimistic = decide(evaluated, labels, best_f1_threshold(evaluated, labels))
    compatible, incompatible = split_by_label(evaluated, labels)
    welch = welch_t(evaluated, labels)
    of_texts = _summarise(projection, ["text_1", "text_2"])
    of_pairs = _summarise(projection, ["pair"])
    rows = scores[scores["split"] == "eval"]
    pair_types = rows["pair_type"].to_numpy()
    categories = rows["category"].to_numpy()
    return BaselineMetrics.model_validate(
        {
            "model": model,
            "n_pairs": len(evaluated),
            "n_compatible": len(compatible),
            "n_incompatible": len(incompatible),
            "compatible_distribution": _distribution(compatible),
            "incompatible_distribution": _distribution(incompatible),
            "compatible_mean_cosine": mean_or_none(compatible),
            "incompatible_mean_cosine": mean_or_none(incompatible),
            "compatibility_margin": margin(evaluated, labels),
            "cohens_d": cohens_d(evaluated, labels),
            "t_statistic": welch.t_statistic,
            "p_value": welch.p_value,
            "auc_roc": auc_roc(evaluated, labels),
            "spearman_correlation": spearman(evaluated, labels),
            "best_threshold": threshold,
            "best_f1": decisions.f1,
            "accuracy_at_best_threshold": decisions.accuracy,
            "precision_at_best_threshold": decisions.precision,
            "recall_at_best_threshold": decisions.recall,
            "decisions": decisions._asdict(),
            "optimistic_decisions": optimistic._asdict(),
            "false_positive_counts": false_positives_by_group(
                evaluated, labels, pair_types, threshold
            ),
            "cluster_purity": of_texts.cluster_purity,
            "n_clusters": of_texts.n_clusters,
            "noise_ratio": of_texts.noise_ratio,
            "pair_cluster_purity": of_pairs.cluster_purity,
            "pair_n_clusters": of_pairs.n_clusters,
            "pair_noise_ratio": of_pairs.noise_ratio,
            "category_metrics": _groups(summarise_groups(evaluated, labels, categories, threshold)),
            "pair_type_metrics": _groups(
                summarise_groups(evaluated, labels, pair_types, threshold)
            ),
            "manifest": manifest,
        }
    )


def _cosines(
    scores: pd.DataFrame, split: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    rows = scores[scores["split"] == split]
    labels = rows["label"].to_numpy(dtype=np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise ValueError(f"{split}: found labels {sorted(set(labels.tolist()))}, expected 0 and 1")
    cosines = rows["cosine"].to_numpy(dtype=np.float64)
    if not np.isfinite(cosines).all():
        raise ValueError(f"{split}: found a cosine that is not finite, expected all in [-1, 1]")
    return cosines, labels


def _distribution(cosines: npt.NDArray[np.float64]) -> CosineDistribution:
    low, middle, high = (float(value) for value in np.quantile(cosines, [0.25, 0.5, 0.75]))
    return CosineDistribution(
        n=len(cosines),
        mean=float(cosines.mean()),
        std=float(cosines.std(ddof=1)) if len(cosines) > 1 else None,
        minimum=float(cosines.min()),
        quartiles=(low, middle, high),
        maximum=float(cosines.max()),
    )


def _summarise(projection: pd.DataFrame, points: list[str]) -> ClusterSummary:
    rows = projection[projection["points"].isin(points)]
    return summarise_clusters(
        rows["cluster"].to_numpy(dtype=np.int64), rows["label"].to_numpy(dtype=np.int64)
    )


def _groups(summaries: Mapping[str, GroupSummary]) -> dict[str, GroupMetrics]:
    return {
        name: GroupMetrics(
            n=summary.compatible + summary.incompatible,
            **{**summary._asdict(), "decisions": _decisions(summary.decisions)},
        )
        for name, summary in summaries.items()
    }


def _decisions(decisions: Decisions) -> DecisionMetrics:
    return DecisionMetrics(**decisions._asdict())
