"""Evidence of a model whose figures are known."""

from functools import cache

from tests.comparison.examples import (
    N,
    audited,
    compared,
    measured,
    noisy,
    origin,
    some_pairs,
)
from tuneproof.manifest import Manifest
from tuneproof.release.evidence import Evidence, gather
from tuneproof.training.result import TrainingResult

PRESENT = dict.fromkeys(("train", "validation", "eval"), "b" * 64)


def trained(**changes: object) -> TrainingResult:
    """Tell of a LoRA run."""
    known = {
        "model_type": "lora",
        "loss": "cosine_similarity",
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "warmup_steps": 1,
        "total_steps": 10,
        "evaluation_steps": 1,
        "n_train_pairs": 100,
        "n_validation_pairs": 20,
        "training_time_seconds": 1.0,
        "initial_spearman": None,
        "final_spearman": 0.5,
        "best_spearman": 0.5,
        "best_step": 9,
        "spearman_history": [0.5],
        "trainable_parameters": 10,
        "total_parameters": 1_000,
        "manifest": model_origin(),
        "precision": "fp32",
        "patience": None,
        "stopped_early": False,
        "resumed_steps": [],
        "peak_memory_mb": 100.0,
        "seconds_in_evaluation": 0.5,
    }
    return TrainingResult.model_validate({**known, **changes})


def model_origin(**changes: object) -> Manifest:
    """Describe where the model comes from."""
    return origin(
        "lora",
        **{
            "pairs": {split: PRESENT[split] for split in ("train", "validation")},
            "parameters": {"epochs": 1},
            "seed": 7,
            **changes,
        },
    )


@cache
def evidence(category: str = "c") -> Evidence:
    """Measure a model that ranks well, on pairs of which half are of a category."""
    pairs = some_pairs(category=[("c", category)[row // 2 % 2] for row in range(N)])
    quality = audited(pairs, pairs)
    baseline = measured("baseline", noisy(0.0, 0), pairs=pairs)
    manifest = origin("lora").model_copy(update={"model": model_origin()})
    lora = measured("lora", noisy(0.4, 1), pairs=pairs, manifest=manifest)
    return gather(
        trained(),
        lora.metrics,
        baseline.metrics,
        compared(baseline, lora, quality=quality),
        quality,
        PRESENT,
    )
