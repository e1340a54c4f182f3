"""`udasa check` says whose terms speak of training with a model's output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.canned import configuration
from udasa_core.check.terms import terms_notes
from udasa_core.config.parse import parse_config


def notes(folder: Path, model: Path, **tables: Any) -> list[str]:
    raw = configuration(folder, model, **tables)
    return list(terms_notes(parse_config(raw, root=folder, origin="test", check=lambda config: [])))


def crossing(**options: Any) -> list[dict[str, Any]]:
    return [{"use": "semantic.cross-model", "name": "other", **options}]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("hf:meta-llama/Llama-2-7b-chat-hf@main", "forbid to improve other language models"),
        ("hf:meta-llama/Meta-Llama-3-8B-Instruct@main", "forbid to improve other language models"),
        ("hf:meta-llama/Llama-3.1-8B-Instruct@main", "bears Llama in its name"),
        ("hf:unsloth/Llama-3.3-70B-Instruct@main", "bears Llama in its name"),
        ("hf:google/gemma-2-2b-it@main", "among its derivatives"),
    ],
)
def test_by_name_where_the_model_is_not_here(
    tmp_path: Path, tiny_model_dir: Path, source: str, told: str
) -> None:
    (note,) = notes(tmp_path, tiny_model_dir, dimension=crossing(source=source))
    assert note.startswith(f"dimension 'other': {source} (to judge by its name): ")
    assert told in note
    assert "no legal advice" in note


@pytest.mark.parametrize(
    "source",
    [
        "hf:Qwen/Qwen2.5-0.5B-Instruct@main",
        "hf:openai/gpt-oss-20b@main",
        "hf:HuggingFaceTB/SmolLM2-360M@main",
    ],
)
def test_other_names_are_not_told(tmp_path: Path, tiny_model_dir: Path, source: str) -> None:
    assert notes(tmp_path, tiny_model_dir, dimension=crossing(source=source)) == []


def model_of(folder: Path, licence: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\nA model.\n")
    return folder


def test_the_stated_licence_goes_before_the_name(tmp_path: Path, tiny_model_dir: Path) -> None:
    free = model_of(tmp_path / "gemma-4-like", "apache-2.0")
    assert notes(tmp_path, tiny_model_dir, dimension=crossing(source=f"file:{free}")) == []
    bound = model_of(tmp_path / "nameless", "llama3.2")
    (note,) = notes(tmp_path, tiny_model_dir, reader={"source": f"file:{bound}"})
    assert note.startswith(f"reader: file:{bound} (licence llama3.2): from Llama 3.1 on")
    older = model_of(tmp_path / "older", "llama3")
    (note,) = notes(tmp_path, tiny_model_dir, reader={"source": f"file:{older}"})
    assert "forbid to improve other language models" in note


def test_servers_that_sample_or_judge_are_told(tmp_path: Path, tiny_model_dir: Path) -> None:
    server = {"use": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}
    found = notes(tmp_path, tiny_model_dir, generator={**server, "responses": 4}, judge=server)
    assert [note.partition(":")[0] for note in found] == ["generator 'openai'", "judge 'openai'"]
    assert all("OpenAI's terms" in note for note in found)
    local = {"use": "openai", "base_url": "http://127.0.0.1:8000/v1", "model": "my-model"}
    assert notes(tmp_path, tiny_model_dir, judge=local) == []


def test_members_of_a_list_are_found_and_the_policy_itself_is_not(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    members = [
        {"source": "hf:a/b@main", "harmful": ["x"]},
        {"source": "hf:x/llama-guard-2@main", "harmful": ["y"]},
    ]
    (note,) = notes(tmp_path, tiny_model_dir, dimension=[{"use": "value.ensemble", "members": members}])
    assert "hf:x/llama-guard-2@main" in note
    policy = model_of(tmp_path / "llama-3", "llama3")
    assert notes(tmp_path, policy, reader={"source": f"file:{policy}"}) == []
