"""Sweeps: which configurations are trained, under which hashes, and what their figures say."""

import copy
import gc
import hashlib
import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, get_args

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import AdapterError, TrainingError
from tuneproof.manifest import Environment, describe_options
from tuneproof.pairs import DatingPair
from tuneproof.training.adapters import add_adapter
from tuneproof.training.checkpoints import software
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.layers import freeze, layer_names, weights_of
from tuneproof.training.result import TrainingResult

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SweptField = Literal[
    "learning_rate",
    "epochs",
    "batch_size",
    "loss",
    "warmup_steps",
    "dropout",
    "frozen",
    "seed",
    "lora.rank",
    "lora.alpha",
    "lora.target_modules",
]
"""Fields of TrainingOptions that a sweep may vary; a dot leads into the adapter's block."""

Values = Annotated[tuple[JsonValue, ...], Field(min_length=1)]

_FIELDS: Final[tuple[str, ...]] = get_args(SweptField)
_HASH_CHARACTERS: Final = 16

SWEEP_TABLE: Final[Mapping[str, str]] = {
    "configuration": "str",
    "start": "bool",
    "learning_rate": "float64",
    "epochs": "int64",
    "batch_size": "int64",
    "loss": "str",
    "warmup_steps": "float64",
    "dropout": "float64",
    "frozen": "str",
    "seed": "Int64",
    "lora.rank": "Int64",
    "lora.alpha": "float64",
    "lora.target_modules": "str",
    "n_seeds": "int64",
    "spearman_mean": "float64",
    "spearman_sd": "float64",
    "best_step": "float64",
    "seconds": "float64",
    "peak_memory_mb": "float64",
    "trainable_parameters": "Int64",
}
"""Columns of a sweep table: one row for each configuration, in the order of the plan.

configuration is its hash; start marks the starting point; the columns from learning_rate to
lora.target_modules are what it was trained with (the adapter's are missing without an adapter, seed
is missing where the row pools several, dropout where it is null; frozen is `none` where all layers
are trained). n_seeds counts its finished runs, and of those are: the
mean and the sample standard deviation of the best validation Spearman (NaN below 1 and 2 runs), the
means of the best step and of the seconds of training, the largest peak memory in MiB.
"""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SweepOptions:
    """Parameters of a sweep.

    Attributes:
        start: The run that is varied: the parameters of `training_standard` or `training_lora`.
        grid: Values of each field; every combination is trained.
        one_at_a_time: Values of each field; each is varied alone around the starting point, which
            is trained too. Exactly one of the two is given; a field with null is not varied.
        seeds: Every configuration is trained with each; None takes the starting point's seed.
        tolerance: Difference in Spearman that counts as none where the spread over seeds is
            smaller or unknown.
    """

    start: Literal["standard", "lora"]
    grid: dict[SweptField, Values | None] | None
    one_at_a_time: dict[SweptField, Values | None] | None
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] | None
    tolerance: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _require_one_design(self) -> Self:
        if (self.grid is None) == (self.one_at_a_time is None):
            found = "neither" if self.grid is None else "both"
            raise ValueError(
                f"found {found} of grid and one_at_a_time, expected one; null the other"
            )
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: found {list(self.seeds)}, expected each seed once")
        if self.seeds is not None and "seed" in self.varied:
            raise ValueError(
                "found seed among the varied fields beside seeds, expected one of both"
            )
        return self

    @property
    def varied(self) -> dict[str, tuple[JsonValue, ...]]:
        """The values of each varied field."""
        given = self.one_at_a_time if self.grid is None else self.grid
        return {field: values for field, values in (given or {}).items() if values is not None}


@plain_dataclass(frozen=True)
class Configuration:
    """One row of the table: what is trained, once for each seed.

    Attributes:
        hash: Of parameters, pairs and base model; the seed counts only where it is varied.
        start: Whether it is the starting point.
        options: Parameters, with the first seed.
        runs: Parameters of each run by the run's hash, in the order of the seeds.
        pooled: Whether the runs differ in their seed.
    """

    hash: str
    start: bool
    options: TrainingOptions
    runs: Mapping[str, TrainingOptions]
    pooled: bool


class FieldReturns(BaseModel):
    """What more of one numeric field brings.

    Attributes:
        field: Name of the field.
        tried: Its values, ascending.
        spearman: Mean validation Spearman of each value: with all else as in the starting point,
            or, in a grid, of the best configuration with that value.
        enough: The smallest value beyond which no larger one brings more than the margin; None
            where the largest value still does.
        gain_beyond: The most that a larger value brings over `enough`; may be negative.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    field: str
    tried: list[float]
    spearman: list[float]
    enough: float | None
    gain_beyond: float | None


class SweptConfiguration(BaseModel):
    """A row of the table, for the summary.

    Attributes:
        configuration: Its hash.
        settings: Value of each varied field.
        n_seeds: Number of runs.
        spearman_mean: Mean of their best validation Spearman.
        spearman_sd: Its sample standard deviation; None with one run.
        seconds: Mean seconds of training.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    configuration: str
    settings: dict[str, JsonValue]
    n_seeds: int
    spearman_mean: float
    spearman_sd: float | None
    seconds: float


class SweepSummary(BaseModel):
    """What a sweep says.

    Attributes:
        n_configurations: Number of configurations.
        n_without_result: How many of them finished no run.
        ceiling: Validation Spearman of a perfect ranking without ties; None if a label is missing.
        best: Highest mean validation Spearman; of equals the fastest.
        next_best: The second; None with one configuration.
        difference: Of their means.
        spread: The larger of their standard deviations; None where one of them is unknown.
        beats_next: Whether the difference exceeds the spread; None where it is unknown.
        margin: Differences up to here count as none: the best's standard deviation, at least the
            tolerance.
        cheapest: The fastest to train of those within the margin of the best.
        returns: What more of each varied numeric field brings.
        conclusions: All this in sentences.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    n_configurations: int
    n_without_result: int
    ceiling: float | None
    best: SweptConfiguration
    next_best: SweptConfiguration | None
    difference: float | None
    spread: float | None
    beats_next: bool | None
    margin: float
    cheapest: SweptConfiguration
    returns: list[FieldReturns]
    conclusions: list[str]


def expand(sweep: SweepOptions, start: TrainingOptions) -> list[TrainingOptions]:
    """List the configurations of a sweep, each once, with the starting point's seed.

    Args:
        sweep: What is varied.
        start: The starting point.

    Returns:
        For a grid the cartesian product, the last field varying fastest; one at a time the
        starting point, then each field's values in their order.

    Raises:
        TrainingError: A field of the adapter where there is none, a value out of range, or a value
            that stands twice.
    """
    changes: list[dict[str, JsonValue]]
    for field, values in sweep.varied.items():
        alone = [_changed(start, {field: value}) for value in values]
        if len(set(alone)) < len(alone):
            raise TrainingError(f"sweep, {field}: found {list(values)}, expected each value once")
    if sweep.grid is not None:
        changes = [
            dict(zip(sweep.varied, values, strict=True))
            for values in product(*sweep.varied.values())
        ]
    else:
        single = ({field: value} for field, values in sweep.varied.items() for value in values)
        changes = [{}, *single]
    return list(dict.fromkeys(_changed(start, change) for change in changes))


def plan_configurations(
    sweep: SweepOptions, start: TrainingOptions, base_sha256: str, pairs: Mapping[str, str]
) -> list[Configuration]:
    """Give each configuration its seeds, and each run its hash.

    Args:
        sweep: What is varied.
        start: The starting point.
        base_sha256: Hash of the base model's weights.
        pairs: Hash of the train and validation pairs, by split.

    Returns:
        The configurations in the order of `expand`.

    Raises:
        TrainingError: See `expand`.
    """
    pooled = sweep.seeds is not None
    planned = []
    for options in expand(sweep, start):
        seeds = sweep.seeds or (options.seed,)
        runs = [replace(options, seed=seed) for seed in seeds]
        parameters = describe_options(options)
        if pooled:
            del parameters["seed"]
        planned.append(
            Configuration(
                hash=_hash(parameters, base_sha256, pairs),
                start=options == start,
                options=runs[0],
                runs={_hash(describe_options(run), base_sha256, pairs): run for run in runs},
                pooled=pooled,
            )
        )
    return planned


def require_modules(plan: Sequence[Configuration], transformer: "SentenceTransformer") -> None:
    """Check before anything is trained that the model has the layers that are named.

    What is frozen is tried on copies of the model, as training would freeze it. There a name that
    the model lacks is a warning, and so it is here if all configurations share it; one that tells
    them apart would be compared with others as if it did something.

    Raises:
        AdapterError: A name of the adapter's is no layer's name, nor the end of one after a dot.
        TrainingError: A frozen layer that not all share is none of the model's, or no weight is
            left to train.
    """
    layers = {name for name, _ in transformer.named_modules()}
    adapters = [c.options.lora for c in plan if c.options.lora is not None]
    for target in dict.fromkeys(chain.from_iterable(lora.target_modules for lora in adapters)):
        if not any(layer == target or layer.endswith(f".{target}") for layer in layers):
            raise AdapterError(
                f"sweep, lora.target_modules: found {target!r}, expected names of layers of the "
                f"base model: {', '.join(layer_names(transformer))}"
            )
    shared = set[str].intersection(*(set(c.options.frozen) for c in plan))
    for lora, frozen in dict.fromkeys((c.options.lora, c.options.frozen) for c in plan):
        trial = _copied(transformer)
        if lora is not None:
            add_adapter(trial, lora)
        for layer in frozen:
            if layer not in shared and not weights_of(trial, layer):
                raise TrainingError(
                    f"sweep, frozen: found {layer!r}, expected whole parts between dots of the "
                    f"names of layers of the model: {', '.join(layer_names(trial))}"
                )
        freeze(trial, frozen)


def train_afresh(
    base: EmbeddingModel,
    train_pairs: Sequence[DatingPair],
    validation_pairs: Sequence[DatingPair],
    options: TrainingOptions,
    run: RunOptions,
) -> TrainingResult:
    """Train a copy of a base model, and let go of it: only the facts of the run are kept.

    Training changes weights in place and leaves an adapter attached, so the next configuration
    would start from this one's end. A copy costs milliseconds and one model's memory.
    """
    fresh = EmbeddingModel(_copied(base.transformer), base.manifest)
    with suppress(OSError):
        # Linux: the peak starts again from here, or no run could need less than the one before.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return train(fresh, train_pairs, validation_pairs, options, run).result


def tabulate(plan: Sequence[Configuration], results: Mapping[str, TrainingResult]) -> pd.DataFrame:
    """Return the frame with the columns of `SWEEP_TABLE`.

    Args:
        plan: The configurations, in the order of the rows.
        results: Finished runs by hash; those of other sweeps are passed over.
    """
    rows = []
    for configuration in plan:
        finished = [results[key] for key in configuration.runs if key in results]
        scores = [result.best_spearman for result in finished]
        rows.append(
            {
                "configuration": configuration.hash,
                "start": configuration.start,
                **settings(configuration),
                "n_seeds": len(finished),
                "spearman_mean": _mean(scores),
                "spearman_sd": statistics.stdev(scores) if len(scores) > 1 else None,
                "best_step": _mean([result.best_step for result in finished]),
                "seconds": _mean([result.training_time_seconds for result in finished]),
                "peak_memory_mb": max((r.peak_memory_mb for r in finished), default=None),
                "trainable_parameters": max(
                    (r.trainable_parameters for r in finished), default=None
                ),
            }
        )
    return pd.DataFrame(rows, columns=list(SWEEP_TABLE)).astype(dict(SWEEP_TABLE))


def settings(configuration: Configuration) -> dict[str, JsonValue]:
    """Return the value of every field that a sweep may vary; None where it does not apply."""
    parameters: dict[str, Any] = describe_options(configuration.options)
    lora = parameters["lora"] or {}
    flat = {field: parameters.get(field) for field in _FIELDS if "." not in field}
    flat |= {f"lora.{name}": lora.get(name) for name in ("rank", "alpha", "target_modules")}
    lists = {name: value for name, value in flat.items() if isinstance(value, list)}
    flat |= {name: ", ".join(value) or "none" for name, value in lists.items()}
    return flat | ({"seed": None} if configuration.pooled else {})


def rows_along(table: pd.DataFrame, sweep: SweepOptions, field: str) -> pd.DataFrame:
    """Return the rows that show what a field does, in ascending or listed order of its values.

    Args:
        table: Frame with the columns of `SWEEP_TABLE`.
        sweep: How it came about.
        field: A varied field.

    Returns:
        The rows with a result, one without a value last: one at a time, those that differ from the
        starting point in this field alone; in a grid all of them. Added column `best_of_value`:
        whether no other row with the same value has a higher mean.
    """
    rows = table[table["n_seeds"] > 0]
    if sweep.grid is None:
        # As text, since what does not apply is missing, and missing does not equal missing.
        others = table[[name for name in _FIELDS if name != field]].astype(str).fillna("")
        same = (others == others[table["start"]].iloc[0]).all(axis=1)
        rows = rows[same[rows.index]]
    if pd.api.types.is_numeric_dtype(rows[field]):
        rows = rows.sort_values(field, kind="stable")
    best = _ranked(rows).drop_duplicates(field).index
    return rows.assign(best_of_value=rows.index.isin(best))


def summarise(table: pd.DataFrame, sweep: SweepOptions, ceiling: float | None) -> SweepSummary:
    """Name the best configuration, the cheapest that does as well, and where more stops paying.

    Args:
        table: Frame with the columns of `SWEEP_TABLE`.
        sweep: How it came about.
        ceiling: Spearman of a perfect ranking of the validation pairs.

    Raises:
        TrainingError: No configuration has a result.
    """
    finished = _ranked(table[table["n_seeds"] > 0])
    if finished.empty:
        raise TrainingError(
            f"sweep: found no finished run of {len(table)} configurations, expected one at least; "
            "the warnings above say why each failed"
        )
    first, *rest = (_describe_row(row, sweep) for row in finished.to_dict(orient="records"))
    second = rest[0] if rest else None
    deviations = [first.spearman_sd, second.spearman_sd] if second else []
    known = [deviation for deviation in deviations if deviation is not None]
    spread = max(known) if len(known) == 2 else None
    difference = None if second is None else first.spearman_mean - second.spearman_mean
    margin = max(first.spearman_sd or 0.0, sweep.tolerance)
    within = [c for c in (first, *rest) if c.spearman_mean >= first.spearman_mean - margin]
    summary = SweepSummary(
        n_configurations=len(table),
        n_without_result=len(table) - len(finished),
        ceiling=ceiling,
        best=first,
        next_best=second,
        difference=difference,
        spread=spread,
        beats_next=None if spread is None or difference is None else difference > spread,
        margin=margin,
        cheapest=min(within, key=lambda c: (c.seconds, c.configuration)),
        returns=_all_returns(table, sweep, margin),
        conclusions=[],
    )
    return summary.model_copy(update={"conclusions": _conclusions(summary)})


def diminishing_returns(
    field: str, values: Sequence[float], spearman: Sequence[float], margin: float
) -> FieldReturns:
    """Find the value of a field from which on more of it brings less than a margin.

    Args:
        field: Name of the field.
        values: Its values, ascending, at least two.
        spearman: Mean validation Spearman of each.
        margin: The most that counts as nothing.
    """
    gains = [max(spearman[i + 1 :]) - spearman[i] for i in range(len(values) - 1)]
    settled = next((i for i, gain in enumerate(gains) if gain <= margin), None)
    return FieldReturns(
        field=field,
        tried=list(values),
        spearman=list(spearman),
        enough=None if settled is None else values[settled],
        gain_beyond=None if settled is None else gains[settled],
    )


def _copied(transformer: "SentenceTransformer") -> "SentenceTransformer":
    gc.collect()  # adapters and trainers hold the copy before in cycles
    return copy.deepcopy(transformer)


def _changed(start: TrainingOptions, change: Mapping[str, JsonValue]) -> TrainingOptions:
    parameters: dict[str, Any] = describe_options(start)
    for field, value in change.items():
        block, _, name = field.rpartition(".")
        target = parameters[block] if block else parameters
        if target is None:
            raise TrainingError(
                f"sweep, {field}: found a field of the adapter for a run without one, expected one "
                f"of {', '.join(known for known in _FIELDS if '.' not in known)}, or start: lora"
            )
        target[name] = value
    try:
        return TypeAdapter(TrainingOptions).validate_python(parameters)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise TrainingError(
            f"sweep, {place}: found {problem['input']!r}, expected a value that training takes: "
            f"{problem['msg']}"
        ) from error


def _hash(parameters: Mapping[str, JsonValue], base_sha256: str, pairs: Mapping[str, str]) -> str:
    content = {
        "parameters": parameters,
        "base_model": base_sha256,
        "pairs": dict(pairs),
        **software(Environment.current()),
    }
    encoded = json.dumps(content, sort_keys=True).encode()
    return hashlib.sha256(encoded).hexdigest()[:_HASH_CHARACTERS]


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Best mean first; of equals the fastest, then by hash, so that the order is always one."""
    return rows.sort_values(
        ["spearman_mean", "seconds", "configuration"], ascending=[False, True, True]
    )


def _describe_row(row: Mapping[Any, Any], sweep: SweepOptions) -> SweptConfiguration:
    return SweptConfiguration(
        configuration=row["configuration"],
        settings={f: None if pd.isna(row[f]) else row[f] for f in sweep.varied},
        n_seeds=row["n_seeds"],
        spearman_mean=row["spearman_mean"],
        spearman_sd=None if pd.isna(row["spearman_sd"]) else row["spearman_sd"],
        seconds=row["seconds"],
    )


def _all_returns(table: pd.DataFrame, sweep: SweepOptions, margin: float) -> list[FieldReturns]:
    returns = []
    for field in sweep.varied:
        # More seeds, or another loss, is not more of anything.
        if field == "seed" or not pd.api.types.is_numeric_dtype(table[field]):
            continue
        # Nor is null, which leaves a field to the base model.
        rows = rows_along(table, sweep, field).query("best_of_value").dropna(subset=field)
        if len(rows) > 1:
            values = rows[field].astype(float).tolist()
            returns.append(
                diminishing_returns(field, values, rows["spearman_mean"].tolist(), margin)
            )
    return returns


def _conclusions(summary: SweepSummary) -> list[str]:
    best, cheapest = summary.best, summary.cheapest
    ceiling = "n/a" if summary.ceiling is None else f"{summary.ceiling:.4f}"
    sentences = [
        f"Best: {_named(best)}, validation Spearman {_figure(best)}; the ceiling is {ceiling}.",
        _against_next(summary),
        f"The best is also the cheapest within {summary.margin:.4f} of it."
        if cheapest == best
        else f"Cheapest within {summary.margin:.4f} of the best: {_named(cheapest)}, "
        f"{_figure(cheapest)}, {cheapest.seconds:.0f} s instead of {best.seconds:.0f} s.",
        *(_returns_sentence(returns, summary.margin) for returns in summary.returns),
        "Chosen on the validation pairs, so its figure there is optimistic; the eval pairs were "
        "not looked at.",
    ]
    if summary.n_without_result:
        sentences.append(
            f"{summary.n_without_result} of {summary.n_configurations} configurations finished no "
            "run; the next sweep tries them again."
        )
    return sentences


def _against_next(summary: SweepSummary) -> str:
    if summary.next_best is None or summary.difference is None:
        return "It is the only configuration with a result."
    lead = f"The next is {_named(summary.next_best)}, {summary.difference:.4f} below"
    if summary.spread is None:
        return f"{lead}; with one seed the spread over seeds is n/a, so this may be chance."
    verdict = "beyond" if summary.beats_next else "not beyond"
    return f"{lead}, {verdict} the spread over seeds (standard deviation {summary.spread:.4f})."


def _returns_sentence(returns: FieldReturns, margin: float) -> str:
    if returns.enough is None or returns.gain_beyond is None:
        return (
            f"{returns.field}: still rising by more than {margin:.4f} at its largest value "
            f"{returns.tried[-1]:g}; larger ones were not tried."
        )
    gain = max(returns.gain_beyond, 0.0)
    return f"{returns.field}: from {returns.enough:g} on, more brings at most {gain:.4f}."


def _named(configuration: SweptConfiguration) -> str:
    settings = configuration.settings.items()
    shown = [f"{field}={'null' if value is None else value}" for field, value in settings]
    return f"{', '.join(shown) or 'the starting point'} ({configuration.configuration})"


def _figure(configuration: SweptConfiguration) -> str:
    if configuration.spearman_sd is None:
        return f"{configuration.spearman_mean:.4f} (one seed, standard deviation n/a)"
    return (
        f"{configuration.spearman_mean:.4f} (standard deviation {configuration.spearman_sd:.4f} "
        f"over {configuration.n_seeds} seeds)"
    )
