"""Do compatible pairs score above incompatible ones, and may scores be read as probabilities?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from tuneproof.comparison.wording import figure, with_span
from tuneproof.metrics import Scores
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.figures.bands import POINTS, Band, CurveBands, curve_bands
from tuneproof.report.figures.style import (
    GUIDE_COLOUR,
    Look,
    Part,
    escaped,
    faded,
    model_looks,
    new_figure,
    numbers,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Bands = Mapping[str, CurveBands | None]
"""Bands by model; None where there are none."""

_HEIGHT = 420
_UNIT = {"range": [-0.02, 1.02], "zeroline": False}
_MOST_POINTS = 2_000
_LARGEST_DOT = 16


class _Curve(NamedTuple):
    """A curve of one model.

    Attributes:
        legend: What stands beside the model's name.
        x: Shape (points,), in [0, 1].
        y: Likewise.
        thresholds: Where a pair is called compatible at each point; infinite where none is.
        decided: x and y at the validated threshold; y is None where it is undefined.
        band: Its band.
    """

    legend: str
    x: Scores
    y: Scores
    thresholds: Scores
    decided: tuple[float, float | None]
    band: Band | None


def measured_bands(evidence: Mapping[str, ModelEvidence]) -> dict[str, CurveBands | None]:
    """Resample both curves of each model, with the rounds and the seed that it was measured with.

    A model whose manifest does not record them has no bands.
    """
    return {model: _resampled(found) for model, found in evidence.items()}


def roc(evidence: Mapping[str, ModelEvidence], bands: Bands) -> "Figure":
    """Draw the ROC curves with their bands, the AUCs, and each validated threshold."""
    from sklearn.metrics import roc_curve

    curves = {}
    for model, found in evidence.items():
        metrics, of_model = found.metrics, bands[model]
        false_rate, true_rate, thresholds = roc_curve(found.scores["label"], found.scores["cosine"])
        curves[model] = _Curve(
            f"AUC {with_span(metrics.auc_roc, metrics.intervals.get('auc_roc'))}",
            false_rate,
            true_rate,
            thresholds,
            decided=(
                metrics.decisions.false_positives / metrics.n_incompatible,
                metrics.recall_at_best_threshold,
            ),
            band=of_model.true_positive_rate if of_model else None,
        )
    chance = _guide("chance: AUC 0.5", (0, 1))
    return _plane(
        evidence, curves, chance, ("False positive rate", "True positive rate"), _note(bands)
    )


def precision_recall(evidence: Mapping[str, ModelEvidence], bands: Bands) -> "Figure":
    """Draw the precision-recall curves with their bands, and each validated threshold.

    The curves are steps, as wide as the recall that each threshold gains: the area under them is
    the average precision (AP).
    """
    from sklearn.metrics import precision_recall_curve

    curves = {}
    for model, found in evidence.items():
        metrics, of_model = found.metrics, bands[model]
        # Its last point is a convention; thresholds that find no compatible pair have no width.
        precision, recall, thresholds = (
            each[::-1]
            for each in precision_recall_curve(
                found.scores["label"], found.scores["cosine"], drop_intermediate=True
            )
        )
        precision, recall = precision[1:], recall[1:]
        finds = recall > 0
        curves[model] = _Curve(
            f"AP {with_span(metrics.average_precision, metrics.intervals['average_precision'])}",
            np.r_[0.0, recall[finds]],
            np.r_[precision[finds][0], precision[finds]],
            np.r_[thresholds[finds][0], thresholds[finds]],
            decided=(metrics.recall_at_best_threshold, metrics.precision_at_best_threshold),
            band=of_model.precision if of_model else None,
        )
    first = next(iter(evidence.values())).metrics
    prevalence = first.n_compatible / first.n_pairs
    chance = _guide(f"chance: {prevalence:.3f} of the pairs", (prevalence, prevalence))
    return _plane(evidence, curves, chance, ("Recall", "Precision"), _note(bands), shape="vh")


def calibration(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw the reliability diagram: predicted probability and observed share, bin by bin."""
    traces = [_guide("perfectly calibrated", (0, 1))]
    most = max(each.n for found in evidence.values() for each in found.metrics.calibration.bins)
    for model, look in model_looks(evidence).items():
        found = evidence[model].metrics.calibration
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": numbers([each.mean_probability for each in found.bins]),
                "y": numbers([each.observed_share for each in found.bins]),
                "line": {"color": look.colour, "dash": look.dash, "width": 2},
                "marker": {
                    "symbol": look.symbol,
                    # The area stands for the number of pairs.
                    "size": numbers([_LARGEST_DOT * (each.n / most) ** 0.5 for each in found.bins]),
                    "opacity": 0.7,
                },
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": numbers([b.interval.high - b.observed_share for b in found.bins]),
                    "arrayminus": numbers([b.observed_share - b.interval.low for b in found.bins]),
                    "thickness": 1,
                    "width": 3,
                },
                "name": f"{escaped(model)}: ECE {figure(found.expected_calibration_error, 3)}, "
                f"Brier {figure(found.brier_score, 3)}",
                "hoverinfo": "text",
                "hovertext": [
                    f"{escaped(model)}: predicted {each.mean_probability:.3f}, "
                    f"observed {with_span(each.observed_share, each.interval)}<br>n={each.n:,}"
                    for each in found.bins
                ],
            }
        )
    return new_figure(
        traces,
        [_HEIGHT],
        below=(
            "Predicted probability",
            "Area of a point: n of its bin. Whiskers: 95 % Wilson intervals, too narrow where "
            "pairs share texts.",
        ),
        xaxis=_UNIT,
        yaxis={**_UNIT, "title": {"text": "Share of compatible pairs"}},
    )


def _resampled(found: ModelEvidence) -> CurveBands | None:
    recorded = found.metrics.manifest.parameters.get("bootstrap")
    if recorded is None:
        return None
    cosines, labels, groups = (
        found.scores[column].to_numpy() for column in ("cosine", "label", "group")
    )
    options = TypeAdapter(BootstrapOptions).validate_python(recorded)
    return curve_bands(cosines, labels, groups, options)


def _plane(
    models: Iterable[str],
    curves: Mapping[str, _Curve],
    chance: Part,
    names: tuple[str, str],
    note: str,
    shape: str = "linear",
) -> "Figure":
    traces = [chance]
    for model, look in model_looks(models).items():
        traces += _traces(model, look, curves[model], names, shape)
    return new_figure(
        traces,
        [_HEIGHT],
        below=(names[0], note),
        xaxis=_UNIT,
        yaxis={**_UNIT, "title": {"text": names[1]}},
    )


def _traces(
    model: str, look: Look, curve: _Curve, names: tuple[str, str], shape: str
) -> list[Part]:
    """Draw the band, the curve, and the point of the validated threshold."""
    of_model = {"legendgroup": model, "meta": escaped(model)}
    hover = f"%{{meta}}<br>{names[0].lower()} %{{x:.3f}}<br>{names[1].lower()} %{{y:.3f}}<br>"
    traces: list[Part] = []
    if curve.band is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers([*POINTS, *POINTS[::-1]]),
                "y": numbers([*curve.band.high, *curve.band.low[::-1]]),
                "fill": "toself",
                "fillcolor": faded(look.colour, 0.15),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "showlegend": False,
                **of_model,
            }
        )
    last = len(curve.x) - 1
    shown = np.unique(np.linspace(0, last, min(last + 1, _MOST_POINTS)).astype(int))
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": numbers(curve.x[shown]),
            "y": numbers(curve.y[shown]),
            "customdata": [
                f"{each:.3f}" if np.isfinite(each) else "above all cosines"
                for each in curve.thresholds[shown]
            ],
            "line": {"color": look.colour, "dash": look.dash, "width": 2, "shape": shape},
            "name": f"{escaped(model)}: {curve.legend}",
            "hovertemplate": f"{hover}threshold %{{customdata}}<extra></extra>",
            **of_model,
        }
    )
    if curve.decided[1] is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": numbers(curve.decided[:1]),
                "y": numbers(curve.decided[1:]),
                "marker": {"color": look.colour, "symbol": look.symbol, "size": 11},
                "hovertemplate": f"{hover}validated threshold<extra></extra>",
                "showlegend": False,
                **of_model,
            }
        )
    return traces


def _guide(name: str, heights: Sequence[float]) -> Part:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": numbers(heights),
        "line": {"color": GUIDE_COLOUR, "width": 1.5, "dash": "dot"},
        "name": name,
        "hoverinfo": "skip",
    }


def _note(bands: Bands) -> str:
    """Say what marks and bands are."""
    rounds = [each.rounds for each in bands.values() if each is not None]
    drawn = (
        "Bands: 95 % at each point, not for the whole curve; groups of pairs that share a text "
        f"resampled {min(rounds):,} times."
        if rounds
        else "No bands: too many pairs to resample, or no record of how to."
    )
    return f"Points: the validated thresholds. {drawn}"
