import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import ValidationError

import tuneproof
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Environment, Manifest, ModelIdentity, require_same_origin

A, B = "a" * 64, "b" * 64
ENVIRONMENT = Environment(python="3.11.0", libraries={"numpy": "2.0.0"}, git_commit=None)


def manifest(base: str = A, **pairs: str) -> Manifest:
    identity = ModelIdentity(name=f"model-{base[0]}", revision=None, sha256=base)
    return Manifest(base_model=identity, pairs=pairs, environment=ENVIRONMENT)


class TestRequirePairs:
    def test_same_pairs_pass_and_other_splits_are_not_asked(self) -> None:
        manifest(train=A, eval=B).require_pairs("metrics", "Run it.", eval=B)

    @pytest.mark.parametrize(
        ("recorded", "found"),
        [({"train": A}, "aaaaaaaaaaaa..."), ({}, "no record"), ({"eval": B}, "no record")],
    )
    def test_other_pairs_are_refused(self, recorded: dict[str, str], found: str) -> None:
        with pytest.raises(StaleArtifactError) as caught:
            manifest(**recorded).require_pairs("lora_metrics", "Run this.", train=B)
        message = str(caught.value)
        assert message.startswith(f"lora_metrics was made from other train pairs: found {found}")
        assert "expected bbbbbbbbbbbb..." in message
        assert message.endswith("Run this.")


class TestRequireSameOrigin:
    def test_the_same_origin_passes_whatever_the_model(self) -> None:
        first, second = manifest(train=A, eval=B), manifest(train=A, eval=B)
        trained = second.model_copy(update={"model_name": "lora", "model": manifest(train=A)})
        require_same_origin("lora_metrics", trained, first, "Run it.")

    @pytest.mark.parametrize(
        ("other", "fault"),
        [
            (manifest(B, train=A, validation=A, eval=B), "stands on base model model-b"),
            (manifest(train=A, validation=A, eval=A), "was made from other eval pairs"),
            (manifest(train=A, validation=B, eval=B), "was made from other validation pairs"),
            (manifest(train=B, validation=A, eval=B), "was made from other train pairs"),
            (manifest(train=A, validation=A), "was made from other eval pairs"),
            (
                manifest(train=A, validation=A, eval=B).model_copy(
                    update={"parameters": {"umap": {"n_neighbors": 3}}}
                ),
                "was made with other parameters: found umap",
            ),
        ],
        ids=["base model", "eval", "validation", "train", "not recorded", "parameters"],
    )
    def test_another_origin_is_refused(self, other: Manifest, fault: str) -> None:
        reference = manifest(train=A, validation=A, eval=B)
        with pytest.raises(StaleArtifactError, match=rf"^standard_metrics {fault}.*Run it\.$"):
            require_same_origin("standard_metrics", other, reference, "Run it.")


class TestManifest:
    def test_json_round_trip_keeps_everything(self) -> None:
        inner = manifest(train=A)
        outer = inner.model_copy(
            update={"model": inner, "parameters": {"lr": 2e-5, "on": [True, None]}, "seed": 3}
        )
        reloaded = Manifest.model_validate_json(outer.model_dump_json())
        assert reloaded == outer
        assert reloaded.model == inner

    @pytest.mark.parametrize("sha256", ["", "a" * 63, "A" * 64, "g" * 64, f"{A}\n"])
    def test_what_is_no_sha256_is_refused(self, sha256: str) -> None:
        with pytest.raises(ValidationError, match="sha256"):
            ModelIdentity(name="m", revision=None, sha256=sha256)
        with pytest.raises(ValidationError, match="eval"):
            manifest(eval=sha256)


class TestEnvironment:
    def test_names_the_versions_that_run(self) -> None:
        current = Environment.current()
        assert current.python == platform.python_version()
        assert current.libraries["numpy"] == version("numpy")
        assert current.libraries["sentence-transformers"] == version("sentence-transformers")
        assert "not installed" not in current.libraries.values()

    def test_names_the_commit(self) -> None:
        git = shutil.which("git")
        command = [str(git), "rev-parse", "HEAD"]
        folder = Path(__file__).parent
        head = git and subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
        if not head or head.returncode:
            pytest.skip("not a git checkout")
        commit = Environment.current().git_commit
        assert commit is not None
        assert commit.removesuffix("-dirty") == head.stdout.strip()


def test_the_commit_is_recorded_only_of_a_checkout_that_tracks_the_source(tmp_path: Path) -> None:
    """Installed in a folder of somebody's repository, the package must not record its HEAD."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "not ours"], check=True)
    shutil.copytree(Path(tuneproof.__file__).parent, tmp_path / "tuneproof")
    script = "from tuneproof.manifest import Environment; print(Environment.current().git_commit)"

    def recorded() -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert recorded() == "None"
    subprocess.run([*git, "add", "tuneproof"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "ours now"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert recorded() == head.stdout.strip()
