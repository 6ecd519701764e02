"""Nodes of *measure*: the same for every model."""

import pandas as pd

from tuneproof.encoding import EmbeddingModel, PairEmbeddings, embed_pairs
from tuneproof.manifest import Environment, Manifest, describe_options
from tuneproof.measurement import (
    RERUN,
    BaselineMetrics,
    MeasureOptions,
    measure,
    project_pairs,
    require_origin,
    score_pairs,
    sweep_thresholds,
    with_origin,
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
    """Return the cosine of each validation and eval pair, with the columns of PAIR_SCORES.

    Raises:
        StaleArtifactError: The embeddings were made from other pairs.
    """
    manifest = embeddings_eval.manifest
    _require_pairs(embeddings_validation.manifest, validation=validation_pairs)
    _require_pairs(manifest, eval=eval_pairs)
    scores = pd.concat(
        [
            score_pairs(embeddings_validation, validation_pairs, "validation"),
            score_pairs(embeddings_eval, eval_pairs, "eval"),
        ],
        ignore_index=True,
    )
    return with_origin(scores, manifest)


def sweep_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Evaluate every threshold on both splits, with the columns of THRESHOLD_SWEEP."""
    return sweep_thresholds(scores)


def project_eval(
    embeddings_eval: PairEmbeddings, eval_pairs: list[DatingPair], options: MeasureOptions
) -> pd.DataFrame:
    """Project and cluster the eval pairs, with the columns of PROJECTION.

    Raises:
        StaleArtifactError: The embeddings were made from other pairs.
    """
    _require_pairs(embeddings_eval.manifest, eval=eval_pairs)
    projection = project_pairs(embeddings_eval, [pair.label for pair in eval_pairs], options)
    return with_origin(projection, embeddings_eval.manifest)


def measure_model(
    embeddings_eval: PairEmbeddings, scores: pd.DataFrame, projection: pd.DataFrame
) -> BaselineMetrics:
    """Compute all metrics of one model.

    Raises:
        StaleArtifactError: The scores or the projection were made from other embeddings.
    """
    manifest = embeddings_eval.manifest
    require_origin(f"{manifest.model_name}_scores", scores, manifest)
    require_origin(f"{manifest.model_name}_projection", projection, manifest)
    return measure(manifest.model_name, scores, projection, manifest)


def _require_pairs(manifest: Manifest, **splits: list[DatingPair]) -> None:
    hashes = {split: hash_pairs(pairs) for split, pairs in splits.items()}
    manifest.require_pairs(f"{manifest.model_name}_embeddings", RERUN, **hashes)
