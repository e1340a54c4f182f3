"""The hub's cache, laid out by hand: what lies in it is found without a network, the rest is told."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from udasa_core.errors import SourceError
from udasa_core.sources import hub
from udasa_core.sources.resolve import resolve, resolve_data
from udasa_core.sources.source import parse_source

COMMIT = "1234567890abcdef1234567890abcdef12345678"
ASK = """
import json, sys
from pathlib import Path
from udasa_core.errors import SourceError
from udasa_core.models.resolve import resolve_model
for source in sys.argv[1:]:
    try:
        ref = resolve_model(source, root=Path("/"), dtype="float32", device="cpu")
        print(json.dumps([ref.folder, ref.revision]))
    except SourceError as error:
        print(json.dumps(["error", str(error)]))
"""


def test_models_resolve_offline(tmp_path: Path, tiny_model_dir: Path) -> None:
    cache = tmp_path / "hub"
    snapshot = cache / "models--org--tiny" / "snapshots" / COMMIT
    shutil.copytree(tiny_model_dir, snapshot)
    (cache / "models--org--tiny" / "refs").mkdir()
    (cache / "models--org--tiny" / "refs" / "main").write_text(COMMIT)
    pickled = cache / "models--org--pickled" / "snapshots" / COMMIT
    shutil.copytree(tiny_model_dir, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    (cache / "models--org--pickled" / "refs").mkdir()
    (cache / "models--org--pickled" / "refs" / "main").write_text(COMMIT)

    asked = ["hf:org/tiny", f"hf:org/tiny@{COMMIT}", "hf:org/tiny@v2", "hf:org/none", "hf:org/pickled"]
    environment = {
        **os.environ,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    run = subprocess.run(
        [sys.executable, "-c", ASK, *asked], env=environment, capture_output=True, text=True, check=True
    )
    branch, commit, revision, none, refused = map(json.loads, run.stdout.splitlines())
    assert branch == commit
    assert branch[0] == str(snapshot)
    for answer, source in ((revision, "hf:org/tiny@v2"), (none, "hf:org/none")):
        assert answer[0] == "error"
        assert answer[1].startswith(source)
        assert f'source = "file:/folder/{source.split("/")[1].split("@")[0]}"' in answer[1]
    assert "can run code when loaded" in refused[1]


def test_a_commit_that_lies_there_in_part_is_completed(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, bool]] = []

    def snapshot_download(name: str, **options: Any) -> str:
        assert "*.bin" not in options["allow_patterns"]
        assert (name, options["revision"]) == ("org/tiny", COMMIT)
        asked.append((options["local_files_only"], "*.py" in options["allow_patterns"]))
        if not options["local_files_only"]:
            shutil.copytree(tiny_model_dir, tmp_path / "snapshot", dirs_exist_ok=True)
        return str(tmp_path / "snapshot")

    (tmp_path / "snapshot").mkdir()
    shutil.copy(tiny_model_dir / "config.json", tmp_path / "snapshot")
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "ask_hub", lambda source, kind: None)
    source = f"hf:org/tiny@{COMMIT}"
    assert resolve(source, Path("/")) == tmp_path / "snapshot"
    assert asked == [(True, False), (False, False)]
    assert resolve(source, Path("/"), with_code=True) == tmp_path / "snapshot"
    assert asked[2:] == [(True, True)]


def test_a_hub_that_fails_is_told_with_the_line_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, **options: Any) -> str:
        raise RuntimeError("503\nmore")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "ask_hub", lambda source, kind: None)
    with pytest.raises(SourceError, match=r'revision main: 503\n.*source = "file:/folder/tiny"'):
        resolve("hf:org/tiny", Path("/"))


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], dict[str, tuple[int, str]]]]:
    """A hub on loopback: what it was asked for, and what it answers by path (status, body)."""
    import huggingface_hub.constants as constants

    asked: list[str] = []
    answers: dict[str, tuple[int, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (404, "{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield asked, answers
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_for_what_it_gives(
    standing_in: tuple[list[str], dict[str, tuple[int, str]]],
) -> None:
    asked, answers = standing_in
    path = "/api/models/org/tiny/revision/main"
    source = parse_source("hf:org/tiny", Path("/"))
    answers[path] = (200, '{"id": "org/tiny", "gated": false}')
    hub.ask_hub(source)
    assert asked[-1] == path
    # Its card is for all to see, its files are not.
    answers[path] = (200, '{"id": "org/tiny", "gated": "manual"}')
    answers["/api/models/org/tiny/auth-check"] = (403, "{}")
    with pytest.raises(SourceError, match="hf auth login"):
        hub.ask_hub(source)
    answers[path] = (401, "{}")
    with pytest.raises(SourceError, match="hf auth login") as refused:
        hub.ask_hub(source)
    assert not isinstance(refused.value, hub.SilentHubError)
    answers[path] = (503, "{}")
    with pytest.raises(hub.SilentHubError):
        hub.ask_hub(source)


def test_the_hub_is_asked_how_many_weights_a_model_has(
    standing_in: tuple[list[str], dict[str, tuple[int, str]]],
) -> None:
    asked, answers = standing_in
    path = "/api/models/org/tiny/revision/main?expand=safetensors"
    source = parse_source("hf:org/tiny", Path("/"))
    told = {"parameters": {"BF16": 7, "F32": 5}, "total": 12}
    answers[path] = (200, json.dumps({"id": "org/tiny", "safetensors": told}))
    assert hub.parameters(source) == 12
    assert asked == [path]
    answers[path] = (200, '{"id": "org/tiny"}')
    assert hub.parameters(source) == 0
    answers[path] = (404, "{}")
    with pytest.raises(SourceError, match="check the name"):
        hub.parameters(source)
    answers[path] = (503, "{}")
    with pytest.raises(hub.SilentHubError):
        hub.parameters(source)


def test_a_silent_hub_is_told_at_once_and_its_cache_is_taken(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import huggingface_hub.constants as constants

    snapshot = tmp_path / "models--org--tiny" / "snapshots" / COMMIT
    shutil.copytree(tiny_model_dir, snapshot)
    (tmp_path / "models--org--tiny" / "refs").mkdir()
    (tmp_path / "models--org--tiny" / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert resolve("hf:org/tiny", Path("/")) == snapshot
    begun = time.monotonic()
    with pytest.raises(SourceError, match="the hub gave no org/none"):
        resolve("hf:org/none", Path("/"))
    assert time.monotonic() - begun < 5
    assert len(caplog.records) <= 1


def test_that_the_hub_is_tried_again_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("huggingface_hub.utils._http")
    with hub._one_line():
        for number in range(6):
            log.warning("Retrying in 1s [Retry %d/5].", number)
    assert len(caplog.records) == 1


def test_a_data_set_is_found_in_the_cache_and_told_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    snapshot = tmp_path / "hub" / "datasets--org--questions" / "snapshots" / COMMIT
    (snapshot / "multiple_choice").mkdir(parents=True)
    (snapshot / "multiple_choice" / "validation-00000-of-00001.parquet").write_bytes(b"rows")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = resolve_data(f"hf:org/questions@{COMMIT}", tmp_path)
    assert (found / "multiple_choice" / "validation-00000-of-00001.parquet").read_bytes() == b"rows"
    with pytest.raises(SourceError, match='source = "file:/folder/none"'):
        resolve_data(f"hf:org/none@{COMMIT}", tmp_path)
    (tmp_path / "mine.csv").write_text("a\n")
    assert resolve_data("file:mine.csv", tmp_path) == tmp_path / "mine.csv"


@pytest.mark.parametrize("kind", ["models", "datasets"])
@pytest.mark.parametrize("changed", ["small", "large"])
def test_a_file_of_the_hubs_cache_that_was_changed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_dir: Path, kind: str, changed: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    for file in tiny_model_dir.iterdir():
        # As the hub does: what git keeps itself by git's own hash, weights by their SHA-256.
        content = file.read_bytes()
        is_large = file.suffix == ".safetensors"
        command = ["git", "hash-object", str(file)]
        git = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        name = hashlib.sha256(content).hexdigest() if is_large else git
        (blobs / name).write_bytes(content)
        (snapshot / file.name).symlink_to(blobs / name)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *given, **options: str(snapshot))
    ask = resolve if kind == "models" else resolve_data
    assert ask(f"hf:org/tiny@{COMMIT}", Path("/")) == snapshot
    file = snapshot / ("model.safetensors" if changed == "large" else "config.json")
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(SourceError, match=rf"{file.name} in the hub's cache was changed") as raised:
        ask(f"hf:org/tiny@{COMMIT}", Path("/"))
    assert f"rm {file.resolve()}" in str(raised.value)


def test_a_fault_of_our_own_is_not_told_as_the_hubs(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, **options: Any) -> str:
        raise NameError("a misspelling")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    for source in ("hf:org/tiny", f"hf:org/tiny@{COMMIT}"):
        with pytest.raises(NameError):
            resolve(source, Path("/"))
