"""Scores, projections and embeddings in, all metrics of one model out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tuneproof.encoding import PairEmbeddings, pair_cosines
from tuneproof.general_pairs import GeneralPair
from tuneproof.measurement.frames import Cosines, first_projection, select_split
from tuneproof.measurement.records import (
    BaselineMetrics,
    CalibrationMetrics,
    ClusterDraw,
    ClusterMetrics,
    CosineDistribution,
    DecisionMetrics,
    GeneralMetrics,
    GeometryMetrics,
    GroupMetrics,
    MeasureOptions,
    PrefixSwapMetrics,
    ReliabilityBinMetrics,
    SubsetMetrics,
    WithoutPairType,
)
from tuneproof.metrics.calibration import (
    brier_score,
    chance_calibration_error,
    expected_calibration_error,
    fit_platt,
    reliability_bins,
    wilson_interval,
)
from tuneproof.metrics.clusters import (
    chance_purity,
    cluster_agreement,
    purity_draws,
    summarise_clusters,
)
from tuneproof.metrics.decisions import (
    Decisions,
    best_f1_threshold,
    decide,
    false_positives_by_group,
    threshold_at_recall,
)
from tuneproof.metrics.geometry import alignment, anisotropy, effective_rank, uniformity
from tuneproof.metrics.groups import GroupSummary, summarise_groups
from tuneproof.metrics.ranking import auc_roc, average_precision, spearman, spearman_ceiling
from tuneproof.metrics.separation import cohens_d, margin, mean_or_none, split_by_label, welch_t
from tuneproof.metrics.uncertainty import (
    BootstrapOptions,
    Draws,
    Interval,
    Statistic,
    association_p_values,
    bootstrap,
    bootstrap_intervals,
    can_be_permuted,
    count_groups,
    percentile_interval,
    permuted_labels,
    weighted_metrics,
    weighted_spearman,
)

Mask = npt.NDArray[np.bool_]
TEXTS = ("text_1", "text_2")
PAIRS = ("pair",)


def measure(
    model: str,
    scores: pd.DataFrame,
    projection: pd.DataFrame,
    embeddings: PairEmbeddings,
    general: tuple[PairEmbeddings, Sequence[GeneralPair]],
    options: MeasureOptions,
) -> BaselineMetrics:
    """Compute all metrics of one model.

    Args:
        model: Name of the model.
        scores: Frame with the columns of `PAIR_SCORES`, validation and eval pairs.
        projection: Frame with the columns of `PROJECTION`.
        embeddings: Embeddings of the eval pairs; their manifest becomes that of the metrics.
        general: The general-language pairs and their embeddings.
        options: The parameters that the scores and the projection were made with.

    Returns:
        The metrics of the eval pairs; threshold and calibration come from the validation pairs.

    Raises:
        ValueError: A split is empty, holds one label only, or a cosine that is not finite.
    """
    rows, found = select_split(scores, "eval")
    _, validation = select_split(scores, "validation")
    threshold = best_f1_threshold(validation.scores, validation.labels)
    matched = threshold_at_recall(found.scores, found.labels, options.matched_recall)
    assert matched is not None  # there are both labels
    compatible, incompatible = split_by_label(found.scores, found.labels)
    decisions = decide(found.scores, found.labels, threshold)
    optimistic = decide(found.scores, found.labels, best_f1_threshold(found.scores, found.labels))
    welch = welch_t(found.scores, found.labels)
    rho, ceiling = (
        spearman(found.scores, found.labels),
        spearman_ceiling(len(compatible), len(incompatible)),
    )
    permuted = permuted_labels(found.labels, found.groups, options.bootstrap)
    draws = headline_draws(found, projection, threshold, options.bootstrap)
    texts = _clusters(projection, TEXTS, permuted)
    pairs = _clusters(projection, PAIRS, permuted)
    pair_types = rows["pair_type"].to_numpy()
    return BaselineMetrics.model_validate(
        {
            "model": model,
            "n_pairs": len(found.scores),
            "n_compatible": len(compatible),
            "n_incompatible": len(incompatible),
            "n_groups": len(np.unique(found.groups)),
            "largest_group": int(np.unique(found.groups, return_counts=True)[1].max()),
            "compatible_distribution": _distribution(compatible),
            "incompatible_distribution": _distribution(incompatible),
            "compatible_mean_cosine": mean_or_none(compatible),
            "incompatible_mean_cosine": mean_or_none(incompatible),
            "compatibility_margin": margin(found.scores, found.labels),
            "cohens_d": cohens_d(found.scores, found.labels),
            "t_statistic": welch.t_statistic,
            "p_value": welch.p_value,
            "permutation_p_values": association_p_values(found.scores, found.labels, permuted),
            "auc_roc": auc_roc(found.scores, found.labels),
            "average_precision": average_precision(found.scores, found.labels),
            "spearman_correlation": rho,
            "spearman_ceiling": ceiling,
            "share_of_spearman_ceiling": rho / ceiling if rho is not None and ceiling else None,
            "best_threshold": threshold,
            "best_f1": decisions.f1,
            "accuracy_at_best_threshold": decisions.accuracy,
            "precision_at_best_threshold": decisions.precision,
            "recall_at_best_threshold": decisions.recall,
            "decisions": decisions._asdict(),
            "optimistic_decisions": optimistic._asdict(),
            "matched_recall_decisions": decide(found.scores, found.labels, matched)._asdict(),
            "false_positive_counts": false_positives_by_group(
                found.scores, found.labels, pair_types, threshold
            ),
            "intervals": _intervals(draws, found),
            "calibration": _calibration(rows, validation, options),
            "cluster_purity": texts.draws[0].purity,
            "n_clusters": texts.draws[0].n_clusters,
            "noise_ratio": texts.draws[0].noise_ratio,
            "pair_cluster_purity": pairs.draws[0].purity,
            "pair_n_clusters": pairs.draws[0].n_clusters,
            "pair_noise_ratio": pairs.draws[0].noise_ratio,
            "text_clusters": texts,
            "pair_clusters": pairs,
            "category_metrics": _groups(rows, found, "category", threshold, options.bootstrap),
            "pair_type_metrics": _groups(rows, found, "pair_type", threshold, options.bootstrap),
            "without_pair_type": _without_pair_types(found, rows["pair_type"], options.bootstrap),
            "subsets": {
                name: _subset(rows, found, mask, projection, threshold, options)
                for name, mask in subset_masks(rows).items()
                if mask.any()
            },
            "geometry": _geometry(embeddings, rows, found.labels),
            "general": _general(*general, options.bootstrap),
            "prefix_swap": _prefix_swap(rows, found, threshold, options),
            "manifest": embeddings.manifest,
        }
    )


def subset_masks(rows: pd.DataFrame) -> dict[str, Mask]:
    """Say which eval pairs belong to each of `SUBSETS`, in their order.

    Args:
        rows: The eval rows of a scores frame.
    """
    return {
        "all": np.ones(len(rows), dtype=np.bool_),
        "no_shared_text": ~rows["shares_text"].to_numpy(dtype=np.bool_),
        "clean": rows["clean"].to_numpy(dtype=np.bool_),
        "unseen_subcategories": rows["unseen_subcategory"].to_numpy(dtype=np.bool_),
        "mixed_categories": _has_both_labels(rows, "category"),
        "mixed_pair_types": _has_both_labels(rows, "pair_type"),
    }


def headline_draws(
    found: Cosines, projection: pd.DataFrame, threshold: float, options: BootstrapOptions
) -> dict[str, Draws]:
    """Resample the eval pairs and compute every headline metric of each resample.

    The threshold and the clusters of the first seed are kept: the draws show how much the choice of
    pairs matters. The same pairs and options draw alike for every model.

    Args:
        found: Cosines of the n eval pairs.
        projection: Frame with the columns of `PROJECTION`.
        threshold: Where decisions are taken.
        options: Rounds and seed.

    Returns:
        Draws by metric, each of shape (rounds,).
    """
    pairwise = weighted_metrics(found.scores, found.labels, threshold)
    texts = cluster_points(first_projection(projection), TEXTS)
    pairs = cluster_points(first_projection(projection), PAIRS)

    def statistic(weights: npt.NDArray[np.float64]) -> Mapping[str, Draws]:
        return {
            **pairwise(weights),
            "cluster_purity": purity_draws(*texts, np.tile(weights, (1, len(TEXTS)))),
            "pair_cluster_purity": purity_draws(*pairs, weights),
        }

    return bootstrap(statistic, found.groups, options)


def cluster_points(
    projection: pd.DataFrame, points: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return cluster and label of some kinds of points, one kind after the other."""
    rows = projection[projection["points"].isin(points)]
    return rows["cluster"].to_numpy(dtype=np.int64), rows["label"].to_numpy(dtype=np.int64)


def general_statistic(
    cosines: npt.NDArray[np.float64], grades: npt.NDArray[np.float64]
) -> Statistic:
    """Prepare the figures of weighted general-language pairs, named as in `GeneralMetrics`.

    Args:
        cosines: Cosine of each pair, shape (n,).
        grades: Grade of each pair, 0 to 5, at least one of them 0, shape (n,).
    """
    rank_correlation = weighted_spearman(cosines, grades)
    unrelated = grades == 0

    def statistic(weights: npt.NDArray[np.float64]) -> Mapping[str, Draws]:
        of_unrelated = weights[:, unrelated]
        with np.errstate(invalid="ignore"):
            mean = of_unrelated @ cosines[unrelated] / of_unrelated.sum(axis=1)
        return {"spearman_correlation": rank_correlation(weights), "unrelated_mean_cosine": mean}

    return statistic


def count_general(figure: str, grades: npt.NDArray[np.float64]) -> int:
    """Count the general-language pairs that a figure of `general_statistic` rests on."""
    return int((grades == 0).sum()) if figure == "unrelated_mean_cosine" else len(grades)


def _has_both_labels(rows: pd.DataFrame, field: str) -> Mask:
    labels = rows.groupby(field)["label"].transform("nunique")
    mask: Mask = labels.to_numpy() == 2
    return mask


def _intervals(draws: Mapping[str, Draws], found: Cosines) -> dict[str, Interval | None]:
    return {
        name: percentile_interval(values, count_groups(name, found.labels, found.groups))
        for name, values in draws.items()
    }


def _calibration(
    rows: pd.DataFrame, validation: Cosines, options: MeasureOptions
) -> CalibrationMetrics:
    platt = fit_platt(validation.scores, validation.labels)
    assert platt is not None  # there are both labels
    probabilities, labels = rows["probability"].to_numpy(), rows["label"].to_numpy()
    bins = reliability_bins(probabilities, labels, options.calibration_bins)
    return CalibrationMetrics.model_validate(
        {
            **platt._asdict(),
            **_calibration_errors(rows, options),
            "constant_brier_score": float(labels.var()),
            "chance_calibration_error": chance_calibration_error(bins),
            "bins": [
                ReliabilityBinMetrics(
                    **each._asdict(), interval=wilson_interval(each.observed_share, each.n)
                )
                for each in bins
            ],
        }
    )


def _calibration_errors(rows: pd.DataFrame, options: MeasureOptions) -> dict[str, float | None]:
    probabilities, labels = rows["probability"].to_numpy(), rows["label"].to_numpy()
    return {
        "brier_score": brier_score(probabilities, labels),
        "expected_calibration_error": expected_calibration_error(
            probabilities, labels, options.calibration_bins
        ),
    }


def _clusters(
    projection: pd.DataFrame, points: Sequence[str], permuted: npt.NDArray[np.int8]
) -> ClusterMetrics:
    draws = []
    for seed, drawn in projection.groupby("seed", sort=False):
        clusters, labels = cluster_points(drawn, points)
        summary, agreement = (
            summarise_clusters(clusters, labels),
            cluster_agreement(clusters, labels),
        )
        draws.append(
            ClusterDraw.model_validate(
                {
                    "seed": seed,
                    "purity": summary.cluster_purity,
                    "n_clusters": summary.n_clusters,
                    "noise_ratio": summary.noise_ratio,
                    **agreement._asdict(),
                }
            )
        )
    clusters, labels = cluster_points(first_projection(projection), points)
    repeated = np.tile(permuted, (1, len(points))).astype(np.int64)
    chance = (
        chance_purity(clusters, labels, repeated) if can_be_permuted(labels, repeated) else None
    )
    purities = np.array([draw.purity for draw in draws if draw.purity is not None])
    return ClusterMetrics(
        draws=draws,
        mean_purity=mean_or_none(purities),
        purity_std=float(purities.std(ddof=1)) if len(purities) > 1 else None,
        chance_purity=chance.mean if chance else None,
        chance_purity_percentile_95=chance.percentile_95 if chance else None,
        p_value=chance.p_value if chance else None,
    )


def _groups(
    rows: pd.DataFrame,
    found: Cosines,
    field: str,
    threshold: float,
    options: BootstrapOptions,
) -> dict[str, GroupMetrics]:
    names = rows[field]
    summaries = summarise_groups(found.scores, found.labels, names.to_numpy(), threshold)
    # NumPy would compare names without the NULs at their ends.
    return {
        name: GroupMetrics(
            **_group(summary, found.where((names == name).to_numpy()), threshold, options)
        )
        for name, summary in summaries.items()
    }


def _group(
    summary: GroupSummary, found: Cosines, threshold: float, options: BootstrapOptions
) -> dict[str, Any]:
    return {
        "n": summary.compatible + summary.incompatible,
        **summary._asdict(),
        "error_rate": summary.error_rate,
        "decisions": _decisions(summary.decisions),
        "intervals": bootstrap_intervals(
            found.scores, found.labels, found.groups, options, threshold
        ),
    }


def _without_pair_types(
    found: Cosines, pair_types: "pd.Series[str]", options: BootstrapOptions
) -> dict[str, WithoutPairType]:
    kept = {name: (pair_types != name).to_numpy() for name in sorted(pair_types.unique())}
    of_all = weighted_metrics(found.scores, found.labels)
    parts = {
        name: weighted_metrics(found.scores[mask], found.labels[mask])
        for name, mask in kept.items()
        if mask.any()
    }

    def changes(weights: npt.NDArray[np.float64]) -> Mapping[str, Draws]:
        auc = of_all(weights)["auc_roc"]
        return {name: part(weights[:, kept[name]])["auc_roc"] - auc for name, part in parts.items()}

    draws = bootstrap(changes, found.groups, options)
    whole = auc_roc(found.scores, found.labels)
    left = {}
    for name, mask in kept.items():
        part = found.where(mask)
        auc = auc_roc(part.scores, part.labels) if len(part.labels) else None
        left[name] = WithoutPairType(
            auc_roc=auc,
            change=None if auc is None or whole is None else auc - whole,
            interval=None
            if auc is None
            else percentile_interval(
                draws[name], count_groups("auc_roc", part.labels, part.groups)
            ),
        )
    return left


def _subset(
    rows: pd.DataFrame,
    found: Cosines,
    mask: Mask,
    projection: pd.DataFrame,
    threshold: float,
    options: MeasureOptions,
) -> SubsetMetrics:
    inside, part = found.where(mask), rows[mask]
    everyone = np.zeros(len(part), dtype=np.int64)
    (summary,) = summarise_groups(inside.scores, inside.labels, everyone, threshold).values()
    first = first_projection(projection)
    first = first[mask[first["row"].to_numpy()]]
    return SubsetMetrics.model_validate(
        {
            **_group(summary, inside, threshold, options.bootstrap),
            "n_groups": len(np.unique(inside.groups)),
            "spearman_ceiling": spearman_ceiling(summary.compatible, summary.incompatible),
            "average_precision": average_precision(inside.scores, inside.labels),
            **_calibration_errors(part, options),
            "cluster_purity": summarise_clusters(*cluster_points(first, TEXTS)).cluster_purity,
            "pair_cluster_purity": summarise_clusters(*cluster_points(first, PAIRS)).cluster_purity,
            "false_positive_counts": false_positives_by_group(
                inside.scores, inside.labels, part["pair_type"].to_numpy(), threshold
            ),
        }
    )


def _geometry(
    embeddings: PairEmbeddings, rows: pd.DataFrame, labels: npt.NDArray[np.int64]
) -> GeometryMetrics:
    vectors = embeddings.vectors
    texts = rows["text_1"].tolist() + rows["text_2"].tolist()
    position = {text: index for index, text in reversed(list(enumerate(texts)))}
    distinct = np.concatenate([vectors[:, 0], vectors[:, 1]])[sorted(position.values())]
    compatible = vectors[labels == 1]
    return GeometryMetrics(
        n_texts=len(distinct),
        dimensions=vectors.shape[2],
        anisotropy=anisotropy(distinct),
        effective_rank=effective_rank(distinct),
        alignment=alignment(compatible[:, 0], compatible[:, 1]),
        uniformity=uniformity(distinct),
    )


def _general(
    embeddings: PairEmbeddings, pairs: Sequence[GeneralPair], options: BootstrapOptions
) -> GeneralMetrics:
    cosines = pair_cosines(embeddings.vectors)
    grades = np.array([pair.score for pair in pairs])
    statistic = general_statistic(cosines, grades)
    draws = bootstrap(statistic, np.arange(len(pairs)), options)
    figures = {name: float(value[0]) for name, value in statistic(np.ones((1, len(pairs)))).items()}
    return GeneralMetrics(
        n=len(pairs),
        **{name: value if np.isfinite(value) else None for name, value in figures.items()},
        n_unrelated=int((grades == 0).sum()),
        intervals={
            name: percentile_interval(values, count_general(name, grades))
            for name, values in draws.items()
        },
        cosines=cosines.tolist(),
    )


def _prefix_swap(
    rows: pd.DataFrame, found: Cosines, threshold: float, options: MeasureOptions
) -> PrefixSwapMetrics | None:
    swapped = rows["swapped_cosine"].to_numpy()
    changed = np.isfinite(swapped)
    if options.swap_prefixes is None or not changed.any():
        return None
    before, after = found.where(changed), swapped[changed]
    change = after - before.scores
    flipped = (after >= threshold) != (before.scores >= threshold)
    columns = np.stack([change, np.abs(change), flipped.astype(np.float64)], axis=1)
    names = ("mean_change", "mean_absolute_change", "flipped_share")

    def means(weights: npt.NDArray[np.float64]) -> Mapping[str, Draws]:
        drawn = weights @ columns / weights.sum(axis=1, keepdims=True)
        return dict(zip(names, drawn.T, strict=True))

    draws = bootstrap(means, before.groups, options.bootstrap)
    return PrefixSwapMetrics(
        prefixes=options.swap_prefixes,
        n=int(changed.sum()),
        mean_change=float(change.mean()),
        mean_absolute_change=float(np.abs(change).mean()),
        largest_change=float(np.abs(change).max()),
        flipped_decisions=int(flipped.sum()),
        auc_roc=auc_roc(after, before.labels),
        auc_roc_before=auc_roc(before.scores, before.labels),
        intervals={
            name: percentile_interval(values, len(np.unique(before.groups)))
            for name, values in draws.items()
        },
    )


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


def _decisions(decisions: Decisions) -> DecisionMetrics:
    return DecisionMetrics(**decisions._asdict())
