"""What surrounds a run: missing inputs named in one line, errors without a traceback, a summary."""

import gc
import inspect
import logging
import os
import re
import shlex
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import click
import rich
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, DatasetError, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from tuneproof.audit.gates import failed_gates
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import ComparisonResult
from tuneproof.encoding import EmbeddingModel
from tuneproof.errors import GateError, StaleArtifactError, TuneproofError
from tuneproof.progress import STREAMS
from tuneproof.report.console import print_findings, print_path, print_steps
from tuneproof.report.next_steps import Findings, Step, next_steps
from tuneproof.training.checkpoints import forget
from tuneproof.training.engine import RunOptions
from tuneproof.training.result import TrainingResult
from tuneproof.variants import VARIANTS

_REPORT: Final = "comparison_report"
_VERSIONS: Final = "artifact_versions"
_PLACES: Final = {
    "data_quality_summary": "Audit",
    **{f"{name}_training_log": f"Log of {name}" for name in VARIANTS},
    "sweep_chart": "Chart",
    "scored_pairs": "Scores",
    "rejected_new_pairs": "Set aside",
    **{f"{name}_release": "Release" for name in ("standard", "lora", "lora_merged")},
}
"""What is worth looking at after a run that writes no report, unless it is an empty file."""

_COMMAND: Final = re.compile(r"kedro run( --pipelines=[\w,]+)?")
"""What errors advise; the options of the run belong to it."""

_LOG_WIDTH: Final = 100
"""Columns where no terminal says how many it has, as in the log of a CI job."""

logger = logging.getLogger(__name__)

Catalog = CatalogProtocol[Any, Any]


@runtime_checkable
class _OnDisk(Protocol):
    def latest_path(self) -> Path: ...


@runtime_checkable
class _Versioned(Protocol):
    def exists(self) -> bool: ...
    def resolve_load_version(self) -> str | None: ...
    def resolve_save_version(self) -> str | None: ...


class InputHooks:
    """Stops a run that cannot succeed, and shows errors that a user can mend as one message."""

    def __init__(self) -> None:
        self._saving: str | None = None

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Check that what the run reads is there.

        Raises:
            ClickException: What is missing, and the command that makes it.
        """
        self._saving = None
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
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Note what is being saved: the error of a save does not always name it."""
        self._saving = dataset_name

    @hook_impl
    def after_dataset_saved(self) -> None:
        """Note that it is."""
        self._saving = None

    @hook_impl
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any]) -> None:
        """Turn an error that a user can mend into a message without a traceback.

        Raises:
            ClickException: For a TuneproofError, wherever it stands among the causes, and for
                what the disk did not take.
        """
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, StaleArtifactError):
                options = repeat_options(run_params).replace("\\", r"\\")
                raise click.ClickException(_COMMAND.sub(rf"\g<0>{options}", str(cause))) from error
            if isinstance(cause, TuneproofError):
                raise click.ClickException(str(cause)) from error
            if self._saving is not None and _is_of_disk(cause):
                raise click.ClickException(
                    f"{self._saving} could not be saved: {cause}. No part of it became its "
                    "latest version, earlier ones are as they were. Mend this and give the same "
                    "command again: training goes on from its newest checkpoint"
                ) from error
            cause = cause.__cause__


def _is_of_disk(error: BaseException) -> bool:
    """Say whether an error is the file system's.

    safetensors has a type of its own for those; tokenizers raises a plain Exception, which ends as
    Rust ends all of the system's: `(os error 28)`.
    """
    from safetensors import SafetensorError

    of_tokenizers = type(error) is Exception and "(os error " in str(error)
    return of_tokenizers or isinstance(error, OSError | SafetensorError)


class VersionHooks:
    """Tells the report which version of each artifact it shows."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
        """Note the versions that the run reads, and those that it makes."""
        if _VERSIONS not in pipeline.inputs():
            return
        made, versions = pipeline.all_outputs(), {}
        for name in sorted(pipeline.datasets()):
            dataset = catalog.get(name)
            if not isinstance(dataset, _Versioned):
                continue
            version = dataset.resolve_save_version() if name in made else None
            if version is None and dataset.exists():
                version = dataset.resolve_load_version()
            if version is not None:
                versions[name] = version
        catalog[_VERSIONS] = MemoryDataset(versions)


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


def repeat_options(
    run_params: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Write the environment and parameters of a run as options of `kedro run`, to be repeated.

    Args:
        run_params: Of the run, as Kedro's hooks get them.
        parameters: Blocks of further parameters; those of the run win over them.
    """
    env, given = run_params.get("env"), run_params.get("runtime_params") or {}
    further = {block: {**new, **given.get(block, {})} for block, new in (parameters or {}).items()}
    options = [f" --env={env}"] if env and env != "local" else []
    if everything := {**given, **further}:
        options.append(f" --params={shlex.quote(','.join(_flatten(everything)))}")
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
        self._total = self._done = 0

    @hook_impl
    def after_context_created(self) -> None:
        """Give figures and commands room on one line where no terminal limits it."""
        console = rich.get_console()
        if not (console.is_terminal or console.is_jupyter or os.environ.get("COLUMNS")):
            console.width = _LOG_WIDTH

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes."""
        self._total, self._done = len(pipeline.nodes), 0

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Announce a node: for good if it logs of itself, else until it is done."""
        self._started[node.name] = time.perf_counter()
        if logs_of_itself(node):
            logger.info("%s ...", node.name)
        elif (console := rich.get_console()).is_interactive:
            console.print(f"{node.name} ...", end="\r", markup=False, highlight=False)

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Say how long the node took, and let go of its model: trainers hold it in cycles."""
        seconds = time.perf_counter() - self._started.pop(node.name)
        self._done += 1
        if not runs_while_saving(node):
            done = f"{self._done:{len(str(self._total))}}/{self._total}"
            logger.info("[%s] %s: %.1f s", done, node.name, seconds)
        if not any(isinstance(value, EmbeddingModel) for value in inputs.values()):
            return
        gc.collect()
        if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
            torch.cuda.empty_cache()

    @hook_impl
    def on_node_error(self) -> None:
        """Wipe the announcement off the line on which the error will stand."""
        if (console := rich.get_console()).is_interactive:
            console.print(" " * (console.width - 1), end="\r")

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Sum up what was found, and say where it stands and what to do next."""
        console, findings = rich.get_console(), gather_findings(pipeline.all_outputs(), catalog)
        print_findings(console, findings)
        for name, title in places(findings.made).items():
            if isinstance(document := catalog.get(name), _OnDisk) and not is_empty(
                path := document.latest_path()
            ):
                print_path(console, title, path)
        print_steps(
            console,
            [(step.advice, write_command(step, run_params)) for step in next_steps(findings)],
        )


def logs_of_itself(node: Node) -> bool:
    """Say whether a node reports its progress: a training, or one that runs while saving."""
    return "params:training" in node.inputs or runs_while_saving(node)


def runs_while_saving(node: Node) -> bool:
    """Say whether a node is not done when it returns: its outputs are computed as they are saved.

    It yields result by result, or returns streams and is tagged so.
    """
    return STREAMS in node.tags or inspect.isgeneratorfunction(node.func)


def gather_findings(made: AbstractSet[str], catalog: Catalog) -> Findings:
    """Load what the summary of a run tells.

    Args:
        made: Names of the artifacts that it made.
        catalog: Where they are.
    """
    judged = bool(made & {"comparison", _REPORT})
    comparison = catalog.load("comparison") if judged else None
    measured = ["baseline"] if made & {"baseline_metrics", _REPORT} else []
    if comparison is not None:
        measured = [headline.model for headline in comparison.models]
    trainings = [name for name in VARIANTS if f"{name}_training_info" in made]
    audited = judged or "data_quality_report" in made
    quality = catalog.load("data_quality_report") if audited else None
    return Findings(
        made=made,
        quality=quality,
        models=[catalog.load(f"{name}_metrics") for name in measured],
        comparison=comparison,
        trainings=[catalog.load(f"{name}_training_info") for name in trainings],
        recommendations={
            name: catalog.load(f"{name}_convergence").recommendations
            for name in trainings
            if f"{name}_convergence" in made
        },
        trained=[name for name, model in VARIANTS.items() if catalog.exists(model)],
        measured=catalog.exists("baseline_metrics"),
        compared=quality is not None and _is_compared(quality, catalog),
    )


def _is_compared(quality: DataQualityScore, catalog: Catalog) -> bool:
    """Say whether there is a comparison, of this run or before, on the audited pairs."""
    if not catalog.exists("comparison"):
        return False
    try:
        found: ComparisonResult | None = catalog.load("comparison")
    except (DatasetError, StaleArtifactError):  # one of another version is no comparison of these
        return False
    return found is not None and all(
        quality.manifest.pairs.items() <= manifest.pairs.items()
        for manifest in found.manifests.values()
    )


def places(made: AbstractSet[str]) -> dict[str, str]:
    """Name the artifacts of a run that people look at, with titles: the report, if it made one."""
    if _REPORT in made:
        return {_REPORT: "Report"}
    return {name: title for name, title in _PLACES.items() if name in made}


def is_empty(path: Path) -> bool:
    """Say whether a path is that of a file which holds nothing."""
    return path.is_file() and path.stat().st_size == 0


def write_command(step: Step, run_params: Mapping[str, Any]) -> str | None:
    """Write the command of a step, with the environment and parameters of the run; None if none."""
    if not step.pipelines:
        return None
    parts = f" --namespaces={','.join(step.namespaces)}" if step.namespaces else ""
    options = repeat_options(run_params, step.parameters)
    return f"kedro run --pipelines={','.join(step.pipelines)}{parts}{options}"
