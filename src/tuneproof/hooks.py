"""What surrounds a run: missing inputs named in one line, errors without a traceback, a summary."""

import gc
import logging
import sys
import time
from typing import Any, cast

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.console import Console

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.errors import TuneproofError
from tuneproof.report.console import data_quality_table, headline_table

logger = logging.getLogger(__name__)

Catalog = CatalogProtocol[Any, Any]


class InputHooks:
    """Stops a run that cannot succeed, and shows errors that a user can mend as one message."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
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
        makers = {
            stage: made
            for stage, pipeline in pipelines.items()
            if stage != "__default__" and (made := pipeline.all_outputs() & missing)
        }
        # What no pipeline makes says for itself where it was looked for, once it is loaded.
        if makers:
            names = sorted(set().union(*makers.values()))
            raise click.ClickException(
                f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing; "
                f"run first: kedro run --pipelines={','.join(makers)}"
            )

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Turn an error that a user can mend into a message without a traceback.

        Raises:
            ClickException: For a TuneproofError, wherever it stands among the causes.
        """
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, TuneproofError):
                raise click.ClickException(str(cause)) from error
            cause = cause.__cause__


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
    def after_node_run(self, node: Node) -> None:
        """Say how long the node took, and let go of its model: trainers hold it in cycles."""
        logger.info("%s: %.1f s", node.name, time.perf_counter() - self._started.pop(node.name))
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
        if "comparison" in made:
            comparison = catalog.load("comparison")
            names = [f"{headline.model}_metrics" for headline in comparison.models]
            console.print(headline_table([catalog.load(name) for name in names]))
            for statement in comparison.statements:
                console.print(statement, markup=False)
        elif "baseline_metrics" in made:
            console.print(headline_table([catalog.load("baseline_metrics")]))
        if "comparison_report" in made:
            report = cast(AtomicDataset[str], catalog.get("comparison_report"))
            console.print(f"Report: {report.latest_path()}", markup=False, soft_wrap=True)
