"""The page in a real browser: what its scripts do, and what they must not do."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.browsing import chromium
from tests.report.examples import (
    HOSTILE,
    comparison_of,
    evidence_of,
    quality_of,
    some_pairs,
    training_of,
)
from tuneproof.comparison.wording import figure
from tuneproof.metrics.decisions import decide
from tuneproof.pairs import DatingPair
from tuneproof.pipelines.reporting import nodes
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.page import render_report

TABS = ("verdict", "data", "baseline", "standard", "lora", "compare", "pairs", "method")
VARIANTS = ("standard", "lora")
DESKTOP = {"width": 1100, "height": 900}
LAPTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
FORMULAS = ("=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", " =1", "\t=1")

# Milliseconds until the page is painted, or until it says how many rows there are.
TIMED_CLICK = """selector => new Promise((done) => {
  const start = performance.now();
  document.querySelector(selector).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""

TIMED_SEARCH = """text => new Promise((done) => {
  const field = document.querySelector("[data-choice=search]");
  const shown = document.querySelector("[data-shown]");
  const start = performance.now();
  new MutationObserver(() => done(performance.now() - start)).observe(shown, { childList: true });
  field.value = text;
  field.dispatchEvent(new Event("input"));
})"""

# The texts of a figure that it cuts off, and its tick labels that run into the next one.
OUTSIDE = """plot => {
  const whole = plot.getBoundingClientRect();
  return [...plot.querySelectorAll("svg text")]
    .map((each) => [each.textContent, each.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.left < whole.left - 1 || box.right > whole.right + 1
      || box.top < whole.top - 1 || box.bottom > whole.bottom + 1))
    .map(([text]) => text);
}"""

TOUCHING = """plot => [...plot.querySelectorAll(".xaxislayer-above")].flatMap((axis) => {
  const texts = [...axis.querySelectorAll(".xtick text")];
  if (texts.some((each) => /rotate\\((?!0)/.test(each.getAttribute("transform")))) return [];
  const boxes = texts.map((each) => each.getBoundingClientRect());
  return texts.map((each) => each.textContent)
    .filter((_, tick) => tick && boxes[tick].left < boxes[tick - 1].right + 2);
})"""

Open = Callable[..., AbstractContextManager[Any]]


def pairs() -> list[DatingPair]:
    """Hostile pairs, some of which a spreadsheet would run, with quotes and line breaks."""
    changed = {row: {"text_1": formula} for row, formula in enumerate(FORMULAS, start=2)} | {
        9: {"text_2": 'she said "no", twice\nand left'}
    }
    return [pair.model_copy(update=changed.get(row, {})) for row, pair in enumerate(some_pairs())]


def evidence() -> dict[str, ModelEvidence]:
    return evidence_of(pairs(), *VARIANTS)


def write(html: str, folder: Path) -> Path:
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8", newline="\n")
    return file


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = {model: training_of(model) for model in VARIANTS}
    html = nodes.build_report(
        quality_of(pairs()), evidence(), runs, comparison_of(pairs(), *VARIANTS), pairs(), {}
    )
    return write(html, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def report_of_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page as large as that of the shipped pairs: 295 pairs, two sentences each, four models."""
    names = [f"category {number}" for number in range(12)]
    many = [
        pair.model_copy(
            update={"text_1": f"{pair.text_1}, {talk}", "text_2": f"{pair.text_2} {talk}"}
        )
        for row, pair in enumerate(some_pairs(295, names))
        for talk in [f"and on day {row} I would rather walk the dog than see one more film"]
    ]
    models = (*VARIANTS, "instructed")
    runs = {model: training_of(model) for model in models}
    html = nodes.build_report(
        quality_of(many), evidence_of(many, *models), runs, comparison_of(many, *models), many, {}
    )
    return write(html, tmp_path_factory.mktemp("report_of_four"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Any) -> Open:
    """Open a page, and afterwards see that it asked for nothing and complained of nothing."""

    @contextmanager
    def open_page(file: Path, address: str = "", **options: Any) -> Iterator[Any]:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        page = context.new_page()
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(f"{file.as_uri()}{address}")
        yield page
        context.close()
        elsewhere = [url for url in requests if not url.startswith((file.as_uri(), "blob:"))]
        assert elsewhere == []
        assert complaints == []

    return open_page


def see(page: Any, name: str) -> None:
    """Scroll to a figure, which is drawn when it comes into sight."""
    page.locator(f"#plot-{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#plot-{name} .main-svg")


def rows_shown(page: Any) -> list[int]:
    return [int(text) for text in page.locator(".pairs tbody th button").all_inner_texts()]


def choose(page: Any, name: str, value: str) -> None:
    page.select_option(f"[data-choice={name}]", value)
    page.wait_for_timeout(30)


def search(page: Any, text: str) -> None:
    page.fill("[data-choice=search]", text)
    page.wait_for_timeout(200)


class TestTabs:
    def test_each_tab_shows_its_panel_alone_and_draws_its_figures(
        self, opened: Open, report: Path
    ) -> None:
        with opened(report) as page:
            for name in TABS:
                page.click(f"#tab-{name}")
                visible = page.locator(".panel:visible")
                assert visible.count() == 1
                assert visible.get_attribute("id") == name
                assert page.get_attribute(f"#tab-{name}", "aria-selected") == "true"
                for plot in page.locator(f"#{name} .plot").all():
                    see(page, plot.get_attribute("data-figure"))
            assert page.locator(".plot:has(.main-svg)").count() == 11

    def test_keys(self, opened: Open, report: Path) -> None:
        with opened(report) as page:
            page.focus("#tab-verdict")
            for key, name in (
                ("ArrowRight", "data"),
                ("ArrowLeft", "verdict"),
                ("ArrowLeft", "method"),
                ("ArrowRight", "verdict"),
                ("End", "method"),
                ("Home", "verdict"),
            ):
                page.keyboard.press(key)
                assert page.evaluate("document.activeElement.id") == f"tab-{name}"
                assert page.locator(f"#{name}").is_visible()

    @pytest.mark.parametrize(
        ("address", "tab"),
        [("", "verdict"), ("#pairs", "pairs"), ("#subsets", "compare"), ("#no-such", "verdict")],
    )
    def test_an_address_opens_its_tab(
        self, opened: Open, report: Path, address: str, tab: str
    ) -> None:
        with opened(report, address) as page:
            assert page.locator(".panel:visible").get_attribute("id") == tab

    def test_a_section_is_scrolled_to(self, opened: Open, report: Path) -> None:
        with opened(report, "#subsets") as page:
            page.wait_for_timeout(300)
            top = page.locator("#subsets").bounding_box()["y"]
            assert 0 <= top < 200

    def test_the_back_key_leads_to_the_tab_before(self, opened: Open, report: Path) -> None:
        with opened(report) as page:
            page.click("#tab-data")
            page.click("#tab-pairs")
            page.go_back()
            assert page.locator("#data").is_visible()

    def test_without_scripts_all_tabs_are_readable(self, opened: Open, report: Path) -> None:
        with opened(report, java_script_enabled=False) as page:
            assert page.locator(".panel:visible").count() == len(TABS)
            assert page.locator("figcaption:visible").count() == 11
            assert page.locator("[data-widget]:visible").count() == 0

    def test_all_tabs_are_printed_with_their_figures(self, opened: Open, report: Path) -> None:
        with opened(report) as page:
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert page.locator(".panel:visible").count() == len(TABS)
            assert page.locator(".plot:has(.main-svg)").count() == 11
            assert page.locator("details:not([open])").count() == 0
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert page.locator(".panel:visible").count() == 1
            assert page.locator("details[open]").count() == 0


class TestFirstScreen:
    def test_all_answers_stand_on_it(self, opened: Open, report: Path) -> None:
        with opened(report, viewport=LAPTOP) as page:
            assert page.evaluate("scrollY") == 0
            answers = page.locator(".answers dd > p")
            assert answers.count() == 5
            last = answers.last.bounding_box()
            assert last["y"] + last["height"] < LAPTOP["height"]
            # The table of the models is next, but for a paragraph that says what is measured.
            gap = page.locator("#summary-table-1").bounding_box()["y"] - last["y"] - last["height"]
            assert gap < 250

    def test_links_leave_a_phone_room_for_the_first_answer(
        self, opened: Open, report: Path
    ) -> None:
        with opened(report, viewport=PHONE) as page:
            assert page.locator("#verdict .contents").bounding_box()["height"] < 50
            assert page.locator(".answers dd > p").first.bounding_box()["y"] < 340

    def test_keys_unfold_the_grounds(self, opened: Open, report: Path) -> None:
        with opened(report) as page:
            grounds = page.locator(".answers details").first
            assert grounds.locator("ul").is_hidden()
            grounds.locator("summary").focus()
            page.keyboard.press("Enter")
            assert grounds.locator("ul").is_visible()


class TestThresholds:
    def test_at_the_validated_threshold_it_counts_as_the_metrics_do(
        self, opened: Open, report: Path
    ) -> None:
        with opened(report, "#cosines") as page:
            for model, found in evidence().items():
                self.assert_shown(page, model, found.metrics.decisions)

    def test_another_threshold_moves_line_and_counts(self, opened: Open, report: Path) -> None:
        scores = evidence()["lora"].scores
        cosines, labels = scores["cosine"].to_numpy(), scores["label"].to_numpy()
        with opened(report, "#cosines") as page:
            field = page.locator("tr[data-model=lora]")
            for threshold in (0.5, 0.3):
                field.locator("[type=number]").fill(str(threshold))
                page.wait_for_timeout(100)
                self.assert_shown(page, "lora", decide(cosines, labels, threshold))
                assert self.line(page, "lora") == threshold
            # The other lines stay, and so does this one for whoever opens the address.
            validated = evidence()["standard"].metrics.best_threshold
            assert self.line(page, "standard") == validated
            page.wait_for_timeout(300)
            assert "threshold-lora=0.3" in page.url
            address = page.url.partition("#")[2]
        with opened(report, f"#{address}") as page:
            page.wait_for_timeout(100)
            assert self.line(page, "lora") == 0.3
            page.locator("tr[data-model=lora] button").click()
            page.wait_for_timeout(300)
            self.assert_shown(page, "lora", evidence()["lora"].metrics.decisions)
            assert self.line(page, "lora") == evidence()["lora"].metrics.best_threshold
            assert "threshold-lora" not in page.url

    def test_keys_move_the_slider(self, opened: Open, report: Path) -> None:
        start = evidence()["standard"].metrics.best_threshold
        with opened(report, "#cosines") as page:
            page.focus("#slide-standard")
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(100)
            assert self.line(page, "standard") == pytest.approx(start + 0.01)

    def test_no_pair_called_compatible_has_no_precision(self, opened: Open, report: Path) -> None:
        with opened(report, "#cosines") as page:
            field = page.locator("tr[data-model=lora]")
            field.locator("[type=number]").fill(field.locator("[type=range]").get_attribute("max"))
            assert field.locator("[data-rate=precision]").inner_text() == "n/a"
            assert field.locator("[data-rate=f1]").inner_text() == "0.0000"

    @pytest.mark.parametrize("kept", ["abc", "", "NaN", "1e9", "-Infinity"])
    def test_what_is_no_threshold_is_not_taken_from_an_address(
        self, opened: Open, report: Path, kept: str
    ) -> None:
        with opened(report, f"#cosines?threshold-lora={kept}") as page:
            self.assert_shown(page, "lora", evidence()["lora"].metrics.decisions)
            assert self.line(page, "lora") == evidence()["lora"].metrics.best_threshold

    @pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
    def test_sliders_and_lines_are_seen_together(
        self, opened: Open, report_of_four: Path, viewport: dict[str, int]
    ) -> None:
        with opened(report_of_four, "#plot-cosines-title", viewport=viewport) as page:
            see(page, "cosines")
            page.evaluate("document.querySelector('#plot-cosines-title').scrollIntoView()")
            plot = page.locator("#plot-cosines").bounding_box()
            sliders = page.locator(".slide [type=range]")
            assert sliders.count() == 4
            for slider in sliders.all():
                box = slider.bounding_box()
                assert plot["y"] < box["y"] < viewport["height"] - box["height"]
            for count in page.locator("[data-count]").all():
                box = count.bounding_box()
                assert 0 <= box["x"] <= viewport["width"] - box["width"]
                assert plot["y"] < box["y"] <= viewport["height"] - box["height"]
            if viewport is LAPTOP:
                assert plot["y"] + plot["height"] < sliders.first.bounding_box()["y"]

    @staticmethod
    def line(page: Any, model: str) -> float:
        see(page, "cosines")
        found: float = page.evaluate(
            "model => document.getElementById('plot-cosines').layout.shapes"
            ".find(({ name }) => name === `threshold:${model}`).x0",
            model,
        )
        return found

    @staticmethod
    def assert_shown(page: Any, model: str, found: Any) -> None:
        field = page.locator(f"tr[data-model={model}]")
        for name, count in (
            ("tp", found.true_positives),
            ("fp", found.false_positives),
            ("tn", found.true_negatives),
            ("fn", found.false_negatives),
        ):
            assert field.locator(f"[data-count={name}]").inner_text() == str(count)
        for name in ("accuracy", "precision", "recall", "f1"):
            shown = field.locator(f"[data-rate={name}]").inner_text()
            assert shown == figure(getattr(found, name))


class TestProjection:
    def test_pointing_at_a_text_rings_its_pair_in_every_panel(
        self, opened: Open, report: Path
    ) -> None:
        with opened(report, "#umap") as page:
            see(page, "umap")
            point = page.locator("#plot-umap .points path").first
            box = point.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_selector("#plot-umap .ring")
            row = int(page.input_value("#umap-row"))
            assert page.locator("#plot-umap .ring").count() == 2 * 3
            told = page.inner_text("#umap-pair")
            pair = pairs()[row]
            assert pair.text_2 in told
            label = "compatible" if pair.label else "incompatible"
            assert f"Row {row}, {label}, pair type {pair.pair_type}" in told
            assert f"lora {evidence()['lora'].scores['cosine'].iloc[row]:.3f}" in told
            assert "pair type" in page.text_content("#plot-umap .hoverlayer")

    def test_a_row_can_be_typed(self, opened: Open, report: Path) -> None:
        with opened(report, "#umap") as page:
            see(page, "umap")
            page.fill("#umap-row", "17")
            assert page.locator("#plot-umap .ring").count() == 2 * 3
            assert pairs()[17].text_1 in page.inner_text("#umap-pair")
            page.fill("#umap-row", "4000")
            assert pairs()[17].text_1 in page.inner_text("#umap-pair")

    def test_rings_lie_on_the_points(self, opened: Open, report: Path) -> None:
        with opened(report, "#umap") as page:
            see(page, "umap")
            page.fill("#umap-row", "5")
            page.fill("#umap-row", "6")
            distances = page.evaluate(
                """() => {
                  const middle = (node) => {
                    const box = node.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2];
                  };
                  const points = [...document.querySelectorAll("#plot-umap .points path")];
                  return [...document.querySelectorAll("#plot-umap .ring")].map((ring) => {
                    const [x, y] = middle(ring);
                    return Math.min(...points.map((each) =>
                      Math.hypot(middle(each)[0] - x, middle(each)[1] - y)));
                  });
                }"""
            )
            assert len(distances) == 6
            assert max(distances) < 3


class TestPairs:
    def test_all_pairs_are_there(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs") as page:
            assert rows_shown(page) == list(range(40))
            assert page.inner_text("[data-shown]") == "1 to 40 of 40 pairs shown; 40 in all"

    def test_search_looks_into_both_texts(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs") as page:
            search(page, "COLLECT 1")
            expected = [
                row
                for row, pair in enumerate(pairs())
                if "collect" in f"{pair.text_1}\n{pair.text_2}"
                and "1" in f"{pair.text_1}\n{pair.text_2}"
            ]
            assert rows_shown(page) == expected
            search(page, "nobody says this")
            assert page.inner_text("[data-shown]") == "No pair is like that; 40 in all"
            assert page.is_disabled("[data-action=download]")
            page.click("[data-action=reset]")
            assert len(rows_shown(page)) == 40

    @pytest.mark.parametrize("field", ["category", "pair_type"])
    def test_filters_by_group(self, opened: Open, report: Path, field: str) -> None:
        value = getattr(pairs()[2], field)
        with opened(report, "#pairs") as page:
            choose(page, field, value)
            assert rows_shown(page) == [
                row for row, pair in enumerate(pairs()) if getattr(pair, field) == value
            ]

    def test_filters_by_label_leak_and_label_error(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs") as page:
            choose(page, "label", "1")
            assert rows_shown(page) == [row for row, pair in enumerate(pairs()) if pair.label]
            choose(page, "label", "")
            choose(page, "leak_level", "one_text")
            assert len(rows_shown(page)) == 40
            choose(page, "suspect", "1")
            found = quality_of(pairs()).label_errors["eval"].found
            assert rows_shown(page) == sorted(error.row for error in found)

    def test_filters_by_decision_of_a_model(self, opened: Open, report: Path) -> None:
        found = evidence()["standard"]
        metrics = found.metrics.decisions
        with opened(report, "#pairs") as page:
            choose(page, "model", "standard")
            counts = {}
            for kind in ("TP", "FP", "TN", "FN"):
                choose(page, "decision", kind)
                counts[kind] = len(rows_shown(page))
            assert counts == {
                "TP": metrics.true_positives,
                "FP": metrics.false_positives,
                "TN": metrics.true_negatives,
                "FN": metrics.false_negatives,
            }
            choose(page, "decision", "wrong")
            assert len(rows_shown(page)) == metrics.false_positives + metrics.false_negatives

    def test_filters_by_changed_decision(self, opened: Open, report: Path) -> None:
        (difference,) = [
            each
            for each in comparison_of(pairs(), *VARIANTS).differences
            if (each.first, each.second) == ("baseline", "lora")
        ]
        with opened(report, "#pairs") as page:
            counts = {}
            for change in ("right", "wrong", "changed"):
                choose(page, "change", change)
                counts[change] = len(rows_shown(page))
        gained, lost = difference.decisions.gained, difference.decisions.lost
        assert counts == {"right": gained, "wrong": lost, "changed": gained + lost}
        assert gained + lost > 0

    def test_sorts_by_every_column(self, opened: Open, report: Path) -> None:
        scores = evidence()["lora"].scores
        with opened(report, "#pairs") as page:
            header = page.locator("th[data-key='cosine:lora']")
            header.locator("button").click()
            ascending = scores.sort_values(["cosine", "row"])["row"].tolist()
            assert rows_shown(page) == ascending
            assert header.get_attribute("aria-sort") == "ascending"
            header.locator("button").click()
            assert rows_shown(page) == ascending[::-1]
            page.wait_for_timeout(300)
            assert "sort=-cosine%3Alora" in page.url
            for key in ("text_1", "label", "category"):
                page.click(f"th[data-key={key}] button")
                # Texts without regard to case, groups as Python sorts their names.
                keys = scores[key].str.lower() if key == "text_1" else scores[key]
                order = keys.sort_values(kind="stable").index
                assert rows_shown(page) == scores["row"].loc[order].tolist()

    def test_choices_stand_in_the_address(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs") as page:
            search(page, "number 1")
            choose(page, "label", "0")
            page.click("th[data-key=text_2] button")
            page.wait_for_timeout(300)
            shown, address = rows_shown(page), page.url.partition("#")[2]
            assert 0 < len(shown) < 40
        with opened(report, f"#{address}") as page:
            assert rows_shown(page) == shown
            assert page.input_value("[data-choice=search]") == "number 1"

    def test_clear_takes_filters_and_order_back(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs?label=1&sort=-row") as page:
            assert rows_shown(page) == [row for row in range(39, -1, -1) if pairs()[row].label]
            page.click("[data-action=reset]")
            assert rows_shown(page) == list(range(40))
            page.wait_for_timeout(300)
            assert page.url.endswith("#pairs")

    def test_paper_tells_which_pairs_of_how_many_are_shown(
        self, opened: Open, report_of_four: Path
    ) -> None:
        with opened(report_of_four, "#pairs?search=day&label=1&decision=FN&model=lora") as page:
            told = page.locator("[data-asked]")
            assert told.is_hidden()
            page.emulate_media(media="print")
            assert told.inner_text() == (
                "Search both texts: day; Label: compatible; Model: lora; "
                "Its decision: FN, false negative"
            )
            assert page.locator("[data-shown]").is_visible()
            assert page.locator(".filters:visible, .pager button:visible").count() == 0

    def test_the_last_page_keeps_the_focus(self, opened: Open, report_of_four: Path) -> None:
        with opened(report_of_four, "#pairs") as page:
            page.focus("[data-action=next]")
            for _ in range(5):
                page.keyboard.press("Enter")
            assert page.inner_text("[data-shown]") == "251 to 295 of 295 pairs shown; 295 in all"
            focused = "document.activeElement.dataset.action"
            assert page.evaluate(focused) == "previous"
            for _ in range(5):
                page.keyboard.press("Enter")
            assert page.evaluate(focused) == "next"

    def test_details_tell_the_nearest_train_pair(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs") as page:
            button = page.locator(".pairs tbody th button").nth(3)
            button.click()
            assert button.get_attribute("aria-expanded") == "true"
            nearest = pairs()[int(evidence()["baseline"].scores["nearest_train_row"].iloc[3])]
            told = page.inner_text(".pairs .details")
            assert nearest.text_2 in told
            assert "similarity 0.500" in told
            button.click()
            assert page.locator(".pairs .details").count() == 0

    def test_csv_holds_what_is_filtered(self, opened: Open, report: Path) -> None:
        with opened(report, "#pairs", accept_downloads=True) as page:
            choose(page, "label", "0")
            shown = rows_shown(page)
            with page.expect_download() as download:
                page.click("[data-action=download]")
            content = Path(download.value.path()).read_bytes()
        assert content.startswith(codecs.BOM_UTF8)
        assert download.value.suggested_filename == "eval_pairs.csv"
        text = content.decode("utf-8-sig")
        assert len(re.findall(r"\r\n", text)) == len(shown) + 1
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [int(row["row"]) for row in found] == shown
        scores = evidence()["lora"].scores
        for row in found:
            pair = pairs()[int(row["row"])]
            guarded = f"'{pair.text_1}" if pair.text_1 in FORMULAS else pair.text_1
            assert row["text_1"] == guarded
            assert row["text_2"] == pair.text_2
            assert float(row["lora_cosine"]) == scores["cosine"].iloc[int(row["row"])]
            assert row["lora_decision"] in {"TN", "FP"}
        assert {row["text_1"] for row in found} & {f"'{each}" for each in FORMULAS}

    def test_20_000_pairs_are_searched_and_sorted_in_less_than_200_ms(
        self, opened: Open, tmp_path: Path
    ) -> None:
        many = {}
        for name, found in evidence().items():
            rows = pd.concat([found.scores] * 500, ignore_index=True)
            rows["row"] = np.arange(len(rows))
            rows["text_1"] += [f" {number * 7919 % 20_000:05}" for number in range(len(rows))]
            rows["cosine"] += np.random.default_rng(0).normal(0, 1e-3, len(rows))
            many[name] = ModelEvidence(found.metrics, rows, found.projection)
        comparison = comparison_of(pairs(), *VARIANTS)
        html = render_report(quality_of(pairs()), many, {}, comparison, pairs(), {}, {})
        with opened(write(html, tmp_path), "#pairs") as page:
            assert "of 20,000 pairs shown" in page.inner_text("[data-shown]")
            # The best of three: other programs take their time too.
            for key in ("text_1", "cosine:lora", "category"):
                selector = f"th[data-key='{key}'] button"
                assert min(page.evaluate(TIMED_CLICK, selector) for _ in range(3)) < 200, key
            texts = ("number 1", "number 2", "number 3")
            took = min(page.evaluate(TIMED_SEARCH, text) for text in texts)
            assert took < 200 + 120  # the wait for another key is 120
            both = [f"{one} {two}" for one, two in zip(rows["text_1"], rows["text_2"], strict=True)]
            expected = sum("number" in text and "3" in text for text in both)
            assert f"of {expected:,} pairs shown" in page.inner_text("[data-shown]")
            page.click("[data-action=next]")
            assert page.inner_text("[data-shown]").startswith("51 to 100")


class TestLooks:
    @pytest.mark.parametrize(
        ("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light", "dark, phone"]
    )
    def test_axe_finds_nothing(
        self, opened: Open, report: Path, scheme: str, viewport: dict[str, int]
    ) -> None:
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        options = {"color_scheme": scheme, "viewport": viewport, "bypass_csp": True}
        with opened(report, "#cosines", **options) as page:
            see(page, "cosines")
            # All tabs at once: axe looks at what is shown, and starting it takes a while.
            page.evaluate("document.querySelectorAll('.panel').forEach((p) => (p.hidden = false))")
            # What is inside a figure is one image to a screen reader.
            context = {"include": [["body"]], "exclude": [[".main-svg"]]}
            found = axe.Axe().run(page, context, {"resultTypes": ["violations"]})
            assert found.violations_count == 0, found.generate_report()

    def test_a_narrow_page_does_not_scroll_sideways(
        self, opened: Open, report_of_four: Path
    ) -> None:
        with opened(report_of_four, viewport=PHONE) as page:
            for name in (*TABS, "instructed"):
                page.click(f"#tab-{name}")
                page.wait_for_timeout(50)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
                for plot in page.locator(f"#{name} .plot").all():
                    see(page, plot.get_attribute("data-figure"))
                    assert plot.bounding_box()["width"] <= PHONE["width"]
                    assert plot.evaluate(OUTSIDE) == []
                    assert plot.evaluate(TOUCHING) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    def test_no_table_is_wider_than_a_laptop(self, opened: Open, report_of_four: Path) -> None:
        with opened(report_of_four, viewport=LAPTOP) as page:
            page.evaluate("document.querySelectorAll('.panel').forEach((p) => (p.hidden = false))")
            too_wide = page.evaluate(
                """() => [...document.querySelectorAll(".scroll")]
                  .filter((each) => each.scrollWidth > each.clientWidth)
                  .map((each) => each.textContent.trim().slice(0, 80))"""
            )
            assert too_wide == []

    def test_the_names_of_rows_stay_where_a_table_scrolls(
        self, opened: Open, report_of_four: Path
    ) -> None:
        with opened(report_of_four, "#groups", viewport=PHONE) as page:
            left = page.evaluate(
                """() => {
                  const table = document.querySelector("[aria-labelledby=groups-table-1]");
                  table.scrollLeft = 300;
                  const edge = table.getBoundingClientRect().left;
                  return [table.scrollLeft, ...[...table.querySelectorAll("tr > :first-child")]
                    .map((each) => each.getBoundingClientRect().left - edge)];
                }"""
            )
            assert left[0] == 300
            assert set(left[1:]) == {0}

    def test_figures_follow_dark_and_light(self, opened: Open, report: Path) -> None:
        def ink(page: Any) -> str:
            found: str = page.evaluate(
                "getComputedStyle(document.querySelector('#plot-roc .xtick text')).fill"
            )
            return found

        with opened(report, "#curves", color_scheme="light") as page:
            see(page, "roc")
            light = ink(page)
            page.emulate_media(color_scheme="dark")
            page.wait_for_timeout(300)
            dark = ink(page)
            assert sum(map(int, re.findall(r"\d+", light)[:3])) < 3 * 128
            assert sum(map(int, re.findall(r"\d+", dark)[:3])) > 3 * 128


class TestHostileTexts:
    def test_they_are_shown_and_do_nothing(self, opened: Open, report: Path) -> None:
        with opened(report) as page:
            for name in TABS:
                page.click(f"#tab-{name}")
            page.click("#tab-pairs")
            page.locator(".pairs tbody th button").first.click()
            assert page.locator("img").count() == 0
            assert page.locator("script").count() == 3
            assert HOSTILE[0] in page.inner_text(".pairs tbody")
            assert HOSTILE[2] in page.inner_text(".pairs tbody")

    def test_the_policy_lets_no_other_script_run(self, browser: Any, report: Path) -> None:
        page = browser.new_page()
        page.goto(report.as_uri())
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"ran = 1\">')"
        )
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'),"
            " { textContent: 'ran = 1' }))"
        )
        page.wait_for_timeout(200)
        assert page.evaluate("typeof ran") == "undefined"
        page.close()


def test_baseline_alone(opened: Open, tmp_path: Path) -> None:
    found = evidence_of(pairs())
    html = nodes.build_report(quality_of(pairs()), found, {}, None, pairs(), {})
    with opened(write(html, tmp_path), "#cosines") as page:
        assert page.locator("#baseline").is_visible()
        metrics = found["baseline"].metrics.decisions
        TestThresholds.assert_shown(page, "baseline", metrics)
        page.click("#tab-pairs")
        assert len(rows_shown(page)) == 40
        assert page.locator("[data-several-models]:visible").count() == 0


def test_the_page_stays_small(report_of_four: Path) -> None:
    assert report_of_four.stat().st_size < 8_000_000
