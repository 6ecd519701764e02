"""Nodes of `training_instructed`."""

import pandas as pd

from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import TrainingError
from tuneproof.instructions import Instructions
from tuneproof.pairs import DatingPair
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult


def train_instructed(
    base_model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    instructions: Instructions,
    options: TrainingOptions,
    run: RunOptions,
) -> tuple[EmbeddingModel, TrainingResult, pd.DataFrame, pd.DataFrame]:
    """Fine-tune all weights by the standard recipe, instructions before all texts.

    Returns:
        The best checkpoint, the facts of the run, and its logs.

    Raises:
        TrainingError: No train pair gets an instruction: it would be the standard run once more.
    """
    categories = sorted({pair.category for pair in train_pairs})
    if not any(map(instructions.of, categories)):
        raise TrainingError(
            "training_instructed: found no instruction for any category of the train pairs "
            f"({', '.join(map(ascii, categories))}), expected one in by_category, or a default"
        )
    return train(base_model, train_pairs, validation_pairs, options, run, instructions)
