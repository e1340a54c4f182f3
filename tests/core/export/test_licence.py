"""The licence that a model's files state, whatever else stands in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from udasa_core import ModelRef
from udasa_core.export.licence import licence_of
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
