"""`udasa export --push`: what arrives on a hub is what was listed, and what cannot be is refused before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from click.testing import CliRunner, Result

import udasa_core
from tests.hub_server import HubServer, Repository
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError
from udasa_core.export import push

STAND_IN = Path(__file__).parents[2] / "gguf_converter.py"
MARKER = ".udasa-export.json"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub to which Jane is logged in, reached as HF_ENDPOINT and HF_HUB_DISABLE_XET would have it."""
    with HubServer() as server:
        server.tokens["hf_jane"] = "jane"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_jane")
        yield server


def export(run: udasa_core.Run, *options: str) -> Result:
    return CliRunner().invoke(main, ["export", str(run.folder), *options])


def pushed(run: udasa_core.Run, *options: str) -> Result:
    return export(run, "--push", "jane/tiny", "--adapter", "alone", *options)


def test_what_arrives_is_the_model(finished_run: udasa_core.Run, hub: HubServer, tmp_path: Path) -> None:
    answer = export(finished_run, "--push", "jane/tiny", "--model", str(tmp_path / "out"))
    assert answer.exit_code == 0, answer.output
    there = hub.repositories["jane/tiny"]
    assert there.private
    assert there.commits == ["udasa export: run canned"]
    files = {path: content for path, content in there.files.items() if not path.startswith(".")}
    local = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir() if file.name[0] != "."}
    assert files == local
    listed = {line.split(",")[0].strip() for line in answer.output.splitlines() if line.startswith("  ")}
    assert listed == set(local)
    assert f"pushed to {hub.url}/jane/tiny (private)" in answer.output
    # Loaded, what arrived is the aligned model.
    got = tmp_path / "got"
    got.mkdir()
    for name, content in files.items():
        (got / name).write_bytes(content)
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(got)
    aligned = udasa_core.load_causal_lm(finished_run.aligned()).model
    ids = torch.tensor([[5, 40, 41, 42, 9]])
    with torch.inference_mode():
        assert torch.allclose(model(ids).logits, aligned(ids).logits, atol=1e-5)


def test_typed_again_it_does_nothing_and_another_form_replaces_the_first(
    finished_run: udasa_core.Run, hub: HubServer
) -> None:
    assert pushed(finished_run).exit_code == 0
    assert pushed(finished_run).exit_code == 0
    there = hub.repositories["jane/tiny"]
    assert len(there.commits) == len(hub.uploads) == 1
    there.files["photo.png"] = b"mine"
    answer = export(finished_run, "--push", "jane/tiny")
    assert answer.exit_code == 0
    assert "adapter_config.json: removed, of an earlier export" in answer.output
    assert {"model.safetensors", "photo.png"} <= there.files.keys()
    assert not {"adapter_config.json", "adapter_model.safetensors"} & there.files.keys()


def test_a_gguf_alone_comes_with_its_card(
    finished_run: udasa_core.Run, hub: HubServer, tmp_path: Path
) -> None:
    given = ("--gguf", str(tmp_path / "tiny.gguf"), "--gguf-converter", str(STAND_IN))
    answer = export(finished_run, "--push", "jane/tiny", *given)
    assert answer.exit_code == 0, answer.output
    files = hub.repositories["jane/tiny"].files
    assert files.keys() == {".gitattributes", MARKER, "README.md", "tiny.gguf"}
    assert files["tiny.gguf"] == (tmp_path / "tiny.gguf").read_bytes()
    assert b"library_name: llama.cpp" in files["README.md"]


def test_public_is_asked_for(finished_run: udasa_core.Run, hub: HubServer) -> None:
    assert "(public)" in pushed(finished_run, "--public").output
    assert not hub.repositories["jane/tiny"].private
    answer = pushed(finished_run)
    assert answer.exit_code == 2
    assert "jane/tiny is there, and public: add --public" in answer.output


def test_a_network_that_is_cut_is_told_and_goes_on(
    finished_run: udasa_core.Run, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client tries again after a while
    hub.cut = 99
    out = ("--model", str(tmp_path / "out"))
    answer = pushed(finished_run, *out)
    assert answer.exit_code == 1
    assert "the push to jane/tiny broke off" in answer.output
    assert "type the same command again" in answer.output
    assert "Traceback" not in answer.output
    # Nobody sees half of it.
    assert hub.repositories["jane/tiny"].files.keys() == {".gitattributes"}
    hub.cut = 0
    assert pushed(finished_run, *out).exit_code == 0
    assert "adapter_model.safetensors" in hub.repositories["jane/tiny"].files


def test_what_has_arrived_is_not_sent_again(finished_run: udasa_core.Run, hub: HubServer) -> None:
    assert pushed(finished_run).exit_code == 0
    hub.repositories.clear()  # the commit was lost, the large file was not
    assert pushed(finished_run).exit_code == 0
    assert len(hub.uploads) == 1


def test_no_repository_is_made_for_what_cannot_be_written(
    finished_run: udasa_core.Run, hub: HubServer, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("dear")
    answer = pushed(finished_run, "--model", str(tmp_path))
    assert "is not empty" in answer.output
    assert not hub.repositories


@pytest.mark.parametrize(
    ("token", "name", "code", "told"),
    [
        ("", "jane/tiny", 2, "there is no token for http://127.0.0.1"),
        ("hf_wrong", "jane/tiny", 2, "does not take the token: `hf auth login`"),
        ("hf_jane", "john/tiny", 2, "the token may not write to john/…"),
        ("hf_jane", "tiny", 2, "'tiny' is no repository: write owner/name"),
    ],
)
def test_refused_before_any_work(
    finished_run: udasa_core.Run,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    name: str,
    code: int,
    told: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    answer = export(finished_run, "--push", name, "--model", str(tmp_path / "out"))
    assert (answer.exit_code, told in answer.output) == (code, True), answer.output
    assert "Traceback" not in answer.output
    assert not (tmp_path / "out").exists()
    assert not hub.repositories


def test_offline_and_without_a_hub(
    finished_run: udasa_core.Run, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    answer = pushed(finished_run)
    assert "HF_HUB_OFFLINE is set" in answer.output
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    answer = pushed(finished_run)
    assert answer.exit_code == 1
    assert "jane/tiny cannot be written: " in answer.output
    assert hub.paths == []


def test_what_others_put_there_is_left_alone(finished_run: udasa_core.Run, hub: HubServer) -> None:
    hub.repositories["jane/tiny"] = Repository(True, {"README.md": b"mine"})
    for options in ((), ("--force",)):
        answer = pushed(finished_run, *options)
        assert answer.exit_code == 2
        assert "jane/tiny holds what udasa did not put there (README.md)" in answer.output
    assert hub.repositories["jane/tiny"].files == {"README.md": b"mine"}


def test_another_runs_export_is_replaced_where_that_is_asked_for(
    finished_run: udasa_core.Run, hub: HubServer
) -> None:
    note = json.dumps({"model": "0", "run": "other", "files": ["old.safetensors"]}).encode()
    hub.repositories["jane/tiny"] = Repository(
        True, {MARKER: note, "old.safetensors": b"x", "mine.txt": b"y"}
    )
    answer = pushed(finished_run)
    assert "holds an export of run 'other'; --force replaces it" in answer.output
    assert pushed(finished_run, "--force").exit_code == 0
    files = hub.repositories["jane/tiny"].files
    assert "old.safetensors" not in files
    assert files["mine.txt"] == b"y"


def test_a_name_that_the_licence_does_not_allow_is_told(
    finished_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.export.licences.licence_of", lambda *_: "llama3.1")
    assert "begin with Llama: jane/tiny does not" in push.naming_note(finished_run, "jane/tiny")
    assert push.naming_note(finished_run, "jane/Llama-3.1-8B-mine") == ""
    monkeypatch.setattr("udasa_core.export.licences.licence_of", lambda *_: "llama3")
    assert push.naming_note(finished_run, "jane/Llama-mine")
    assert push.naming_note(finished_run, "jane/llama_3-mine") == ""


def test_a_name_that_the_licence_does_not_want_is_told_before_the_hub_is_asked(
    finished_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.export.wanted.naming_note", lambda *_: "note: the name")

    def refuse(*_: object, **__: object) -> None:
        raise UdasaError("no hub")

    monkeypatch.setattr("udasa_core.export.wanted.reach", refuse)
    answer = export(finished_run, "--push", "jane/tiny")
    assert answer.output.index("note: the name") < answer.output.index("no hub")
