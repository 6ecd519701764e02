"""The evidence as one HTML page that needs nothing else: no network, no second file."""

import base64
import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, Protocol

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import JsonValue

from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import DatingPair
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.report.layout import Tab
from tuneproof.report.tabs.compare import compare_tab, side_by_side
from tuneproof.report.tabs.data import data_tab
from tuneproof.report.tabs.method import method_tab
from tuneproof.report.tabs.model import model_tab
from tuneproof.report.tabs.pairs import pair_columns, pairs_tab
from tuneproof.report.tabs.verdict import verdict_tab
from tuneproof.report.trace import describe_run, trace_artifacts

_WEB: Final = files("tuneproof.report") / "web"
_SCRIPTS: Final = (
    "dom",
    "tabs",
    "plots",
    "thresholds",
    "umap",
    "rows",
    "csv",
    "pairs",
    "start",
)


class PlotlyFigure(Protocol):
    """What is needed of a plotly figure, for annotations that must not import plotly."""

    def to_json(self, *, engine: str) -> str | None:
        """Write the figure as JSON."""


def render_report(
    quality: DataQualityScore,
    evidence: Mapping[str, ModelEvidence],
    training_runs: Mapping[str, TrainingRun],
    comparison: ComparisonResult | None,
    train_pairs: Sequence[DatingPair],
    figures: Mapping[str, PlotlyFigure],
    versions: Mapping[str, str],
) -> str:
    """Write the page.

    Args:
        quality: The audit of the pairs.
        evidence: What was measured, by model, the baseline first.
        training_runs: The training runs there were, by model.
        comparison: The models side by side; None where nothing was compared.
        train_pairs: The train pairs, for the nearest one of each eval pair.
        figures: The interactive figures by name; those that a section has no place for are left
            out, and so is the place of a figure that is not there.
        versions: Version of each artifact, and of the page itself, by their names in the catalog.

    Returns:
        HTML; every text in it is escaped, nothing in it is fetched from elsewhere, and its policy
        lets no script run but its own.
    """
    from plotly.offline import get_plotlyjs

    label_errors = quality.label_errors["eval"]
    artifacts = trace_artifacts(quality, evidence, training_runs, comparison, versions)
    tabs = [
        *_model_tabs(
            quality, [found.metrics for found in evidence.values()], training_runs, comparison
        ),
        pairs_tab(evidence, label_errors),
        method_tab(quality, [found.metrics for found in evidence.values()], comparison, artifacts),
    ]
    wanted = {plot.name for tab in tabs for section in tab.sections for plot in section.plots}
    own = "\n".join((_WEB / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    scripts = {"plotly": get_plotlyjs(), "own": own}
    data: dict[str, JsonValue] = {
        "pairs": pair_columns(evidence, train_pairs, label_errors.found),
        "figures": {
            name: json.loads(figure.to_json(engine="json") or "null")
            for name, figure in figures.items()
            if name in wanted
        },
    }
    return (
        _templates()
        .get_template("page.html.jinja")
        .render(
            title="What fine-tuning changed" if comparison else "What the base model does",
            made_from=describe_run(evidence["baseline"].metrics.manifest, versions),
            tabs=tabs,
            shown_figures=frozenset(figures),
            models=[found.metrics for found in evidence.values()],
            label_errors=label_errors,
            origins={artifact.name: artifact.origin for artifact in artifacts},
            # Style and scripts are the project's own and plotly's, and no text of a pair.
            style=Markup((_WEB / "page.css").read_text(encoding="utf-8")),  # noqa: S704
            scripts={name: Markup(script) for name, script in scripts.items()},  # noqa: S704
            script_hashes=[_policy_hash(script) for script in scripts.values()],
            data=data,
        )
    )


def _model_tabs(
    quality: DataQualityScore,
    models: Sequence[BaselineMetrics],
    training_runs: Mapping[str, TrainingRun],
    comparison: ComparisonResult | None,
) -> list[Tab]:
    trainings = [run.result for run in training_runs.values()]
    of_models = [model_tab(each, training_runs.get(each.model), comparison) for each in models]
    start = [verdict_tab(quality, models, trainings, comparison), data_tab(quality)]
    if comparison is not None:
        return [*start, *of_models, compare_tab(models, trainings, comparison)]
    # Alone, the baseline has nothing beside it: its tab shows the figures itself.
    (baseline,) = of_models
    return [*start, baseline._replace(sections=[*baseline.sections, *side_by_side(models)])]


def _templates() -> Templates:
    templates = Templates(
        loader=PackageLoader("tuneproof.report", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    templates.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return templates


def _visible(value: object) -> object:
    """Escape the control characters of a text, which could reorder or hide what stands beside."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    # No-break spaces are not printable to Python, but keep intervals on one line.
    return "".join(
        each
        if each.isprintable() or each in "\n\t" or unicodedata.category(each) == "Zs"
        else ascii(each)[1:-1]
        for each in value
    )


def _policy_hash(script: str) -> str:
    """Return the hash by which a content security policy (CSP level 3) lets a script run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
