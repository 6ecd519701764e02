"""Evidence in, interactive figures out: a module for each question, one function for each figure.

Every figure is made of plain lists, has neither title nor theme, and is the same for the same
evidence. Names and texts from the user's data are escaped: plotly shows them as they are.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tuneproof.comparison.records import ComparisonResult
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.report.figures.changes import differences, losses
from tuneproof.report.figures.curves import calibration, measured_bands, precision_recall, roc
from tuneproof.report.figures.distributions import cosines, umap
from tuneproof.report.figures.groups import false_positives, group_heatmap, subsets
from tuneproof.report.figures.training_runs import training

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def figures(
    evidence: Mapping[str, ModelEvidence],
    training_runs: Mapping[str, TrainingRun],
    comparison: ComparisonResult | None,
) -> dict[str, "Figure"]:
    """Draw all that there is to draw.

    Args:
        evidence: What was measured, by model, the baseline first.
        training_runs: The training runs, by model; none at all leaves out `training`.
        comparison: The models side by side; None leaves out `differences`.

    Returns:
        By name: cosines, umap, roc, precision_recall, group_heatmap, training, false_positives,
        subsets, calibration, losses and differences. A figure is laid out for a wide page; its
        `layout.meta` holds `wide` and `narrow`, updates for `Plotly.relayout` that put its panels
        side by side or below one another. In `cosines` the line at a model's threshold is the
        shape named `threshold:<model>`; in `umap` the customdata of a point is its pair's position
        among the eval pairs.
    """
    bands = measured_bands(evidence)
    drawn = {
        "cosines": cosines(evidence),
        "umap": umap(evidence),
        "roc": roc(evidence, bands),
        "precision_recall": precision_recall(evidence, bands),
        "group_heatmap": group_heatmap(evidence),
        "training": training(training_runs),
        "false_positives": false_positives(evidence),
        "subsets": subsets(evidence),
        "calibration": calibration(evidence),
        "losses": losses(evidence),
        "differences": differences(comparison) if comparison else None,
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}
