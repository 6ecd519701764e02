"""Nodes of `sweep`."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from tuneproof.charts import Figure
from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import DivergedError
from tuneproof.metrics.ranking import spearman_ceiling
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.training.checkpoints import forget
from tuneproof.training.engine import RunOptions, TrainingOptions
from tuneproof.training.result import TrainingResult
from tuneproof.training.sweep import (
    Configuration,
    SweepOptions,
    SweepSummary,
    plan_configurations,
    require_modules,
    rows_along,
    summarise,
    tabulate,
    train_afresh,
)

Records = dict[str, Callable[[], TrainingResult | None]]

logger = logging.getLogger(__name__)


def plan_sweep(
    base_model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    sweep: SweepOptions,
    standard: TrainingOptions,
    lora: TrainingOptions,
) -> list[Configuration]:
    """List what is trained; everything that is wrong with it is an error here, not hours later."""
    plan = plan_configurations(
        sweep,
        standard if sweep.start == "standard" else lora,
        base_model.manifest.base_model.sha256,
        {"train": hash_pairs(train_pairs), "validation": hash_pairs(validation_pairs)},
    )
    require_modules(plan, base_model.transformer)
    return plan


def train_sweep(
    base_model: EmbeddingModel,
    train_pairs: list[DatingPair],
    validation_pairs: list[DatingPair],
    plan: list[Configuration],
    run: RunOptions,
    finished: Records,
) -> Iterator[dict[str, TrainingResult]]:
    """Train what no earlier run has finished; Kedro saves each result as it is yielded.

    A run that its parameters drive out of bounds (a learning rate so high that the loss is not
    finite) is no reason to give the others up: it leaves no result, and the next sweep tries it
    again. Whatever other parameters would not mend stops the sweep.

    Yields:
        The result of one run, by its hash.
    """
    runs = {key: options for c in plan for key, options in c.runs.items()}
    missing = {
        key: options
        for key, options in runs.items()
        if key not in finished or finished[key]() is None
    }
    logger.info("%d of %d runs are finished already", len(runs) - len(missing), len(runs))
    for number, (key, options) in enumerate(missing.items(), start=1):
        logger.info("run %d of %d: %s", number, len(missing), key)
        try:
            result = train_afresh(base_model, train_pairs, validation_pairs, options, run)
        except DivergedError as error:
            logger.warning("run %s failed and is left out: %s", key, error)
            continue
        yield {key: result}
        forget(Path(run.checkpoint_folder), result)  # it is saved by now


def tabulate_sweep(plan: list[Configuration], results: Records) -> pd.DataFrame:
    """Put the results of this plan into a table, means and deviations over seeds."""
    loaded = {key: results[key]() for c in plan for key in c.runs if key in results}
    return tabulate(plan, {key: result for key, result in loaded.items() if result is not None})


def summarise_sweep(
    table: pd.DataFrame, validation_pairs: list[DatingPair], sweep: SweepOptions
) -> SweepSummary:
    """Say what the sweep found."""
    summary = summarise(table, sweep, _ceiling(validation_pairs))
    for conclusion in summary.conclusions:
        logger.info("%s", conclusion)
    return summary


def draw_sweep(
    table: pd.DataFrame, validation_pairs: list[DatingPair], sweep: SweepOptions
) -> Figure:
    """Draw what each varied field does."""
    from tuneproof.charts.sweep import sweep_chart

    fields = {field: rows_along(table, sweep, field) for field in sweep.varied}
    return sweep_chart(fields, _ceiling(validation_pairs))


def _ceiling(pairs: list[DatingPair]) -> float | None:
    compatible = sum(pair.label for pair in pairs)
    return spearman_ceiling(compatible, len(pairs) - compatible)
