"""What is said of one model, and the parameters of measuring it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from pydantic.dataclasses import dataclass

from tuneproof.manifest import Manifest
from tuneproof.metrics.clusters import HdbscanOptions, UmapOptions
from tuneproof.metrics.uncertainty import BootstrapOptions, Interval

Cosine = Annotated[float, Field(ge=-1, le=1)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
Intervals = dict[str, Interval | None]

SUBSETS: Final = {
    "all": "eval pairs",
    "no_shared_text": "pairs that share no text with the train and validation pairs",
    "clean": "pairs without any leak or near duplicate",
    "unseen_subcategories": "pairs of subcategories that training never saw",
    "mixed_categories": "pairs of categories that hold both labels",
    "mixed_pair_types": "pairs of pair types that hold both labels",
}
"""The subsets of the eval pairs that every model is measured on, and what they are."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MeasureOptions:
    """Parameters of *measure*, the same for every model.

    Attributes:
        batch_size: Texts a forward pass when encoding.
        umap: Parameters of the projection.
        hdbscan: Parameters of the clustering.
        cluster_seeds: Number of seeds that project and cluster, from `umap.random_state` upwards.
        bootstrap: Rounds and seed of intervals and permutations.
        matched_recall: Recall at which the false positives of all models are counted, in (0, 1].
        calibration_bins: Bins of the expected calibration error.
        swap_prefixes: The two prefixes that the fairness probe exchanges; None leaves it out.
    """

    batch_size: Annotated[int, Field(ge=1)]
    umap: UmapOptions
    hdbscan: HdbscanOptions
    cluster_seeds: Annotated[int, Field(ge=1)]
    bootstrap: BootstrapOptions
    matched_recall: Annotated[float, Field(gt=0, le=1)]
    calibration_bins: Annotated[int, Field(ge=2)]
    swap_prefixes: tuple[str, str] | None

    def seeded_umaps(self) -> Iterator[UmapOptions]:
        """Yield the parameters of UMAP with each of the seeds."""
        for shift in range(self.cluster_seeds):
            yield replace(self.umap, random_state=self.umap.random_state + shift)


class _Record(BaseModel):
    """A record of figures; NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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

    @property
    def called(self) -> int:
        """Pairs called compatible, rightly or wrongly."""
        return self.true_positives + self.false_positives


class GroupMetrics(_Record):
    """The metrics of some of the eval pairs; None stands for 'n/a'.

    Attributes:
        n: Number of eval pairs.
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
        error_rate: Share of wrong decisions.
        decisions: Decisions at the threshold chosen on validation pairs.
        intervals: 95 % intervals by field name; None where the pairs are too few, or all resamples
            give one value.
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
    error_rate: UnitInterval
    decisions: DecisionMetrics
    intervals: Intervals


class SubsetMetrics(GroupMetrics):
    """The metrics of a subset of the eval pairs, compared side by side.

    Attributes:
        n_groups: Number of groups of pairs that share texts, the units of resampling.
        spearman_ceiling: Largest Spearman correlation that these labels allow.
        average_precision: Area under the precision-recall curve; None without compatible pairs.
        brier_score: Mean squared error of the calibrated probabilities.
        expected_calibration_error: Mean distance of probability and share, over bins.
        cluster_purity: Purity of their texts in the clusters of all texts, noise ignored.
        pair_cluster_purity: Purity of these pairs in the clusters of all pairs, noise ignored.
        false_positive_counts: Incompatible pairs called compatible, by pair type.
    """

    n_groups: int
    spearman_ceiling: UnitInterval | None
    average_precision: UnitInterval | None
    brier_score: UnitInterval
    expected_calibration_error: UnitInterval
    cluster_purity: UnitInterval | None
    pair_cluster_purity: UnitInterval | None
    false_positive_counts: dict[str, int]


class WithoutPairType(_Record):
    """The eval pairs without one pair type.

    Attributes:
        auc_roc: Their AUC; None if a label is missing.
        change: That minus the AUC of all eval pairs.
        interval: 95 % interval of the change, by the paired bootstrap.
    """

    auc_roc: UnitInterval | None
    change: float | None
    interval: Interval | None


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


class ReliabilityBinMetrics(_Record):
    """Pairs of like probability.

    Attributes: as in `tuneproof.metrics.calibration.ReliabilityBin`, and
        interval: 95 % Wilson interval of the observed share; it takes pairs as independent.
    """

    mean_probability: UnitInterval
    observed_share: UnitInterval
    n: int
    interval: Interval


class CalibrationMetrics(_Record):
    """What the cosines say as probabilities, after calibration on the validation pairs.

    Attributes:
        slope: Of Platt's logistic curve; negative where higher cosines mean less compatible.
        intercept: Of that curve: p = 1 / (1 + exp(-(slope * cosine + intercept))).
        brier_score: Mean squared error of the probabilities on the eval pairs.
        constant_brier_score: That of giving each of them the share of compatible ones among them.
        expected_calibration_error: Mean distance of probability and share on them, over bins.
        chance_calibration_error: What perfect probabilities would be expected to show.
        bins: The bins.
    """

    slope: float
    intercept: float
    brier_score: UnitInterval
    constant_brier_score: UnitInterval
    expected_calibration_error: UnitInterval
    chance_calibration_error: UnitInterval
    bins: list[ReliabilityBinMetrics]


class ClusterDraw(_Record):
    """The clusters of one seed.

    Attributes:
        seed: Seed of UMAP.
        purity: Purity, noise ignored; None if every point is noise.
        purity_with_noise: Purity where each point of noise counts as wrong.
        n_clusters: Number of clusters.
        noise_ratio: Share of the points in no cluster.
        adjusted_rand_index: Rand index of clusters and labels, adjusted for chance.
        adjusted_mutual_information: Mutual information of both, adjusted for chance.
    """

    seed: int
    purity: UnitInterval | None
    purity_with_noise: UnitInterval
    n_clusters: NonNegativeInt
    noise_ratio: UnitInterval
    adjusted_rand_index: float | None
    adjusted_mutual_information: float | None


class ClusterMetrics(_Record):
    """Do clusters follow the labels, and how much of it is chance?

    Attributes:
        draws: The clusters of each seed; the first is the one whose figures stand elsewhere.
        mean_purity: Mean purity over the seeds, noise ignored.
        purity_std: Standard deviation over the seeds; None below 2.
        chance_purity: Mean purity of the first seed's clusters under permuted labels.
        chance_purity_percentile_95: Its 95th percentile.
        p_value: Share of permutations with at least the purity found, in (0, 1].
    """

    draws: list[ClusterDraw]
    mean_purity: UnitInterval | None
    purity_std: float | None
    chance_purity: UnitInterval | None
    chance_purity_percentile_95: UnitInterval | None
    p_value: UnitInterval | None


class GeometryMetrics(_Record):
    """How the embeddings of the different eval texts fill their space.

    Attributes:
        n_texts: Number of different texts.
        dimensions: Dimensions of the space.
        anisotropy: Mean cosine of two different texts.
        effective_rank: Dimensions in use, in [1, dimensions].
        alignment: Mean squared distance of the two texts of a compatible pair, in [0, 4].
        uniformity: Log of the mean Gaussian potential of two different texts, at most 0.
    """

    n_texts: int
    dimensions: int
    anisotropy: Cosine | None
    effective_rank: float | None
    alignment: float | None
    uniformity: float | None


class GeneralMetrics(_Record):
    """What the model makes of general-language pairs, graded 0 to 5, that it was not trained on.

    Attributes:
        n: Number of pairs.
        spearman_correlation: Rank correlation of cosine and grade.
        n_unrelated: Number of pairs of grade 0.
        unrelated_mean_cosine: Their mean cosine.
        intervals: 95 % intervals of both figures.
        cosines: Cosine of each pair, in the order of the pairs.
    """

    n: int
    spearman_correlation: Cosine | None
    n_unrelated: int
    unrelated_mean_cosine: Cosine
    intervals: Intervals
    cosines: list[Cosine]


class PrefixSwapMetrics(_Record):
    """How far the model moves when the prefixes of both texts are exchanged.

    Attributes:
        prefixes: The two.
        n: Number of eval pairs with something to exchange.
        mean_change: Mean of cosine after minus cosine before.
        mean_absolute_change: Mean size of the change.
        largest_change: Largest size.
        flipped_decisions: Pairs on the other side of the threshold afterwards.
        auc_roc: AUC of those pairs after the exchange; None if a label is missing.
        auc_roc_before: AUC of the same pairs before it.
        intervals: 95 % intervals of mean_change, mean_absolute_change and flipped_share.
    """

    prefixes: tuple[str, str]
    n: int
    mean_change: float
    mean_absolute_change: Annotated[float, Field(ge=0)]
    largest_change: Annotated[float, Field(ge=0)]
    flipped_decisions: NonNegativeInt
    auc_roc: UnitInterval | None
    auc_roc_before: UnitInterval | None
    intervals: Intervals


class BaselineMetrics(_Record):
    """All metrics of one model on the eval pairs; None stands for 'n/a'.

    Attributes:
        model: `baseline`, or a variant such as `standard`.
        n_pairs: Number of eval pairs.
        n_compatible: Number of them with label 1.
        n_incompatible: Number of them with label 0.
        n_groups: Number of groups of eval pairs that share texts, the units of resampling.
        largest_group: Pairs in the largest of them.
        compatible_distribution: Cosines of the compatible pairs.
        incompatible_distribution: Cosines of the incompatible pairs.
        compatible_mean_cosine: Mean cosine of the compatible pairs.
        incompatible_mean_cosine: Mean cosine of the incompatible pairs.
        compatibility_margin: Difference of the two means, in [-2, 2].
        cohens_d: Difference of the means over the pooled standard deviation.
        t_statistic: Welch's t.
        p_value: Two-sided p of Welch's t; it takes the pairs as independent.
        permutation_p_values: p of `compatibility_margin` and `auc_roc` by permuted labels, groups
            kept together: the hypothesis is that cosines and labels have nothing in common.
        auc_roc: Area under the ROC curve.
        average_precision: Area under the precision-recall curve.
        spearman_correlation: Spearman's rank correlation of cosine and label.
        spearman_ceiling: The largest value that these labels allow without tied cosines.
        share_of_spearman_ceiling: `spearman_correlation` over the ceiling.
        best_threshold: Threshold with the best F1 on the *validation* pairs.
        best_f1: F1 of the eval pairs at that threshold.
        accuracy_at_best_threshold: Accuracy of the eval pairs there.
        precision_at_best_threshold: Precision of the eval pairs there.
        recall_at_best_threshold: Recall of the eval pairs there.
        decisions: The confusion counts behind those figures.
        optimistic_decisions: The same at the threshold that is best on the eval pairs themselves;
            optimistic, because that threshold has seen the pairs it is judged on.
        matched_recall_decisions: The same at the highest threshold whose recall *on the eval pairs*
            reaches `measure.matched_recall`: a point of the ROC curve, for comparing models.
        false_positive_counts: Incompatible eval pairs called compatible, by pair type.
        intervals: 95 % intervals by field name, pairs that share a text resampled together; those
            at a threshold and of clusters take threshold and clusters as given.
        calibration: Brier score and calibration error after calibration on validation.
        cluster_purity: Purity of the clusters of the 2n texts, noise ignored, as published.
        n_clusters: Number of those clusters.
        noise_ratio: Share of the 2n texts in no cluster.
        pair_cluster_purity: Purity of the clusters of the n symmetric pair vectors.
        pair_n_clusters: Number of those clusters.
        pair_noise_ratio: Share of the n pairs in no cluster.
        text_clusters: Chance level, agreement and stability of the clusters of texts.
        pair_clusters: The same for the clusters of pairs.
        category_metrics: The metrics of each category.
        pair_type_metrics: The metrics of each pair type.
        without_pair_type: The AUC of the eval pairs without each pair type.
        subsets: The metrics of each of `SUBSETS`; an empty one is left out.
        geometry: How the embeddings fill their space.
        general: What is left of general language.
        prefix_swap: The fairness probe; None where no pair has a prefix to exchange.
        manifest: Origin of the figures.
    """

    model: str
    n_pairs: int
    n_compatible: int
    n_incompatible: int
    n_groups: int
    largest_group: int
    compatible_distribution: CosineDistribution
    incompatible_distribution: CosineDistribution
    compatible_mean_cosine: Cosine
    incompatible_mean_cosine: Cosine
    compatibility_margin: float
    cohens_d: float | None
    t_statistic: float | None
    p_value: UnitInterval | None
    permutation_p_values: dict[str, UnitInterval | None]
    auc_roc: UnitInterval
    average_precision: UnitInterval
    spearman_correlation: Cosine | None
    spearman_ceiling: UnitInterval
    share_of_spearman_ceiling: float | None
    best_threshold: float
    best_f1: UnitInterval
    accuracy_at_best_threshold: UnitInterval
    precision_at_best_threshold: UnitInterval | None
    recall_at_best_threshold: UnitInterval
    decisions: DecisionMetrics
    optimistic_decisions: DecisionMetrics
    matched_recall_decisions: DecisionMetrics
    false_positive_counts: dict[str, int]
    intervals: Intervals
    calibration: CalibrationMetrics
    cluster_purity: UnitInterval | None
    n_clusters: int
    noise_ratio: UnitInterval
    pair_cluster_purity: UnitInterval | None
    pair_n_clusters: int
    pair_noise_ratio: UnitInterval
    text_clusters: ClusterMetrics
    pair_clusters: ClusterMetrics
    category_metrics: dict[str, GroupMetrics]
    pair_type_metrics: dict[str, GroupMetrics]
    without_pair_type: dict[str, WithoutPairType]
    subsets: dict[str, SubsetMetrics]
    geometry: GeometryMetrics
    general: GeneralMetrics
    prefix_swap: PrefixSwapMetrics | None
    manifest: Manifest
