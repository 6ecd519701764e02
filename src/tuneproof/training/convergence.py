"""Did training converge: trends, fit, gradients and layers, as pure functions of a run's logs.

Every rule compares a run with itself, so that it holds for each loss whatever its scale. The
constants below are rules of thumb with their reasons; `docs/convergence.md` says how to read them.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tuneproof.charts import Figure
from tuneproof.manifest import Manifest
from tuneproof.training.result import MAX_GRADIENT_NORM, TrainingResult
from tuneproof.variants import ModelType

Values = npt.NDArray[np.float64]
TrendKind = Literal["smooth", "plateau", "oscillating", "diverging"]
FitKind = Literal["underfitting", "overfitting", "balanced"]
GradientKind = Literal["steady", "vanishing", "exploding"]

MIN_STEPS: Final = 16
"""Fewest steps that show a trend: four segments of four."""
MIN_EVALUATIONS: Final = 5
"""Fewest evaluations that show a trend: three turns need five points."""

_SEGMENTS = 16
_SEGMENT_STEPS = 4
# In pure noise the range of 16 means exceeds 5.5 standard errors once in 100 (studentised range).
_NOISE_RANGE = 5.5
_LOSS_WORTH = 0.05  # a twentieth of the loss at the start: less is no progress one would train for
_SPEARMAN_WORTH = 0.01  # the difference that the project calls equal elsewhere
_SPEARMAN_SWING = 0.1  # of its range over the run: smaller dips are part of any climb
_TURNS = 3  # down, up and down again may be one bad stretch; a third turn is a pattern
_SWINGING = 0.5  # scatter around the smoothed loss, as a share of the loss at the start
_SLOWER_THAN_NOISE = 2.0  # white noise scatters as much as its neighbours differ; waves do more
_GIVEN_BACK = 0.5  # of what had been gained
# The highest of 16 noisy evaluations lies above 3 standard deviations once in 50 runs.
_NOISE_DEVIATIONS = 3.0
_FALLING_ERRORS = 2.0  # standard errors of a difference: the usual twentieth
_LEARNED_LITTLE = 0.2  # share of the loss at the start; healthy runs here lost 0.6 to 0.95 of it
_STRETCHES = 4
_WASTED = 0.5  # share of the run after the best step
_SPIKE = 5.0  # times the median of the steps around it; healthy runs here stay below 4
_SPIKE_WINDOW = 31
_SPIKES_SHARE = 0.01
_VANISHED = 0.01  # of the early norm; healthy runs here end between 0.1 and 2 times
_EXPLODED = 10.0
_CONVERGED = 0.1  # of the loss at the start: small gradients are then as it should be
_HARDLY_MOVED = 0.01  # of the median layer of its kind
_NO_GRADIENT = 1e-6  # of the largest of its kind: rounding
_NAMED = 3


class Trend(BaseModel):
    """How a curve ran.

    Attributes:
        kind: diverging: the end is worse than the whole first half was, worse than the start, or
            gives back over half of what was gained; else oscillating: three turns or more, or
            scatter that is no noise; else smooth: the end is better than the start; else plateau.
            Moves up to `smallest_move` do not count.
        start: First point of the smoothed curve.
        end: Its last point.
        best: Its best point.
        turns: Changes of direction.
        smallest_move: The smallest difference that counts, in units of the curve.
        flat_since_step: Step from which on no point is better by more than that.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    kind: TrendKind
    start: float
    end: float
    best: float
    turns: Annotated[int, Field(ge=0)]
    smallest_move: Annotated[float, Field(ge=0)]
    flat_since_step: int


class Fit(BaseModel):
    """Whether the run learned too little, too much, or enough.

    Attributes:
        kind: overfitting: after their best the validation figures get worse by more than noise
            while the training loss falls on; underfitting: the training loss hardly fell, or
            Spearman was still rising; balanced: neither. None where the run is too short, its
            loss diverges, or Spearman gets worse without the training loss falling on.
        reasons: What speaks for it, one sentence each.
        best_step: Step of the highest validation Spearman, of equals that of the lowest loss.
        best_epoch: The same in epochs.
        best_spearman: Validation Spearman there.
        share_after_best: Share of the steps that came after it, in [0, 1).
        spearman_noise: Standard deviation of validation Spearman from one evaluation to the next,
            its course taken away.
        spearman_lost: Best Spearman minus the mean of the last quarter of evaluations, as far as
            they come after it; 0 if it is the last.
        spearman_still_to_gain: What a further quarter of the run would add if its gain shrinks as
            the last one's did; None if the last evaluation is below the best.
        training_loss_fall: Share of the training loss at the start that was lost by the end.
        validation_loss_rise: The same of the validation loss and its lowest, over the lowest.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    kind: FitKind | None
    reasons: tuple[str, ...]
    best_step: int | None
    best_epoch: float | None
    best_spearman: float | None
    share_after_best: float | None
    spearman_noise: float | None
    spearman_lost: float | None
    spearman_still_to_gain: float | None
    training_loss_fall: float | None
    validation_loss_rise: float | None


class GradientNorms(BaseModel):
    """Norms of the whole gradient at each step, before clipping.

    Attributes:
        kind: vanishing: the late norm is below a hundredth of the early one, though a tenth of
            the loss or more is left; exploding: above ten times; steady: neither. None where
            there are too few steps or the early norm is 0.
        median: Median over all steps.
        maximum: Largest of all steps.
        early: Median of the first quarter of steps.
        late: Median of the last quarter.
        clipped_share: Share of steps whose norm is above `MAX_GRADIENT_NORM`.
        spikes: Steps whose norm is above five times the median of the 31 steps around them.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    kind: GradientKind | None
    median: float
    maximum: float
    early: float
    late: float
    clipped_share: float
    spikes: tuple[int, ...]


class LayerMovement(BaseModel):
    """What training did to one layer or LoRA matrix.

    Attributes:
        layer: Its name.
        relative_update: Norm of its change between evaluations over the norm of its weights,
            summed over the run; None where its weights are 0.
        gradient_norm: Median over the evaluations, before clipping.
        reached: Whether a gradient reaches it. None for a matrix lora_A as long as its lora_B is
            0: the product's gradient for A is then 0 too, which is no fault.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    layer: str
    relative_update: float | None
    gradient_norm: float
    reached: bool | None


class ConvergenceReport(BaseModel):
    """How one training run went.

    Attributes:
        model_type: Which variant it is, such as `standard`.
        steps: Optimiser steps of the run.
        evaluations: Evaluations with a defined Spearman.
        initial_spearman: Validation Spearman before the first step.
        loss: Trend of the smoothed training loss; None below `MIN_STEPS` steps.
        spearman: Trend of validation Spearman, the one before training included; None below
            `MIN_EVALUATIONS` evaluations.
        fit: Too little, too much or enough, with the best step.
        gradients: Norms of the whole gradient.
        layers: Each layer and LoRA matrix that trains, in the order of their names.
        most_moved: The three that moved most, against the median of their kind (lora_A, lora_B,
            other); empty where there are no more than three.
        least_moved: The three that moved least, likewise.
        hardly_moved: Those that moved a hundredth of that median or less.
        unreached: Those that no gradient reaches.
        recommendations: One sentence each; none where there is nothing to say.
        manifest: Origin of the model that the run left.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    model_type: ModelType
    steps: int
    evaluations: int
    initial_spearman: float | None
    loss: Trend | None
    spearman: Trend | None
    fit: Fit
    gradients: GradientNorms
    layers: tuple[LayerMovement, ...]
    most_moved: tuple[str, ...]
    least_moved: tuple[str, ...]
    hardly_moved: tuple[str, ...]
    unreached: tuple[str, ...]
    recommendations: tuple[str, ...]
    manifest: Manifest


def assess_convergence(
    log: pd.DataFrame, layers: pd.DataFrame, result: TrainingResult
) -> ConvergenceReport:
    """Judge a training run by its logs.

    Args:
        log: One row or more, with the columns of `TRAINING_LOG`.
        layers: The columns of `LAYER_LOG`; may be empty.
        result: Facts of the same run.

    Raises:
        ValueError: The log is empty, or a loss or gradient norm is not finite.
    """
    _require_finite(log)
    log = log.sort_values("step")
    evaluated = log.dropna(subset=["validation_spearman"])
    loss = training_loss_trend(log)
    spearman = validation_spearman_trend(evaluated, result.initial_spearman)
    fit = assess_fit(log, loss)
    gradients = assess_gradients(log, loss)
    movements = assess_layers(layers)
    standing = _standing(movements)
    ranked = [str(name) for name in standing.sort_values(ascending=False, kind="stable").index]
    unreached = tuple(each.layer for each in movements if each.reached is False)
    return ConvergenceReport(
        model_type=result.model_type,
        steps=len(log),
        evaluations=len(evaluated),
        initial_spearman=result.initial_spearman,
        loss=loss,
        spearman=spearman,
        fit=fit,
        gradients=gradients,
        layers=movements,
        most_moved=tuple(ranked[:_NAMED]) if len(ranked) > _NAMED else (),
        least_moved=tuple(ranked[: -_NAMED - 1 : -1]) if len(ranked) > _NAMED else (),
        hardly_moved=tuple(str(name) for name in standing.index[standing <= _HARDLY_MOVED]),
        unreached=unreached,
        recommendations=(
            *_advise_on_learning_rate(loss, spearman, fit, gradients),
            *_advise_on_spikes(gradients, len(log)),
            *_advise_on_length(fit, result),
            *_advise_on_base(fit, result.initial_spearman),
            *_advise_on_unreached(unreached),
        ),
        manifest=result.manifest,
    )


def training_loss_trend(log: pd.DataFrame) -> Trend | None:
    """Name the trend of the training loss, smoothed to the means of at most 16 segments.

    A move counts if it is more than a twentieth of the start and more than the noise of such
    means. A loss that swings inside the segments, by half its start or in waves that are no noise
    from step to step, oscillates too.

    Args:
        log: Columns step and loss, in the order of steps.

    Returns:
        None below `MIN_STEPS` steps.
    """
    values = log["loss"].to_numpy(dtype=np.float64)
    if len(values) < MIN_STEPS:
        return None
    segments = np.array_split(values, min(_SEGMENTS, len(values) // _SEGMENT_STEPS))
    means = np.array([segment.mean() for segment in segments])
    level = abs(means[0])
    noise = noise_deviation(values)
    standard_error = noise / np.sqrt(len(values) / len(segments))
    smallest = max(_LOSS_WORTH * level, _NOISE_RANGE * standard_error)
    scatter = _scatter(values, segments, means)
    waves = scatter > max(_SLOWER_THAN_NOISE * noise, _LOSS_WORTH * level)
    last_steps = [int(steps[-1]) for steps in np.array_split(log["step"], len(segments))]
    return _trend(means, last_steps, smallest, swings=waves or scatter > _SWINGING * level)


def validation_spearman_trend(evaluated: pd.DataFrame, initial: float | None) -> Trend | None:
    """Name the trend of validation Spearman.

    Every evaluation measures the same pairs, so what differs between two is the model, not the
    sample: a move counts from 0.01, or from a tenth of the range of the run.

    Args:
        evaluated: Columns step and validation_spearman, one row an evaluation.
        initial: Spearman before the first step.

    Returns:
        None below `MIN_EVALUATIONS` evaluations.
    """
    if len(evaluated) < MIN_EVALUATIONS:
        return None
    steps = [int(step) for step in evaluated["step"]]
    values = evaluated["validation_spearman"].to_numpy(dtype=np.float64)
    if initial is not None:
        steps, values = [0, *steps], np.concatenate([[initial], values])
    smallest = max(_SPEARMAN_WORTH, _SPEARMAN_SWING * float(np.ptp(values)))
    falling = _trend(-values, steps, smallest, swings=False)
    return falling.model_copy(
        update={name: -getattr(falling, name) for name in ("start", "end", "best")}
    )


def assess_fit(log: pd.DataFrame, loss: Trend | None) -> Fit:
    """Say whether the run learned too little, too much, or enough, and where it was best.

    Args:
        log: The columns of `TRAINING_LOG`, in the order of steps.
        loss: Trend of the training loss.
    """
    evaluated = log.dropna(subset=["validation_spearman", "validation_loss"])
    fall = None if loss is None or loss.start <= 0 else 1 - loss.end / loss.start
    if evaluated.empty:
        return _fit(None, ["no evaluation has a defined Spearman"], training_loss_fall=fall)
    spearman = evaluated["validation_spearman"].to_numpy(dtype=np.float64)
    validation_loss = evaluated["validation_loss"].to_numpy(dtype=np.float64)
    best = evaluated.iloc[_best(spearman, validation_loss)]
    figures = {
        "best_step": int(best["step"]),
        "best_epoch": float(best["epoch"]),
        "best_spearman": float(best["validation_spearman"]),
        "share_after_best": 1 - float(best["step"]) / float(log["step"].iloc[-1]),
        "training_loss_fall": fall,
    }
    if loss is None or len(evaluated) < MIN_EVALUATIONS:
        reason = (
            f"too short to judge: {len(log)} steps and {len(evaluated)} evaluations, at least "
            f"{MIN_STEPS} and {MIN_EVALUATIONS} are needed"
        )
        return _fit(None, [reason], **figures)
    lost = _lost_since_best(spearman)
    figures |= {
        "spearman_noise": noise_deviation(spearman),
        "spearman_lost": lost,
        "spearman_still_to_gain": spearman_still_to_gain(spearman),
        "validation_loss_rise": (
            _lost_since_best(-validation_loss) / float(validation_loss.min())
            if validation_loss.min() > 0
            else None
        ),
    }
    if loss.kind == "diverging":
        return _fit(None, ["the training loss diverges"], **figures)
    if reasons := [*_signs_of_overfitting(log, evaluated)]:
        return _fit("overfitting", reasons, **figures)
    if lost > _worth_of_spearman(spearman):
        reason = (
            f"validation Spearman lost {lost:.4f} after its best, though the training loss did not "
            "fall on"
        )
        return _fit(None, [reason], **figures)
    if reasons := [*_signs_of_underfitting(fall, figures["spearman_still_to_gain"])]:
        return _fit("underfitting", reasons, **figures)
    return _fit("balanced", [], **figures)


def assess_gradients(log: pd.DataFrame, loss: Trend | None) -> GradientNorms:
    """Describe the norms of the gradient before clipping.

    Args:
        log: Columns step and gradient_norm, in the order of steps.
        loss: Trend of the training loss: where hardly any loss is left, small gradients are right.
    """
    norms = log["gradient_norm"]
    quarter = max(1, len(norms) // 4)
    early, late = float(norms.iloc[:quarter].median()), float(norms.iloc[-quarter:].median())
    around = norms.rolling(_SPIKE_WINDOW, center=True, min_periods=1).median()
    kind: GradientKind | None = None
    if loss is not None and early > 0:
        converged = loss.end < _CONVERGED * loss.start
        kind = (
            "exploding"
            if late > _EXPLODED * early
            else "vanishing"
            if late < _VANISHED * early and not converged
            else "steady"
        )
    return GradientNorms(
        kind=kind,
        median=float(norms.median()),
        maximum=float(norms.max()),
        early=early,
        late=late,
        clipped_share=float((norms > MAX_GRADIENT_NORM).mean()),
        spikes=tuple(int(step) for step in log["step"][norms > _SPIKE * around]),
    )


def relative_updates(layers: pd.DataFrame) -> pd.DataFrame:
    """Return update_norm / weight_norm by layer (rows) and evaluation step (columns).

    NaN where a layer's weights are 0.
    """
    weights = layers["weight_norm"].where(layers["weight_norm"] > 0)
    return _by_layer(layers.assign(relative=layers["update_norm"] / weights), "relative")


def gradient_norms(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the gradient norm by layer (rows) and evaluation step (columns)."""
    return _by_layer(layers, "gradient_norm")


def assess_layers(layers: pd.DataFrame) -> tuple[LayerMovement, ...]:
    """Say of each layer and LoRA matrix how far it moved and whether a gradient reaches it.

    Args:
        layers: The columns of `LAYER_LOG`; may be empty.
    """
    if layers.empty:
        return ()
    moved = relative_updates(layers).sum(axis=1, min_count=1)
    gradients = gradient_norms(layers)
    weights = _by_layer(layers, "weight_norm")
    largest = gradients.max(axis=1).groupby(_kind_of).max()
    movements = []
    for layer, norms in gradients.iterrows():
        name = str(layer)
        judged = norms
        if _kind_of(name) == "lora_A":
            # At an evaluation its B is what the step left; the step's gradient saw the one before.
            opposite = weights.reindex([f"{name.removesuffix('lora_A')}lora_B"]).iloc[0]
            judged = norms[opposite.shift(fill_value=0.0) > 0]
        floor = _NO_GRADIENT * largest[_kind_of(name)]
        movements.append(
            LayerMovement(
                layer=name,
                relative_update=None if np.isnan(moved[name]) else float(moved[name]),
                gradient_norm=float(norms.median()),
                reached=None if judged.empty else bool((judged > floor).any()),
            )
        )
    return tuple(movements)


def noise_deviation(values: Values) -> float:
    """Standard deviation of the noise on a smooth curve, from its second differences.

    Gasser, Sroka and Jennen-Steinmetz (1986), with the median of the absolute differences in
    place of their mean square, so that a steep or exploding stretch does not pass for noise:
    median(|y[i-1] - 2 y[i] + y[i+1]|) / (0.6745 sqrt(6)).

    Args:
        values: Shape (n,), n at least 3, equally spaced.

    Returns:
        At least 0.
    """
    return float(np.median(np.abs(np.diff(values, 2))) / (0.6745 * np.sqrt(6)))


def spearman_still_to_gain(spearman: Values) -> float | None:
    """Estimate what a further quarter of the run would add to Spearman.

    The gain between the means of the last two quarters, shrunk once more as it shrank against the
    one before (at most unshrunk): d2 min(1, d2 / d1). The learning rate that falls towards the end
    makes the last gain small, so a longer schedule may give more.

    Args:
        spearman: Of each evaluation, in order.

    Returns:
        At least 0; None with fewer than 8 evaluations, or if the last one is below the best.
    """
    if len(spearman) < 2 * _STRETCHES or spearman[-1] < spearman.max():
        return None
    means = [float(stretch.mean()) for stretch in np.array_split(spearman, _STRETCHES)]
    before, last = means[-2] - means[-3], means[-1] - means[-2]
    return max(0.0, last) * (min(1.0, last / before) if before > 0 else 1.0)


def summarise_convergence(report: ConvergenceReport) -> str:
    """Write the report as plain text, one finding a line; undefined figures are 'n/a'."""
    lines = [
        f"{report.model_type} run: {report.steps} steps, {report.evaluations} evaluations",
        "",
        f"Training loss: {_describe_trend(report.loss)}",
        f"Validation Spearman: {_describe_trend(report.spearman)}",
        f"Fit: {report.fit.kind or 'n/a'}",
        *(f"  {reason}" for reason in report.fit.reasons),
        *_describe_fit(report.fit),
        "",
        *_describe_gradients(report.gradients),
        "",
        *_describe_layers(report),
        "",
        f"Recommendations: {len(report.recommendations) or 'none'}",
        *(f"  - {advice}" for advice in report.recommendations),
    ]
    return "\n".join(lines) + "\n"


def draw_convergence(log: pd.DataFrame, layers: pd.DataFrame, report: ConvergenceReport) -> Figure:
    """Draw the curves of the run and what it did to each layer."""
    from tuneproof.charts.training import Convergence, convergence_chart

    return convergence_chart(
        Convergence(
            model=report.model_type,
            log=log,
            initial_spearman=report.initial_spearman,
            best_step=report.fit.best_step,
            best_spearman=report.fit.best_spearman,
            clipped_above=MAX_GRADIENT_NORM,
            relative_updates=relative_updates(layers),
            gradient_norms=gradient_norms(layers),
        )
    )


def _require_finite(log: pd.DataFrame) -> None:
    if log.empty:
        raise ValueError("found a training log without rows, expected one for each step")
    for name in ("loss", "gradient_norm"):
        if not (finite := np.isfinite(log[name])).all():
            row = log[~finite].iloc[0]
            raise ValueError(
                f"step {int(row['step'])}: found {name} {row[name]}, expected a finite number"
            )


def _trend(points: Values, steps: Sequence[int], smallest: float, *, swings: bool) -> Trend:
    """Name the trend of points of which lower ones are better, each at its step."""
    start, end, best = (float(value) for value in (points[0], points[-1], points.min()))
    turns = _count_turns(points, smallest)
    kind: TrendKind
    if end - float(points[: len(points) // 2].max()) > smallest:
        kind = "diverging"
    elif swings or turns >= _TURNS:
        kind = "oscillating"
    elif end - start > smallest or end - best > max(smallest, _GIVEN_BACK * (start - best)):
        kind = "diverging"
    elif start - end > smallest:
        kind = "smooth"
    else:
        kind = "plateau"
    return Trend(
        kind=kind,
        start=start,
        end=end,
        best=best,
        turns=turns,
        smallest_move=smallest,
        flat_since_step=steps[int((points - best <= smallest).argmax())],
    )


def _count_turns(points: Values, smallest: float) -> int:
    """Count the changes of direction between moves that are larger than the smallest."""
    turns = direction = 0
    low = high = points[0]
    for point in points[1:]:
        low, high = min(low, point), max(high, point)
        fell, rose = high - point > smallest, point - low > smallest
        if (direction >= 0 and fell) or (direction <= 0 and rose):
            turns += direction != 0
            direction = -1 if direction >= 0 and fell else 1
            low = high = point
    return turns


def _scatter(values: Values, segments: Sequence[Values], means: Values) -> float:
    """Standard deviation around the line through the segments' means, by the median deviation."""
    ends = np.cumsum([len(segment) for segment in segments])
    centres = ends - np.array([len(segment) + 1 for segment in segments]) / 2
    line = np.interp(np.arange(len(values)), centres, means)
    return float(np.median(np.abs(values - line)) / 0.6745)


def _late(values: Values) -> float:
    return float(values[-max(1, len(values) // _STRETCHES) :].mean())


def _best(spearman: Values, losses: Values) -> int:
    """Return the position of the evaluation whose weights training keeps."""
    return max(range(len(spearman)), key=lambda row: (spearman[row], -losses[row]))


def _lost_since_best(values: Values) -> float:
    """Highest value minus the mean of the last quarter, as far as it comes after; 0 at the end."""
    best = int(values.argmax())
    after = values[max(best + 1, len(values) - max(1, len(values) // _STRETCHES)) :]
    return float(values[best] - after.mean()) if after.size else 0.0


def _fit(
    kind: FitKind | None,
    reasons: Sequence[str],
    **figures: float | None,
) -> Fit:
    undefined = dict.fromkeys(set(Fit.model_fields) - {"kind", "reasons"})
    return Fit.model_validate({"kind": kind, "reasons": reasons, **undefined, **figures})


def _signs_of_overfitting(log: pd.DataFrame, evaluated: pd.DataFrame) -> Iterator[str]:
    steps = evaluated["step"].to_numpy()
    spearman = evaluated["validation_spearman"].to_numpy(dtype=np.float64)
    losses = evaluated["validation_loss"].to_numpy(dtype=np.float64)
    worth = _worth_of_spearman(spearman)
    best, lowest = _best(spearman, losses), int(losses.argmin())
    lost = _lost_since_best(spearman)
    if lost > worth and _fell_on(log, int(steps[best])):
        yield (
            f"validation Spearman lost {lost:.4f} after step {steps[best]} while the training loss "
            "fell on"
        )
    risen = _lost_since_best(-losses)
    gained = _late(spearman) - spearman[lowest]
    if (
        risen > max(_LOSS_WORTH * losses[lowest], _NOISE_DEVIATIONS * noise_deviation(losses))
        and gained <= worth
        and _fell_on(log, int(steps[lowest]))
    ):
        yield (
            f"validation loss rose by {risen / losses[lowest]:.0%} after step {steps[lowest]} "
            "while the training loss fell on, and Spearman gained nothing beyond noise"
        )


def _worth_of_spearman(spearman: Values) -> float:
    return max(_SPEARMAN_WORTH, _NOISE_DEVIATIONS * noise_deviation(spearman))


def _fell_on(log: pd.DataFrame, step: int) -> bool:
    """Say whether the training loss is lower at the end than at a step, by more than noise."""
    values = log["loss"].to_numpy(dtype=np.float64)
    width = max(1, len(values) // _SEGMENTS)
    before = values[: max(width, int((log["step"] <= step).sum()))][-width:]
    standard_error = noise_deviation(values) * np.sqrt(2 / width)
    return bool(before.mean() - values[-width:].mean() > _FALLING_ERRORS * standard_error)


def _signs_of_underfitting(fall: float | None, still_to_gain: float | None) -> Iterator[str]:
    if fall is not None and fall < _LEARNED_LITTLE:
        yield f"the training loss fell by {fall:.0%} of its start only"
    if still_to_gain is not None and still_to_gain > _SPEARMAN_WORTH:
        yield (
            "validation Spearman was still rising: if its gain goes on to shrink as it did, a "
            f"further quarter of the run adds {still_to_gain:.2f}"
        )


def _kind_of(layer: str) -> str:
    """Layers are compared with their like: an adapter's B starts at 0, and its A does not."""
    last = layer.rpartition(".")[2]
    return last if last in ("lora_A", "lora_B") else "layer"


def _by_layer(layers: pd.DataFrame, values: str) -> pd.DataFrame:
    """Spread a column: layers in their natural order (layer.2 before layer.10) by step."""
    # pivot_table would average two rows that say different things; pivot refuses them.
    table = layers.pivot(index="layer", columns="step", values=values)  # noqa: PD010
    order = sorted(
        table.index,
        key=lambda name: [
            (part.isdigit(), part.zfill(9) if part.isdigit() else part)
            for part in str(name).split(".")
        ],
    )
    return table.loc[order]


def _standing(movements: Sequence[LayerMovement]) -> "pd.Series[float]":
    """Relative update of each layer as a multiple of the median of its kind; 0 if that is 0."""
    moved = pd.Series(
        {each.layer: each.relative_update for each in movements}, dtype="float64"
    ).dropna()
    return (moved / moved.groupby(_kind_of).transform("median")).fillna(0.0)


def _advise_on_learning_rate(
    loss: Trend | None, spearman: Trend | None, fit: Fit, gradients: GradientNorms
) -> Iterator[str]:
    if gradients.kind == "exploding":
        yield (
            "Lower learning_rate or raise warmup_steps: the gradient norm grew "
            f"{gradients.late / gradients.early:.0f} times over the run."
        )
    elif loss is not None and loss.kind == "diverging":
        yield (
            f"Lower learning_rate: the smoothed training loss ends at {loss.end:.4g}, after "
            f"{loss.best:.4g} at its best."
        )
    elif loss is not None and loss.kind == "oscillating":
        yield (
            "Lower learning_rate or raise batch_size: the training loss swings by more than its "
            "noise."
        )
    elif (
        loss is not None
        and spearman is not None
        and spearman.kind == "diverging"
        and fit.kind != "overfitting"
    ):
        yield (
            f"Lower learning_rate: validation Spearman ends at {spearman.end:.4f}, after "
            f"{spearman.best:.4f} at its best, and the training loss did not fall on."
        )
    elif gradients.kind == "vanishing":
        yield (
            "Raise learning_rate or choose another loss: the gradient norm fell to "
            f"{gradients.late / gradients.early:.1g} of its start while the loss did not."
        )
    elif (
        fit.kind == "underfitting"
        and fit.training_loss_fall is not None
        and fit.training_loss_fall < _LEARNED_LITTLE
    ):
        yield (
            "Raise learning_rate, unless the base model does the job already: the training loss "
            f"fell by {fit.training_loss_fall:.0%} only."
        )


def _advise_on_spikes(gradients: GradientNorms, steps: int) -> Iterator[str]:
    if len(gradients.spikes) > _SPIKES_SHARE * steps and gradients.kind is not None:
        yield (
            f"Raise batch_size or warmup_steps: {len(gradients.spikes)} of {steps} steps have a "
            f"gradient norm above {_SPIKE:g} times that of the steps around them."
        )


def _advise_on_length(fit: Fit, result: TrainingResult) -> Iterator[str]:
    if fit.kind == "overfitting":
        shorter = "Lower epochs" if result.patience is not None else "Set patience or lower epochs"
        capacity = "" if result.lora is None else ", or lower lora.rank or raise lora.dropout"
        yield f"{shorter}{capacity}: {fit.reasons[0]}."
    elif fit.spearman_still_to_gain is not None and fit.kind == "underfitting":
        if fit.spearman_still_to_gain > _SPEARMAN_WORTH:
            error = 1 / math.sqrt(max(result.n_validation_pairs - 1, 1))
            yield (
                "Try more epochs, with several seeds: Spearman was still rising at the end, by "
                f"{fit.spearman_still_to_gain:.2f} for a further quarter of the run if that goes "
                f"on; its standard error on {result.n_validation_pairs} validation pairs is "
                f"{error:.2f}."
            )
    elif (
        fit.kind == "balanced"
        and result.patience is None
        and fit.share_after_best is not None
        and fit.share_after_best > _WASTED
    ):
        yield (
            f"Set patience: {fit.share_after_best:.0%} of the run came after its best step and "
            "cost time only."
        )


def _advise_on_base(fit: Fit, initial: float | None) -> Iterator[str]:
    if fit.best_spearman is not None and initial is not None and fit.best_spearman <= initial:
        yield (
            "Keep the base model, or train it with other parameters: no evaluation "
            f"(best {fit.best_spearman:.4f}) beats Spearman before training ({initial:.4f})."
        )


def _advise_on_unreached(unreached: Sequence[str]) -> Iterator[str]:
    if unreached:
        adapted = all(_kind_of(name) != "layer" for name in unreached)
        where = "Take them out of lora.target_modules" if adapted else "Add them to frozen"
        yield f"{where}, or find out why no gradient reaches {_names(unreached)}."


def _names(layers: Sequence[str]) -> str:
    more = len(layers) - _NAMED
    return ", ".join(layers[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _show(value: float | None, form: str = ".4f") -> str:
    return "n/a" if value is None else format(value, form)


def _describe_trend(trend: Trend | None) -> str:
    if trend is None:
        return "n/a (too short to judge)"
    return (
        f"{trend.kind}, {trend.start:.4f} to {trend.end:.4f}, best {trend.best:.4f}, "
        f"{trend.turns} turns, nothing better by {trend.smallest_move:.4f} after step "
        f"{trend.flat_since_step}"
    )


def _describe_fit(fit: Fit) -> Iterator[str]:
    yield (
        f"  best validation Spearman: {_show(fit.best_spearman)} at step "
        f"{_show(fit.best_step, 'd')}, epoch {_show(fit.best_epoch, '.2f')}; share of the run "
        f"after it: {_show(fit.share_after_best, '.0%')}"
    )
    yield (
        f"  lost after the best: {_show(fit.spearman_lost)}, noise {_show(fit.spearman_noise)}, "
        f"still to gain: {_show(fit.spearman_still_to_gain)}"
    )
    yield (
        f"  training loss fell by {_show(fit.training_loss_fall, '.0%')}, validation loss rose "
        f"from its lowest by {_show(fit.validation_loss_rise, '.0%')}"
    )


def _describe_gradients(norms: GradientNorms) -> Iterator[str]:
    yield f"Gradient norms before clipping: {norms.kind or 'n/a'}"
    yield (
        f"  median {norms.median:.4g}, largest {norms.maximum:.4g}, first quarter "
        f"{norms.early:.4g}, last quarter {norms.late:.4g}"
    )
    yield (
        f"  clipped (above {MAX_GRADIENT_NORM:g}): {norms.clipped_share:.0%} of the steps; spikes: "
        f"{len(norms.spikes)}"
    )


def _describe_layers(report: ConvergenceReport) -> Iterator[str]:
    if not report.layers:
        yield "Layers: n/a (nothing logged)"
        return
    moved = {each.layer: each.relative_update for each in report.layers}
    yield f"Layers: {len(report.layers)}, change relative to their weights summed over the run"
    for title, names in (("most", report.most_moved), ("least", report.least_moved)):
        shown = ", ".join(f"{name} {_show(moved[name], '.3g')}" for name in names)
        yield f"  moved {title}: {shown or 'n/a'}"
    yield f"  hardly moved: {', '.join(report.hardly_moved) or 'none'}"
    yield f"  reached by no gradient: {', '.join(report.unreached) or 'none'}"
