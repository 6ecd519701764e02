import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from tests.report.examples import (
    HOSTILE,
    comparison_of,
    evidence_of,
    quality_of,
    some_pairs,
    training_of,
)
from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult, Standing
from tuneproof.comparison.wording import chance, figure, once_each_kind, signed, span, with_span
from tuneproof.measurement.records import SUBSETS
from tuneproof.metrics.calibration import ReliabilityBin, chance_calibration_error
from tuneproof.pairs import hash_pairs
from tuneproof.pipelines.reporting import nodes
from tuneproof.report.evidence import ModelEvidence
from tuneproof.report.page import render_report
from tuneproof.report.tabs.verdict import NO_VARIANT, which_to_ship
from tuneproof.report.trace import fingerprint

HEADLINE = (
    "Headline metrics of all models with 95 % intervals, and their differences from the baseline"
)
TABS = ["verdict", "data", "baseline", "standard", "lora", "compare", "pairs", "method"]
VERSIONS = {"lora_metrics": "2026-01-02T03.04.05.678Z", "comparison_report": "2026-01-03"}
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """A parsed page: its elements, its tables by caption, its text, its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._caption = f"table {len(self.tables)}"
            self.tables[self._caption] = []
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        if {"style", "script"} & set(self.open):
            return
        data = data.replace("\N{NO-BREAK SPACE}", " ")  # intervals do not break
        self.text.append(data)
        if "caption" in self.open:
            del self.tables[self._caption]
            self._caption = data
            assert data not in self.tables, "each caption names one table"
            self.tables[data] = []
        if {"td", "th"} & set(self.open):
            self.tables[self._caption][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]

    def row(self, caption: str, head: str) -> list[str]:
        (found,) = [row[1:] for row in self.tables[caption] if row[0] == head]
        return found

    def says(self, sentence: str) -> bool:
        return sentence in " ".join(self.text)

    def data(self) -> dict[str, Any]:
        (found,) = [script for script in self.scripts if script.startswith("{")]
        parsed: dict[str, Any] = json.loads(found)
        return parsed


@pytest.fixture(scope="module")
def evidence() -> dict[str, ModelEvidence]:
    return evidence_of(some_pairs(), "standard", "lora")


@pytest.fixture(scope="module")
def comparison() -> ComparisonResult:
    return comparison_of(some_pairs(), "standard", "lora")


@pytest.fixture(scope="module")
def html(evidence: dict[str, ModelEvidence], comparison: ComparisonResult) -> str:
    runs = {model: training_of(model) for model in ("standard", "lora")}
    return nodes.build_report(
        quality_of(some_pairs()), evidence, runs, comparison, some_pairs(), VERSIONS
    )


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


class TestFullPage:
    def test_tabs(self, page: Page) -> None:
        links = [each["href"] for each in page.all("a") if (each.get("id") or "").startswith("tab")]
        assert links == [f"#{name}" for name in TABS]

    def test_hostile_texts_stay_texts(self, page: Page) -> None:
        categories = {row[0] for row in page.tables["lora by category"]}
        assert set(HOSTILE) < categories
        assert page.says("m<b>ase")
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"img", "iframe", "object", "embed", "link", "base", "form", "b"}
        assert len(page.all("script")) == 3
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")]
        assert HOSTILE[0] in page.data()["pairs"]["category"]["names"]

    def test_nothing_is_fetched_from_elsewhere(self, html: str, page: Page) -> None:
        anchors = {attributes.get("id") for _, attributes in page.elements}
        for _, attributes in page.elements:
            target = attributes.get("href")
            assert attributes.get("src") is None
            assert target is None or (target[0] == "#" and target[1:] in anchors)
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        assert "url(" not in style
        assert "@import" not in style

    def test_only_the_pages_own_scripts_may_run(self, page: Page) -> None:
        policy = page.all("meta")[1]["content"] or ""
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        allowed = policy.split("script-src ")[1].split(";")[0].split()
        assert len(allowed) == 2
        assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", each) for each in allowed)

    def test_every_figure_has_its_place_a_title_and_a_text(self, page: Page) -> None:
        plots = [each for each in page.all("div") if each.get("class") == "plot"]
        assert {each["data-figure"] for each in plots} == set(page.data()["figures"])
        assert len(plots) == 11
        assert len(page.all("figcaption")) == len(plots)

    def test_the_same_evidence_gives_the_same_bytes(
        self, html: str, evidence: dict[str, ModelEvidence], comparison: ComparisonResult
    ) -> None:
        runs = {model: training_of(model) for model in ("standard", "lora")}
        quality = quality_of(some_pairs())
        again = nodes.build_report(quality, evidence, runs, comparison, some_pairs(), VERSIONS)
        assert again == html

    def test_columns_for_scripts(self, page: Page, evidence: dict[str, ModelEvidence]) -> None:
        pairs = page.data()["pairs"]
        rows = evidence["baseline"].scores
        assert pairs["text_1"] == rows["text_1"].tolist()
        codes, names = pairs["pair_type"]["codes"], pairs["pair_type"]["names"]
        assert [names[code] for code in codes] == rows["pair_type"].tolist()
        for model, found in zip(pairs["models"], evidence.values(), strict=True):
            assert model["threshold"] == found.metrics.best_threshold
            assert model["cosine"] == found.scores["cosine"].tolist()  # to the last bit
        nearest = pairs["nearest"]["row"][3]
        train = some_pairs()[nearest]
        assert pairs["nearest"]["pairs"][str(nearest)] == [*train.texts, train.label]

    def test_each_section_names_artifacts_whose_origin_the_method_tab_lists(
        self, page: Page, evidence: dict[str, ModelEvidence], comparison: ComparisonResult
    ) -> None:
        caption = "The artifacts that this page was made from"
        origin = fingerprint(evidence["lora"].metrics.manifest)
        assert page.row(caption, "lora_metrics") == [
            "all figures of the model, with intervals",
            VERSIONS["lora_metrics"],
            origin,
        ]
        others = comparison.manifests.values()
        assert page.row(caption, "comparison")[2] == fingerprint(comparison.manifest, *others)
        changed = [each.model_copy(update={"seed": 8}) for each in others]
        assert fingerprint(comparison.manifest, *changed) != fingerprint(
            comparison.manifest, *others
        )
        assert page.row(caption, "eval_pairs")[1:] == ["n/a", hash_pairs(some_pairs())[:12]]
        named = [each for each in page.all("a") if each["href"] == "#artifacts"]
        origins = page.tables["Origin of the artifacts"]
        assert origins[0][1:3] == ["data quality", "baseline metrics"]
        shown = page.row("Parameters of the artifacts", "near_duplicate_similarity")
        assert shown == ["n/a", "0.8", "0.8", "0.8", "0.8", "0.8", "n/a"]
        assert page.row("Parameters of the artifacts", "prepare.validation_fraction")[0] == "0.15"
        # All sections but those of the Method tab itself.
        sections = len(page.all("section")) - 3
        assert len([each for each in page.all("p") if each.get("class") == "sources"]) == sections
        assert len(named) > sections

    def test_a_training_run_tells_how_it_converged(self, page: Page) -> None:
        found = training_of("lora").convergence
        assert found.loss
        assert page.says(f"Training loss: {found.loss.kind}, validation Spearman: ")
        assert page.says("Raise epochs: more.")

    def test_headline_table(self, page: Page, evidence: dict[str, ModelEvidence]) -> None:
        before, after = evidence["baseline"].metrics, evidence["lora"].metrics
        for metric, name in HEADLINE_METRICS.items():
            shown = page.row(HEADLINE, name)
            assert shown[0] == with_span(getattr(before, metric), before.intervals[metric])
            assert shown[3] == with_span(getattr(after, metric), after.intervals[metric])
            assert shown[4] == signed(getattr(after, metric) - getattr(before, metric))
            own = page.row("lora: headline figures with 95 % intervals", name)
            assert own == [shown[3]]
        assert page.tables[HEADLINE][0] == ["Metric", "baseline", "standard", "lora"]
        shown = page.row(HEADLINE, "False positives at the validated threshold (fewer is better)")
        assert shown[0] == str(before.decisions.false_positives)
        assert int(shown[4]) == after.decisions.false_positives - before.decisions.false_positives
        shown = page.row(HEADLINE, "False positives at matched recall (fewer is better)")
        assert shown[3] == str(after.matched_recall_decisions.false_positives)
        assert page.says(f"is at most {before.spearman_ceiling:.4f}.")

    def test_glance(
        self, page: Page, evidence: dict[str, ModelEvidence], comparison: ComparisonResult
    ) -> None:
        metrics = evidence["lora"].metrics
        (found,) = [
            each.metrics["auc_roc"]
            for each in comparison.differences
            if (each.first, each.second) == ("baseline", "lora")
        ]
        shown = page.row("The models at a glance", "lora")
        assert shown[:3] == [
            with_span(metrics.auc_roc, metrics.intervals["auc_roc"]),
            f"{signed(found.difference, 3)} {span(found.interval)}",
            found.outcome,
        ]
        assert shown[-1] == figure(metrics.geometry.effective_rank, 1)
        assert page.row("The models at a glance", "baseline")[1:3] == ["", ""]

    def test_criteria(self, page: Page, comparison: ComparisonResult) -> None:
        caption = "Success criteria by model"
        for result, name in zip(
            comparison.criteria,
            ("AUC-ROC", "Cohen's d", "Cluster purity (texts)", "Spearman correlation"),
            strict=True,
        ):
            assert page.row(caption, f"{name} {result.criterion}") == [
                ("surely met" if sure else "met, but not surely") if met else "not met"
                for met, sure in zip(result.met.values(), result.sure.values(), strict=True)
            ]
        assert page.row(caption, "Cohen's d >= 99") == ["not met"] * 3
        note = comparison.criteria[3].note
        assert note
        assert page.says(f"Spearman correlation >= 0.86: {note}.")

    def test_groups_without_a_label_are_not_available(
        self, page: Page, evidence: dict[str, ModelEvidence]
    ) -> None:
        shown = page.row("baseline by pair type", "dealbreaker")
        found = evidence["baseline"].metrics.pair_type_metrics["dealbreaker"]
        assert shown == [
            *("20", "0", "20", "n/a", figure(found.incompatible_mean_cosine, 3)),
            *("n/a", "n/a", "n/a"),
            with_span(found.error_rate, found.intervals["error_rate"])
            if found.intervals["error_rate"]
            else figure(found.error_rate, 3),
        ]
        for figure_of in ("AUC-ROC", "Margin"):
            assert page.row(f"{figure_of} by pair type", "dealbreaker")[3:] == ["n/a"] * 3
        caption = "Incompatible pairs called compatible, by pair type"
        assert page.row(caption, f"match {HOSTILE[0]}") == ["0", "n/a", "n/a", "n/a"]
        assert page.row(caption, "dealbreaker")[1] == str(
            evidence["baseline"].metrics.false_positive_counts["dealbreaker"]
        )

    def test_thresholds_name_the_optimistic_one(
        self, page: Page, evidence: dict[str, ModelEvidence]
    ) -> None:
        metrics = evidence["standard"].metrics
        caption = "standard: decisions on the eval pairs by threshold"
        validated = page.row(caption, "validated")
        optimistic = page.row(caption, "optimistic, best on eval")
        assert validated[0] == f"{metrics.best_threshold:.4f}"
        assert optimistic[0] == f"{metrics.optimistic_decisions.threshold:.4f}"
        assert validated[2] == str(metrics.decisions.false_positives)

    def test_data_quality(self, page: Page) -> None:
        quality = quality_of(some_pairs())
        caption = "The dimensions, from 0 (bad) to 100 (good)"
        assert page.row(caption, "Overall") == [f"{quality.overall:.1f}"]
        assert len(page.tables[caption]) == 1 + 4 + 1
        leakage = "What train and validation pairs give away, gravest first; each pair counts once"
        assert page.row(leakage, "exact")[1] == "30"
        levels = quality.leakage["validation"].levels
        assert [row[1] for row in page.tables[leakage][1:]] == [str(n) for n in levels.values()]
        assert quality.warnings
        for warning in quality.warnings:
            assert page.says(warning)

    def test_training_and_origin(self, page: Page) -> None:
        assert page.row("Facts of the lora training run", "LoRA rank") == ["8"]
        assert "Facts of the baseline training run" not in page.tables
        assert page.says("lora reaches its best validation Spearman")
        caption = "Origin of the artifacts"
        assert page.tables[caption][0][1:] == [
            "data quality",
            "baseline metrics",
            "standard model",
            "standard metrics",
            "lora model",
            "lora metrics",
            "comparison",
        ]
        eval_hash = hash_pairs(some_pairs())
        shown = page.row(caption, "sha256 of the eval pairs")
        assert shown == [eval_hash, eval_hash, "n/a", eval_hash, "n/a", eval_hash, eval_hash]
        assert page.row(caption, "Git commit")[1:-1] == ["d" * 40] * 5

    def test_label_errors_that_were_not_searched_cannot_be_asked_for(
        self, page: Page, evidence: dict[str, ModelEvidence], comparison: ComparisonResult
    ) -> None:
        reason = "the words tell too little"
        quality = quality_of(some_pairs())
        assert quality.label_errors["eval"].reason is None
        unsearched = quality.label_errors["eval"].model_copy(
            update={"reason": reason, "judged": 0, "found": []}
        )
        quality = quality.model_copy(
            update={"label_errors": {**quality.label_errors, "eval": unsearched}}
        )
        other = Page(render_report(quality, evidence, {}, comparison, some_pairs(), {}, {}))
        asked = [{each.get("data-choice") for each in each.all("select")} for each in (page, other)]
        assert asked[0] - asked[1] == {"suspect"}
        assert other.says(f"Label errors: not searched ({reason}).")
        assert not page.says("Label errors: not searched")

    def test_verdict_and_threats(self, page: Page, comparison: ComparisonResult) -> None:
        assert len(comparison.verdict) > 10
        assert comparison.beside_headline
        for sentence in (
            *comparison.verdict,
            *comparison.threats,
            *once_each_kind(comparison.beside_headline, ["standard", "lora"]),
        ):
            assert page.says(sentence)
        for name in ("standard", "lora"):
            found = next(each for each in comparison.differences if each.second == name)
            auc = found.metrics["auc_roc"]
            assert page.says(f"{figure(auc.after, 3)} ({name}: {auc.outcome})")
            assert page.says(f"({name}, corrected p {chance(auc.adjusted_p_value)})")

    def test_differences(self, page: Page, comparison: ComparisonResult) -> None:
        for each in comparison.differences:
            caption = (
                f"{each.second} against {each.first}: {each.decisions.gained} decisions turn "
                f"right, {each.decisions.lost} turn wrong (p by exchanging groups: "
                f"{chance(each.decisions.group_p_value)})"
            )
            for metric, found in each.metrics.items():
                assert page.row(caption, HEADLINE_METRICS[metric]) == [
                    figure(found.before, 3),
                    figure(found.after, 3),
                    signed(found.difference, 3),
                    span(found.interval),
                    chance(found.p_value),
                    chance(found.adjusted_p_value),
                    found.outcome,
                ]
        assert [(each.first, each.second) for each in comparison.differences][-1] == (
            "standard",
            "lora",
        )

    @pytest.mark.parametrize(
        ("caption", "metric"),
        [
            ("AUC-ROC by subset, with 95 % interval", "auc_roc"),
            ("Compatibility margin by subset, with 95 % interval", "compatibility_margin"),
            ("Error rate by subset at the validated threshold", "error_rate"),
        ],
    )
    def test_subsets(
        self, page: Page, evidence: dict[str, ModelEvidence], caption: str, metric: str
    ) -> None:
        models = [found.metrics for found in evidence.values()]
        for name in ("all", "no_shared_text", "clean"):
            first = models[0].subsets[name]
            shown = page.row(caption, SUBSETS[name])
            assert shown[:2] == [str(first.n), str(first.compatible)]
            assert [each.partition(" ")[0] for each in shown[2:]] == [
                figure(getattr(m.subsets[name], metric), 3) for m in models
            ]
        interval = models[1].subsets["all"].intervals[metric]
        assert interval is not None
        assert page.row(caption, SUBSETS["all"])[3].endswith(f" {span(interval)}")
        empty = page.row(caption, SUBSETS["unseen_subcategories"])
        assert empty == ["0", "0", "n/a", "n/a", "n/a"]

    def test_losses(self, page: Page, evidence: dict[str, ModelEvidence]) -> None:
        models = [found.metrics for found in evidence.values()]
        caption = "General language: 60 pairs graded 0 to 5"
        assert page.row(caption, "Spearman of cosine and grade") == [
            with_span(m.general.spearman_correlation, m.general.intervals["spearman_correlation"])
            for m in models
        ]
        assert page.row(caption, "Mean cosine of the 10 unrelated pairs") == [
            with_span(m.general.unrelated_mean_cosine, m.general.intervals["unrelated_mean_cosine"])
            for m in models
        ]
        caption = f"Geometry of the {models[0].geometry.n_texts} different eval texts"
        assert page.row(caption, "Effective rank (dimensions in use)") == [
            figure(m.geometry.effective_rank, 1) for m in models
        ]
        assert page.row(caption, "Mean cosine of two texts (anisotropy)") == [
            figure(m.geometry.anisotropy, 3) for m in models
        ]
        swap = models[2].prefix_swap
        assert swap is not None
        assert page.row("The eval pairs with their two prefixes exchanged", "lora") == [
            str(swap.n),
            with_span(swap.mean_change, swap.intervals["mean_change"]),
            with_span(swap.mean_absolute_change, swap.intervals["mean_absolute_change"]),
            figure(swap.largest_change, 3),
            str(swap.flipped_decisions),
            f"{figure(swap.auc_roc_before, 3)} to {figure(swap.auc_roc, 3)}",
        ]

    def test_calibration_and_clusters(self, page: Page, evidence: dict[str, ModelEvidence]) -> None:
        metrics = evidence["standard"].metrics
        caption = "Calibrated on the validation pairs, judged on the eval pairs"
        share = metrics.n_compatible / metrics.n_pairs
        bins = [
            ReliabilityBin(**each.model_dump(exclude={"interval"}))
            for each in metrics.calibration.bins
        ]
        assert page.row(caption, "standard")[:4] == [
            figure(metrics.calibration.brier_score),
            figure(share * (1 - share)),
            figure(metrics.calibration.expected_calibration_error),
            figure(chance_calibration_error(bins)),
        ]
        found = metrics.text_clusters
        first = found.draws[0]
        caption = "standard: purity beside chance, agreement and stability over seeds"
        assert page.row(caption, "texts") == [
            figure(first.purity, 3),
            figure(first.purity_with_noise, 3),
            f"{figure(found.mean_purity, 3)} ± {figure(found.purity_std, 3)}",
            figure(found.chance_purity, 3),
            chance(found.p_value),
            figure(first.adjusted_rand_index, 3),
            figure(first.adjusted_mutual_information, 3),
        ]

    def test_probes_and_gates(self, page: Page) -> None:
        quality = quality_of(some_pairs())
        caption = "Shortcut probes: what tells the label with no model of meaning"
        assert [row[0] for row in page.tables[caption][1:]] == [p.name for p in quality.probes]
        for probe in quality.probes:
            shown = page.row(caption, probe.name)
            assert shown[0] == probe.sees
            assert shown[1].partition(" ")[0].rstrip(":") == figure(probe.auc, 3)
            assert span(probe.interval) in shown[1] or probe.interval is None
        for gate in quality.gates:
            passed = "yes" if gate.passed else "no"
            assert page.row("Gates", gate.name) == [gate.message, gate.action, passed]

    @pytest.mark.parametrize("model", ["baseline", "lora"])
    def test_worst_errors(self, page: Page, comparison: ComparisonResult, model: str) -> None:
        errors = comparison.errors[model]
        for kind, total, listed in (
            ("false positives", errors.n_false_positives, errors.false_positives),
            ("false negatives", errors.n_false_negatives, errors.false_negatives),
        ):
            assert listed
            caption = (
                f"{model}: {len(listed)} of {total} {kind}, farthest from the threshold "
                f"{errors.threshold:.2f} first"
            )
            assert [row[0] for row in page.tables[caption][1:]] == [str(p.row) for p in listed]
            for pair in listed:
                train = pair.nearest_train
                said = "right" if pair.baseline_right else "wrong"
                assert page.row(caption, str(pair.row)) == [
                    f"{pair.text_1} / {pair.text_2}",
                    pair.pair_type,
                    "one text",
                    f"{pair.cosine:.2f}",
                    *([f"{pair.baseline_cosine:.2f}, {said}"] if model == "lora" else []),
                    f"{train.text_1} / {train.text_2} (label {train.label}, similarity 0.50)",
                ]

    def test_structure_for_screen_readers(self, page: Page) -> None:
        assert page.all("html")[0]["lang"] == "en"
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        scopes = {header.get("scope") for header in page.all("th")}
        assert scopes == {"col", "colgroup", "row"}
        identifiers = [a["id"] for _, a in page.elements if "id" in a]
        assert len(set(identifiers)) == len(identifiers)
        for attributes in (attributes for _, attributes in page.elements):
            assert attributes.get("aria-labelledby") in {None, *identifiers}
            assert attributes.get("aria-describedby") in {None, *identifiers}
        assert page.all("a")[0] == {"class": "skip", "href": "#main"}

    def test_tables_are_rectangular(self, page: Page) -> None:
        for caption, rows in page.tables.items():
            if caption.startswith("table "):
                continue  # scripts fill it
            body = [len(row) for row in rows[2:]]
            header = len(rows[1]) + 1 if len(rows[1]) != len(rows[0]) else len(rows[0])
            assert set(body) <= {header}, caption


class TestPartialPages:
    def test_baseline_alone(self) -> None:
        pairs = some_pairs()
        page = Page(nodes.build_report(quality_of(pairs), evidence_of(pairs), {}, None, pairs, {}))
        assert [a["href"] for a in page.all("a") if (a.get("id") or "").startswith("tab")] == [
            f"#{name}" for name in ("verdict", "data", "baseline", "pairs", "method")
        ]
        assert page.says(NO_VARIANT)
        # The audit's warnings stand among the threats, and where the audit is shown; the first
        # ones on the first screen too.
        for position, warning in enumerate(quality_of(pairs).warnings):
            assert " ".join(page.text).count(warning) == 2 + (position < 3)
        assert page.says("What the base model does")
        assert page.row("baseline: headline figures with 95 % intervals", "AUC-ROC")
        shown = set(page.data()["figures"])
        assert shown == {each["data-figure"] for each in page.all("div") if "data-figure" in each}
        assert "cosines" in shown
        assert not shown & {"differences", "training"}

    @pytest.mark.parametrize("model", ["standard", "lora"])
    def test_one_variant(self, model: str) -> None:
        pairs = some_pairs()
        evidence, runs = evidence_of(pairs, model), {model: training_of(model)}
        comparison = comparison_of(pairs, model)
        html = nodes.build_report(quality_of(pairs), evidence, runs, comparison, pairs, {})
        page = Page(html)
        assert page.tables[HEADLINE][0] == ["Metric", "baseline", model]
        assert page.says(comparison.verdict[0])
        assert not page.says(NO_VARIANT)

    def test_every_sentence_of_a_comparison_is_escaped(self) -> None:
        pairs = some_pairs()
        comparison = comparison_of(pairs, "lora").model_copy(
            update={
                "verdict": [f"claim {HOSTILE[0]}", f"In short, {HOSTILE[1]}"],
                "left_out": [f"standard is left out: {HOSTILE[1]}"],
                "threats": [f"threat {HOSTILE[0]}"],
                "beside_headline": [f"Warning: {HOSTILE[1]}"],
            }
        )
        quality = quality_of(pairs).model_copy(update={"warnings": [f"caution {HOSTILE[2]}"]})
        page = Page(
            render_report(quality, evidence_of(pairs, "lora"), {}, comparison, pairs, {}, {})
        )
        for sentence in (
            *comparison.verdict,
            *comparison.left_out,
            *comparison.threats,
            *comparison.beside_headline,
            *quality.warnings,
        ):
            assert page.says(sentence)
        assert not {tag for tag, _ in page.elements} & {"img", "figure"}

    def test_control_characters_are_shown_and_not_obeyed(self) -> None:
        # An escape sequence, an override that turns the reading direction, and a NUL.
        hidden = "\x1b[31m \u202e <b> \x00"
        pairs = [
            pair.model_copy(
                update={"category": f"{pair.category} {hidden}", "text_1": hidden + str(row)}
            )
            for row, pair in enumerate(some_pairs())
        ]
        claims = {"verdict": [f"claim {hidden}"], "beside_headline": [f"Warning: {hidden}"]}
        comparison = comparison_of(pairs, "lora").model_copy(update=claims)
        evidence = evidence_of(pairs, "lora")
        html = render_report(quality_of(pairs), evidence, {}, comparison, pairs, {}, {})
        before, _, after = html.partition('id="plotly">/**\n* plotly.js')
        seen = before + after.partition("</script>")[2]
        assert not {each for each in seen if unicodedata.category(each)[0] == "C"} - {"\n", "\t"}
        assert "<b>" not in html.partition('<script type="application/json"')[0]
        page = Page(html)
        shown = r"\x1b[31m \u202e <b> \x00"
        assert page.says(f"claim {shown}")
        assert f"values {shown}" in {row[0] for row in page.tables["lora by category"]}
        assert page.says(shown + "1")  # a text among the worst errors
        # Spaces that keep an interval on one line are no control characters.
        assert "\N{NO-BREAK SPACE}" in html

    @pytest.mark.parametrize(("initial", "best"), [(0.0234, 0.0234), (0.5, 0.023), (0.02, 0.0234)])
    def test_training_that_ranked_nothing_better_is_said(self, initial: float, best: float) -> None:
        pairs = some_pairs()
        run = training_of("standard")
        result = run.result.model_copy(update={"initial_spearman": initial, "best_spearman": best})
        runs = {"standard": replace(run, result=result), "lora": training_of("lora")}
        evidence = evidence_of(pairs, "standard", "lora")
        comparison = comparison_of(pairs, "standard", "lora")
        page = Page(render_report(quality_of(pairs), evidence, runs, comparison, pairs, {}, {}))
        sentence = (
            "standard: no checkpoint ranked the validation pairs better than the base model did "
            f"({initial:.3f} before training, {best:.3f} at best)."
        )
        assert page.says(sentence) == (best <= initial)
        assert not page.says("lora: no checkpoint")


class TestWhichToShip:
    """The answer is what the outcomes of the comparison bear, and no more."""

    @staticmethod
    def with_outcomes(**outcomes: str) -> ComparisonResult:
        """Outcomes by AUC: of each variant against the baseline, and of lora after standard."""
        comparison = comparison_of(some_pairs(), "standard", "lora")
        named = {"standard": ("baseline", "standard"), "lora": ("baseline", "lora")}
        changes = {named.get(name, ("standard", "lora")): each for name, each in outcomes.items()}
        differences = []
        for each in comparison.differences:
            outcome = changes.get((each.first, each.second), "not shown")
            auc = each.metrics["auc_roc"].model_copy(update={"outcome": outcome})
            differences.append(
                each.model_copy(update={"metrics": {**each.metrics, "auc_roc": auc}})
            )
        standings = [
            Standing(
                model=name,
                better=outcomes.get(name) == "improved",
                reasons=[] if outcomes.get(name) == "improved" else ["on all 40 eval pairs ..."],
            )
            for name in ("standard", "lora")
        ]
        return comparison.model_copy(update={"differences": differences, "standings": standings})

    def test_nothing_compared(self) -> None:
        assert which_to_ship(None).answer == "None is trained and compared yet."

    @pytest.mark.parametrize("outcome", ["not shown", "worsened"])
    def test_none_shown_better(self, outcome: str) -> None:
        answer = which_to_ship(self.with_outcomes(standard=outcome, lora=outcome))
        assert answer.answer.startswith("No model is shown to rank better than the base model")
        assert not any("what was lost" in ground for ground in answer.grounds)

    def test_one_shown_better(self) -> None:
        answer = which_to_ship(self.with_outcomes(lora="improved"))
        assert answer.answer == (
            "LoRA fine-tuning (lora) is shown to rank better than the base model; of full "
            "fine-tuning (standard) it is not shown, nor that the variants differ."
        )
        differ = which_to_ship(self.with_outcomes(lora="improved", between="improved"))
        assert differ.answer.endswith("; of full fine-tuning (standard) it is not shown.")
        assert answer.grounds[0].startswith("Full fine-tuning (standard): on all 40 eval pairs")
        assert answer.grounds[1].startswith("No difference in ranking is shown between")

    def test_reservations_stand_in_the_answer(self) -> None:
        found = self.with_outcomes(lora="improved", standard="improved")
        standings = [
            each.model_copy(update={"reasons": ["it is slow"]}) for each in found.standings
        ]
        answer = which_to_ship(found.model_copy(update={"standings": standings}))
        assert answer.answer.endswith("than the base model, with reservations.")
        assert "LoRA fine-tuning (lora): it is slow." in answer.grounds

    @pytest.mark.parametrize(
        ("between", "ground"),
        [
            (
                "not shown",
                "No difference in ranking is shown between full fine-tuning (standard) and LoRA "
                "fine-tuning (lora).",
            ),
            (
                "worsened",
                "LoRA fine-tuning (lora) ranks worse than full fine-tuning (standard).",
            ),
            (
                "improved",
                "LoRA fine-tuning (lora) ranks better than full fine-tuning (standard).",
            ),
        ],
    )
    def test_both_shown_better(self, between: str, ground: str) -> None:
        found = self.with_outcomes(standard="improved", lora="improved", between=between)
        answer = which_to_ship(found)
        assert answer.answer == (
            "Full fine-tuning (standard) and LoRA fine-tuning (lora) are shown to rank better than "
            "the base model."
        )
        assert answer.grounds[0] == ground
        assert "Whether it is worth what was lost is not for the figures to say." in answer.grounds

    def test_criteria_are_counted_where_they_are_surely_met(self) -> None:
        comparison = self.with_outcomes()
        met = {
            name: sum(
                bool(result.met[name] and result.sure[name]) for result in comparison.criteria
            )
            for name in ("standard", "lora")
        }
        listed = ", ".join(f"{name} {n}" for name, n in met.items())
        assert f"Success criteria surely met, of 4: {listed}." in which_to_ship(comparison).grounds
