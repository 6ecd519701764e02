"""Facts of a training run, and facts side by side."""

from collections.abc import Iterable, Iterator, Mapping

from tuneproof.comparison.wording import figure
from tuneproof.report.layout import Cell, Table
from tuneproof.training.convergence import ConvergenceReport
from tuneproof.training.result import TrainingResult


def training_facts(run: TrainingResult) -> dict[str, str]:
    """Return the facts of a run by the names that people read."""
    facts = {
        "Loss": run.loss,
        "Epochs": f"{run.epochs:,}",
        "Pairs a step": f"{run.batch_size:,}",
        "Peak learning rate": f"{run.learning_rate:g}",
        "Warm-up steps": f"{run.warmup_steps:,}",
        "Steps": f"{run.total_steps:,}",
        "Steps between evaluations": f"{run.evaluation_steps:,}",
        "Train pairs": f"{run.n_train_pairs:,}",
        "Validation pairs": f"{run.n_validation_pairs:,}",
        "Training time": f"{run.training_time_seconds:,.1f} s",
        "Validation Spearman before training": figure(run.initial_spearman),
        "Validation Spearman after the last step": figure(run.final_spearman),
        "Best validation Spearman": figure(run.best_spearman),
        "Step of the best": f"{run.best_step:,}",
        "Trainable parameters": f"{run.trainable_parameters:,} of {run.total_parameters:,} "
        f"({run.trainable_parameters / run.total_parameters:.2%})",
    }
    if run.lora is None:
        return facts
    facts |= {
        "LoRA rank": str(run.lora.rank),
        "LoRA alpha": f"{run.lora.alpha:g}",
        "LoRA dropout": f"{run.lora.dropout:g}",
        "LoRA target modules": ", ".join(run.lora.target_modules),
    }
    check = run.lora.check
    if check is None:
        return facts | {"Adapter check": "not made"}
    return facts | {
        "Reloaded against trained (near 0)": f"{check.reloaded_against_trained:.2e}",
        "Reloaded against base (well above 0)": f"{check.reloaded_against_base:.2e}",
        "Merged against unmerged (near 0)": f"{check.merged_against_unmerged:.2e}",
    }


def convergence_sentences(found: ConvergenceReport) -> Iterator[str]:
    """Say how a run converged, and lead over to what is recommended."""
    courses = {
        "Training loss": found.loss and found.loss.kind,
        "validation Spearman": found.spearman and found.spearman.kind,
        "gradient norm": found.gradients.kind,
        "fit": found.fit.kind,
    }
    told = ", ".join(f"{name}: {kind or 'n/a'}" for name, kind in courses.items())
    yield f"{told}. {found.model_type}_convergence_chart shows it."
    if found.recommendations:
        yield "Its course suggests:"
    else:
        yield from (f"{reason[:1].upper()}{reason[1:]}." for reason in found.fit.reasons)


def facts_table(caption: str, facts: Mapping[str, Mapping[str, str]], kind: str = "") -> Table:
    """Lay facts side by side: a row for each fact that any column knows."""
    names: Iterable[str] = dict.fromkeys(name for column in facts.values() for name in column)
    return Table(
        caption=caption,
        corner="Fact",
        columns=list(facts),
        rows=[
            (name, [Cell(column.get(name, "n/a"), kind) for column in facts.values()])
            for name in names
        ],
    )
