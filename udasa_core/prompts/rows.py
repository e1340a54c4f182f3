"""Rows of a file, one at a time: JSONL, JSON, Parquet, CSV, TSV, text, or a data set as the hub lays it out.

A reader yields (line, row, shown): the line or row number from 1, the row's fields or a `BadRow` that says
why there are none, and the row as text for people. Memory does not grow with the file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from udasa_core.errors import SourceError, reason
from udasa_core.files.json_text import parse_json
from udasa_core.prompts.dataset import dataset_errors, open_dataset
from udasa_core.prompts.json_stream import json_texts
from udasa_core.sources.limits import check_packed
from udasa_core.text.encoding import utf_16_fault

if TYPE_CHECKING:
    import pyarrow as pa

# A longer line is no prompt: it is skipped without being held.
MAX_LINE = 4 * 1024 * 1024
_BATCH = 1024
_CHUNK = 1 << 16
TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")
NOT_UTF_8 = "is not UTF-8: save the file as UTF-8; if it is Latin-1, by iconv -f LATIN1 -t UTF-8 FILE > NEW"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    reason: str


Row = tuple[int, Mapping[str, Any] | BadRow, object]


def read_rows(
    path: Path, columns: Sequence[str], *, source: str, config: str | None = None, split: str = "train"
) -> Iterator[tuple[int, Mapping[str, Any] | BadRow]]:
    """Yield each row of a local file or data set as (line from 1, its fields); a `BadRow` says why it has
    none.

    path: .jsonl, .ndjson, .json, .csv, .tsv, .txt or .parquet, or a folder as the hub lays a data set out,
    of which `config` and `split` choose. columns: those that are wanted; others may be left out, an empty
    cell of a CSV is no field, and a line of a .txt is the first of them. source: how errors name it. Memory
    does not grow with the file. Raises SourceError where it cannot be read at all.
    """
    try:
        for line, row, _ in rows_of(path, columns, source=source, config=config, split=split):
            yield line, row
    except OSError as error:
        raise SourceError(
            f"{source} cannot be read: {reason(error)}\n    → copy its rows onto this machine and write "
            f'"file:/folder/{path.name}"'
        ) from error


def rows_of(
    path: Path,
    columns: Sequence[str],
    *,
    source: str,
    optional: Sequence[str] | None = None,
    config: str | None = None,
    split: str = "train",
    whole: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a local path, as `read_rows` does, each with itself as text.

    optional: the columns of a CSV of which an empty cell is no field; by default all of `columns`. whole: all
    columns are wanted, but for those that hold bytes.
    """
    wanted = None if whole else columns
    if path.is_dir():
        return dataset_rows(str(path), wanted, source=source, config=config, split=split)
    if path.suffix in TEXT_SUFFIXES:
        _refuse_utf_16(path, source)
    if path.suffix in (".jsonl", ".ndjson"):
        return json_rows(path)
    if path.suffix == ".json":
        return json_file_rows(path)
    if path.suffix in (".csv", ".tsv"):
        return csv_rows(path, columns if optional is None else optional)
    if path.suffix == ".txt":
        return text_rows(path, columns[0])
    if path.suffix == ".parquet":
        return parquet_rows(path, wanted)
    raise SourceError(
        f"{source}: rows cannot be read from {path.suffix or 'a file without a suffix'}\n"
        "    → .jsonl (one JSON object per line), .json, .csv, .tsv, .txt (a prompt a line), .parquet, or a "
        "folder as the hub lays it out"
    )


def _refuse_utf_16(path: Path, source: str) -> None:
    """Raise SourceError where a text file is UTF-16: none of its rows could be read."""
    with path.open("rb") as file:
        why, remedy = utf_16_fault(file.read(_CHUNK), str(path))
    if why:
        raise SourceError(f"{source} {why}\n    → {remedy}")


def json_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL file. A byte-order mark, CRLF and blank lines are no rows and no faults."""
    with path.open("rb") as file:
        for line, text in _lines(file):
            if isinstance(text, BadRow):
                yield line, text, b""
            elif text.strip():
                yield line, _json_row(text), text


def json_file_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a .json file: the objects of a list, or objects one after the other. Where one is not
    JSON, the rest cannot be read, and is told as one bad row. What is JSONL by its first line is read so."""
    with path.open("rb") as file:
        first = next((text for _, text in _lines(file) if isinstance(text, BadRow) or text.strip()), b"")
        if isinstance(first, bytes) and isinstance(_json_row(first), Mapping):
            yield from json_rows(path)
            return
        file.seek(0)
        for line, text in json_texts(file, MAX_LINE):
            if isinstance(text, str):
                yield line, BadRow(text), b""
            else:
                yield line, _json_row(text), text


def text_rows(path: Path, column: str) -> Iterator[Row]:
    """Yield each line of a text file as a row of one column; blank lines are none."""
    with path.open("rb") as file:
        for line, text in _lines(file):
            if isinstance(text, BadRow):
                yield line, text, b""
            elif text.strip():
                try:
                    yield line, {column: text.decode().strip()}, text
                except UnicodeDecodeError:
                    yield line, BadRow(NOT_UTF_8), text


def _json_row(text: bytes) -> Mapping[str, Any] | BadRow:
    if b"\0" in text:
        return BadRow("holds a NUL character")
    try:
        row = parse_json(text.decode())
    except UnicodeDecodeError:
        return BadRow(NOT_UTF_8)
    except json.JSONDecodeError as error:
        return BadRow(f"is not JSON: {error.msg}")
    except ValueError as error:
        return BadRow(f"is not JSON that can be read: {error}")
    if not isinstance(row, dict):
        return BadRow(f'is {_json_kind(row)}, not a JSON object such as {{"prompt": "…"}}')
    return row


def _json_kind(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def csv_rows(path: Path, optional: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file with a header; an empty cell of an `optional` column is no field.

    Cells are parted by what the suffix says or, where the header has none of that, by what it has: some
    programs write ";" or a tab into what they call CSV.
    """
    too_long: list[int] = []
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    with path.open("rb") as file:
        header_line = next(
            (text for _, text in _lines(file) if isinstance(text, BadRow) or text.strip()), b""
        )
        file.seek(0)
        usual = (b"\t", b";", b",") if path.suffix == ".tsv" else (b",", b";", b"\t")
        in_header = (one for one in usual if isinstance(header_line, bytes) and one in header_line)
        delimiter = next(in_header, usual[0]).decode()
        # Bytes that are no UTF-8 become lone surrogates, which the reader of prompts tells apart.
        table = csv.reader(_csv_lines(file, too_long), strict=True, delimiter=delimiter)
        header: list[str] | None = None
        while True:
            line = table.line_num + 1
            try:
                cells = next(table, None)
            except csv.Error as error:
                yield line, BadRow(f"is not CSV: {error}"), b""
                continue
            while too_long:
                yield too_long.pop(0), BadRow(_too_long()), b""
            if cells is None:
                return
            if not cells:
                continue
            if header is None:
                header = cells
            elif len(cells) != len(header):
                yield line, BadRow(f"has {len(cells)} cells where the header has {len(header)}"), cells
            else:
                row = dict(zip(header, cells, strict=True))
                yield line, {key: row[key] for key in row if row[key] or key not in optional}, cells


def _csv_lines(file: BinaryIO, too_long: list[int]) -> Iterator[str]:
    for line, text in _lines(file):
        if isinstance(text, BadRow):
            too_long.append(line)
            yield "\n"
        else:
            yield text.decode(errors="surrogateescape")


def parquet_rows(path: Path, columns: Iterable[str] | None) -> Iterator[Row]:
    """Yield the rows of a Parquet file, reading only `columns` (None: all but bytes).

    Raises SourceError where it is no Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_packed(path)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            wanted = _wanted(file.schema_arrow, columns)
            line = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                yield from _batch_rows(batch, line)
                line += len(batch)
    except pa.ArrowException as error:
        raise SourceError(f"{path} cannot be read as Parquet: {error}") from error


def _batch_rows(batch: pa.RecordBatch, before: int) -> Iterator[Row]:
    try:
        rows: list[Mapping[str, Any] | BadRow] = batch.to_pylist()
    except UnicodeDecodeError:
        rows = [_one_row(batch, index) for index in range(len(batch))]
    for index, row in enumerate(rows):
        yield before + index + 1, row, row


def _one_row(batch: pa.RecordBatch, index: int) -> Mapping[str, Any] | BadRow:
    try:
        row: Mapping[str, Any] = batch.slice(index, 1).to_pylist()[0]
    except UnicodeDecodeError:
        return BadRow("is not UTF-8")
    return row


def dataset_rows(
    name: str,
    columns: Iterable[str] | None,
    *,
    source: str,
    config: str | None = None,
    split: str = "train",
    revision: str | None = None,
) -> Iterator[Row]:
    """Yield the rows of a data set on the hub, in its cache, or in a local folder laid out as there.

    columns: those that are read; None: all but those that hold bytes. Raises SourceError, which names the
    `source`, where it cannot be read.
    """
    try:
        table = open_dataset(name, config, split, revision)
        wanted = _wanted(table.features.arrow_schema, columns)
        table = table.select_columns(wanted) if wanted else table
        line = 0
        for batch in table.with_format("arrow").iter(batch_size=_BATCH):
            for part in batch.to_batches():
                yield from _batch_rows(part, line)
                line += len(part)
    except SourceError as error:
        told = str(error)
        raise SourceError(told if told.startswith(source) else f"{source}: {told}") from error
    except dataset_errors() as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{source}: the data set (config {config!r}, split {split!r}) cannot be read: {told}\n"
            "    → check name, config and split; without a network, copy its files onto this machine and "
            'write source = "file:/folder" (or file:/folder/rows.jsonl)'
        ) from error


def _wanted(schema: pa.Schema, columns: Iterable[str] | None) -> list[str]:
    """Return which columns to read: those that are named, or all that hold no bytes."""
    if columns is not None:
        known = set(columns)
        return [name for name in schema.names if name in known]
    return [field.name for field in schema if not _holds_bytes(field.type)]


def _holds_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return any(_holds_bytes(kind.field(place).type) for place in range(kind.num_fields))
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    )


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | BadRow]]:
    """Yield each line with its number, without its byte-order mark; one that is too long is not held."""
    line = 0
    while text := file.readline(MAX_LINE + 1):
        line += 1
        if len(text) > MAX_LINE and not text.endswith(b"\n"):
            text = b""
            while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
            yield line, BadRow(_too_long())
        else:
            yield line, text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text


def _too_long() -> str:
    return f"is longer than {MAX_LINE // (1024 * 1024)} MiB"
