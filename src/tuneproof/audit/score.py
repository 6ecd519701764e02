"""The audit: pairs in, one report with scores, counts and warnings out."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, NonNegativeInt
from pydantic.dataclasses import dataclass

from tuneproof.audit import findings
from tuneproof.audit.bias import bias
from tuneproof.audit.dimension import Dimension, Score
from tuneproof.audit.diversity import diversity
from tuneproof.audit.gates import GateOptions, GateOutcome, check_gates
from tuneproof.audit.groups import LabelCounts, count_labels
from tuneproof.audit.label_errors import LabelErrors, find_eval_errors, find_train_errors
from tuneproof.audit.language import linguistic_quality
from tuneproof.audit.leakage import LeakageCounts, count_leakage
from tuneproof.audit.quality import count_duplicate_rows, data_quality
from tuneproof.audit.repeats import RepeatedPair, find_repeats
from tuneproof.audit.shortcuts import ShortcutProbe, probe_shortcuts
from tuneproof.encoding import Vectors, pair_cosines
from tuneproof.manifest import (
    Environment,
    Manifest,
    ModelIdentity,
    describe_options,
    prepared_with,
)
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import DatingPair, hash_pairs


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AuditOptions:
    """Parameters of `data_quality`.

    Attributes:
        smallest_group: Pairs of the rarer label below which a category or pair type that holds both
            labels is too small.
        gates: What the data must keep; the least overall score is the target.
        bootstrap: Of the intervals of the shortcut probes.
    """

    smallest_group: NonNegativeInt
    gates: GateOptions
    bootstrap: BootstrapOptions


class SplitCounts(BaseModel):
    """What one split holds.

    Attributes:
        n: Number of pairs.
        compatible: Pairs of label 1.
        incompatible: Pairs of label 0.
        categories: Pairs by category.
        pair_types: Pairs by pair type.
        distinct_texts: Number of different texts, on either side.
        duplicate_rows: Rows whose texts stood before in the same order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: NonNegativeInt
    compatible: NonNegativeInt
    incompatible: NonNegativeInt
    categories: dict[str, int]
    pair_types: dict[str, int]
    distinct_texts: NonNegativeInt
    duplicate_rows: NonNegativeInt


class DataQualityScore(BaseModel):
    """Is the data fit to train on, and fit to prove anything?

    Attributes:
        data_quality: Completeness, consistency, duplicates and format.
        diversity: Vocabulary, categories, labels and lengths.
        bias: Associations with the label; 100 stands for none.
        linguistic_quality: Readability, coherence, naturalness and repetition.
        mean_of_dimensions: Mean of the dimensions that apply, in [0, 100].
        overall: The same, but no more than the limits of the dimensions allow, in [0, 100].
        held_down_by: Names of the necessary sub-scores whose limit lies below the mean.
        gates: How each gate was met.
        counts: What each split holds (`train`, `validation`, `eval`).
        leakage: What train pairs give away of the validation pairs (`validation`), and train and
            validation pairs of the eval pairs (`eval`).
        probes: What suffices to tell the labels of the eval pairs.
        label_errors: Likely wrong labels of train and validation (`train`) and of `eval`.
        repeated_pairs: Pairs that stand more than once in train and validation, or in eval.
        conflicts: Pairs that stand under both labels, within or across splits.
        one_label_groups: Categories and pair types of `train` (with validation) and `eval` that
            hold one label only.
        small_groups: Those that hold both, but too few pairs of one.
        rejected_rows: Rows of both files that were no valid pairs.
        warnings: What to look into, in plain words.
        manifest: Origin: the pairs, the base model that reads them, parameters (those that the
            pairs were prepared with as `prepare`), seed and versions.

    The dimensions describe the pairs that are trained on, train and validation together; the
    rejected rows of both files count in completeness alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data_quality: Dimension
    diversity: Dimension
    bias: Dimension
    linguistic_quality: Dimension
    mean_of_dimensions: Score
    overall: Score
    held_down_by: list[str]
    gates: list[GateOutcome]
    counts: dict[str, SplitCounts]
    leakage: dict[Literal["validation", "eval"], LeakageCounts]
    probes: list[ShortcutProbe]
    label_errors: dict[Literal["train", "eval"], LabelErrors]
    repeated_pairs: list[RepeatedPair]
    conflicts: list[RepeatedPair]
    one_label_groups: list[LabelCounts]
    small_groups: list[LabelCounts]
    rejected_rows: NonNegativeInt
    warnings: list[str]
    manifest: Manifest

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The four dimensions, in order."""
        return self.data_quality, self.diversity, self.bias, self.linguistic_quality

    @property
    def target(self) -> float:
        """What `overall` should reach, in [0, 100]: the limit of its gate."""
        return self._overall_gate.limit

    @property
    def target_met(self) -> bool:
        """Whether it does."""
        return self._overall_gate.passed

    @property
    def _overall_gate(self) -> GateOutcome:
        return next(gate for gate in self.gates if gate.name == "overall")


def audit(
    train: Sequence[DatingPair],
    validation: Sequence[DatingPair],
    evaluation: Sequence[DatingPair],
    leakage: pd.DataFrame,
    embeddings: Vectors,
    n_rejected: int,
    base_model: ModelIdentity,
    options: AuditOptions,
) -> DataQualityScore:
    """Score the pairs that are trained on, and look for what lets them prove too much.

    Args:
        train: Train pairs.
        validation: Validation pairs; scored together with the train pairs.
        evaluation: Eval pairs; counted, searched for label errors, and told by the probes.
        leakage: What was traced of the same validation and eval pairs (`leakage.LEAKAGE`), with
            the parameters that they were prepared with (`manifest.mark_prepared`).
        embeddings: What the base model makes of both statements (texts without prefix) of the n
            train pairs and then the validation pairs, shape (n, 2, d): for coherence.
        n_rejected: Number of rows of both files that were no valid pairs; they lower completeness.
        base_model: Which model made the embeddings.
        options: Gates, the smallest group and the intervals.

    Returns:
        The report. The order of the pairs changes nothing in it but their hashes and row numbers.

    Raises:
        ValueError: There is no pair to train on, or the leakage or the embeddings are those of
            other pairs.
    """
    training = [*train, *validation]
    if not training:
        raise ValueError("found no train and no validation pair, expected at least one")
    traced = leakage[leakage["split"] == "eval"].sort_values("row")
    if traced["row"].tolist() != [*range(len(evaluation))]:
        raise ValueError(
            f"found leakage of {len(traced)} eval pairs, expected each of the "
            f"{len(evaluation)} once"
        )
    if len(embeddings) != len(training):
        raise ValueError(
            f"found embeddings of {len(embeddings)} pairs, expected one of each of the "
            f"{len(training)} train and validation pairs"
        )
    dimensions = {
        "data_quality": data_quality(training, n_rejected, pair_cosines(embeddings)),
        "diversity": diversity(training),
        "bias": bias(training),
        "linguistic_quality": linguistic_quality(training, embeddings),
    }
    known = [dimension.score for dimension in dimensions.values() if dimension.score is not None]
    mean = sum(known) / len(known)
    limits = {
        name: most for dimension in dimensions.values() for name, most in dimension.limits.items()
    }
    overall = min(mean, *limits.values(), 100.0)
    splits = {"train": train, "validation": validation, "eval": evaluation}
    leaks = {
        "validation": count_leakage(leakage, "validation"),
        "eval": count_leakage(leakage, "eval"),
    }
    conflicts = [found for found in find_repeats(splits) if found.conflicting]
    groups = [*count_labels("train", training), *count_labels("eval", evaluation)]
    gates = check_gates(
        overall,
        1 - leaks["eval"].clean / len(evaluation) if evaluation else None,
        sum(len(conflict.rows) for conflict in conflicts),
        options.gates,
    )
    probes = probe_shortcuts(
        training, evaluation, traced["shares_text"].to_numpy(dtype=bool), options.bootstrap
    )
    label_errors = {
        "train": find_train_errors(train, validation),
        "eval": find_eval_errors(training, evaluation),
    }
    counts = {split: count_split(pairs) for split, pairs in splits.items()}
    held_down_by = [name for name, most in limits.items() if most < mean]
    return DataQualityScore.model_validate(
        {
            **dimensions,
            "mean_of_dimensions": mean,
            "overall": overall,
            "held_down_by": held_down_by,
            "gates": gates,
            "counts": counts,
            "leakage": leaks,
            "probes": probes,
            "label_errors": label_errors,
            "repeated_pairs": [
                *find_repeats({"train": train, "validation": validation}),
                *find_repeats({"eval": evaluation}),
            ],
            "conflicts": conflicts,
            "one_label_groups": [group for group in groups if group.rarer == 0],
            "small_groups": [group for group in groups if 0 < group.rarer < options.smallest_group],
            "rejected_rows": n_rejected,
            "warnings": [
                *findings.of_gates(gates),
                *findings.of_overall(mean, overall, held_down_by),
                *findings.of_leakage(leaks),
                *findings.of_probes(probes),
                *findings.of_label_errors(label_errors),
                *findings.of_conflicts(conflicts),
                *findings.of_rows(training, evaluation, n_rejected),
                *findings.of_groups(groups, options.smallest_group),
                *findings.of_scores(dimensions.values()),
            ],
            "manifest": Manifest(
                base_model=base_model,
                pairs={split: hash_pairs(pairs) for split, pairs in splits.items()},
                parameters={**describe_options(options), "prepare": prepared_with(leakage)},
                seed=options.bootstrap.seed,
                environment=Environment.current(),
            ),
        }
    )


def count_split(pairs: Sequence[DatingPair]) -> SplitCounts:
    """Count what a split holds; names in alphabetical order."""
    compatible = sum(pair.label for pair in pairs)
    return SplitCounts(
        n=len(pairs),
        compatible=compatible,
        incompatible=len(pairs) - compatible,
        categories=dict(sorted(Counter(pair.category for pair in pairs).items())),
        pair_types=dict(sorted(Counter(pair.pair_type for pair in pairs).items())),
        distinct_texts=len({text for pair in pairs for text in pair.texts}),
        duplicate_rows=count_duplicate_rows(pairs),
    )


def show_score(score: float | None) -> str:
    """Write a score for people: one decimal, or 'n/a'."""
    return "n/a" if score is None else f"{score:.1f}"
