"""What a model lost of general language and of its space, and how far it is from the baseline."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult, Difference
from tuneproof.comparison.wording import chance, figure, signed, span, with_span
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.uncertainty import Interval
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.figures.style import (
    GUIDE_COLOUR,
    Dot,
    Part,
    axis,
    dots,
    escaped,
    guide,
    legend_mark,
    model_looks,
    names_axis,
    new_figure,
    not_available,
    panel_title,
    wrapped,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_NAME_WIDTH = 14
_MODEL_HEIGHT = 32
_MOST_IN_A_ROW = 3
_SHOWN = ("improved", "worsened")
_OPEN = "-open"


class _Loss(NamedTuple):
    """A figure that training may spoil."""

    title: str
    value: float | None
    interval: Interval | None


def losses(evidence: Mapping[str, ModelEvidence]) -> "Figure":
    """Draw what is left of general language, and how the embeddings fill their space.

    Each figure has a panel and a scale of its own.
    """
    found = {model: _losses(each.metrics) for model, each in evidence.items()}
    looks = model_looks(evidence)
    traces: list[Part] = []
    layout: Part = {"annotations": []}
    for panel, parts in enumerate(zip(*found.values(), strict=True)):
        layout["annotations"].append(panel_title(panel, parts[0].title))
        layout[axis("x", panel)] = {"zeroline": False, "rangemode": "tozero"}
        layout[axis("y", panel)] = names_axis([wrapped(model, _NAME_WIDTH, 1) for model in looks])
        for position, (model, part) in enumerate(zip(looks, parts, strict=True)):
            described = f"{escaped(model)}: {with_span(part.value, part.interval)}"
            point = Dot(position, part.value, part.interval, described)
            traces += dots(panel, looks[model], [point])
            if part.value is None:
                layout["annotations"].append(not_available(panel, position, "n/a"))
    heights = [_MODEL_HEIGHT * max(2, len(evidence))] * len(next(iter(found.values())))
    return new_figure(traces, heights, 2, **layout)


def _losses(metrics: BaselineMetrics) -> list[_Loss]:
    general, geometry = metrics.general, metrics.geometry
    return [
        _Loss(
            "General-language Spearman (lower: forgetting)",
            general.spearman_correlation,
            general.intervals.get("spearman_correlation"),
        ),
        _Loss(
            "Unrelated sentences: cosine (higher: worse)",
            general.unrelated_mean_cosine,
            general.intervals.get("unrelated_mean_cosine"),
        ),
        _Loss(
            f"Effective dimensions, of {geometry.dimensions:,} (fewer: collapse)",
            geometry.effective_rank,
            None,
        ),
        _Loss("Anisotropy of the eval texts (higher: collapse)", geometry.anisotropy, None),
    ]


def differences(comparison: ComparisonResult) -> "Figure | None":
    """Draw how far each headline metric of each model is from the baseline's, a panel a metric.

    Metrics have different scales: no two share an axis. Filled points are shown to differ.

    Returns:
        None where nothing is compared with the baseline.
    """
    baseline = comparison.models[0].model
    against = {
        each.second: each.metrics for each in comparison.differences if each.first == baseline
    }
    if not against:
        return None
    looks = model_looks([each.model for each in comparison.models])
    traces = [
        legend_mark("shown by interval and test", "circle", GUIDE_COLOUR),
        legend_mark("not shown, or not tested", f"circle{_OPEN}", GUIDE_COLOUR),
    ]
    layout: Part = {"annotations": [], "shapes": []}
    for panel, (metric, title) in enumerate(HEADLINE_METRICS.items()):
        changes = [metrics[metric] for metrics in against.values()]
        layout["annotations"].append(panel_title(panel, title))
        layout["shapes"].append(guide(panel, 0.0))
        moved = any(each.difference or each.interval for each in changes)
        # Of nothing but zeros no scale can be made.
        scale: Part = {"rangemode": "tozero"} if moved else {"range": [-1, 1]}
        layout[axis("x", panel)] = {"zeroline": False, **scale}
        layout[axis("y", panel)] = names_axis([wrapped(model, _NAME_WIDTH, 1) for model in against])
        for position, (model, metrics) in enumerate(against.items()):
            found = metrics[metric]
            described = f"{title}<br>{escaped(model)} less {escaped(baseline)}: {_described(found)}"
            look = looks[model]
            if found.outcome not in _SHOWN:
                look = look._replace(symbol=f"{look.symbol}{_OPEN}")
            point = Dot(position, found.difference, found.interval, described)
            traces += dots(panel, look, [point])
            if found.difference is None:
                layout["annotations"].append(not_available(panel, position, "n/a"))
    heights = [_MODEL_HEIGHT * max(2, len(against))] * len(HEADLINE_METRICS)
    return new_figure(traces, heights, _MOST_IN_A_ROW, **layout)


def _described(found: Difference) -> str:
    return (
        f"{signed(found.difference, 3)} {span(found.interval)}<br>"
        f"from {figure(found.before, 3)} to {figure(found.after, 3)}<br>"
        f"p {chance(found.p_value)}, adjusted {chance(found.adjusted_p_value)}: {found.outcome}"
    )
