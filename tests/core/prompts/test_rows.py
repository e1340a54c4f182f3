"""Rows of any file, as a suite reads them: what each holds, or why it holds nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from udasa_core import BadRow, Message, RowError, SourceError, read_rows, row_id, row_messages


def test_each_row_comes_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "one", "n": 1}\n\nnot json\n["a list"]\n{"text": "two"}\n')
    rows = list(read_rows(path, ["text"], source="file:rows.jsonl"))
    assert rows[0] == (1, {"text": "one", "n": 1})
    assert rows[-1] == (5, {"text": "two"})
    bad = {line: row.reason for line, row in rows if isinstance(row, BadRow)}
    assert bad == {3: "is not JSON: Expecting value", 4: "is a list, not a JSON object"}


def test_an_empty_cell_is_no_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nfine,\n,good\n")
    rows = list(read_rows(path, ["text", "label"], source="here"))
    assert rows == [(2, {"text": "fine"}), (3, {"label": "good"})]


def test_parquet_and_a_folder_give_the_columns_that_are_wanted(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "set"
    folder.mkdir()
    table = pa.table({"text": ["one", "two"], "label": [0, 1]})
    pq.write_table(table, folder / "test.parquet")
    expected = [(1, {"text": "one"}), (2, {"text": "two"})]
    assert list(read_rows(folder / "test.parquet", ["text"], source="here")) == expected
    assert list(read_rows(folder, ["text"], source="here", split="test")) == expected
    with pytest.raises(SourceError, match=r"^here: the data set \(config None, split 'dev'\) cannot be read"):
        list(read_rows(folder, ["text"], source="here", split="dev"))


def test_what_cannot_be_read_is_a_source_error(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "rows.gz", "wt") as file:
        file.write("{}")
    with pytest.raises(SourceError, match=r"here: rows cannot be read from \.gz\n    → \.jsonl"):
        list(read_rows(tmp_path / "rows.gz", ["text"], source="here"))
    with pytest.raises(SourceError, match=r"here cannot be read: .*\n    → copy its rows"):
        list(read_rows(tmp_path / "nowhere.jsonl", ["text"], source="here"))


def test_a_rows_messages_and_id() -> None:
    assert row_messages({"prompt": "Why?", "system": "Be brief."}) == (
        Message("system", "Be brief."),
        Message("user", "Why?"),
    )
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    with pytest.raises(RowError, match="ends with a message from assistant"):
        row_messages({"messages": turns})
    assert (row_id(7), row_id("seven"), row_id(None)) == ("7", "seven", "")
    with pytest.raises(RowError, match="id is of type bool"):
        row_id(True)
