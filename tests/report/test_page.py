import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from tuneproof.audit.score import AuditOptions, DataQualityScore, audit
from tuneproof.comparison import ComparisonResult, EvaluationOptions, compare
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement import PAIR_SCORES, PROJECTION, measure, with_origin
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.pipelines.reporting import create_pipeline, nodes
from tuneproof.pipelines.reporting.nodes import Evidence, TrainingRun
from tuneproof.report.page import (
    NO_INTERVALS,
    NO_TRAINING,
    NO_VARIANT,
    Drawing,
    describe_charts,
    render_report,
)
from tuneproof.training.result import TRAINING_LOG, TrainingResult

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.test/x onerror=alert(2)>',
    "{{ 7*7 }}",
]
SHIFTS = {"baseline": 0.1, "standard": 0.35, "lora": 0.3}
VOID = {"meta", "img", "link", "br", "hr", "input"}


def some_pairs(n: int = 40, categories: list[str] | None = None) -> list[DatingPair]:
    names = categories or ["values", "lifestyle", *HOSTILE]
    return [
        DatingPair(
            text_1=f"boy: I like number {row}",
            text_2=f"girl: I collect {row}",
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


def scores_of(pairs: list[DatingPair], model: str, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    frames = []
    for split in ("validation", "eval"):
        labels = np.array([pair.label for pair in pairs])
        frame = pd.DataFrame([pair.model_dump() for pair in pairs])
        frame["split"], frame["row"] = split, np.arange(len(pairs))
        frame["cosine"] = np.clip(
            generator.normal(0.35, 0.15, len(pairs)) + SHIFTS[model] * labels, -1, 1
        )
        frames.append(frame[list(PAIR_SCORES)])
    return pd.concat(frames, ignore_index=True).astype(dict(PAIR_SCORES))


def projection_of(pairs: list[DatingPair], model: str, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    n = len(pairs)
    labels = np.tile([pair.label for pair in pairs], 3)
    cluster = generator.integers(-1, 7, 3 * n)
    offset = labels * SHIFTS[model] * 10
    return pd.DataFrame(
        {
            "points": ["text_1"] * n + ["text_2"] * n + ["pair"] * n,
            "row": np.tile(np.arange(n), 3),
            "x": generator.normal(size=3 * n) + offset + 2 * (cluster % 3),
            "y": generator.normal(size=3 * n) + cluster,
            "cluster": cluster,
            "label": labels,
        }
    ).astype(dict(PROJECTION))


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
            "lora": {"rank": 8, "alpha": 16, "dropout": 0.1, "target_modules": ["query"]}
            if model == "lora"
            else None,
            "manifest": origin(model, {}),
        }
    )
    return TrainingRun(result, log)


def artifacts_of(pairs: list[DatingPair], *models: str) -> dict[str, Any]:
    """What measuring leaves of the baseline and the models, by artifact name."""
    artifacts: dict[str, Any] = {}
    splits = splits_of(pairs)
    for seed, model in enumerate(("baseline", *models)):
        trained = None if model == "baseline" else training_of(model).result.manifest
        manifest = origin(model, {name: hash_pairs(part) for name, part in splits.items()}, trained)
        scores = with_origin(scores_of(pairs, model, seed), manifest)
        projection = with_origin(projection_of(pairs, model, seed), manifest)
        artifacts[f"{model}_metrics"] = measure(model, scores, projection, manifest)
        artifacts[f"{model}_scores"] = scores
        artifacts[f"{model}_projection"] = projection
    return artifacts


def evidence_of(pairs: list[DatingPair], *models: str) -> dict[str, Evidence]:
    artifacts = artifacts_of(pairs, *models)
    return {
        model: Evidence(
            artifacts[f"{model}_metrics"],
            artifacts[f"{model}_scores"].query("split == 'eval'"),
            artifacts[f"{model}_projection"],
        )
        for model in ("baseline", *models)
    }


def splits_of(pairs: list[DatingPair]) -> dict[str, list[DatingPair]]:
    return {"train": pairs[:20], "validation": pairs[20:30], "eval": pairs}


def quality_of(pairs: list[DatingPair], **other: list[DatingPair]) -> DataQualityScore:
    """Audit the pairs, or others in a split."""
    splits = {**splits_of(pairs), **other}
    options = AuditOptions(target_overall=50)
    return audit(splits["train"], splits["validation"], splits["eval"], 1, options)


def comparison_of(evidence: dict[str, Evidence]) -> ComparisonResult:
    baseline, *variants = (found.metrics for found in evidence.values())
    criteria = {"auc_roc": "> 0.9", "cohens_d": ">= 99", "cluster_purity": "> 0.1"}
    return compare(baseline, variants, EvaluationOptions(success_criteria=criteria))


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
def html(evidence: dict[str, Evidence]) -> str:
    runs = {model: training_of(model) for model in ("standard", "lora")}
    return nodes.build_report(
        quality_of(some_pairs()),
        evidence,
        runs,
        comparison_of(evidence),
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
        caption = "Headline metrics of all models, with their differences from the baseline"
        before, after = evidence["baseline"].metrics, evidence["lora"].metrics
        shown = page.row(caption, "AUC-ROC")
        assert shown[0] == f"{before.auc_roc:.4f}"
        assert shown[3:] == [f"{after.auc_roc:.4f}", f"{after.auc_roc - before.auc_roc:+.4f}"]
        assert page.tables[caption][0] == ["Metric", "baseline", "standard", "lora"]
        shown = page.row(caption, "False positives at the validated threshold (fewer is better)")
        assert shown[0] == str(before.decisions.false_positives)
        assert int(shown[4]) == after.decisions.false_positives - before.decisions.false_positives

    def test_criteria(self, page: Page, evidence: dict[str, Evidence]) -> None:
        shown = page.row("Success criteria by model", "AUC-ROC > 0.9")
        expected = [found.metrics.auc_roc > 0.9 for found in evidence.values()]
        assert shown == ["met" if met else "not met" for met in expected]
        assert page.row("Success criteria by model", "Cohen's d >= 99") == ["not met"] * 3

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
        leakage = "Leakage of the eval pairs into train and validation"
        assert page.row(leakage, "word for word in train") == ["30"]
        assert quality.warnings
        for warning in quality.warnings:
            assert page.says(warning)
        assert page.says("Caution: 30 of 40 eval pairs share a text")

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

    def test_says_what_it_does_not_know(self, page: Page, evidence: dict[str, Evidence]) -> None:
        assert page.says(NO_INTERVALS)
        for statement in comparison_of(evidence).statements:
            assert page.says(statement)

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
        assert page.says(NO_VARIANT)
        assert page.says(NO_TRAINING)
        caption = "Headline metrics of all models, with their differences from the baseline"
        assert len(page.row(caption, "AUC-ROC")) == 1
        assert len(page.all("img")) == 10

    @pytest.mark.parametrize("model", ["standard", "lora"])
    def test_one_variant(self, model: str) -> None:
        pairs = some_pairs()
        evidence = evidence_of(pairs, model)
        runs = {model: training_of(model)}
        page = Page(nodes.build_report(quality_of(pairs), evidence, runs, comparison_of(evidence)))
        caption = "Headline metrics of all models, with their differences from the baseline"
        assert page.tables[caption][0] == ["Metric", "baseline", model]
        assert page.says(comparison_of(evidence).statements[0])
        assert not page.says(NO_VARIANT)

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


MODELS = ("baseline", "standard", "lora")


def gather(
    pairs: list[DatingPair], compared: tuple[str, ...] = MODELS, /, **changes: Any
) -> dict[str, Evidence]:
    """Gather what was measured of all models, with a comparison of some, after changes."""
    artifacts = artifacts_of(pairs, *MODELS[1:])
    evidence = evidence_of(pairs, *MODELS[1:])
    comparison = comparison_of({model: evidence[model] for model in compared})
    splits = {f"{name}_pairs": part for name, part in splits_of(pairs).items()}
    given = {**splits, "comparison": comparison, **artifacts, **changes}
    return nodes.gather_evidence(**given)


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
        later = comparison_of(evidence_of(pairs, "standard"))
        changed = later.manifests["standard"].model_copy(update={"seed": 8})
        earlier = later.model_copy(update={"manifests": {**later.manifests, "standard": changed}})
        with pytest.raises(StaleArtifactError, match="comparison was made from baseline, standard"):
            gather(pairs, comparison=earlier)

    @pytest.mark.parametrize("split", ["train", "validation", "eval"])
    def test_an_audit_of_other_pairs_is_refused(
        self, split: str, evidence: dict[str, Evidence]
    ) -> None:
        quality = quality_of(some_pairs(), **{split: some_pairs(38)})
        message = f"other {split} pairs than baseline_metrics.*--pipelines=data_quality"
        with pytest.raises(StaleArtifactError, match=message):
            nodes.build_report(quality, evidence, {}, comparison_of(evidence))

    def test_training_runs_of_what_is_shown(self, evidence: dict[str, Evidence]) -> None:
        runs = [training_of(model) for model in ("standard", "lora")]
        artifacts: list[Any] = [part for run in runs for part in (run.result, run.log)]
        found = nodes.gather_training_runs(evidence, *artifacts)
        assert list(found) == ["standard", "lora"]
        assert found["lora"].log is runs[1].log
        baseline = {"baseline": evidence["baseline"]}
        assert nodes.gather_training_runs(baseline, *artifacts) == {}
        assert nodes.gather_training_runs(evidence, None, None, None, None) == {}

    def test_a_later_training_run_is_refused_only_if_its_model_is_shown(
        self, evidence: dict[str, Evidence]
    ) -> None:
        run = training_of("lora")
        changed = run.result.manifest.model_copy(update={"seed": 8})
        retrained = run.result.model_copy(update={"manifest": changed})
        with pytest.raises(StaleArtifactError, match="lora_metrics measured another model"):
            nodes.gather_training_runs(evidence, None, None, retrained, run.log)
        fewer = {name: evidence[name] for name in ("baseline", "standard")}
        assert nodes.gather_training_runs(fewer, None, None, retrained, run.log) == {}


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
