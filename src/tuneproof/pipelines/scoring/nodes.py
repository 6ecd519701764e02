"""Nodes of `scoring`."""

import logging
from collections.abc import Iterable

from tuneproof.encoding import EmbeddingModel, PairEmbeddings
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.pairs import DatingPair, PrepareOptions, RejectedRow
from tuneproof.scoring.new_pairs import PairFile, check_new_pairs
from tuneproof.scoring.records import ScoredPairs
from tuneproof.scoring.score import ScoredRows, Scorer, ScoringOptions

logger = logging.getLogger(__name__)


def score_new_pairs(
    new_pairs: PairFile,
    model: EmbeddingModel,
    metrics: BaselineMetrics | None,
    train_embeddings: PairEmbeddings | None,
    train_pairs: list[DatingPair] | None,
    prepare: PrepareOptions,
    options: ScoringOptions,
) -> tuple[ScoredPairs, Iterable[RejectedRow]]:
    """Check the whole file, then promise its scores: they are computed while they are saved.

    Returns:
        The scored pairs and the rows that are no pairs, both as streams.

    Raises:
        StaleArtifactError: The model is not measured, or what is known of it tells of another
            model or other train pairs.
        InvalidPairsError: What is wrong in the file, in one message.
    """
    scorer = Scorer.of_one_origin(model, metrics, train_embeddings, train_pairs)
    pairs = check_new_pairs(new_pairs, prepare)
    if pairs.rejected:
        logger.warning(
            "%d rows are set aside: rejected_new_pairs holds them and why", pairs.rejected
        )
    scored = ScoredPairs(ScoredRows(scorer, pairs, options), scorer.origin(pairs, options))
    return scored, pairs.rejected_rows()
