"""Rows of any file, as a suite reads them: what each holds, or why it holds nothing."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from udasa_core import BadRow, Message, RowError, SourceError, read_rows, row_id, row_messages
from udasa_core.prompts.rows import dataset_rows
from udasa_core.sources import limits
from udasa_core.sources.cache import cache_root


def test_each_row_comes_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "one", "n": 1}\n\nnot json\n["a list"]\n{"text": "two"}\n')
    rows = list(read_rows(path, ["text"], source="file:rows.jsonl"))
    assert rows[0] == (1, {"text": "one", "n": 1})
    assert rows[-1] == (5, {"text": "two"})
    bad = {line: row.reason for line, row in rows if isinstance(row, BadRow)}
    assert bad == {
        3: 'is not JSON: a value is missing, or a text stands there without "double quotes"',
        4: 'is a list, not a JSON object such as {"prompt": "…"}',
    }


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


# --- folders as the hub lays them out ---------------------------------------------------------------------


def rows_in(folder: Path) -> list[Any]:
    return [row["prompt"] for _, row in read_rows(folder, ["prompt"], source="file:data")]  # type: ignore[index]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data, its rows cached under the test's own folder."""
    import datasets

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    datasets.disable_progress_bars()
    (tmp_path / "outside.jsonl").write_text('{"prompt": "secret"}\n')
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"prompt": "one"}\n')
    return folder


def test_a_folder_s_rows_are_those_that_its_files_hold(data: Path) -> None:
    file = data / "train.jsonl"
    assert rows_in(data) == ["one"]
    before = file.stat()
    file.write_text('{"prompt": "two"}\n')
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert rows_in(data) == ["two"]


@pytest.mark.parametrize("how", ["altered", "not noted"])
def test_rows_that_were_altered_in_the_cache_are_read_anew(
    data: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    assert rows_in(data) == ["one"]
    (arrow,) = (cache_root() / "data").rglob("*.arrow")
    stat = arrow.stat()
    content = arrow.read_bytes()
    assert content.count(b"one") == 1
    arrow.write_bytes(content.replace(b"one", b"two"))
    os.utime(arrow, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if how == "not noted":  # what a kill leaves, or an earlier udasa
        (arrow.parent / "SHA256SUMS").unlink()
    assert rows_in(data) == ["one"]
    assert "it is made anew" in caplog.text
    caplog.clear()
    assert rows_in(data) == ["one"]
    assert caplog.text == ""


@pytest.mark.parametrize(
    "named",
    [
        "data_files: ../outside.jsonl",
        "data_files: [train.jsonl, ../outside.jsonl]",
        "data_files: [{split: train, path: ../outside.jsonl}]",
        "data_files: [{split: train, path: [train.jsonl, ../*.jsonl]}]",
        "data_files: {train: ../outside.jsonl}",
        "data_files: ABSOLUTE",
        "data_files: file://ABSOLUTE",
        "data_files: https://nowhere.invalid/train.jsonl",
        "data_files: hf://datasets/other/set/train.jsonl",
        "data_files: zip://train.jsonl::ABSOLUTE",
        "data_files: inner/../../outside.jsonl",
        "data_dir: ..",
    ],
)
@pytest.mark.parametrize("by", ["README.md", "README.md, CRLF", ".huggingface.yaml"])
def test_a_description_names_no_data_outside_of_its_folder(data: Path, named: str, by: str) -> None:
    named = named.replace("ABSOLUTE", str(data.parent / "outside.jsonl"))
    text = f"configs:\n- config_name: default\n  {named}\n"
    text = text if by == ".huggingface.yaml" else f"---\n{text}---\n# A set\n"
    name, _, is_windows = by.partition(",")
    (data / name).write_bytes((text.replace("\n", "\r\n") if is_windows else text).encode())
    with pytest.raises(SourceError, match="outside of its folder"):
        rows_in(data)


def test_a_description_may_name_its_own_files(data: Path) -> None:
    (data / "inner").mkdir()
    (data / "inner" / "a.jsonl").write_text('{"prompt": "two"}\n')
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: [{split: train, path: inner/*.jsonl}]\n---\n"
    )
    assert rows_in(data) == ["two"]


def test_what_a_pattern_finds_behind_a_link_or_hidden_is_refused(data: Path) -> None:
    (data.parent / "other").mkdir()
    (data.parent / "other" / "a.jsonl").write_text('{"prompt": "secret"}\n')
    (data / "linked").symlink_to(data.parent / "other")
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: linked/a.jsonl\n---\n"
    )
    with pytest.raises(SourceError, match="not among its own files"):
        rows_in(data)


def zstandard(path: Path, content: bytes) -> None:
    import pyarrow as pa

    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(content)


def archive(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("rows.jsonl", content)


PACKINGS: dict[str, Callable[[Path, bytes], Any]] = {
    "train.jsonl.gz": lambda path, content: path.write_bytes(gzip.compress(content)),
    "train.jsonl.bz2": lambda path, content: path.write_bytes(bz2.compress(content)),
    "train.jsonl.xz": lambda path, content: path.write_bytes(lzma.compress(content)),
    "train.jsonl.zst": zstandard,
    "train.zip": archive,
}


@pytest.mark.parametrize("name", PACKINGS)
def test_data_that_are_a_bomb_are_named_with_their_size(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    (data / "train.jsonl").unlink()
    # One line without an end: whoever reads it as a line holds all of it.
    PACKINGS[name](data / name, b'{"prompt": "' + bytes(4 << 20))
    with pytest.raises(SourceError, match=rf"{name}.* to (2|4)\.\d MB"):
        rows_in(data)


def test_packed_data_of_the_usual_kind_are_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    (data / "train.jsonl").unlink()
    rows = [f"question {number}" for number in range(50_000)]
    text = "".join(f'{{"prompt": "{row}"}}\n' for row in rows).encode()
    assert len(text) > limits.ALWAYS
    (data / "train.jsonl.gz").write_bytes(gzip.compress(text))
    assert rows_in(data) == rows


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_parquet_column_that_is_a_bomb_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    (data / "train.jsonl").unlink()
    file = data / "train.parquet"
    table = pa.table({"prompt": ["a" * (4 << 20)]})
    pq.write_table(table, file, compression="zstd", use_dictionary=False, write_statistics=False)
    with pytest.raises(SourceError, match=r"train\.parquet: column prompt .* to 4\.2 MB"):
        list(read_rows(data if is_folder else file, ["prompt"], source="here"))


def test_a_data_set_that_a_silent_hub_keeps_is_told_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is told to go by its cache, and what it says then is not what is wrong."""
    import datasets
    from huggingface_hub import constants

    from udasa_core.prompts import dataset
    from udasa_core.sources.hub import SilentHubError

    alone: list[bool] = []

    def ask(source: Any, kind: str) -> None:
        raise SilentHubError(f"{source.text}: the hub gave no answer")

    def load(name: str, config: str | None, **options: Any) -> None:
        alone.append(constants.HF_HUB_OFFLINE)
        raise ConnectionError("some of many tries")

    monkeypatch.setattr(dataset, "ask_hub", ask)
    monkeypatch.setattr(datasets, "load_dataset_builder", load)
    with pytest.raises(SourceError, match=r"^hf:org/rows@v1: the hub gave no answer$"):
        list(dataset_rows("org/rows", None, source="hf:org/rows@v1", revision="v1"))
    assert alone == [True]
    assert not constants.HF_HUB_OFFLINE


def test_a_data_set_that_the_hub_refuses_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    from udasa_core.prompts import dataset

    def ask(source: Any, kind: str) -> None:
        raise SourceError(f"{source.text}: 401 ({kind})")

    monkeypatch.setattr(dataset, "ask_hub", ask)
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *a, **b: pytest.fail("it was asked again"))
    with pytest.raises(SourceError, match=r"^hf:org/rows: 401 \(dataset\)$"):
        list(dataset_rows("org/rows", None, source="hf:org/rows"))


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_cells_are_parted_by_what_the_header_has(tmp_path: Path, name: str, mark: str) -> None:
    path = tmp_path / name
    path.write_text(f'\nprompt{mark}id\nWhat is 2?{mark}a\n"b{mark}c"{mark}d\n')
    rows = [row for _, row in read_rows(path, ["prompt", "id"], source="here")]
    assert rows == [{"prompt": "What is 2?", "id": "a"}, {"prompt": f"b{mark}c", "id": "d"}]


def test_what_the_suffix_says_goes_before_what_else_is_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("prompt,a;b\nWhat; is,2\n")
    assert list(read_rows(path, ["prompt"], source="here")) == [(2, {"prompt": "What; is", "a;b": "2"})]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.txt"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_told_once_and_how_to_save_it(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes('{"prompt": "a"}\n'.encode(encoding))
    with pytest.raises(SourceError, match=r"here is UTF-16 text.*\n.*iconv -f UTF-16 -t UTF-8 .*rows"):
        list(read_rows(path, ["prompt"], source="here"))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.txt"])
def test_latin_1_is_told_with_how_to_save_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"prompt": "caf\xe9"}\n')
    ((_, row),) = read_rows(path, ["prompt"], source="here")
    assert isinstance(row, BadRow)
    assert "iconv -f LATIN1 -t UTF-8" in row.reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{'prompt': 'a'}", 'a name stands in "double quotes"'),
        ('{"prompt": a}', 'a text stands there without "double quotes"'),
        ('{"prompt": "a}', "is opened by"),
        ('{"prompt" "a"}', "a colon is missing"),
        ('{"prompt": "a"} {"prompt": "b"}', "more stands behind its end"),
        ('{"prompt": "C:\\data"}', "a backslash stands alone"),
        ('{"prompt": "a\tb"}', "a line end or a tab"),
    ],
)
def test_json_that_is_none_is_told_in_plain_words(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{text}\n")
    ((_, row),) = read_rows(path, ["prompt"], source="here")
    assert isinstance(row, BadRow)
    assert told in row.reason
