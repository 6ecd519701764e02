"""Settings that Kedro reads: sessions, hooks, configuration."""

from tuneproof.hooks import (
    CheckpointHooks,
    ConsoleHooks,
    GateHooks,
    InputHooks,
    VersionHooks,
)
from tuneproof.session import TuneproofSession

SESSION_CLASS = TuneproofSession
HOOKS = (InputHooks(), VersionHooks(), GateHooks(), CheckpointHooks(), ConsoleHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
