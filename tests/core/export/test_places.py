"""What leaves this machine names no place on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from udasa_core.export.places import Places, tidy_model_files, without_places


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/jane/models/tiny is bad", "tiny is bad"),
        ("see `/home/jane/x.jsonl`, line 3", "see `x.jsonl`, line 3"),
        ("/home/jane doe/of blanks/x.toml", "of blanks/x.toml"),
        ("/home/jane doe", ""),
        (r"C:\Users\jane\x.gguf", "x.gguf"),
        ("~/runs/store/a.parquet", "a.parquet"),
        ("it is file:/home/john/x.jsonl", "it is file:x.jsonl"),
        ("https://example.com/home/jane doe", "https://example.com/home/jane doe"),
        ("https://example.com/tmp/a/b", "https://example.com/tmp/a/b"),
        ("right and/or wrong, 1/2, km/h, 3/4/5", "right and/or wrong, 1/2, km/h, 3/4/5"),
        ("https://api.openai.com/v1/chat", "https://api.openai.com/v1/chat"),
        ("http://gpu-box:8000/v1", "http://host-of-ones-own/v1"),
        ("http://jane:secret@example.com/v1", "http://host-of-ones-own/v1"),
        ("http://10.1.2.3:8000/v1", "http://host-of-ones-own/v1"),
        ("http://gpu.corp.internal/v1", "http://host-of-ones-own/v1"),
        ("hf:owner/name@main", "hf:owner/name@main"),
        ("pypi:llm-x==0.1/llm_x/a.gguf", "pypi:llm-x==0.1/llm_x/a.gguf"),
    ],
)
def test_texts(text: str, told: str) -> None:
    assert Places("/home/jane doe").text(text) == told


def test_plain_data(tmp_path: Path) -> None:
    plain = {"a": [f"file:{tmp_path}/p.jsonl", f"{tmp_path}/x y.txt", 3, None], "b": {"c": "~/private/k.txt"}}
    assert without_places(plain) == {"a": ["file:p.jsonl", "x y.txt", 3, None], "b": {"c": "k.txt"}}
    assert without_places("file:../secret project/p.jsonl") == "file:p.jsonl"


def test_a_models_files_keep_all_but_paths(tmp_path: Path) -> None:
    template = "{{ '/home/jane/x' }}\n/think"
    files = {
        "config.json": {"_name_or_path": "/home/jane/llama", "model_type": "llama"},
        "tokenizer_config.json": {"chat_template": template, "tokenizer_file": "/home/jane/t.json"},
        "vocab.json": {"/a/b/c": 1},
    }
    for name, plain in files.items():
        (tmp_path / name).write_text(json.dumps(plain))
    (tmp_path / "generation_config.json").write_text('{"a":   1}')
    (tmp_path / "broken.json").write_text("{")
    tidy_model_files(tmp_path, Places())
    read = {file.name: json.loads(file.read_text()) for file in tmp_path.glob("[!b]*.json")}
    assert read["config.json"] == {"_name_or_path": "llama", "model_type": "llama"}
    assert read["tokenizer_config.json"] == {"chat_template": template, "tokenizer_file": "t.json"}
    assert read["vocab.json"] == {"/a/b/c": 1}
    assert (tmp_path / "generation_config.json").read_text() == '{"a":   1}'
