"""The model card of a release: Markdown for people, front matter for model hubs.

Sections follow Mitchell et al. (2019), Model Cards for Model Reporting.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined

from tuneproof.audit.shortcuts import evidence as probe_evidence
from tuneproof.audit.text import printable
from tuneproof.base_model import PACKAGED_NAME
from tuneproof.comparison.records import HEADLINE_METRICS, Difference, ModelDifference
from tuneproof.comparison.wording import chance, figure, signed, span, with_span
from tuneproof.measurement.records import SUBSETS, PrefixSwapMetrics
from tuneproof.metrics.uncertainty import Interval
from tuneproof.release.evidence import GENERAL_METRICS, Evidence
from tuneproof.release.record import Figure, Form, ReleaseRecord

FORMS: Final[Mapping[Form, str]] = {
    "model": "a sentence-embedding model, fine-tuned in full",
    "adapter": "a LoRA adapter, to be applied to its base model",
    "merged": "a sentence-embedding model: the base model with a LoRA adapter merged into its "
    "weights",
}

_TAGS: Final[Mapping[Form, Sequence[str]]] = {
    "model": (),
    "adapter": ("lora", "peft"),
    "merged": ("lora",),
}
_SHOWN_SUBSETS: Final = ("all", "clean", "unseen_subcategories")

# What Markdown, its tables and autolinks, formulas or HTML would obey inside a line. Brackets obey
# only where something follows that makes them a link, so intervals stay as they are.
_OBEYED = re.compile(r"[\\`*_~|$@<&]|\](?=[(\[])|(?<=:)/(?=/)|(?<=[Ww]{3})\.")
# Headings, list items, rulers and tick boxes; a number is a list item by the mark behind it.
_OBEYED_AT_START = re.compile(r"(?=[#>\[]|[-+](?:\s|-|$))|[0-9]{1,9}(?=[.)](?:\s|$))")
_ENTITIES: Final[Mapping[str, str]] = {"<": "&lt;", "&": "&amp;"}
_LISTED_CATEGORIES: Final = 12

_Known = tuple[float | None, Interval | None]


class Comparison(NamedTuple):
    """A row of a table: one figure of the base model and of this one, as text."""

    name: str
    before: str
    after: str
    difference: str
    outcome: str


class _Code(str):
    """Text that stands in a block of code, where Markdown obeys nothing."""

    __slots__ = ()


def write_card(record: ReleaseRecord, evidence: Evidence) -> str:
    """Write the model card.

    Args:
        record: What is known of the release.
        evidence: What it was written from: metrics, comparison and audit.

    Returns:
        Markdown with YAML front matter. Nothing that stands in the data is obeyed in it.
    """
    templates = Templates(
        loader=PackageLoader("tuneproof.release", ""),
        autoescape=False,  # noqa: S701  # the card is Markdown: `finalize` escapes for that
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_escaped,
    )
    templates.filters |= {"code": _code, "figure": figure, "span": span}
    difference = _against_baseline(evidence)
    others = _naming_others(evidence)
    body = templates.get_template("card.md.jinja").render(
        record=record,
        evidence=evidence,
        what=FORMS[record.form],
        verdict=[each for each in record.verdict if not others.search(each)],
        of_others=[
            *(each for each in record.verdict if others.search(each)),
            *evidence.comparison.left_out,
        ],
        metrics=HEADLINE_METRICS,
        categories=_categories(evidence),
        threats=[each for each in record.threats if each not in evidence.quality.warnings],
        examples=_example_texts(record),
        packaged=record.base_model.name == PACKAGED_NAME and record.base_model.revision is None,
        subsets=[
            (
                f"All {SUBSETS[subset]}" if subset == "all" else SUBSETS[subset].capitalize(),
                evidence.metrics.subsets.get(subset),
                list(_compare_subset(subset, record, difference)),
            )
            for subset in _SHOWN_SUBSETS
        ],
        losses=[*_compare_general(record, difference), *_compare_space(evidence)],
        probes=[(probe, probe_evidence(probe)) for probe in evidence.quality.probes],
    )
    return f"---\n{front_matter(record)}---\n\n{body}"


def front_matter(record: ReleaseRecord) -> str:
    """Write what model hubs read: no licence and no language is claimed.

    Args:
        record: What is known of the release.

    Returns:
        YAML, ending with a line break.
    """
    from huggingface_hub import ModelCardData

    base = record.base_model.name
    data = ModelCardData(
        # The name of a local folder is no name that a hub knows.
        base_model=base if "/" in base else None,
        base_model_relation="adapter" if record.form == "adapter" else "finetune",
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-similarity", "tuneproof", *_TAGS[record.form]],
        version=record.version,
    )
    return f"{data.to_yaml().rstrip()}\n"


def escape_markdown(text: str) -> str:
    """Write text so that it reads the same in Markdown (CommonMark, GFM tables and autolinks).

    Args:
        text: One line or more; line breaks and control characters are shown, not obeyed.

    Returns:
        One line, for the middle of a paragraph, a list item or a table cell.
    """
    line = printable(text).strip()
    inside = _OBEYED.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), line)
    start = _OBEYED_AT_START.match(inside)
    return inside if start is None else f"{start[0]}\\{inside[start.end() :]}"


def _escaped(value: object) -> object:
    return value if isinstance(value, _Code) else escape_markdown(str(value))


def _code(value: str | float) -> _Code:
    """Write a text or number as a Python literal."""
    return _Code(ascii(value))


def _categories(evidence: Evidence) -> str:
    """List the categories of the train pairs, the most frequent first."""
    found = evidence.quality.counts["train"].categories
    names = sorted(found, key=lambda name: (-found[name], name))
    more = len(names) - _LISTED_CATEGORIES
    listed = ", ".join(names[:_LISTED_CATEGORIES])
    return f"{listed} and {more} more" if more > 0 else listed


def _example_texts(record: ReleaseRecord) -> tuple[str, str]:
    """Return two texts of the form that the model was trained on."""
    texts = ("I bake my own bread", "Sourdough is my weekend")
    prefixes: Any = record.parameters["prepare"]["prefixes"]
    if not prefixes:
        return texts
    return f"{prefixes[0]}: {texts[0]}", f"{prefixes[-1]}: {texts[1]}"


def _naming_others(evidence: Evidence) -> re.Pattern[str]:
    """Return what finds the sentences that name another variant; nothing where there is none."""
    own = (evidence.baseline.model, evidence.metrics.model)
    names = [each.model for each in evidence.comparison.models if each.model not in own]
    return re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names) or r"(?!)")


def _against_baseline(evidence: Evidence) -> ModelDifference:
    return next(
        each
        for each in evidence.comparison.differences
        if (each.first, each.second) == (evidence.baseline.model, evidence.metrics.model)
    )


def _compare_subset(
    subset: str, record: ReleaseRecord, difference: ModelDifference
) -> Iterator[Comparison]:
    before, after = (record.metrics[model][subset] for model in ("baseline", record.name))
    found = difference.metrics if subset == "all" else difference.subsets.get(subset, {})
    for metric in after:
        yield _row(HEADLINE_METRICS[metric], before[metric], after[metric], found.get(metric))


def _compare_general(record: ReleaseRecord, difference: ModelDifference) -> Iterator[Comparison]:
    before, after = (record.metrics[model]["general"] for model in ("baseline", record.name))
    for metric, name in GENERAL_METRICS.items():
        title = f"{name} ({after[metric].n} general-language pairs)"
        yield _row(title, before[metric], after[metric], difference.general.get(metric))


def _compare_space(evidence: Evidence) -> Iterator[Comparison]:
    """Compare what is not tested: how the embeddings fill their space, what prefixes do."""
    before, after = evidence.baseline, evidence.metrics
    figures: list[tuple[str, _Known, _Known]] = [
        (
            f"Effective dimensions of the eval texts, of {after.geometry.dimensions}",
            (before.geometry.effective_rank, None),
            (after.geometry.effective_rank, None),
        ),
        (
            "Mean cosine of two different eval texts",
            (before.geometry.anisotropy, None),
            (after.geometry.anisotropy, None),
        ),
    ]
    if before.prefix_swap and after.prefix_swap:
        figures.append(
            (
                f"Mean change of a cosine when the prefixes are exchanged ({after.prefix_swap.n} "
                "pairs)",
                _swap_change(before.prefix_swap),
                _swap_change(after.prefix_swap),
            )
        )
    for name, first, second in figures:
        change = None if first[0] is None or second[0] is None else second[0] - first[0]
        yield Comparison(name, _written(first), _written(second), signed(change, 3), "not tested")


def _written(known: _Known) -> str:
    return figure(known[0], 3) if known[1] is None else with_span(*known)


def _swap_change(found: PrefixSwapMetrics) -> _Known:
    return found.mean_absolute_change, found.intervals["mean_absolute_change"]


def _row(name: str, before: Figure, after: Figure, found: Difference | None) -> Comparison:
    change, outcome = "n/a", "n/a"
    if found is not None and found.difference is not None:
        change, outcome = f"{signed(found.difference, 3)} {span(found.interval)}", found.outcome
        if found.adjusted_p_value is not None:
            outcome += f" (p {chance(found.adjusted_p_value)})"
    return Comparison(name, _shown(before), _shown(after), change, outcome)


def _shown(known: Figure) -> str:
    if known.value is None:
        return f"n/a (n = {known.n})"
    return with_span(known.value, known.interval)
