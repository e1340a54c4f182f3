"""Plain texts from a file or a folder of the hub's layout: one row, one text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.errors import SourceError
from udasa_core.prompts.rows import Bad, Row, csv_rows, dataset_rows, json_rows, parquet_rows

log = logging.getLogger("udasa")


@dataclass(frozen=True, slots=True)
class Text:
    """One row's text: `id` is its line or row number from 1, `column` the one that it was found in."""

    id: str
    column: str
    text: str


def read_texts(
    path: Path,
    columns: Sequence[str],
    *,
    source: str,
    config: str | None = None,
    split: str = "test",
    limit: int | None = None,
) -> tuple[Text, ...]:
    """Return the text of each row, in order: that of the first of `columns` that the row has.

    path: .jsonl, .csv or .parquet, or a folder as the hub lays a data set out, of which `config` and `split`
    choose. limit: rows read at most. source: how messages name it. Rows without a text are left out and
    counted in a warning; a source that is missing, cannot be read, or has no text at all is a SourceError.
    """
    found: list[Text] = []
    reasons: dict[str, int] = {}
    try:
        for line, row, _ in islice(_rows(path, columns, config, split, source), limit):
            text = _text(row, columns)
            if isinstance(text, Bad):
                reasons[text.reason] = reasons.get(text.reason, 0) + 1
            else:
                found.append(Text(str(line), *text))
    except OSError as error:
        raise SourceError(
            f"{source} cannot be read: {error}\n    → copy its rows onto this machine and write "
            f'"file:/folder/{path.name}"'
        ) from error
    told = "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    if not found:
        raise SourceError(
            f"{source} has no text ({told or 'no row'})\n    → its rows need one of the fields "
            f"{', '.join(columns)}: name the field that holds the text"
        )
    if reasons:
        log.warning("%s: rows left out: %s", source, told)
    return tuple(found)


def _rows(path: Path, columns: Sequence[str], config: str | None, split: str, source: str) -> Iterator[Row]:
    if path.is_dir():
        return _folder_rows(path, columns, config, split, source)
    if path.suffix in (".jsonl", ".ndjson"):
        return json_rows(path)
    if path.suffix == ".csv":
        return csv_rows(path, columns)
    if path.suffix == ".parquet":
        return parquet_rows(path, columns)
    raise SourceError(
        f"{source}: {path.suffix or 'no suffix'} is no format of texts\n    → .jsonl (one JSON object a "
        "line), .parquet, .csv, or a folder as the hub lays it out"
    )


def _folder_rows(
    path: Path, columns: Sequence[str], config: str | None, split: str, source: str
) -> Iterator[Row]:
    try:
        yield from dataset_rows(str(path), config, split, None, columns)
    # The library raises errors of its own, of Arrow and of the system.
    except Exception as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{source}: the data set (config {config!r}, split {split!r}) cannot be read: {told}\n"
            '    → check config and split, or name one of its files: "file:/folder/rows.parquet"'
        ) from error


def _text(row: Mapping[str, Any] | Bad, columns: Sequence[str]) -> tuple[str, str] | Bad:
    if isinstance(row, Bad):
        return Bad(f"that {row.reason}")
    column = next((name for name in columns if row.get(name) is not None), "")
    if not column:
        return Bad(f"without {' or '.join(columns)}")
    value = row[column]
    if not isinstance(value, str):
        return Bad(f"whose {column} is {type(value).__name__}, not text")
    if not value.strip():
        return Bad(f"whose {column} is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        return Bad(f"whose {column} is not UTF-8")
    return column, value
