"""What surrounds a run: missing inputs named in one line, errors without a traceback, a summary."""

import gc
import inspect
import logging
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.console import Console

from tuneproof.audit.gates import failed_gates
from tuneproof.audit.score import DataQualityScore
from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import GateError, StaleArtifactError, TuneproofError
from tuneproof.report.console import data_quality_table, headline_table
from tuneproof.training.checkpoints import forget
from tuneproof.training.engine import RunOptions
from tuneproof.training.result import TrainingResult
from tuneproof.variants import VARIANTS

_UNSAVED = "Failed while saving data to dataset "  # so begins Kedro's message

logger = logging.getLogger(__name__)

Catalog = CatalogProtocol[Any, Any]


class _Document(Protocol):
    def latest_path(self) -> Path: ...


class InputHooks:
    """Stops a run that cannot succeed, and shows errors that a user can mend as one message."""

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Check that what the run reads is there.

        Raises:
            ClickException: What is missing, and the command that makes it.
        """
        missing = {
            name
            for name in pipeline.inputs()
            if (dataset := catalog.get(name)) is not None
            and not getattr(dataset, "optional", False)
            and not dataset.exists()
        }
        pipelines.set_requested(None)
        makers = choose_makers(missing, pipelines)
        # What no pipeline makes says for itself where it was looked for, once it is loaded.
        if makers:
            names = sorted(missing & set().union(*(pipelines[m].all_outputs() for m in makers)))
            raise click.ClickException(
                f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing; run first: "
                f"kedro run --pipelines={','.join(makers)}{repeat_options(run_params)}"
            )

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Turn an error that a user can mend into a message without a traceback.

        Raises:
            ClickException: For a TuneproofError, wherever it stands among the causes, and for
                what the disk did not take.
        """
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, StaleArtifactError) and (options := repeat_options(run_params)):
                raise click.ClickException(f"{cause} (with:{options})") from error
            if isinstance(cause, TuneproofError):
                raise click.ClickException(str(cause)) from error
            if isinstance(cause, DatasetError) and _is_of_disk(cause.__cause__):
                for name in sorted(pipeline.all_outputs()):
                    if str(cause).startswith(f"{_UNSAVED}{catalog.get(name)}."):
                        raise click.ClickException(
                            f"{name} could not be saved: {cause.__cause__}. No part of it became "
                            "its latest version, earlier ones are as they were. Mend this and "
                            "give the same command again: training goes on from its newest "
                            "checkpoint"
                        ) from error
            cause = cause.__cause__


def _is_of_disk(error: BaseException | None) -> bool:
    """Say whether an error is the file system's; safetensors has a type of its own for those."""
    from safetensors import SafetensorError

    return isinstance(error, OSError | SafetensorError)


class CheckpointHooks:
    """Deletes the checkpoints of a training once all that the run makes is saved."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
        """Forget what was trained: until here, a save that failed could be made good."""
        if "params:training" not in pipeline.inputs():
            return
        run: RunOptions = catalog.load("params:training")
        for name in VARIANTS:
            if (info := f"{name}_training_info") in pipeline.all_outputs():
                result: TrainingResult = catalog.load(info)
                forget(Path(run.checkpoint_folder), result)


class GateHooks:
    """Stops a run whose data do not keep a limit, once the report that says so is saved."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Check the gates of the audit.

        Raises:
            GateError: A gate with the action `fail` is not passed.
        """
        if dataset_name != "data_quality_report":
            return
        report: DataQualityScore = data
        if failed := failed_gates(report.gates):
            raise GateError(
                f"the data are not fit: {'; '.join(failed)}. data_quality_report is saved and "
                "lists what was found."
            )


def choose_makers(missing: Collection[str], registered: Mapping[str, Pipeline]) -> list[str]:
    """Choose registered pipelines that make what is missing, as few as possible.

    What only one pipeline makes is looked at first; what several make (the prepared pairs) is
    then often there already.

    Returns:
        Their names in the order of the registry; empty if no pipeline makes any of it.
    """
    made = {name: p.all_outputs() for name, p in registered.items() if name != "__default__"}
    candidates = {
        dataset: [name for name, outputs in made.items() if dataset in outputs]
        for dataset in sorted(missing)
    }
    chosen: set[str] = set()
    for makers in sorted(candidates.values(), key=len):
        if makers and not chosen.intersection(makers):
            chosen.add(makers[0])
    return [name for name in made if name in chosen]


def repeat_options(run_params: Mapping[str, Any]) -> str:
    """Write the environment and parameters of a run as options of `kedro run`, to be repeated."""
    env, parameters = run_params.get("env"), run_params.get("runtime_params") or {}
    options = [f" --env={env}"] if env and env != "local" else []
    if parameters:
        options.append(f" --params={','.join(_flatten(parameters))}")
    return "".join(options)


def _flatten(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={'null' if value is None else value}"


class ConsoleHooks:
    """Says what is going on, frees memory between nodes, and sums up."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Announce a node."""
        self._started[node.name] = time.perf_counter()
        logger.info("%s ...", node.name)

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Say how long the node took, and let go of its model: trainers hold it in cycles."""
        seconds = time.perf_counter() - self._started.pop(node.name)
        if not inspect.isgeneratorfunction(node.func):  # it runs while its outputs are saved
            logger.info("%s: %.1f s", node.name, seconds)
        if not any(isinstance(value, EmbeddingModel) for value in inputs.values()):
            return
        gc.collect()
        if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
            torch.cuda.empty_cache()

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
        """Print the tables of what was made, and where the report is."""
        console = Console()
        made = pipeline.all_outputs()
        if "data_quality_report" in made:
            console.print(data_quality_table(catalog.load("data_quality_report")))
        comparison = None
        if made & {"comparison", "comparison_report"}:
            comparison = catalog.load("comparison")
        if comparison is not None:
            names = [f"{headline.model}_metrics" for headline in comparison.models]
            measured = [catalog.load(name) for name in names]
            console.print(headline_table(measured, comparison.beside_headline))
            for title, lines in (
                ("Verdict", [*comparison.verdict, *comparison.left_out]),
                ("Threats to validity", comparison.threats),
            ):
                console.print(f"\n{title}", style="bold")
                for line in lines:
                    console.print(f"- {line}", markup=False, highlight=False)
        elif "baseline_metrics" in made:
            console.print(headline_table([catalog.load("baseline_metrics")]))
        if "comparison_report" in made:
            report = cast(_Document, catalog.get("comparison_report"))
            console.print(f"Report: {report.latest_path()}", markup=False, soft_wrap=True)
