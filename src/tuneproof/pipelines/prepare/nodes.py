"""Nodes of `prepare`."""

import logging

import pandas as pd

from tuneproof.audit.leakage import trace_leakage
from tuneproof.general_pairs import GeneralPair, parse_general_pairs
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
    train_raw: RawLines, eval_raw: RawLines, options: PrepareOptions
) -> tuple[list[DatingPair], list[DatingPair], list[RejectedRow]]:
    """Parse both files; return the valid train pairs, the valid eval pairs and the rejected rows.

    Raises:
        InvalidPairsError: What is wrong in both files, in one message.
    """
    train, rejected_train = parse_pairs(train_raw, options.prefixes)
    evaluation, rejected_eval = parse_pairs(eval_raw, options.prefixes)
    require_valid(
        [(train_raw, train, rejected_train), (eval_raw, evaluation, rejected_eval)],
        options.on_invalid,
    )
    rejected = [*rejected_train, *rejected_eval]
    if rejected:
        logger.warning("%d rows are set aside: rejected_pairs holds them and why", len(rejected))
    return train, evaluation, rejected


def validate_general_pairs(raw: RawLines) -> list[GeneralPair]:
    """Parse the general-language pairs.

    Raises:
        InvalidPairsError: What is wrong with the file.
    """
    return parse_general_pairs(raw)


def split_validation(
    pairs: list[DatingPair], options: PrepareOptions
) -> tuple[list[DatingPair], list[DatingPair]]:
    """Split validation pairs off the train pairs; pairs that share a text stay together."""
    return split_by_group(pairs, options.validation_fraction, options.seed)


def trace_pairs(
    train: list[DatingPair],
    validation: list[DatingPair],
    evaluation: list[DatingPair],
    options: PrepareOptions,
) -> pd.DataFrame:
    """Trace each validation and eval pair to the pairs that give it away, if any."""
    return trace_leakage(train, validation, evaluation, options.near_duplicate_similarity)
