"""Errors that a user can mend: the console shows their message alone, without a traceback."""


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


class DeviceError(TuneproofError):
    """A device that is unknown or that this machine does not have."""


class GateError(TuneproofError):
    """The data do not keep a limit whose gate says `fail`."""
