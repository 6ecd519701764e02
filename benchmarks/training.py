"""Pairs per second of the training engine against sentence-transformers' trainer and its defaults.

    python benchmarks/training.py [PAIRS.jsonl] [--runs full lora] [--repetitions 5] [--epochs N]
        [--precision auto]

The engine trains with the parameters of conf/base, without early stopping. The reference is
SentenceTransformerTrainer as it comes: fp32, batches of 16 drawn at random, one forward pass for
each column, CosineSimilarityLoss, at the same learning rate and with the same adapter. Both train
the same pairs in one process, by turns. The engine's time includes tokenising, evaluations,
checkpoints and the measuring of the best one; the reference does nothing of that but tokenising.
The reference trains all weights, with the base model's dropout: that is how it comes.
Spearman is that of the last step of both: neither chooses a checkpoint. Limits to hold on the
published pairs: 2.2 times in full and 1.6 times with LoRA where the CPU has bf16 instructions, 1.2
times without (--precision fp32), validation Spearman within 0.01. Nothing else may run beside it:
a step of the engine is many short computations, whose threads wait for each other.
"""

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from kedro.config import OmegaConfigLoader
from pydantic import TypeAdapter
from sentence_transformers import (
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from transformers import set_seed
from transformers.utils import logging

from datasets import Dataset
from tuneproof.base_model import load_base_model
from tuneproof.encoding import EmbeddingModel, embed_pairs, pair_cosines
from tuneproof.metrics.ranking import spearman
from tuneproof.pairs import DatingPair, RawLines, parse_pairs, split_by_group
from tuneproof.training.adapters import add_adapter
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "data" / "01_raw" / "dating_pairs.jsonl"
NAMES = {"full": "training_standard", "lora": "training_lora"}


def default_options(kind: str, **changes: Any) -> TrainingOptions:
    """Return the parameters of conf/base but for some changes."""
    parameters = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")[
        "parameters"
    ][NAMES[kind]]
    return TypeAdapter(TrainingOptions).validate_python({**parameters, **changes})


def reference(base: EmbeddingModel, pairs: list[DatingPair], options: TrainingOptions) -> float:
    """Train with the library's trainer and return the seconds."""
    set_seed(options.seed)
    if options.lora is not None:
        add_adapter(base.transformer, options.lora)
    columns = {
        "text_1": [pair.text_1 for pair in pairs],
        "text_2": [pair.text_2 for pair in pairs],
        "label": [float(pair.label) for pair in pairs],
    }
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            seed=options.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=base.transformer,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=CosineSimilarityLoss(base.transformer),
        )
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start


def ours(
    base: EmbeddingModel,
    pairs: list[DatingPair],
    validation: list[DatingPair],
    options: TrainingOptions,
) -> tuple[float, TrainingResult]:
    """Train with the engine and return the seconds, and the facts of the run."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        result = train(base, pairs, validation, options, RunOptions(folder, options.epochs)).result
        seconds = time.perf_counter() - start
    return seconds, result


def score(base: EmbeddingModel, pairs: list[DatingPair]) -> float:
    """Return the validation Spearman."""
    cosines = pair_cosines(embed_pairs(base.transformer.eval(), pairs, 64))
    found = spearman(cosines, np.array([pair.label for pair in pairs]))
    assert found is not None
    return found


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description="Benchmark the training engine.")
    parser.add_argument("pairs", nargs="?", type=Path, default=SHIPPED)
    parser.add_argument("--runs", nargs="+", choices=["full", "lora"], default=["full", "lora"])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    pairs, _ = parse_pairs(RawLines(str(arguments.pairs), arguments.pairs.read_bytes()))
    train_pairs, validation = split_by_group(pairs, 0.15, 42)
    done = len(train_pairs) * arguments.epochs
    print(f"{platform.processor() or platform.machine()}, {done} pairs a run")
    for kind in arguments.runs:
        theirs, seconds, shares, scores = [], [], [], []
        for seed in range(arguments.repetitions):
            options = default_options(
                kind,
                epochs=arguments.epochs,
                evaluations=3 * arguments.epochs,
                patience=None,
                precision=arguments.precision,
                seed=seed,
            )
            base = load_base_model("all-MiniLM-L6-v2", None, "auto")
            theirs.append(reference(base, train_pairs, options))
            reached = score(base, validation)
            base = load_base_model("all-MiniLM-L6-v2", None, "auto")
            took, result = ours(base, train_pairs, validation, options)
            assert result.final_spearman is not None
            # Beside those of the run stand one before it and one of the best checkpoint.
            evaluations = len(result.spearman_history)
            share = result.seconds_in_evaluation * (1 + 2 / evaluations) / took
            seconds.append(took)
            shares.append(share)
            scores.append((reached, result.final_spearman))
            print(
                f"{kind} {seed}: {theirs[-1]:.1f} s against {took:.1f} s, ratio "
                f"{theirs[-1] / took:.2f}; Spearman {scores[-1][0]:.4f} and {scores[-1][1]:.4f}; "
                f"{share:.1%} in evaluations",
                flush=True,
            )
        ratios = [a / b for a, b in zip(theirs, seconds, strict=True)]
        print(
            f"{kind}: median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
            f"{max(ratios):.2f}), {done / statistics.median(theirs):.0f} against "
            f"{done / statistics.median(seconds):.0f} pairs a second, "
            f"{statistics.median(shares):.1%} in evaluations, mean Spearman "
            f"{statistics.mean(a for a, _ in scores):.4f} and "
            f"{statistics.mean(b for _, b in scores):.4f}"
        )


if __name__ == "__main__":
    main()
