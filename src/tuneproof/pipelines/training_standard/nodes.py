"""Nodes of `training_standard`."""

import pandas as pd

from tuneproof.encoding import EmbeddingModel
from tuneproof.pairs import DatingPair
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult


def train_standard(
    base_model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    options: TrainingOptions,
    run: RunOptions,
) -> tuple[EmbeddingModel, TrainingResult, pd.DataFrame, pd.DataFrame]:
    """Fine-tune all weights; return the best checkpoint, the facts of the run, and its logs."""
    return train(base_model, train_pairs, validation_pairs, options, run)
