"""Pairs per second of the training engine against sentence-transformers' trainer and its defaults.

    python benchmarks/training.py [PAIRS.jsonl] [--runs full lora] [--repetitions 5] [--epochs 1]

The reference is SentenceTransformerTrainer as it comes: fp32, batches of 16 drawn at random, one
forward pass for each column, CosineSimilarityLoss. Both train the same pairs at the same learning
rate in one process, by turns. The engine's time includes tokenising, evaluations and checkpoints.
"""

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
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
from tuneproof.training.adapters import LoraOptions, add_adapter
from tuneproof.training.engine import RunOptions, TrainingOptions, train

SHIPPED = Path(__file__).parents[1] / "data" / "01_raw" / "dating_pairs.jsonl"
LEARNING_RATE = {"full": 2e-5, "lora": 2e-4}
LORA = LoraOptions(rank=8, alpha=16, dropout=0.1, target_modules=("query", "value"))


def reference(
    base: EmbeddingModel, pairs: list[DatingPair], kind: str, epochs: int, seed: int
) -> float:
    """Train with the library's trainer and return the seconds."""
    set_seed(seed)
    if kind == "lora":
        add_adapter(base.transformer, LORA)
    columns = {
        "text_1": [pair.text_1 for pair in pairs],
        "text_2": [pair.text_2 for pair in pairs],
        "label": [float(pair.label) for pair in pairs],
    }
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=16,
            learning_rate=LEARNING_RATE[kind],
            seed=seed,
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
    kind: str,
    epochs: int,
    seed: int,
) -> tuple[float, float]:
    """Train with the engine and return the seconds, and the share that evaluations took."""
    options = TrainingOptions(
        epochs=epochs,
        batch_size=16,
        learning_rate=LEARNING_RATE[kind],
        warmup_steps=0,
        evaluations=4 * epochs,
        patience=None,
        loss="cosine_similarity",
        precision="auto",
        frozen=("pooler",),
        seed=seed,
        lora=LORA if kind == "lora" else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        result = train(base, pairs, validation, options, RunOptions(folder, epochs)).result
        seconds = time.perf_counter() - start
    return seconds, result.seconds_in_evaluation / seconds


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
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    pairs, _ = parse_pairs(RawLines(str(arguments.pairs), arguments.pairs.read_bytes()))
    train_pairs, validation = split_by_group(pairs, 0.15, 42)
    done = len(train_pairs) * arguments.epochs
    print(f"{platform.processor() or platform.machine()}, {done} pairs a run")
    for kind in arguments.runs:
        theirs, seconds, shares, scores = [], [], [], []
        for seed in range(arguments.repetitions):
            base = load_base_model("all-MiniLM-L6-v2", None, "auto")
            theirs.append(reference(base, train_pairs, kind, arguments.epochs, seed))
            reached = score(base, validation)
            base = load_base_model("all-MiniLM-L6-v2", None, "auto")
            took, share = ours(base, train_pairs, validation, kind, arguments.epochs, seed)
            seconds.append(took)
            shares.append(share)
            scores.append((reached, score(base, validation)))
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
