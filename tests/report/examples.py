"""Evidence of three models on pairs whose names and texts are hostile, to write pages of."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tests.audit.examples import PREPARE, audit_of
from tests.comparison.examples import GENERAL, KNOWS_LANGUAGE, measured, options_with
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.compare import compare
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import ComparisonResult
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement.frames import first_projection
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.report.evidence import ModelEvidence, TrainingRun
from tuneproof.training.convergence import assess_convergence
from tuneproof.training.result import LAYER_LOG, TRAINING_LOG, TrainingResult

HOSTILE = [
    "</script><script>alert(1)</script><img src=x onerror=alert(3)>",
    '"><img src=http://evil.test/x onerror=alert(2)>',
    "{{ 7*7 }}",
]
SHIFTS = {"baseline": 0.1, "standard": 0.35, "lora": 0.3, "instructed": 0.2}


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
        parameters={
            "note": HOSTILE[0],
            "near_duplicate_similarity": PREPARE.near_duplicate_similarity,
        },
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
    layers = pd.DataFrame({name: [] for name in LAYER_LOG})
    found = assess_convergence(log, layers, result)
    advised = found.model_copy(update={"recommendations": ("Raise epochs: more.",)})
    return TrainingRun(result, log, advised)


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


def evidence_of(pairs: list[DatingPair], *models: str) -> dict[str, ModelEvidence]:
    return {
        name: ModelEvidence(found.metrics, found.rows, first_projection(found.projection))
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
    measured_models = _models_of(pairs, models[1:])
    baseline, *variants = (measured_models[name] for name in models)
    options = options_with(
        auc_roc="> 0.9", cohens_d=">= 99", cluster_purity="> 0.1", spearman_correlation=">= 0.86"
    )
    quality = quality_of(list(pairs))
    return compare(baseline, variants, splits_of(list(pairs))["train"], GENERAL, quality, options)
