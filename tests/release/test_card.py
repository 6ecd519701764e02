"""The card: nothing in the data is obeyed, nothing is claimed beyond the record."""

import re
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest
from huggingface_hub import ModelCard
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tuneproof.audit.text import printable
from tuneproof.comparison.records import HEADLINE_METRICS, CriterionResult, Standing
from tuneproof.comparison.wording import with_span
from tuneproof.measurement.records import PrefixSwapMetrics
from tuneproof.metrics.uncertainty import Interval
from tuneproof.release.card import escape_markdown, front_matter, write_card
from tuneproof.release.evidence import GENERAL_METRICS, Evidence, describe
from tuneproof.release.record import Form, ReleaseOptions, ReleaseRecord

from .examples import evidence

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "](http://evil.example) <script>x</script> | a | **b**\n# c `d` [e](f) $g$ &lt;"
OBEYED = st.text(st.sampled_from("\\`*_~[]()<>#+-=|!&;$@./:x1 \n"), min_size=1, max_size=20)


def record_of(
    found: Evidence, form: Form = "adapter", difference: float | None = None
) -> ReleaseRecord:
    return describe(found, form, ReleaseOptions(version="1.0.0"), date(2026, 1, 2), difference)


@cache
def card_of(category: str = "c", form: Form = "adapter") -> str:
    difference = 2e-6 if form == "merged" else None
    return write_card(record_of(evidence(category), form, difference), evidence(category))


def as_hubs_read(record: ReleaseRecord) -> dict[str, Any]:
    data = ModelCard(f"---\n{front_matter(record)}---\n").data
    return {name: value for name, value in vars(data).items() if value is not None}


def body(card: str) -> str:
    return card.split("---\n", 2)[2]


def plain(text: str) -> tuple[list[str], str]:
    """Return the kinds of tokens of a line and the text that a reader sees."""
    inline = MARKDOWN.parseInline(text)[0].children or []
    return [token.type for token in inline], "".join(token.content for token in inline)


@given(st.one_of(OBEYED, st.text(max_size=20)).filter(lambda text: printable(text).strip() != ""))
@example("[a](b)")
@example("<b>")
@example("a\\")
@example("https://evil.example")
@example("1. a")
@example("--- ")
def test_an_escaped_text_reads_as_it_is(text: str) -> None:
    escaped = escape_markdown(text)
    shown = printable(text).strip()
    assert plain(escaped)[1] == shown
    blocks = [token.type for token in MARKDOWN.parse(f"- {escaped}")]
    assert blocks == [
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    ]
    kinds = set(plain(escaped)[0])
    assert kinds <= {"text", "text_special"}


@given(OBEYED)
def test_an_escaped_text_stays_in_its_cell(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {escape_markdown(text)} | end |\n"
    tokens = MARKDOWN.parse(table)
    assert sum(token.type == "td_open" for token in tokens) == 2


@pytest.mark.parametrize("text", ["0.619 [0.548, 0.683]", "-0.013 [-0.219, 0.180]", "+0.1 (p 1)"])
def test_figures_are_written_as_they_are(text: str) -> None:
    assert escape_markdown(text) == text


@pytest.mark.parametrize("text", ["http://a.b", "www.a.b", "a@b.c"])
def test_addresses_are_no_links_where_they_would_become_some(text: str) -> None:
    """GFM links addresses by themselves."""
    escaped = escape_markdown(text)
    assert not re.search(r"https?://|www\.|\w@\w", escaped)
    assert plain(escaped)[1] == text


def test_a_hostile_category_changes_no_structure() -> None:
    tame, hostile = (MARKDOWN.parse(body(card_of(name))) for name in ("tame", HOSTILE))
    structure = [[token.type for token in tokens] for tokens in (tame, hostile)]
    assert structure[0] == structure[1]
    kinds = {child.type for token in hostile for child in token.children or []}
    assert not kinds & {"link_open", "image", "html_inline"}
    assert "html_block" not in structure[1]
    assert HOSTILE.split("\n", maxsplit=1)[0] in "".join(
        child.content for token in hostile for child in token.children or []
    )


@pytest.mark.parametrize("form", ["model", "adapter", "merged"])
def test_the_front_matter_is_what_hubs_read(form: Form) -> None:
    found = as_hubs_read(record_of(evidence(), form))
    assert found["library_name"] == "sentence-transformers"
    assert found["pipeline_tag"] == "sentence-similarity"
    assert ("lora" in found["tags"]) == (form != "model")
    assert ("peft" in found["tags"]) == (form == "adapter")
    assert not found.keys() & {"license", "language", "base_model"}


def test_the_front_matter_names_a_base_model_that_hubs_know() -> None:
    record = record_of(evidence())
    known = record.base_model.model_copy(update={"name": "a/b"})
    found = as_hubs_read(record.model_copy(update={"base_model": known}))
    assert found["base_model"] == "a/b"


def test_the_card_says_what_the_comparison_says() -> None:
    comparison = evidence().comparison
    shown = "\n".join(
        "".join(child.content for child in token.children or [])
        for token in MARKDOWN.parse(body(card_of()))
    )
    for sentence in (*comparison.verdict, *comparison.threats):
        assert printable(sentence) in shown


def test_figures_stand_beside_the_base_models() -> None:
    record = record_of(evidence())
    row = next(line for line in card_of().splitlines() if line.startswith("| AUC-ROC"))
    before, after = (record.metrics[name]["all"]["auc_roc"] for name in ("baseline", "lora"))
    assert before.value is not None
    assert after.value is not None
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(f"{before.value:.3f} [")
    assert cells[2].startswith(f"{after.value:.3f} [")
    assert cells[4].startswith("improved")


def swapped(change: float) -> PrefixSwapMetrics:
    return PrefixSwapMetrics(
        prefixes=("boy", "girl"),
        n=80,
        mean_change=0.0,
        mean_absolute_change=change,
        largest_change=1.0,
        flipped_decisions=1,
        auc_roc=0.5,
        auc_roc_before=0.5,
        intervals={"mean_absolute_change": Interval(low=change - 0.1, high=change + 0.1)},
    )


def test_every_interval_that_is_known_stands_beside_its_figure() -> None:
    found = evidence()
    measured = [
        metrics.model_copy(update={"prefix_swap": swapped(change)})
        for metrics, change in ((found.baseline, 0.25), (found.metrics, 0.125))
    ]
    found = replace(found, baseline=measured[0], metrics=measured[1])
    card = write_card(record_of(found), found)
    for metrics in measured:
        assert metrics.prefix_swap is not None
        known = [
            *((name, getattr(metrics, name), metrics.intervals) for name in HEADLINE_METRICS),
            *(
                (name, getattr(metrics.general, name), metrics.general.intervals)
                for name in GENERAL_METRICS
            ),
            (
                "mean_absolute_change",
                metrics.prefix_swap.mean_absolute_change,
                metrics.prefix_swap.intervals,
            ),
        ]
        assert len(known) > 10
        for name, value, intervals in known:
            assert with_span(value, intervals[name]) in card, name


def test_an_undefined_figure_is_named_with_its_n() -> None:
    """The pairs have no subcategory that training never saw."""
    assert "| AUC-ROC | n/a (n = 0) | n/a (n = 0) | n/a | n/a |" in card_of()


def test_a_subset_that_is_all_pairs_has_no_figures_of_its_own() -> None:
    found = evidence()
    smaller = found.metrics.subsets["clean"].model_copy(update={"n": found.metrics.n_pairs - 1})
    metrics = found.metrics.model_copy(
        update={"subsets": {**found.metrics.subsets, "clean": smaller}}
    )
    other = write_card(record_of(found), replace(found, metrics=metrics))
    for card, said, tables in ((card_of(), 1, 2), (other, 0, 3)):
        assert card.count("These are all eval pairs") == said
        assert card.count("\n| AUC-ROC |") == tables


def test_the_merged_card_says_how_far_it_is_from_the_adapter() -> None:
    assert "2.0e-06 on the" in card_of(form="merged")
    assert "merged model differs" not in card_of()


def test_the_card_is_the_same_each_time() -> None:
    assert write_card(record_of(evidence()), evidence()) == card_of()


@pytest.mark.parametrize(
    ("better", "said"),
    [
        (True, "It is shown to rank better than the base model.** With these reservations:"),
        (False, "**It is not shown to rank better than the base model:**"),
    ],
)
def test_the_card_begins_with_how_the_model_stands(better: bool, said: str) -> None:
    found = evidence()
    standing = Standing(model="lora", better=better, reasons=["its [threshold](x) is one-sided"])
    criteria = [
        CriterionResult(
            metric="auc_roc",
            criterion=">= 0.80",
            met={"baseline": False, "lora": True},
            sure={"baseline": False, "lora": False},
            note=None,
        )
    ]
    changed = {"standings": [standing], "criteria": criteria}
    comparison = found.comparison.model_copy(update=changed)
    known = replace(found, comparison=comparison)
    card = write_card(record_of(known), known)
    shown = card.partition("## What is shown\n")[2].partition("\n## ")[0]
    assert shown.lstrip().removeprefix("**").startswith(said.removeprefix("**"))
    assert "- its [threshold\\](x) is one-sided" in shown
    assert r"| AUC-ROC \>= 0.80 | not met | met, but not surely |" in shown


def test_what_is_said_of_other_models_stands_behind() -> None:
    found = evidence()
    verdict = ["The base model is meek.", "In short, full (standard): no.", "lora: yes."]
    others = [found.comparison.models[1].model_copy(update={"model": "standard"})]
    models = [*found.comparison.models, *others]
    comparison = found.comparison.model_copy(update={"verdict": verdict, "models": models})
    known = replace(found, comparison=comparison)
    shown = body(write_card(record_of(known), known))
    places = [shown.index(text) for text in (verdict[0], verdict[2], "Of the other models")]
    assert places == sorted(places)
    assert shown.index(verdict[1]) > places[-1]
