"""Nodes of `training_lora`."""

import pandas as pd

from tuneproof.encoding import EmbeddingModel, PairEmbeddings, embed_pairs
from tuneproof.errors import AdapterError
from tuneproof.pairs import DatingPair
from tuneproof.training.adapters import check_adapter
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult


def train_lora(
    base_model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    options: TrainingOptions,
    run: RunOptions,
) -> tuple[EmbeddingModel, TrainingResult, pd.DataFrame, pd.DataFrame, PairEmbeddings]:
    """Train an adapter.

    Returns:
        The model with its best adapter, the facts of the run, its logs, and the embeddings of the
        validation pairs as the model gave them before it was saved.

    Raises:
        AdapterError: The parameters name no adapter.
    """
    if options.lora is None:
        raise AdapterError("training_lora.lora: found null, expected the adapter's parameters")
    trained = train(base_model, train_pairs, validation_pairs, options, run)
    vectors = embed_pairs(trained.model.transformer, validation_pairs, options.batch_size)
    expected = PairEmbeddings(vectors, trained.model.manifest)
    return *trained, expected


def verify_adapter(
    candidate: EmbeddingModel,
    result: TrainingResult,
    log: pd.DataFrame,
    layers: pd.DataFrame,
    expected: PairEmbeddings,
    validation_pairs: list[DatingPair],
) -> tuple[EmbeddingModel, TrainingResult, pd.DataFrame, pd.DataFrame]:
    """Check the adapter as it loads from disk, and let it pass only if it is what was trained.

    Raises:
        AdapterError: It differs from the trained model, equals the base model, or changes when it
            is merged.
    """
    check = check_adapter(
        candidate.transformer, expected.vectors, validation_pairs, result.batch_size
    )
    assert result.lora is not None
    lora = result.lora.model_copy(update={"check": check})
    return candidate, result.model_copy(update={"lora": lora}), log, layers
