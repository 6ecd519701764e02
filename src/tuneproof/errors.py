"""Errors that a user can mend: the console shows their message alone, without a traceback."""

from collections.abc import Collection
from difflib import get_close_matches


class TuneproofError(Exception):
    """What was found, where, and what was expected or can be done; written for the user."""


class InvalidPairsError(TuneproofError):
    """Input rows or files that are not valid pairs."""


class StaleArtifactError(TuneproofError):
    """Artifacts that were made from different pairs or different base models are mixed."""


class BaseModelError(TuneproofError):
    """The base model is not there, cannot be fetched, or is not the one it claims to be."""


class AdapterError(TuneproofError):
    """A saved adapter does not reproduce the model that was trained."""


class TrainingError(TuneproofError):
    """A training run that cannot start or whose result cannot be trusted."""


class DivergedError(TrainingError):
    """A training run whose parameters drive it out of bounds; other parameters may not."""


class ReleaseError(TuneproofError):
    """A release that lacks what must be said of it."""


class DeviceError(TuneproofError):
    """A device that is unknown or that this machine does not have."""


class GateError(TuneproofError):
    """The data do not keep a limit whose gate says `fail`."""


def suggest(name: str, known: Collection[str]) -> str:
    """Ask whether another name was meant, in a sentence to be put behind the message.

    Args:
        name: One that is not known.
        known: Those that are.

    Examples:
        >>> suggest("lroa", ["standard", "lora"])
        ' Did you mean lora?'
        >>> suggest("x", ["standard", "lora"])
        ''
    """
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
