"""What every artifact says of its origin, and the checks against mixing origins."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from tuneproof.errors import StaleArtifactError

_LIBRARIES = (
    "tuneproof",
    "torch",
    "transformers",
    "sentence-transformers",
    "tokenizers",
    "accelerate",
    "peft",
    "numpy",
    "scipy",
    "scikit-learn",
    "umap-learn",
    "hdbscan",
)

_PREPARED = "prepare"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ModelIdentity(BaseModel):
    """Which base model it is, wherever its files stand.

    Attributes:
        name: Hub id, or the folder's name for a local model.
        revision: Commit on the hub; None for the packaged or a local model.
        sha256: Hash of the weights (of all weight files, where there are several).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    revision: str | None
    sha256: Sha256


class Environment(BaseModel):
    """Where something was computed.

    Attributes:
        python: Version of Python.
        libraries: Version of each library that can change a figure.
        git_commit: Commit of the project, with `-dirty` for uncommitted changes; None outside git.
    """

    model_config = ConfigDict(frozen=True)

    python: str
    libraries: dict[str, str]
    git_commit: str | None

    @classmethod
    def current(cls) -> Self:
        """Describe the running interpreter and the project's checkout."""
        return cls(
            python=platform.python_version(),
            libraries={name: _installed_version(name) for name in _LIBRARIES},
            git_commit=_git_commit(),
        )


class Manifest(BaseModel):
    """The origin of one artifact.

    Attributes:
        model_name: Which model this is or comes from: `baseline`, or a variant such as
            `standard`.
        base_model: Identity of the base model underneath.
        pairs: Hash of the pairs it was made from, by split (`train`, `validation`, `eval`).
        parameters: The parameters it was made with.
        seed: Seed of whatever was random; None where nothing was.
        environment: Versions and commit.
        model: Manifest of the trained model that made it; None for the base model.
    """

    model_config = ConfigDict(frozen=True)

    model_name: str = "baseline"
    base_model: ModelIdentity
    pairs: dict[str, Sha256] = {}
    parameters: dict[str, JsonValue] = {}
    seed: int | None = None
    environment: Environment
    model: "Manifest | None" = None

    def require_pairs(self, artifact: str, remedy: str, **expected: str) -> None:
        """Check that the artifact was made from the pairs now in use.

        Args:
            artifact: Name of the artifact, for the message.
            remedy: What to run to make it anew.
            expected: Hash of the present pairs, by split.

        Raises:
            StaleArtifactError: A hash differs or is not recorded.
        """
        for split, present in expected.items():
            recorded = self.pairs.get(split)
            if recorded != present:
                found = f"{recorded[:12]}..." if recorded else "no record of them"
                raise StaleArtifactError(
                    f"{artifact} was made from other {split} pairs: found {found}, expected "
                    f"{present[:12]}... (the {split} pairs now in use). {remedy}"
                )


def describe_options(options: object) -> dict[str, JsonValue]:
    """Return the parameters of an options dataclass as JSON values, for a manifest."""
    described: dict[str, JsonValue] = TypeAdapter(type(options)).dump_python(options, mode="json")
    return described


def mark_prepared(frame: pd.DataFrame, options: object) -> pd.DataFrame:
    """Return a frame that says with which parameters it, and the pairs beside it, were prepared.

    Args:
        frame: What was traced of the pairs; Parquet keeps the mark in the file's metadata.
        options: An options dataclass.
    """
    marked = frame.copy()
    marked.attrs = {_PREPARED: describe_options(options)}
    return marked


def prepared_with(frame: pd.DataFrame) -> dict[str, JsonValue]:
    """Return the parameters that `mark_prepared` wrote.

    Raises:
        StaleArtifactError: The frame carries none.
    """
    parameters: dict[str, JsonValue] | None = frame.attrs.get(_PREPARED)
    if parameters is None:
        raise StaleArtifactError(
            "pair_leakage does not say with which parameters the pairs were prepared. Run: "
            "kedro run --pipelines=data_quality"
        )
    return parameters


def require_same_origin(
    artifact: str, manifest: Manifest, reference: Manifest, remedy: str
) -> None:
    """Check that two artifacts may stand side by side: same base model, pairs and parameters.

    Args:
        artifact: Name of the artifact, for the message.
        manifest: Its manifest.
        reference: The manifest that it must agree with.
        remedy: What to run to make it anew.

    Raises:
        StaleArtifactError: They differ; the message says in what.
    """
    if manifest.base_model.sha256 != reference.base_model.sha256:
        raise StaleArtifactError(
            f"{artifact} stands on base model {manifest.base_model.name} "
            f"({manifest.base_model.sha256[:12]}...), expected {reference.base_model.name} "
            f"({reference.base_model.sha256[:12]}...). {remedy}"
        )
    manifest.require_pairs(artifact, remedy, **reference.pairs)
    for name in sorted(manifest.parameters.keys() | reference.parameters.keys()):
        found, expected = manifest.parameters.get(name), reference.parameters.get(name)
        if found != expected:
            raise StaleArtifactError(
                f"{artifact} was made with other parameters: found {name} {found}, expected "
                f"{expected}. {remedy}"
            )


@cache
def _installed_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@cache
def _git_commit() -> str | None:
    """Describe HEAD of the checkout that tracks this source; None where it is installed."""
    source = Path(__file__)
    if _git(source.parent, "ls-files", "--error-unmatch", source.name) is None:
        return None
    return _git(source.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # the arguments are the constants above
            ["git", *arguments],  # noqa: S607  # git is where the user has it
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
