"""What is wrong with a configuration: what was found, what is expected, where to set it."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_args, get_type_hints

from kedro.validation import ModelInstantiationError, instantiate_model
from omegaconf import OmegaConf
from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic.dataclasses import dataclass

from tuneproof.encoding import Device
from tuneproof.errors import suggest

_MISSING: Final = object()
_LONGEST_VALUE = 80
_SETTING = re.compile(r"\$\{runtime_params:(\w+)")
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_ABSENT = ("missing", "missing_argument", "missing_keyword_only_argument")


class Fault(NamedTuple):
    """A parameter that cannot be used.

    Attributes:
        name: Its name with those of its blocks, such as `prepare.validation_fraction`.
        message: What was found and expected.
    """

    name: str
    message: str


class Source(NamedTuple):
    """A file of parameters as it is written, interpolations unresolved.

    Attributes:
        path: Its path as the message is to show it.
        parameters: What it holds.
    """

    path: str
    parameters: Mapping[str, Any]


def _text(expected: str) -> BeforeValidator:
    def check(value: Any) -> str:
        if isinstance(value, str | PathLike) and str(value).strip():
            return str(value)
        raise ValueError(f"found {_shown(value)}, expected {expected}")

    return BeforeValidator(check)


def _without_home(folder: str) -> str:
    if folder.startswith("~"):
        raise ValueError(f"found {_shown(folder)}, expected a folder whose path has no ~")
    return folder


_PATH: Final = "a path as text, such as ./2024"
_File = Annotated[str, _text(f"a file: {_PATH}")]
_Folder = Annotated[str, _text(f"a folder: {_PATH}"), AfterValidator(_without_home)]
_Model = Annotated[str, _text("a model: its name, or its folder, as text")]


@dataclass(frozen=True)
class Globals:
    """What `globals.yml` sets for the catalog; a project may add values of its own.

    What it sets for parameters, such as the seed, is checked with these.

    Attributes:
        train_pairs: File of labelled pairs; `~` stands for the home folder here and in the others.
        eval_pairs: Likewise.
        general_pairs: File of graded general-language pairs.
        data_root: Folder under which everything is written; `~` is no part of it.
        base_model: See `tuneproof.base_model.load_base_model`.
        base_model_revision: Likewise.
        device: Where torch computes.
        new_pairs: File of pairs to score.
        scoring_model: Name of the model that scores them.
    """

    train_pairs: _File
    eval_pairs: _File
    general_pairs: _File
    data_root: _Folder
    base_model: _Model
    base_model_revision: str | None
    device: Device
    new_pairs: _File | None
    scoring_model: str


def find_global_faults(values: Mapping[str, Any]) -> list[Fault]:
    """Name everything that is wrong with the globals of a run.

    Args:
        values: Those of its environment, and what was given for this run alone in their place.
    """
    faults = find_faults({"globals": values}, {"globals": Globals})
    return [Fault(name.removeprefix("globals."), message) for name, message in faults]


def find_faults(parameters: Mapping[str, Any], expected: Mapping[str, type]) -> list[Fault]:
    """Check blocks of parameters, as Kedro does, and name everything that is wrong with them.

    Args:
        parameters: All parameters by block, interpolations resolved.
        expected: Type of each typed block; blocks that are not there are not checked.
    """
    return [
        fault
        for block, kind in expected.items()
        if block in parameters
        for fault in _check(block, parameters[block], kind)
    ]


def describe_faults(
    faults: Sequence[Fault], runtime: Mapping[str, Any], sources: Sequence[Source]
) -> str:
    """Write a message that names each parameter, what is wrong with it and where to set it.

    Args:
        faults: At least one.
        runtime: Parameters that were given for this run alone.
        sources: Files of parameters, those that win first.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for fault in faults:  # what is taken from one setting is told once
        told = fault.message, _where(fault.name, runtime, sources)
        names.setdefault(told, []).append(fault.name)
    lines = ["these parameters cannot be used:"]
    for (message, where), alike in names.items():
        lines += [*alike, f"  {message}", f"  {where}"]
    return "\n".join(lines)


def read_sources(folder: Path, environments: Sequence[str], kind: str) -> list[Source]:
    """Read the files of parameters, or of globals, of environments.

    Args:
        folder: The folder of all environments; where it is none (an archive), no file is found.
        environments: Names of environments, the one that wins first.
        kind: How the names of the files begin: `parameters` or `globals`.
    """
    # A file of parameters is a mapping, which OmegaConf's type does not say.
    return [
        Source(
            (Path(folder.name) / path.relative_to(folder)).as_posix(),
            OmegaConf.to_container(OmegaConf.load(path), resolve=False),  # type: ignore[arg-type]
        )
        for environment in environments
        for path in sorted((folder / environment).rglob(f"{kind}*.yml"))
    ]


def describe_environment(folder: Path, environment: str) -> str | None:
    """Say that an environment is not there, and which there are; None where it is there.

    Args:
        folder: The folder of all environments; of an archive nothing is said.
        environment: The name that was asked for.
    """
    if not folder.is_dir() or (folder / environment).is_dir():
        return None
    known = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return (
        f"no environment is named {environment!r}: found no folder {folder.name}/{environment}, "
        f"expected one of {', '.join(known) or 'none, for there is none'}."
        f"{suggest(environment, known)} --env chooses "
        "one, 'local' is the default; a new folder beside them makes a new one"
    )


def _check(block: str, value: Any, kind: Any) -> Iterator[Fault]:
    if value is None and type(None) in get_args(kind):
        return
    model = _model(kind)
    try:
        instantiate_model(block, value, model)
    except ModelInstantiationError as error:
        if not isinstance(error.__cause__, ValidationError):
            names = ", ".join(_fields(model, []))
            yield Fault(block, f"found {_shown(value)}, expected a block of parameters: {names}")
            return
        for found in error.__cause__.errors(include_url=False):
            place = [str(part) for part in found["loc"]]
            name = ".".join([block, *place])
            if found["type"] in _UNKNOWN:
                yield Fault(name, _unknown(place[-1], found["input"], _fields(model, place[:-1])))
            elif found["type"] in _ABSENT:
                yield Fault(name, "found nothing, expected a value")
            elif found["type"] == "value_error":  # of our own checks: they name what they found
                yield Fault(name, found["msg"].removeprefix("Value error, "))
            else:
                expected = found["msg"].replace("Input should be", "expected", 1)
                yield Fault(name, f"found {_shown(found['input'])}, {expected}")


def _unknown(name: str, value: Any, fields: Sequence[str]) -> str:
    guess = suggest(name, fields) or f" Expected one of {', '.join(fields) or 'none'}."
    return f"found {_shown(value)}, but nothing reads a parameter of this name.{guess}"


def _fields(model: Any, place: Sequence[str]) -> list[str]:
    """Return the names that a block has at a place within it; none where it is no dataclass."""
    for name in place:
        model = _model(get_type_hints(model).get(name)) if dataclasses.is_dataclass(model) else None
    return [field.name for field in dataclasses.fields(model)] if model is not None else []


def _model(kind: Any) -> Any:
    """Return the dataclass in a type such as `Options | None`; None where there is none."""
    return next((each for each in (kind, *get_args(kind)) if dataclasses.is_dataclass(each)), None)


def _where(name: str, runtime: Mapping[str, Any], sources: Sequence[Source]) -> str:
    if _look_up(runtime, name) is not _MISSING:
        return f"set by --params={name}=..."
    for path, parameters in sources:
        written = _look_up(parameters, name)
        if written is _MISSING:
            continue
        taken = _SETTING.search(written) if isinstance(written, str) else None
        if taken is None:
            return f"set in {path}"
        setting = taken[1]
        given = setting in runtime
        return f"set by --params={setting}=..." if given else f"set in globals.yml as {setting}"
    block = name.partition(".")[0]
    holding = [path for path, parameters in sources if block in parameters]
    return f"to be set in {holding[0]}" if holding else f"to be set by --params={name}=..."


def _look_up(parameters: Mapping[str, Any], name: str) -> Any:
    found: Any = parameters
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = found[part]
    return found


def _shown(value: Any) -> str:
    """Write a value as YAML knows it, cut where it is long; nothing in it moves the cursor."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    printable = text if text.isprintable() else ascii(text)
    return printable if len(printable) <= _LONGEST_VALUE else f"{printable[:_LONGEST_VALUE]}..."
