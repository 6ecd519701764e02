"""The session of a run: leaves out the measuring of variants that are not trained on its pairs."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, Final, Protocol, cast

import click
from kedro.config import MissingConfigException
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.validation import ParameterValidationError, TypeExtractor
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]  # PyYAML carries no types

from tuneproof.configuration import (
    Fault,
    describe_environment,
    describe_faults,
    find_faults,
    find_global_faults,
    read_sources,
)
from tuneproof.errors import InvalidPairsError, suggest
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
            ClickException: A pipeline is unknown; a parameter is unknown, missing or out of range;
                there is no such environment, or a file of it cannot be read.
        """
        given = signature(KedroSession.run).bind(self, *arguments, **options).arguments
        given.pop("self")
        names = given.get("pipeline_names") or [given.get("pipeline_name") or "__default__"]
        pipelines.set_requested(None)
        with self._configuration_errors():
            self._require_usable_globals()
            self._require_known(names)
            known = sum((pipelines[name] for name in names), start=Pipeline([]))
            chosen = choose_nodes(known, given)
            if TRAINED_MODELS.keys() & chosen.inputs() and not any(map(given.get, _NAMING)):
                left_out = self._leave_out(known, chosen, given)
                if left_out:
                    given["node_names"] = [
                        n.name for n in known.nodes if variant_of(n) not in left_out
                    ]
            return super().run(**given)

    def _leave_out(
        self, known: Pipeline, chosen: Pipeline, given: Mapping[str, Any]
    ) -> Collection[str]:
        """Choose the namespaces that this run leaves out, and say why of what it would have run."""
        reasons = namespaces_to_leave_out(known, self.load_context().catalog)
        by_choice = namespaces_by_choice()
        present = {variant_of(node) for node in chosen.nodes}
        left_out = {namespace for namespace in reasons if namespace in present}
        if any(map(given.get, _FILTERS)):
            ends = {name for option in _ENDS for name in given.get(option) or ()}
            left_out &= by_choice - namespaces_named(known, ends)
        for namespace, reason in reasons.items():
            if namespace in left_out and not (reason == _UNTRAINED and namespace in by_choice):
                logger.warning("%s %s", namespace, reason)
        return left_out

    @contextmanager
    def _configuration_errors(self) -> Iterator[None]:
        """Turn what is wrong with the configuration into a message without a traceback."""
        try:
            yield
        except MissingConfigException as error:
            folder, (environment, _) = Path(self._conf_source), self._environments()
            message = describe_environment(folder, environment) or str(error)
            raise click.ClickException(message) from error
        except ParameterValidationError as error:
            raise click.ClickException(self._describe_parameters() or str(error)) from error
        except (YAMLError, OmegaConfBaseException) as error:
            raise click.ClickException(f"the configuration cannot be read: {error}") from error

    def _environments(self) -> tuple[str, str]:
        """Return the environment of the run, and the one below it."""
        loader = settings.CONFIG_LOADER_ARGS
        return self.store.get("env") or loader["default_run_env"], loader["base_env"]

    def _describe_parameters(self) -> str | None:
        """Say what is wrong with the parameters, name by name; None where nothing is found."""
        faults = find_faults(
            self.load_context().config_loader["parameters"],
            TypeExtractor(dict(pipelines)).extract_types_from_pipelines(),
        )
        return self._describe(faults, "parameters") if faults else None

    def _require_usable_globals(self) -> None:
        """Refuse globals that cannot be used: much of the catalog is made of them."""
        values = {**self._get_config_loader()["globals"], **self._runtime_parameters()}
        if faults := find_global_faults(values):
            raise click.ClickException(self._describe(faults, "globals"))

    def _describe(self, faults: list[Fault], kind: str) -> str:
        sources = read_sources(Path(self._conf_source), self._environments(), kind)
        return describe_faults(faults, self._runtime_parameters(), sources)

    def _runtime_parameters(self) -> dict[str, Any]:
        return self.store.get("runtime_params") or {}

    def _require_known(self, names: list[str]) -> None:
        """Refuse pipelines and runtime parameters that nothing reads, such as a misspelt one."""
        blocks = {
            name.removeprefix("params:").partition(".")[0]
            for pipeline in pipelines.values()
            for name in pipeline.inputs()
            if name.startswith("params:")
        }
        readable = {*self.load_context().config_loader["globals"], *blocks}
        for kind, given, known in (
            ("pipeline", names, set(pipelines)),
            ("parameter", self._runtime_parameters(), readable),
        ):
            for name in given:
                if name not in known:
                    raise click.ClickException(
                        f"no {kind} is named {name!r}, expected one of "
                        f"{', '.join(sorted(known))}.{suggest(name, known)}"
                    )


def choose_nodes(known: Pipeline, given: Mapping[str, Any]) -> Pipeline:
    """Filter a pipeline as Kedro will, by the arguments of its run.

    Raises:
        ClickException: There is no such node, tag, namespace, input or output.
    """
    options = {name: given.get(name) for name in (*_FILTERS, "node_names")}
    try:
        return known.filter(**options, node_namespaces=given.get("namespaces"))
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def namespaces_to_leave_out(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
) -> dict[str, str]:
    """Return the namespaces that measure a variant not trained on the present pairs, and why.

    If no variant would be left, only those by choice: then what is missing is an error.
    """
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
    left_out = {TRAINED_MODELS[name]: reason for name, reason in reasons.items()}
    if reasons.keys() == measured:
        by_choice = namespaces_by_choice()
        return {name: reason for name, reason in left_out.items() if name in by_choice}
    return left_out


def variant_of(node: Node) -> str | None:
    """Return the last part of a node's namespace, which names a variant in all that work for one.

    What reads the comparison of the variants, as `release` does, has a namespace around theirs:
    Kedro wants nothing from outside of a namespace between two of its nodes.
    """
    return node.namespace.rpartition(".")[2] if node.namespace else None


def namespaces_by_choice() -> set[str]:
    """Return the namespaces that measure variants which no default run trains."""
    trained = pipelines["__default__"].all_outputs()
    return {namespace for model, namespace in TRAINED_MODELS.items() if model not in trained}


def namespaces_named(pipeline: Pipeline, names: Collection[str]) -> set[str]:
    """Return the namespaces of variants to which a node or a dataset among the names belongs."""
    named = set()
    for model, namespace in TRAINED_MODELS.items():
        nodes = [node for node in pipeline.nodes if variant_of(node) == namespace]
        own = {model}.union(*([node.name, *node.outputs] for node in nodes))
        if own.intersection(names):
            named.add(namespace)
    return named


def _hash_present_pairs(catalog: CatalogProtocol[Any, Any]) -> Mapping[str, str] | None:
    """Hash the train and validation pairs as `prepare` will make them; None if it will fail."""
    options: PrepareOptions = catalog.load("params:prepare")
    try:
        raw: RawLines = catalog.load("train_pairs_raw")
        valid, _ = parse_pairs(raw, options.prefixes, options.columns)
        if not valid:
            return None
        train, validation = split_by_group(valid, options.validation_fraction, options.seed)
    except (InvalidPairsError, DatasetError):
        return None
    return {"train": hash_pairs(train), "validation": hash_pairs(validation)}
