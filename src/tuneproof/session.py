"""The session of a run: leaves out the measuring of variants that are not trained on its pairs."""

import logging
from collections.abc import Collection, Mapping
from inspect import signature
from typing import Any, Final, Protocol, cast

import click
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from kedro.validation import ParameterValidationError

from tuneproof.errors import InvalidPairsError
from tuneproof.manifest import Manifest
from tuneproof.pairs import PrepareOptions, RawLines, hash_pairs, parse_pairs, split_by_group
from tuneproof.variants import VARIANTS

TRAINED_MODELS: Final = {model: name for name, model in VARIANTS.items()}
"""Catalog name of each trained model, and the namespace that measures it."""

_NAMING = ("node_names", "namespaces")
_UNTRAINED = "is not trained: it cannot be evaluated"
_ENDS = ("from_nodes", "to_nodes", "from_inputs", "to_outputs")
_FILTERS = ("tags", *_ENDS)

logger = logging.getLogger(__name__)


class _ModelOnDisk(Protocol):
    def manifest(self) -> Manifest: ...


class TuneproofSession(KedroSession):
    """A Kedro session that evaluates what there is.

    `evaluation` measures every variant. Kedro has no optional branches: with one of them missing,
    or trained on other pairs, the run would stop. This session leaves that one's nodes out, says
    so, and goes on. With none left it leaves in what the default run trains, and the run says what
    to train first. A run whose nodes the user chose is left as it is, but for a variant that no
    default run trains: it takes part only if it is trained, or asked for by name.
    """

    def run(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Run pipelines; the arguments are those of KedroSession.run.

        Raises:
            ClickException: A pipeline is unknown; a parameter is unknown, missing or out of range.
        """
        given = signature(KedroSession.run).bind(self, *arguments, **options).arguments
        given.pop("self")
        names = given.get("pipeline_names") or [given.get("pipeline_name") or "__default__"]
        pipelines.set_requested(None)
        self._require_known(names)
        known = sum((pipelines[name] for name in names), start=Pipeline([]))
        try:
            if TRAINED_MODELS.keys() & known.inputs() and not any(map(given.get, _NAMING)):
                left_out = namespaces_to_leave_out(known, self.load_context().catalog)
                if any(map(given.get, _FILTERS)):
                    ends = {name for option in _ENDS for name in given.get(option) or ()}
                    left_out &= namespaces_by_choice() - namespaces_named(known, ends)
                if left_out:
                    given["node_names"] = [
                        n.name for n in known.nodes if n.namespace not in left_out
                    ]
            return super().run(**given)
        except ParameterValidationError as error:
            raise click.ClickException(str(error)) from error

    def _require_known(self, names: list[str]) -> None:
        """Refuse pipelines and runtime parameters that nothing reads, such as a misspelt one."""
        blocks = {
            name.removeprefix("params:").partition(".")[0]
            for pipeline in pipelines.values()
            for name in pipeline.inputs()
            if name.startswith("params:")
        }
        settings = {*self.load_context().config_loader["globals"], *blocks}
        runtime = self.store.get("runtime_params") or {}
        for kind, given, known in (
            ("pipeline", names, set(pipelines)),
            ("parameter", runtime, settings),
        ):
            for name in given:
                if name not in known:
                    raise click.ClickException(
                        f"no {kind} is named {name!r}, expected one of {', '.join(sorted(known))}"
                    )


def namespaces_to_leave_out(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> set[str]:
    """Return the namespaces that measure a variant which is not trained on the present pairs.

    If no variant would be left, only those by choice: then what is missing is an error.
    """
    by_choice = namespaces_by_choice()
    measured = TRAINED_MODELS.keys() & pipeline.all_inputs()
    present = _hash_present_pairs(catalog)
    reasons = {}
    for name in sorted(measured & pipeline.inputs()):
        if not catalog.exists(name):
            reasons[name] = _UNTRAINED
        elif present is not None:
            recorded = cast(_ModelOnDisk, catalog.get(name)).manifest().pairs
            if any(recorded.get(split) != found for split, found in present.items()):
                reasons[name] = "was trained on other pairs: it cannot be evaluated on these"
    left_out = {TRAINED_MODELS[name] for name in reasons}
    for name, reason in reasons.items():
        if reason != _UNTRAINED or TRAINED_MODELS[name] not in by_choice:
            logger.warning("%s %s", TRAINED_MODELS[name], reason)
    return left_out & by_choice if reasons.keys() == measured else left_out


def namespaces_by_choice() -> set[str]:
    """Return the namespaces that measure variants which no default run trains."""
    trained = pipelines["__default__"].all_outputs()
    return {namespace for model, namespace in TRAINED_MODELS.items() if model not in trained}


def namespaces_named(pipeline: Pipeline, names: Collection[str]) -> set[str]:
    """Return the namespaces of variants to which a node or a dataset among the names belongs."""
    named = set()
    for model, namespace in TRAINED_MODELS.items():
        nodes = [node for node in pipeline.nodes if node.namespace == namespace]
        own = {model}.union(*([node.name, *node.outputs] for node in nodes))
        if own.intersection(names):
            named.add(namespace)
    return named


def _hash_present_pairs(catalog: CatalogProtocol[Any, Any]) -> Mapping[str, str] | None:
    """Hash the train and validation pairs as `prepare` will make them; None if it will fail."""
    options: PrepareOptions = catalog.load("params:prepare")
    try:
        raw: RawLines = catalog.load("train_pairs_raw")
        valid, _ = parse_pairs(raw, options.prefixes)
        if not valid:
            return None
        train, validation = split_by_group(valid, options.validation_fraction, options.seed)
    except (InvalidPairsError, DatasetError):
        return None
    return {"train": hash_pairs(train), "validation": hash_pairs(validation)}
