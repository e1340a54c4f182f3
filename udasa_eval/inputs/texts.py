"""Plain texts from a file or a folder of the hub's layout: one row, one text."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core import BadRow, RowError, SourceError, read_rows

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
    reasons: Counter[str] = Counter()
    rows = read_rows(path, columns, source=source, config=config, split=split)
    for line, row in islice(rows, limit):
        try:
            column, text = _text(row, columns)
        except RowError as fault:
            reasons[str(fault)] += 1
        else:
            found.append(Text(str(line), column, text))
    told = "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    if not found:
        raise SourceError(
            f"{source} has no text ({told or 'no row'})\n    → its rows need one of the fields "
            f"{', '.join(columns)}: name the field that holds the text"
        )
    if reasons:
        log.warning("%s: rows left out: %s", source, told)
    return tuple(found)


def _text(row: Mapping[str, Any] | BadRow, columns: Sequence[str]) -> tuple[str, str]:
    """Return the column that a row's text stands in, and the text. Raises RowError."""
    if isinstance(row, BadRow):
        raise RowError(f"that {row.reason}")
    column = next((name for name in columns if row.get(name) is not None), "")
    if not column:
        raise RowError(f"without {' or '.join(columns)}")
    value = row[column]
    if not isinstance(value, str):
        raise RowError(f"whose {column} is {type(value).__name__}, not text")
    if not value.strip():
        raise RowError(f"whose {column} is empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RowError(f"whose {column} is not UTF-8") from error
    return column, value
