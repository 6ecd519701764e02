"""What a report tells of: all that was measured of a model, and how it was trained."""

from dataclasses import dataclass

import pandas as pd

from tuneproof.measurement.records import BaselineMetrics
from tuneproof.training.convergence import ConvergenceReport
from tuneproof.training.result import TrainingResult


@dataclass(frozen=True)
class ModelEvidence:
    """What was measured of one model.

    Attributes:
        metrics: All its metrics.
        scores: Cosine of each eval pair, with the columns of PAIR_SCORES.
        projection: Projected eval pairs of the first seed, with the columns of PROJECTION.
    """

    metrics: BaselineMetrics
    scores: pd.DataFrame
    projection: pd.DataFrame


@dataclass(frozen=True)
class TrainingRun:
    """What a training run left.

    Attributes:
        result: Its facts.
        log: One row for each step, with the columns of TRAINING_LOG.
        convergence: What to make of it.
    """

    result: TrainingResult
    log: pd.DataFrame
    convergence: ConvergenceReport
