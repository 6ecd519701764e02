"""Nodes of `prepare`."""

import logging

import pandas as pd

from tuneproof.audit.leakage import trace_leakage
from tuneproof.general_pairs import GeneralPair, parse_general_pairs
from tuneproof.manifest import mark_prepared
from tuneproof.pairs import (
    DatingPair,
    PrepareOptions,
    RawLines,
    RejectedRow,
    parse_pairs,
    require_valid,
    split_by_group,
)

logger = logging.getLogger(__name__)


def validate_pairs(
    train_raw: RawLines, eval_raw: RawLines, general_raw: RawLines, options: PrepareOptions
) -> tuple[list[DatingPair], list[DatingPair], list[RejectedRow], list[GeneralPair]]:
    """Parse all files: one node, so that nothing is written if anything is wrong.

    Returns:
        The valid train pairs, the valid eval pairs, the rejected rows of both, and the
        general-language pairs.

    Raises:
        InvalidPairsError: What is wrong in both files, in one message; or in the third.
    """
    train, rejected_train = parse_pairs(train_raw, options.prefixes, options.columns)
    evaluation, rejected_eval = parse_pairs(eval_raw, options.prefixes, options.columns)
    require_valid(
        [(train_raw, train, rejected_train), (eval_raw, evaluation, rejected_eval)],
        options.on_invalid,
        options.columns,
    )
    rejected = [*rejected_train, *rejected_eval]
    if rejected:
        logger.warning("%d rows are set aside: rejected_pairs holds them and why", len(rejected))
    return train, evaluation, rejected, parse_general_pairs(general_raw)


def split_and_trace(
    pairs: list[DatingPair], eval_pairs: list[DatingPair], options: PrepareOptions
) -> tuple[list[DatingPair], list[DatingPair], pd.DataFrame]:
    """Split validation pairs off the train pairs, and trace what either gives away.

    Pairs that share a text stay on one side. It is one node, so that the audit needs no more than
    training does: its gates can stop a run before anything is trained.

    Returns:
        Train pairs, validation pairs, and a frame with the columns of LEAKAGE.
    """
    train, validation = split_by_group(pairs, options.validation_fraction, options.seed)
    leakage = trace_leakage(train, validation, eval_pairs, options.near_duplicate_similarity)
    return train, validation, mark_prepared(leakage, options)
