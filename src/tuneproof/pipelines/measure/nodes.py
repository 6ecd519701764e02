"""Nodes of *measure*: the same for every model."""

from collections.abc import Sequence

import pandas as pd

from tuneproof.encoding import EmbeddingModel, PairEmbeddings, embed_pairs
from tuneproof.general_pairs import GeneralPair
from tuneproof.instructions import instruct, trained_instructions
from tuneproof.manifest import Environment, Manifest, describe_options, prepared_with
from tuneproof.measurement.frames import (
    RERUN,
    project_pairs,
    require_origin,
    score_pairs,
    sweep_thresholds,
    with_origin,
)
from tuneproof.measurement.measure import measure
from tuneproof.measurement.records import BaselineMetrics, MeasureOptions
from tuneproof.pairs import DatingPair, hash_pairs, swap_prefixes

_SIMILARITY = "near_duplicate_similarity"


def embed_all(
    model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    general_pairs: list[GeneralPair],
    pair_leakage: pd.DataFrame,
    options: MeasureOptions,
) -> tuple[PairEmbeddings, ...]:
    """Encode both texts of the train, validation and eval pairs, and what the probes need.

    A model that was trained with instructions reads them here too, before the pairs and before the
    pairs with swapped prefixes, which are held against them. General language has no category and
    gets no instruction. All hashes are those of the bare pairs.

    Returns:
        Embeddings of the three splits, of the eval pairs with swapped prefixes, and of the
        general-language pairs.

    Raises:
        StaleArtifactError: The model was trained on other train or validation pairs.
    """
    splits: dict[str, Sequence[DatingPair | GeneralPair]] = {
        "train": train_pairs,
        "validation": validation_pairs,
        "eval": eval_pairs,
        "general": general_pairs,
    }
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
        # The clean pairs depend on it.
        parameters={
            **describe_options(options),
            _SIMILARITY: prepared_with(pair_leakage)[_SIMILARITY],
        },
        seed=options.umap.random_state,
        environment=Environment.current(),
        model=model.manifest if model.manifest.pairs else None,
    )
    instructions = trained_instructions(model.manifest)
    read: list[Sequence[DatingPair | GeneralPair]] = [
        instruct(pairs, instructions)
        for pairs in (train_pairs, validation_pairs, eval_pairs, _swap(eval_pairs, options))
    ]
    return tuple(
        PairEmbeddings(embed_pairs(model.transformer, pairs, options.batch_size), manifest)
        for pairs in (*read, general_pairs)
    )


def score_splits(
    embeddings_train: PairEmbeddings,
    embeddings_validation: PairEmbeddings,
    embeddings_eval: PairEmbeddings,
    embeddings_swapped: PairEmbeddings,
    validation_pairs: list[DatingPair],
    eval_pairs: list[DatingPair],
    pair_leakage: pd.DataFrame,
    options: MeasureOptions,
) -> pd.DataFrame:
    """Say what the model makes of each validation and eval pair, with the columns of PAIR_SCORES.

    Raises:
        StaleArtifactError: The embeddings were made from other pairs.
    """
    manifest = embeddings_eval.manifest
    for embeddings in (embeddings_train, embeddings_validation, embeddings_eval):
        _require_pairs(embeddings.manifest, validation=validation_pairs, eval=eval_pairs)
    scores = score_pairs(
        {
            "train": embeddings_train,
            "validation": embeddings_validation,
            "eval": embeddings_eval,
        },
        embeddings_swapped,
        {"validation": validation_pairs, "eval": eval_pairs},
        _swap(eval_pairs, options),
        pair_leakage,
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
    embeddings_eval: PairEmbeddings,
    embeddings_general: PairEmbeddings,
    general_pairs: list[GeneralPair],
    scores: pd.DataFrame,
    projection: pd.DataFrame,
    options: MeasureOptions,
) -> BaselineMetrics:
    """Compute all metrics of one model.

    Raises:
        StaleArtifactError: The scores or the projection were made from other embeddings.
    """
    manifest = embeddings_eval.manifest
    require_origin(f"{manifest.model_name}_scores", scores, manifest)
    require_origin(f"{manifest.model_name}_projection", projection, manifest)
    _require_pairs(embeddings_general.manifest, general=general_pairs)
    return measure(
        manifest.model_name,
        scores,
        projection,
        embeddings_eval,
        (embeddings_general, general_pairs),
        options,
    )


def _swap(pairs: list[DatingPair], options: MeasureOptions) -> list[DatingPair]:
    return swap_prefixes(pairs, options.swap_prefixes) if options.swap_prefixes else pairs


def _require_pairs(manifest: Manifest, **splits: Sequence[DatingPair | GeneralPair]) -> None:
    hashes = {split: hash_pairs(pairs) for split, pairs in splits.items()}
    manifest.require_pairs(f"{manifest.model_name}_embeddings", RERUN, **hashes)
