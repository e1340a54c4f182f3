from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from udasa_core.errors import SourceError
from udasa_eval.inputs.texts import Text, read_texts


def test_each_format_gives_the_same_texts(tmp_path: Path) -> None:
    rows = [{"text": "one, two"}, {"text": "three\nfour"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.csv").write_text('text,label\n"one, two",1\n"three\nfour",0\n')
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        found = read_texts(tmp_path / name, ("text",), source=name)
        assert [one.text for one in found] == ["one, two", "three\nfour"]
        assert len({one.id for one in found}) == 2
    assert len(read_texts(tmp_path / "a.jsonl", ("text",), source="a", limit=1)) == 1


def test_the_hubs_layout(tmp_path: Path) -> None:
    folder = tmp_path / "plain_text"
    folder.mkdir()
    for split in ("train", "test"):
        table = pa.Table.from_pylist([{"text": f"a {split} review", "label": 1}])
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: plain_text\n  data_files:\n"
        "  - split: train\n    path: plain_text/train-*\n"
        "  - split: test\n    path: plain_text/test-*\n---\n"
    )
    (found,) = read_texts(tmp_path, ("text",), source="hf:x/imdb", config="plain_text", split="test")
    assert found.text == "a test review"
    with pytest.raises(SourceError, match=r"hf:x/imdb.*split 'dev'"):
        read_texts(tmp_path, ("text",), source="hf:x/imdb", config="plain_text", split="dev")


def test_the_first_field_that_a_row_has_is_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "p"}\n{"text": "t", "prompt": "p"}\n')
    assert read_texts(path, ("text", "prompt"), source="a") == (
        Text("1", "prompt", "p"),
        Text("2", "text", "t"),
    )


def test_rows_without_a_text_are_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "t"}\n{"other": 1}\n{"text": 3}\n{"text": " "}\nno json\n{"other": 2}\n')
    with caplog.at_level(logging.WARNING, "udasa"):
        assert [one.text for one in read_texts(path, ("text",), source="file:a.jsonl")] == ["t"]
    assert "file:a.jsonl: rows left out" in caplog.text
    assert "2 without text" in caplog.text
    assert "1 whose text is int, not text" in caplog.text
    assert "1 whose text is empty" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"body": "t"}\n', "has no text.*1 without text"),
        ("a.jsonl", "", "no row"),
        ("a.pdf", "t\n", "rows cannot be read from"),
        ("", "", "cannot be read"),
    ],
)
def test_a_source_without_texts_is_an_error(tmp_path: Path, name: str, content: str, told: str) -> None:
    path = tmp_path / (name or "missing.jsonl")
    if name:
        path.write_text(content)
    with pytest.raises(SourceError, match=rf"(?s)file:there.*{told}|{told}"):
        read_texts(path, ("text",), source="file:there")
