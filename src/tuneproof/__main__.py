"""Runs the installed project: `python -m tuneproof --conf-source=FOLDER`, as `kedro run` does."""

import os
import sys
from pathlib import Path
from typing import Any


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline; takes the options of `kedro run`."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from kedro.framework.cli.utils import find_run_command
    from kedro.framework.project import configure_project

    package_name = Path(__file__).parent.name
    configure_project(package_name)
    interactive = hasattr(sys, "ps1")
    kwargs["standalone_mode"] = not interactive
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
