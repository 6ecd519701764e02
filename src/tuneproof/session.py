"""The session of a run: leaves out the measuring of variants that nobody has trained."""

import logging
from inspect import signature
from typing import Any, Final

import click
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.validation import ParameterValidationError

TRAINED_MODELS: Final = {"standard_model": "standard", "lora_adapter": "lora"}
"""Catalog name of each trained model, and the namespace that measures it."""

logger = logging.getLogger(__name__)


class TuneproofSession(KedroSession):
    """A Kedro session that evaluates what there is.

    `evaluation` measures the standard and the LoRA model. Kedro has no optional branches: with one
    of the two missing, the run would stop. This session leaves that one's nodes out, says so, and
    goes on; with both missing it leaves everything in, and the run says what to train first.
    """

    def run(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Run pipelines; the arguments are those of KedroSession.run.

        Raises:
            ClickException: A parameter is unknown, missing or out of range.
        """
        given = signature(KedroSession.run).bind(self, *arguments, **options).arguments
        given.pop("self")
        names = given.get("pipeline_names") or [given.get("pipeline_name") or "__default__"]
        pipelines.set_requested(names)
        known = sum((pipelines[name] for name in names if name in pipelines), start=Pipeline([]))
        try:
            if TRAINED_MODELS.keys() & known.inputs():
                left_out = untrained_nodes(known, self.load_context().catalog)
                chosen = given.get("node_names") or [node.name for node in known.nodes]
                given["node_names"] = [name for name in chosen if name not in left_out]
            return super().run(**given)
        except ParameterValidationError as error:
            raise click.ClickException(str(error)) from error


def untrained_nodes(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> set[str]:
    """Return the names of the nodes that measure a variant which is neither there nor made here.

    Empty if no variant at all is there: then the missing inputs are an error, not a choice.
    """
    measured = TRAINED_MODELS.keys() & pipeline.all_inputs()
    missing = {m for m in measured & pipeline.inputs() if not catalog.exists(m)}
    if missing == measured:
        return set()
    for model in sorted(missing):
        logger.warning("%s is not trained: its evaluation is left out", TRAINED_MODELS[model])
    namespaces = {TRAINED_MODELS[model] for model in missing}
    return {node.name for node in pipeline.nodes if node.namespace in namespaces}
