"""The licence that a model's files state, whatever else stands in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from udasa_core import ModelRef
from udasa_core.export.licence import licence_link, licence_of, where_to_look
from udasa_core.models.gguf import PROVENANCE


def licence(tiny_ref: ModelRef, folder: Path) -> str:
    return licence_of(replace(tiny_ref, folder=str(folder), source="file:x"))


@pytest.mark.parametrize(
    "fields",
    [
        *("license: [", "- a list", "license: !!int ''", "license: !!bool maybe", "license: !!timestamp x"),
        *(
            "license: !!python/object:os.system x",
            "? {a: b}\n: c",
            "license: \ufffe",
            "license: &a [*a]",
            "7",
        ),
        "license: " + "[" * 3000,
    ],
)
def test_a_readme_that_cannot_be_read_states_nothing(tmp_path: Path, tiny_ref: ModelRef, fields: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{fields}\n---\n", encoding="utf-8")
    (tmp_path / PROVENANCE).write_text('{"license": "mit"}')
    assert licence(tiny_ref, tmp_path) in ("mit", "[[...]]")


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_neither_does_another_file_of_the_name(tmp_path: Path, tiny_ref: ModelRef, text: bytes) -> None:
    (tmp_path / PROVENANCE).write_bytes(text)
    assert licence(tiny_ref, tmp_path) == "unknown"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("LICENSE", "                      Apache License\n   Version 2.0, January 2004\n", "apache-2.0"),
        ("LICENSE.txt", "LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\nLlama 3.1 Version Release Date", "llama3.1"),
        ("LICENSE", "META LLAMA 3 COMMUNITY LICENSE AGREEMENT", "llama3"),
        ("LICENSE", "Tongyi Qianwen LICENSE AGREEMENT", "qwen"),
        ("LICENSE.md", "MIT License\n\nCopyright (c) 2026", "mit"),
        ("LICENSE", "Do what you like with it.", "unknown"),
        ("USE_POLICY.md", "Apache License Version 2.0", "unknown"),
    ],
)
def test_the_text_of_a_licence_is_known(
    tmp_path: Path, tiny_ref: ModelRef, file: str, text: str, told: str
) -> None:
    (tmp_path / file).write_text(text)
    assert licence(tiny_ref, tmp_path) == told


def test_what_lies_beside_a_gguf_tells_of_it(tmp_path: Path, tiny_ref: ModelRef) -> None:
    made, beside = tmp_path / "cache", tmp_path / "models"
    made.mkdir()
    beside.mkdir()
    ref = replace(tiny_ref, folder=str(made), source=f"file:{beside}/a.gguf")
    link = "https://example.com/licence"
    (beside / "README.md").write_text(
        f"---\nlicense: other\nlicense_name: own-1.0\nlicense_link: {link}\n---\n"
    )
    assert (licence_of(ref), licence_link(ref)) == ("own-1.0", link)
    (made / PROVENANCE).write_text('{"license": "other", "license.name": "its own"}')
    assert (licence_of(ref), licence_link(ref)) == ("its own", link)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("hf:owner/name@main", "https://huggingface.co/owner/name"),
        ("pypi:llm-x==0.1/llm_x/a.gguf", "https://pypi.org/project/llm-x"),
        ("file:/models/tiny", "the page of whoever made it"),
    ],
)
def test_an_unknown_licence_is_looked_for_elsewhere(tiny_ref: ModelRef, source: str, told: str) -> None:
    assert where_to_look(replace(tiny_ref, source=source)) == told
