"""What a measured model says of new pairs, chunk by chunk."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as options_dataclass

from tuneproof.encoding import (
    EmbeddingModel,
    PairEmbeddings,
    Precision,
    Vectors,
    embed_pairs,
    pair_cosines,
)
from tuneproof.errors import StaleArtifactError
from tuneproof.instructions import Instructions, instruct, trained_instructions
from tuneproof.manifest import Environment, Manifest, describe_options
from tuneproof.measurement.frames import RERUN
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.calibration import Platt, calibrated_probabilities
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.progress import progress_bar
from tuneproof.scoring.new_pairs import NewPair, NewPairs

_SIMILARITIES_AT_ONCE = 4_000_000

logger = logging.getLogger(__name__)


@options_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScoringOptions:
    """Parameters of `scoring`.

    Attributes:
        nearest: Train pairs that stand beside each scored pair; 0 leaves them out.
        chunk_size: Pairs that are in memory at once.
        batch_size: Texts a forward pass.
        precision: `fp32`, or `bf16`: faster on some devices, with cosines that are off by up to
            5e-3 (`tuneproof.encoding.embed_texts`).
    """

    nearest: Annotated[int, Field(ge=0)]
    chunk_size: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    precision: Precision


@dataclass(frozen=True)
class Scorer:
    """A measured model and all that turns its embeddings into what is said of a pair.

    Attributes:
        model: The model.
        metrics: Its metrics: they hold threshold and calibration.
        instructions: What it was trained to read before the texts; None: nothing.
        train_pairs: The m train pairs.
        train_vectors: Their embeddings in this model's space, of length 1: shape (m, 2, d).
    """

    model: EmbeddingModel
    metrics: BaselineMetrics
    instructions: Instructions | None
    train_pairs: Sequence[DatingPair]
    train_vectors: Vectors

    @classmethod
    def of_one_origin(
        cls,
        model: EmbeddingModel,
        metrics: BaselineMetrics | None,
        train_embeddings: PairEmbeddings | None,
        train_pairs: Sequence[DatingPair] | None,
    ) -> Self:
        """Hold together what an earlier run left of one model.

        Args:
            model: The model.
            metrics: Its metrics; None where it was not measured.
            train_embeddings: Its embeddings of the train pairs; None likewise.
            train_pairs: The train pairs; None where none were prepared.

        Raises:
            StaleArtifactError: Something is missing, or tells of another model, of other train
                pairs or of another measurement.
        """
        name = model.manifest.model_name
        remedy = "Run: kedro run --pipelines=baseline" if name == "baseline" else RERUN
        if metrics is None or train_embeddings is None or train_pairs is None:
            parts = {
                f"{name}_metrics": metrics,
                f"{name}_embeddings_train": train_embeddings,
                "train_pairs": train_pairs,
            }
            absent = [part for part, found in parts.items() if found is None]
            raise StaleArtifactError(
                f"found no {' and no '.join(absent)} beside the {name} model, expected what "
                f"measuring it leaves. {remedy}"
            )
        trained = model.manifest if model.manifest.pairs else None
        if (
            metrics.manifest.model != trained
            or metrics.manifest.base_model.sha256 != model.manifest.base_model.sha256
        ):
            raise StaleArtifactError(
                f"{name}_metrics measured another {name} model than the one to score with, "
                f"expected this one. {remedy}"
            )
        if train_embeddings.manifest != metrics.manifest:
            raise StaleArtifactError(
                f"{name}_embeddings_train and {name}_metrics come from different measurements, "
                f"expected both of one. {remedy}"
            )
        metrics.manifest.require_pairs(f"{name}_metrics", remedy, train=hash_pairs(train_pairs))
        return cls(
            model,
            metrics,
            trained_instructions(model.manifest),
            train_pairs,
            _unit(train_embeddings.vectors),
        )

    def origin(self, pairs: NewPairs, options: ScoringOptions) -> Manifest:
        """Say where the scores of a file come from.

        Args:
            pairs: The pairs of the file.
            options: The parameters.
        """
        known, platt = self.metrics.manifest, self._platt
        return Manifest(
            model_name=known.model_name,
            base_model=known.base_model,
            pairs={"new": pairs.sha256, "train": known.pairs["train"]},
            parameters={
                **describe_options(options),
                "file": pairs.file.path.name,
                "threshold": self.metrics.best_threshold,
                "slope": platt.slope,
                "intercept": platt.intercept,
            },
            environment=Environment.current(),
            model=known.model,
        )

    def score(self, pairs: Sequence[NewPair], options: ScoringOptions) -> Iterator[dict[str, Any]]:
        """Say of each pair what the model makes of it.

        Args:
            pairs: n pairs.
            options: The parameters.

        Yields:
            n rows as in `tuneproof.scoring.records.ScoredPairs`.
        """
        vectors = embed_pairs(
            self.model.transformer,
            instruct(pairs, self.instructions),
            options.batch_size,
            options.precision,
            progress=False,
        )
        cosines = pair_cosines(vectors)
        probabilities = calibrated_probabilities(cosines, self._platt)
        decisions = cosines >= self.metrics.best_threshold
        nearest, similarities = k_nearest_pairs(
            _unit(vectors), self.train_vectors, min(options.nearest, len(self.train_pairs))
        )
        for row, pair in enumerate(pairs):
            yield {
                **pair.row,
                "cosine": float(cosines[row]),
                "probability": float(probabilities[row]),
                "decision": int(decisions[row]),
                "nearest_train_pairs": [
                    self._train_pair(int(found), float(similarity))
                    for found, similarity in zip(nearest[row], similarities[row], strict=True)
                ],
            }

    @property
    def _platt(self) -> Platt:
        calibration = self.metrics.calibration
        return Platt(calibration.slope, calibration.intercept)

    def _train_pair(self, row: int, similarity: float) -> dict[str, Any]:
        pair = self.train_pairs[row]
        return {
            "row": row,
            "text_1": pair.text_1,
            "text_2": pair.text_2,
            "label": pair.label,
            "similarity": similarity,
        }


@dataclass(frozen=True)
class ScoredRows:
    """The rows of `ScoredPairs`: each iteration scores the pairs, a chunk at a time.

    Attributes:
        scorer: What scores them.
        pairs: The pairs.
        options: The parameters.
    """

    scorer: Scorer
    pairs: NewPairs
    options: ScoringOptions

    def __iter__(self) -> Iterator[dict[str, Any]]:
        scorer, n = self.scorer, self.pairs.n
        name = scorer.model.manifest.model_name
        ones = bare = 0
        with progress_bar(n, "pair", f"scoring with {name}") as progress:
            for chunk in _chunks(self.pairs, self.options.chunk_size):
                for row in scorer.score(chunk, self.options):
                    ones += row["decision"]
                    yield row
                if scorer.instructions is not None:
                    bare += sum(scorer.instructions.of(pair.category) is None for pair in chunk)
                progress.update(len(chunk))
        if bare:
            logger.warning(
                "%d of %d pairs read no instruction: %s was trained with none for their category",
                bare,
                n,
                name,
            )
        threshold = scorer.metrics.best_threshold
        logger.info(
            "%d pairs scored with %s, %d of them at or above its threshold, a cosine of %.3f",
            n,
            name,
            ones,
            threshold,
        )


def k_nearest_pairs(
    vectors: Vectors, references: Vectors, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find, for each pair, the reference pairs whose texts are most like its own.

    The similarity is that of `tuneproof.encoding.nearest_pairs`: the mean of the cosines of the
    texts, in the order of the texts that makes it larger.

    Args:
        vectors: Shape (n, 2, d), of length 1 along d.
        references: Shape (m, 2, d), likewise.
        k: At most m.

    Returns:
        Positions of the k nearest, the nearest first and of equals the first, and their
        similarities, in [-1, 1]: both of shape (n, k).
    """
    rows = np.zeros((len(vectors), k), dtype=np.int64)
    similarities = np.zeros((len(vectors), k), dtype=np.float64)
    if k == 0:
        return rows, similarities
    step = max(1, _SIMILARITIES_AT_ONCE // len(references))
    for start in range(0, len(vectors), step):
        part = vectors[start : start + step]
        found = np.maximum(
            part[:, 0] @ references[:, 0].T + part[:, 1] @ references[:, 1].T,
            part[:, 0] @ references[:, 1].T + part[:, 1] @ references[:, 0].T,
        )
        for row, values in enumerate(found, start):
            rows[row] = _largest(values, k)
            similarities[row] = values[rows[row]] / 2
    return rows, np.clip(similarities, -1.0, 1.0)


def _largest(values: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the k largest values, the largest first, of equals the first."""
    least = np.partition(values, len(values) - k)[len(values) - k]
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:k]


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)


def _chunks(pairs: Iterable[NewPair], size: int) -> Iterator[list[NewPair]]:
    stream = iter(pairs)
    while chunk := list(islice(stream, size)):
        yield chunk
