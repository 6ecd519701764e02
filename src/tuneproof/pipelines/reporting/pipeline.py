"""Everything that was measured in, charts and the page out."""

from kedro.pipeline import Node, Pipeline

from tuneproof.pipelines.reporting.nodes import (
    build_report,
    draw_baseline_category_margins,
    draw_baseline_pair_type_margins,
    draw_calibration,
    draw_category_margins,
    draw_cluster_purity,
    draw_cohens_d,
    draw_cosine_distributions,
    draw_false_positives,
    draw_forgetting,
    draw_roc,
    draw_subset_auc,
    draw_threshold_curves,
    draw_training_curves,
    draw_umap,
    gather_evidence,
    gather_training_runs,
)
from tuneproof.variants import VARIANTS

_PAIRS = ("train_pairs", "validation_pairs", "eval_pairs")
_MEASURED = [
    f"{model}_{artifact}"
    for model in ("baseline", *VARIANTS)
    for artifact in ("metrics", "scores", "projection")
]
_TRAINED = [
    f"{model}_{artifact}"
    for model in VARIANTS
    for artifact in ("training_info", "training_log", "convergence")
]
_CHARTS = {
    "cosine_distributions_chart": draw_cosine_distributions,
    "umap_chart": draw_umap,
    "cluster_purity_chart": draw_cluster_purity,
    "roc_chart": draw_roc,
    "threshold_curves_chart": draw_threshold_curves,
    "calibration_chart": draw_calibration,
    "subset_auc_chart": draw_subset_auc,
    "forgetting_chart": draw_forgetting,
    "category_margin_chart": draw_category_margins,
    "cohens_d_chart": draw_cohens_d,
    "false_positives_chart": draw_false_positives,
    "baseline_category_margins_chart": draw_baseline_category_margins,
    "baseline_pair_type_margins_chart": draw_baseline_pair_type_margins,
}


def create_pipeline() -> Pipeline:
    """Draw the charts and write the page; models that were not compared are left out."""
    return Pipeline(
        [
            Node(
                gather_evidence,
                inputs={name: name for name in (*_PAIRS, "comparison", *_MEASURED)},
                outputs="evidence",
                name="gather_evidence",
            ),
            Node(
                gather_training_runs,
                inputs={name: name for name in ("evidence", *_TRAINED)},
                outputs="training_runs",
                name="gather_training_runs",
            ),
            *(
                Node(draw, inputs="evidence", outputs=chart, name=draw.__name__)
                for chart, draw in _CHARTS.items()
            ),
            Node(
                draw_training_curves,
                inputs="training_runs",
                outputs="training_curves_chart",
                name="draw_training_curves",
            ),
            Node(
                build_report,
                inputs={
                    "quality": "data_quality_report",
                    "evidence": "evidence",
                    "training_runs": "training_runs",
                    "comparison": "comparison",
                    "train_pairs": "train_pairs",
                    "versions": "artifact_versions",
                },
                outputs="comparison_report",
                name="build_report",
            ),
        ],
        namespace="reporting",
        prefix_datasets_with_namespace=False,
    )
