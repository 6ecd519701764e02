"""Nodes of *measure*: the same for every model."""

import pandas as pd

from tuneproof.encoding import EmbeddingModel, PairEmbeddings, embed_pairs
from tuneproof.manifest import Environment, Manifest, describe_options
from tuneproof.measurement import (
    BaselineMetrics,
    MeasureOptions,
    measure,
    project_pairs,
    score_pairs,
)
from tuneproof.pairs import DatingPair, hash_pairs


def embed_splits(
    model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    options: MeasureOptions,
) -> tuple[PairEmbeddings, PairEmbeddings, PairEmbeddings]:
    """Encode both texts of the train, validation and eval pairs.

    Raises:
        StaleArtifactError: The model was trained on other train or validation pairs.
    """
    splits = {"train": train_pairs, "validation": validation_pairs, "eval": eval_pairs}
    hashes = {split: hash_pairs(pairs) for split, pairs in splits.items()}
    if model.manifest.pairs:
        model.manifest.require_pairs(
            f"the {model.manifest.model_name} model",
            f"Train it anew: kedro run --pipelines=training_{model.manifest.model_name}",
            **{split: hashes[split] for split in ("train", "validation")},
        )
    manifest = Manifest(
        model_name=model.manifest.model_name,
        base_model=model.manifest.base_model,
        pairs=hashes,
        parameters=describe_options(options),
        seed=options.umap.random_state,
        environment=Environment.current(),
        model=model.manifest if model.manifest.pairs else None,
    )
    embedded = [
        PairEmbeddings(embed_pairs(model.transformer, pairs, options.batch_size), manifest)
        for pairs in splits.values()
    ]
    return embedded[0], embedded[1], embedded[2]


def score_splits(
    embeddings_validation: PairEmbeddings,
    embeddings_eval: PairEmbeddings,
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
) -> pd.DataFrame:
    """Return the cosine of each validation and eval pair, with the columns of PAIR_SCORES."""
    return pd.concat(
        [
            score_pairs(embeddings_validation, validation_pairs, "validation"),
            score_pairs(embeddings_eval, eval_pairs, "eval"),
        ],
        ignore_index=True,
    )


def project_eval(
    embeddings_eval: PairEmbeddings, eval_pairs: list[DatingPair], options: MeasureOptions
) -> pd.DataFrame:
    """Project and cluster the eval pairs, with the columns of PROJECTION."""
    return project_pairs(embeddings_eval, [pair.label for pair in eval_pairs], options)


def measure_model(
    embeddings_eval: PairEmbeddings, scores: pd.DataFrame, projection: pd.DataFrame
) -> BaselineMetrics:
    """Compute all metrics of one model."""
    manifest = embeddings_eval.manifest
    return measure(manifest.model_name, scores, projection, manifest)
