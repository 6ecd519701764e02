import base64
import io
import re
import subprocess
import sys
import unicodedata
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from tests.audit.examples import audit_of
from tests.comparison.examples import GENERAL, KNOWS_LANGUAGE, measured, options_with
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.compare import compare
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import HEADLINE_METRICS, ComparisonResult
from tuneproof.comparison.wording import chance, figure, signed, span, with_span
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement.frames import first_projection, with_origin
from tuneproof.measurement.records import SUBSETS
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.pipelines.reporting import create_pipeline, nodes
from tuneproof.pipelines.reporting.nodes import Evidence, TrainingRun
from tuneproof.report.page import NO_TRAINING, Drawing, describe_charts, render_report
from tuneproof.report.proof import NO_VARIANT
from tuneproof.training.result import TRAINING_LOG, TrainingResult
from tuneproof.variants import VARIANTS

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.test/x onerror=alert(2)>',
    "{{ 7*7 }}",
]
SHIFTS = {"baseline": 0.1, "standard": 0.35, "lora": 0.3}
MODELS = ("baseline", "standard", "lora")
HEADLINE = (
    "Headline metrics of all models with 95 % intervals, and their differences from the baseline"
)
VOID = {"meta", "img", "link", "br", "hr", "input"}


def some_pairs(n: int = 40, categories: list[str] | None = None) -> list[DatingPair]:
    names = categories or ["values", "lifestyle", *HOSTILE]
    return [
        DatingPair(
            text_1=f"boy: I like {HOSTILE[row % 3]} number {row}",
            text_2=f"girl: I collect {row} {HOSTILE[(row + 1) % 3]}",
            label=row // 2 % 2,
            category=names[row % len(names)],
            subcategory="s",
            pair_type="dealbreaker" if row // 2 % 2 == 0 else f"match {HOSTILE[0]}",
        )
        for row in range(n)
    ]


def origin(
    model: str, hashes: dict[str, str], trained: Manifest | None = None, seed: int = 7
) -> Manifest:
    return Manifest(
        model_name=model,
        base_model=ModelIdentity(name="m<b>ase", revision=None, sha256="a" * 64),
        pairs={"train": "b" * 64, "validation": "c" * 64, **hashes},
        parameters={"note": HOSTILE[0]},
        seed=seed,
        environment=Environment(python="3", libraries={"numpy": "2"}, git_commit="d" * 40),
        model=trained,
    )


def training_of(model: str, steps: int = 50) -> TrainingRun:
    generator = np.random.default_rng(1)
    step = np.arange(1, steps + 1)
    evaluated = step % 10 == 0
    spearman = 0.8 - 0.4 * np.exp(-step / 15) + generator.normal(0, 0.005, steps)
    log = pd.DataFrame(
        {
            "step": step,
            "epoch": step / 10,
            "loss": 0.25 * np.exp(-step / 20) + generator.uniform(0, 0.05, steps),
            "learning_rate": 2e-5 * (1 - step / steps),
            "gradient_norm": generator.uniform(0.5, 2, steps),
            "validation_loss": np.where(evaluated, 0.26 * np.exp(-step / 25), np.nan),
            "validation_spearman": np.where(evaluated, spearman, np.nan),
            "evaluation_seconds": np.where(evaluated, 0.5, np.nan),
            "peak_memory_mb": np.where(evaluated, 900.0, np.nan),
        }
    ).astype(dict(TRAINING_LOG))
    best = int(np.nanargmax(log["validation_spearman"]))
    result = TrainingResult.model_validate(
        {
            "model_type": model,
            "loss": "cosine_similarity",
            "epochs": 5,
            "batch_size": 16,
            "learning_rate": 2e-5,
            "warmup_steps": 5,
            "total_steps": steps,
            "evaluation_steps": 10,
            "n_train_pairs": 160,
            "n_validation_pairs": 40,
            "training_time_seconds": 12.34,
            "initial_spearman": 0.41,
            "final_spearman": float(spearman[-1]),
            "best_spearman": float(spearman[best]),
            "best_step": int(step[best]),
            "spearman_history": [],
            "trainable_parameters": 100,
            "total_parameters": 1000,
            "precision": "fp32",
            "patience": None,
            "stopped_early": False,
            "resumed_steps": [],
            "seconds_in_evaluation": 1.5,
            "peak_memory_mb": 900.0,
            "lora": {"rank": 8, "alpha": 16, "dropout": 0.1, "target_modules": ["query"]}
            if model == "lora"
            else None,
            "manifest": origin(model, {}),
        }
    )
    return TrainingRun(result, log)


def models_of(pairs: list[DatingPair], *models: str) -> dict[str, MeasuredModel]:
    """Measure the baseline and the models, each better than chance by its shift."""
    return _models_of(tuple(pairs), models)


@cache
def _models_of(pairs: tuple[DatingPair, ...], models: tuple[str, ...]) -> dict[str, MeasuredModel]:
    hashes = {name: hash_pairs(part) for name, part in splits_of(list(pairs)).items()}
    found = {}
    labels = np.array([pair.label for pair in pairs])
    for seed, model in enumerate(("baseline", *models)):
        random = np.random.default_rng(seed)
        trained = None if model == "baseline" else training_of(model).result.manifest
        cosines = np.clip(random.normal(0.35, 0.15, len(pairs)) + SHIFTS[model] * labels, -1, 1)
        found[model] = measured(
            model,
            cosines,
            pairs,
            threshold=0.45,
            columns={
                "clean": np.arange(len(pairs)) % 4 == 0,
                "shares_text": np.arange(len(pairs)) % 4 > 1,
                "leak_level": "one_text",
                "swapped_cosine": cosines + random.normal(0, 0.1, len(pairs)),
                "nearest_train_row": np.arange(len(pairs)) % 20,
            },
            clusters=[random.integers(-1, 7, len(pairs)) for _ in range(2)],
            vectors=random.normal(size=(len(pairs), 2, 16)).astype(np.float32),
            general=np.clip(KNOWS_LANGUAGE + random.normal(0, 0.2, len(GENERAL)), -1, 1),
            manifest=origin(model, hashes, trained),
        )
    return found


def artifacts_of(pairs: list[DatingPair], *models: str) -> dict[str, Any]:
    """What measuring leaves of the baseline and the models, by artifact name."""
    return {
        f"{name}_{part}": getattr(found, part)
        for name, found in models_of(pairs, *models).items()
        for part in ("metrics", "scores", "projection")
    }


def evidence_of(pairs: list[DatingPair], *models: str) -> dict[str, Evidence]:
    return {
        name: Evidence(found.metrics, found.rows, first_projection(found.projection))
        for name, found in models_of(pairs, *models).items()
    }


def splits_of(pairs: list[DatingPair]) -> dict[str, list[DatingPair]]:
    return {"train": pairs[:20], "validation": pairs[20:30], "eval": pairs}


def quality_of(pairs: list[DatingPair], **other: list[DatingPair]) -> DataQualityScore:
    """Audit the pairs, or others in a split."""
    splits = {**splits_of(pairs), **other}
    return _quality_of(*(tuple(splits[name]) for name in ("train", "validation", "eval")))


@cache
def _quality_of(*splits: tuple[DatingPair, ...]) -> DataQualityScore:
    train, validation, evaluation = splits
    return audit_of(train, validation, evaluation, 1)


def comparison_of(pairs: list[DatingPair], *models: str) -> ComparisonResult:
    return _comparison_of(tuple(pairs), ("baseline", *models))


@cache
def _comparison_of(pairs: tuple[DatingPair, ...], models: tuple[str, ...]) -> ComparisonResult:
    measured_models = _models_of(pairs, MODELS[1:])
    baseline, *variants = (measured_models[name] for name in models)
    options = options_with(
        auc_roc="> 0.9", cohens_d=">= 99", cluster_purity="> 0.1", spearman_correlation=">= 0.86"
    )
    quality = quality_of(list(pairs))
    return compare(baseline, variants, splits_of(list(pairs))["train"], GENERAL, quality, options)


DRAWN_FROM_EVIDENCE = {
    "cosine_distributions_chart": nodes.draw_cosine_distributions,
    "umap_chart": nodes.draw_umap,
    "cluster_purity_chart": nodes.draw_cluster_purity,
    "roc_chart": nodes.draw_roc,
    "category_margin_chart": nodes.draw_category_margins,
    "cohens_d_chart": nodes.draw_cohens_d,
    "false_positives_chart": nodes.draw_false_positives,
    "baseline_category_margins_chart": nodes.draw_baseline_category_margins,
    "baseline_pair_type_margins_chart": nodes.draw_baseline_pair_type_margins,
}


def draw_all(evidence: dict[str, Evidence], runs: dict[str, TrainingRun]) -> dict[str, Drawing]:
    drawn = {name: draw(evidence) for name, draw in DRAWN_FROM_EVIDENCE.items()}
    return {**drawn, "training_curves_chart": nodes.draw_training_curves(runs)}


class Page(HTMLParser):
    """A parsed page: its elements, its tables by caption, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        data = data.replace("\N{NO-BREAK SPACE}", " ")  # intervals do not break
        self.text.append(data)
        if "caption" in self.open:
            self._caption = data
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


@pytest.fixture(scope="module")
def evidence() -> dict[str, Evidence]:
    return evidence_of(some_pairs(), "standard", "lora")


@pytest.fixture(scope="module")
def comparison() -> ComparisonResult:
    return comparison_of(some_pairs(), "standard", "lora")


@pytest.fixture(scope="module")
def html(evidence: dict[str, Evidence], comparison: ComparisonResult) -> str:
    runs = {model: training_of(model) for model in ("standard", "lora")}
    return nodes.build_report(
        quality_of(some_pairs()),
        evidence,
        runs,
        comparison,
        **draw_all(evidence, runs),
    )


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


class TestFullPage:
    def test_hostile_texts_stay_texts(self, page: Page) -> None:
        categories = {row[0] for row in page.tables["Cosines by category"]}
        assert set(HOSTILE) < categories
        assert page.says("m<b>ase")
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "b"}
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")]
        assert len(page.all("img")) == 10

    def test_nothing_is_fetched_from_elsewhere(self, html: str, page: Page) -> None:
        anchors = {attributes.get("id") for _, attributes in page.elements}
        for _, attributes in page.elements:
            source, target = attributes.get("src"), attributes.get("href")
            assert source is None or source.startswith("data:image/png;base64,")
            assert target is None or (target[0] == "#" and target[1:] in anchors)
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        assert "url(" not in style
        assert "@import" not in style

    def test_every_chart_has_a_title_an_alt_text_and_its_image(self, page: Page) -> None:
        alts = [image["alt"] or "" for image in page.all("img")]
        assert len(set(alts)) == 10
        assert min(map(len, alts)) > 40
        for image in page.all("img"):
            encoded = (image["src"] or "").partition(",")[2]
            assert imread(io.BytesIO(base64.b64decode(encoded))).shape[0] > 100

    def test_headline_table(self, page: Page, evidence: dict[str, Evidence]) -> None:
        before, after = evidence["baseline"].metrics, evidence["lora"].metrics
        for metric, name in HEADLINE_METRICS.items():
            shown = page.row(HEADLINE, name)
            assert shown[0] == with_span(getattr(before, metric), before.intervals[metric])
            assert shown[3] == with_span(getattr(after, metric), after.intervals[metric])
            assert shown[4] == signed(getattr(after, metric) - getattr(before, metric))
        assert page.tables[HEADLINE][0] == ["Metric", "baseline", "standard", "lora"]
        shown = page.row(HEADLINE, "False positives at the validated threshold (fewer is better)")
        assert shown[0] == str(before.decisions.false_positives)
        assert int(shown[4]) == after.decisions.false_positives - before.decisions.false_positives
        shown = page.row(HEADLINE, "False positives at matched recall (fewer is better)")
        assert shown[3] == str(after.matched_recall_decisions.false_positives)
        assert page.says(f"is at most {before.spearman_ceiling:.4f}.")

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
        self, page: Page, evidence: dict[str, Evidence]
    ) -> None:
        shown = page.row("Cosines by pair type", "dealbreaker")
        assert shown[:3] == ["20", "0", "20"]
        mean = evidence["baseline"].metrics.pair_type_metrics["dealbreaker"]
        assert shown[3:6] == ["n/a", f"{mean.incompatible_mean_cosine:.4f}", "n/a"]
        caption = "Incompatible pairs called compatible, by pair type"
        assert page.row(caption, f"match {HOSTILE[0]}") == ["0", "n/a", "n/a", "n/a"]
        assert page.row(caption, "dealbreaker")[1] == str(
            evidence["baseline"].metrics.false_positive_counts["dealbreaker"]
        )

    def test_thresholds_name_the_optimistic_one(
        self, page: Page, evidence: dict[str, Evidence]
    ) -> None:
        metrics = evidence["standard"].metrics
        caption = "Decisions on the eval pairs by threshold"
        validated = page.row(caption, "standard, validated")
        optimistic = page.row(caption, "standard, optimistic best on eval")
        assert validated[0] == f"{metrics.best_threshold:.4f}"
        assert optimistic[0] == f"{metrics.optimistic_decisions.threshold:.4f}"
        assert validated[2] == str(metrics.decisions.false_positives)

    def test_data_quality(self, page: Page) -> None:
        quality = quality_of(some_pairs())
        assert page.row("The dimensions, from 0 (bad) to 100 (good)", "Overall") == [
            f"{quality.overall:.1f}"
        ]
        assert len(page.tables["The dimensions, from 0 (bad) to 100 (good)"]) == 1 + 4 + 1
        leakage = "What train and validation pairs give away, gravest first; each pair counts once"
        assert page.row(leakage, "exact")[1] == "30"
        levels = quality.leakage["validation"].levels
        assert [row[1] for row in page.tables[leakage][1:]] == [str(n) for n in levels.values()]
        assert quality.warnings
        for warning in quality.warnings:
            assert page.says(warning)

    def test_training_and_origin(self, page: Page) -> None:
        assert page.row("Facts of each training run", "LoRA rank") == ["n/a", "8"]
        caption = "Origin of the artifacts"
        assert page.tables[caption][0][1:] == [
            "data quality",
            "baseline metrics",
            "standard model",
            "standard metrics",
            "lora model",
            "lora metrics",
        ]
        eval_hash = hash_pairs(some_pairs())
        shown = page.row(caption, "sha256 of the eval pairs")
        assert shown == [eval_hash, eval_hash, "n/a", eval_hash, "n/a", eval_hash]
        assert page.row(caption, "Git commit")[1:] == ["d" * 40] * 5

    def test_verdict_and_threats(self, page: Page, comparison: ComparisonResult) -> None:
        assert len(comparison.verdict) > 10
        assert comparison.beside_headline
        for sentence in (
            *comparison.verdict,
            *comparison.threats,
            *comparison.beside_headline,
        ):
            assert page.says(sentence)

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
        self, page: Page, evidence: dict[str, Evidence], caption: str, metric: str
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

    def test_losses(self, page: Page, evidence: dict[str, Evidence]) -> None:
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

    def test_calibration_and_clusters(self, page: Page, evidence: dict[str, Evidence]) -> None:
        metrics = evidence["standard"].metrics
        assert page.row("Calibrated on the validation pairs, judged on the eval pairs", "standard")[
            :3
        ] == [
            figure(metrics.calibration.brier_score),
            figure(metrics.calibration.expected_calibration_error),
            figure(metrics.average_precision),
        ]
        found = metrics.text_clusters
        first = found.draws[0]
        caption = "Purity beside chance, agreement and stability over seeds"
        assert page.row(caption, "standard, texts") == [
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

    def test_worst_errors(self, page: Page, comparison: ComparisonResult) -> None:
        errors = comparison.errors["baseline"]
        for kind, total, listed in (
            ("false positives", errors.n_false_positives, errors.false_positives),
            ("false negatives", errors.n_false_negatives, errors.false_negatives),
        ):
            assert listed
            caption = (
                f"baseline: {len(listed)} of {total} {kind}, farthest from the threshold "
                f"{errors.threshold:.2f} first"
            )
            assert [row[0] for row in page.tables[caption][1:]] == [str(p.row) for p in listed]
            for pair in listed:
                train = pair.nearest_train
                assert page.row(caption, str(pair.row)) == [
                    f"{pair.text_1} / {pair.text_2}",
                    pair.pair_type,
                    "one text",
                    f"{pair.cosine:.2f}",
                    f"{pair.baseline_cosine:.2f}, wrong",
                    f"{train.text_1} / {train.text_2} (label {train.label}, similarity 0.50)",
                ]

    def test_structure_for_screen_readers(self, page: Page) -> None:
        assert page.all("html")[0]["lang"] == "en"
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert {header.get("scope") for header in page.all("th")} == {"col", "colgroup", "row"}
        assert len(page.all("caption")) == len(page.all("table")) == len(page.tables)
        identifiers = [a["id"] for _, a in page.elements if "id" in a]
        assert len(set(identifiers)) == len(identifiers)
        for attributes in (attributes for _, attributes in page.elements):
            assert attributes.get("aria-labelledby") in {None, *identifiers}
        assert page.all("a")[0] == {"class": "skip", "href": "#main"}

    def test_tables_are_rectangular(self, page: Page) -> None:
        for caption, rows in page.tables.items():
            body = [len(row) for row in rows[2:]]
            header = len(rows[1]) + 1 if _has_groups(page, caption) else len(rows[0])
            assert set(body) <= {header}, caption


def _has_groups(page: Page, caption: str) -> bool:
    """Whether the table has two rows of headings, the second without the corner."""
    return len(page.tables[caption][1]) != len(page.tables[caption][0])


class TestPartialPages:
    def test_baseline_alone(self) -> None:
        pairs = some_pairs()
        evidence = evidence_of(pairs)
        page = Page(
            nodes.build_report(quality_of(pairs), evidence, {}, None, **draw_all(evidence, {}))
        )
        # In place of the verdict, the differences and the worst errors.
        assert " ".join(page.text).count(NO_VARIANT) == 3
        assert page.says(NO_TRAINING)
        # The audit's warnings stand among the threats, and where the audit is shown.
        for warning in quality_of(pairs).warnings:
            assert " ".join(page.text).count(warning) == 2
        assert len(page.row(HEADLINE, "AUC-ROC")) == 1
        assert len(page.all("img")) == 10

    @pytest.mark.parametrize("model", ["standard", "lora"])
    def test_one_variant(self, model: str) -> None:
        pairs = some_pairs()
        evidence = evidence_of(pairs, model)
        runs = {model: training_of(model)}
        comparison = comparison_of(pairs, model)
        page = Page(nodes.build_report(quality_of(pairs), evidence, runs, comparison))
        assert page.tables[HEADLINE][0] == ["Metric", "baseline", model]
        assert page.says(comparison.verdict[0])
        assert not page.says(NO_VARIANT)

    def test_every_sentence_of_a_comparison_is_escaped(self) -> None:
        pairs = some_pairs()
        metrics = [found.metrics for found in models_of(pairs, "lora").values()]
        comparison = comparison_of(pairs, "lora").model_copy(
            update={
                "verdict": [f"claim {HOSTILE[0]}"],
                "left_out": [f"standard is left out: {HOSTILE[1]}"],
                "threats": [f"threat {HOSTILE[0]}"],
                "beside_headline": [f"Warning: {HOSTILE[1]}"],
            }
        )
        quality = quality_of(pairs).model_copy(update={"warnings": [f"caution {HOSTILE[2]}"]})
        page = Page(render_report(quality, metrics[0], metrics[1:], [], comparison, charts={}))
        for sentence in (
            *comparison.verdict,
            *comparison.left_out,
            *comparison.threats,
            *comparison.beside_headline,
            *quality.warnings,
        ):
            assert page.says(sentence)
        assert not {tag for tag, _ in page.elements} & {"script", "img"}

    def test_control_characters_are_shown_and_not_obeyed(self) -> None:
        # An escape sequence, an override that turns the reading direction, and a NUL.
        hidden = "\x1b[31m \u202e <b> \x00"
        pairs = [
            pair.model_copy(
                update={"category": f"{pair.category} {hidden}", "text_1": hidden + str(row)}
            )
            for row, pair in enumerate(some_pairs())
        ]
        metrics = [found.metrics for found in models_of(pairs, "lora").values()]
        claims = {"verdict": [f"claim {hidden}"], "beside_headline": [f"Warning: {hidden}"]}
        comparison = comparison_of(pairs, "lora").model_copy(update=claims)
        html = render_report(quality_of(pairs), metrics[0], metrics[1:], [], comparison, charts={})
        assert not {each for each in html if unicodedata.category(each)[0] == "C"} - {"\n", "\t"}
        assert "<b>" not in html
        page = Page(html)
        shown = r"\x1b[31m \u202e <b> \x00"
        assert page.says(f"claim {shown}")
        assert f"values {shown}" in {row[0] for row in page.tables["Cosines by category"]}
        assert page.says(shown + "1")  # a text among the worst errors
        # Spaces that keep an interval on one line are no control characters.
        assert "\N{NO-BREAK SPACE}" in html

    @pytest.mark.parametrize(("initial", "best"), [(0.0234, 0.0234), (0.5, 0.023), (0.02, 0.0234)])
    def test_training_that_ranked_nothing_better_is_said(self, initial: float, best: float) -> None:
        pairs = some_pairs()
        (baseline,) = (found.metrics for found in evidence_of(pairs).values())
        result = training_of("standard").result.model_copy(
            update={"initial_spearman": initial, "best_spearman": best}
        )
        unknown = training_of("lora").result.model_copy(update={"initial_spearman": None})
        page = Page(
            render_report(quality_of(pairs), baseline, [], [result, unknown], None, charts={})
        )
        sentence = (
            "standard: no checkpoint ranked the validation pairs better than the base model did "
            f"({initial:.3f} before training, {best:.3f} at best)."
        )
        assert page.says(sentence) == (best <= initial)
        assert not page.says("lora: no checkpoint")

    def test_alt_texts_hold_the_figures(self) -> None:
        metrics = evidence_of(some_pairs())["baseline"].metrics
        captions = describe_charts(metrics, [], [])
        assert f"{metrics.auc_roc:.4f}" in captions["roc_chart"][1]
        assert captions["training_curves_chart"][1] == NO_TRAINING
        assert "2 pair types, 2 n/a" in captions["baseline_pair_type_margins_chart"][1]


def gather(
    pairs: list[DatingPair], compared: tuple[str, ...] = MODELS, /, **changes: Any
) -> dict[str, Evidence]:
    """Gather what was measured of all models, with a comparison of some, after changes."""
    artifacts = artifacts_of(pairs, *MODELS[1:])
    comparison = _comparison_of(tuple(pairs), compared)
    splits = {f"{name}_pairs": part for name, part in splits_of(pairs).items()}
    given = {**splits, "comparison": comparison, **artifacts, **changes}
    return nodes.gather_evidence(**given)


NOT_TRAINED: dict[str, Any] = {
    f"{model}_training_{artifact}": None for model in VARIANTS for artifact in ("info", "log")
}


class TestOrigins:
    def test_the_compared_models_are_gathered(self) -> None:
        pairs = some_pairs()
        evidence = gather(pairs)
        assert list(evidence) == ["baseline", "standard", "lora"]
        assert set(evidence["standard"].scores["split"]) == {"eval"}
        assert len(evidence["standard"].scores) == len(pairs)

    def test_a_variant_that_is_not_compared_is_left_out(self) -> None:
        pairs = some_pairs()
        other = artifacts_of(some_pairs(38), "lora")
        stale = {name: found for name, found in other.items() if name.startswith("lora")}
        assert list(gather(pairs, ("baseline", "standard"), **stale)) == ["baseline", "standard"]
        assert list(gather(pairs, comparison=None, **stale)) == ["baseline"]
        assert list(gather(pairs, ("baseline", "lora"), standard_metrics=None)) == [
            "baseline",
            "lora",
        ]

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_metrics_of_other_pairs_than_the_present_ones_are_refused(self, split: str) -> None:
        changed = {f"{split}_pairs": some_pairs(7)}
        with pytest.raises(
            StaleArtifactError, match=f"baseline_metrics was .* other {split} pairs"
        ):
            gather(some_pairs(), **changed)

    def test_metrics_of_other_eval_pairs_are_refused(self) -> None:
        with pytest.raises(StaleArtifactError, match="baseline_metrics was made from other eval"):
            gather(some_pairs(), eval_pairs=some_pairs(38))
        other = artifacts_of(some_pairs(38), "standard")
        del other["baseline_metrics"], other["baseline_scores"], other["baseline_projection"]
        with pytest.raises(StaleArtifactError, match="standard_metrics was made from other eval"):
            gather(some_pairs(), **other)

    @pytest.mark.parametrize("artifact", ["metrics", "scores", "projection"])
    def test_a_compared_model_without_all_its_artifacts_is_refused(self, artifact: str) -> None:
        with pytest.raises(StaleArtifactError, match="expected standard_metrics, standard_scores"):
            gather(some_pairs(), **{f"standard_{artifact}": None})

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("artifact", ["scores", "projection"])
    def test_frames_of_another_origin_are_refused(self, model: str, artifact: str) -> None:
        name = f"{model}_{artifact}"
        pairs = some_pairs()
        frame = artifacts_of(pairs, *MODELS[1:])[name]
        other = with_origin(frame, origin(model, {"eval": hash_pairs(pairs)}, seed=8))
        unknown = frame.copy()
        unknown.attrs = {}
        for changed in (other, unknown):
            with pytest.raises(StaleArtifactError, match=f"{name} has another origin"):
                gather(pairs, **{name: changed})

    def test_a_comparison_of_earlier_metrics_is_refused(self) -> None:
        pairs = some_pairs()
        later = comparison_of(pairs, "standard")
        changed = later.manifests["standard"].model_copy(update={"seed": 8})
        earlier = later.model_copy(update={"manifests": {**later.manifests, "standard": changed}})
        with pytest.raises(StaleArtifactError, match="comparison was made from baseline, standard"):
            gather(pairs, comparison=earlier)

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_an_audit_of_other_pairs_is_refused(
        self, split: str, evidence: dict[str, Evidence], comparison: ComparisonResult
    ) -> None:
        quality = quality_of(some_pairs(), **{split: some_pairs(38)})
        message = f"other {split} pairs than baseline_metrics.*--pipelines=data_quality"
        with pytest.raises(StaleArtifactError, match=message):
            nodes.build_report(quality, evidence, {}, comparison)

    def test_training_runs_of_what_is_shown(self, evidence: dict[str, Evidence]) -> None:
        runs = [training_of(model) for model in ("standard", "lora")]
        artifacts = {
            **NOT_TRAINED,
            **{f"{run.result.model_type}_training_info": run.result for run in runs},
            **{f"{run.result.model_type}_training_log": run.log for run in runs},
        }
        found = nodes.gather_training_runs(evidence, **artifacts)
        assert list(found) == ["standard", "lora"]
        assert found["lora"].log is runs[1].log
        baseline = {"baseline": evidence["baseline"]}
        assert nodes.gather_training_runs(baseline, **artifacts) == {}
        assert nodes.gather_training_runs(evidence, **NOT_TRAINED) == {}

    @pytest.mark.parametrize("lost", ["info", "log"])
    def test_half_of_a_training_run_is_refused(
        self, evidence: dict[str, Evidence], lost: str
    ) -> None:
        run = training_of("lora")
        whole = {"lora_training_info": run.result, "lora_training_log": run.log}
        artifacts: dict[str, Any] = {**NOT_TRAINED, **whole, f"lora_training_{lost}": None}
        with pytest.raises(StaleArtifactError, match="expected lora_training_info and lora_train"):
            nodes.gather_training_runs(evidence, **artifacts)

    def test_a_later_training_run_is_refused_only_if_its_model_is_shown(
        self, evidence: dict[str, Evidence]
    ) -> None:
        run = training_of("lora")
        changed = run.result.manifest.model_copy(update={"seed": 8})
        retrained = run.result.model_copy(update={"manifest": changed})
        artifacts = {
            **NOT_TRAINED,
            "lora_training_info": retrained,
            "lora_training_log": run.log,
        }
        with pytest.raises(StaleArtifactError, match="lora_metrics measured another model"):
            nodes.gather_training_runs(evidence, **artifacts)
        fewer = {name: evidence[name] for name in ("baseline", "standard")}
        assert nodes.gather_training_runs(fewer, **artifacts) == {}


def test_pipeline_makes_the_charts_and_the_page() -> None:
    pipeline = create_pipeline()
    assert pipeline.outputs() == {"comparison_report"}
    assert pipeline.all_outputs() - pipeline.outputs() - {"evidence", "training_runs"} == {
        *DRAWN_FROM_EVIDENCE,
        "training_curves_chart",
    }
    assert {node.name.split("_")[0] for node in pipeline.nodes} == {"draw", "build", "gather"}


def test_annotations_resolve_at_run_time_without_matplotlib() -> None:
    # Kedro reads them, and warns at every run about those that it cannot resolve.
    for node in create_pipeline().nodes:
        assert "return" in get_type_hints(node.func)
    code = (
        "import sys, tuneproof.pipelines.reporting; "
        "sys.exit(bool({'matplotlib', 'seaborn', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
