"""Pairs that somebody labelled: is the rejected response the better one?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udasa_core import BadRow, UdasaError, read_rows

_ROW = 'a row has "pair_id" (as `udasa export` writes it) and "inverted" (true or false)'
# A CSV has texts alone.
_SAID: Mapping[Any, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}


def read_labels(path: Path, source: str) -> dict[str, bool]:
    """Return, by pair id, whether a pair is inverted: whether its rejected response is the better one.

    Reads .jsonl, .csv or .parquet, and of each row the columns pair_id and inverted. Raises UdasaError, with
    the line, at the first row that is not so, and at a pair's second row.
    """
    labels: dict[str, bool] = {}
    for line, row in read_rows(path, ("pair_id", "inverted"), source=source):
        if isinstance(row, BadRow):
            raise UdasaError(f"{source}, line {line}: {row.reason}; {_ROW}")
        pair_id, said = row.get("pair_id"), row.get("inverted")
        if not isinstance(pair_id, str) or not pair_id:
            raise UdasaError(f"{source}, line {line}: pair_id is no text; {_ROW}")
        said = said.lower() if isinstance(said, str) else said
        if not isinstance(said, int | str) or said not in _SAID:
            raise UdasaError(f"{source}, line {line}: inverted is neither true nor false; {_ROW}")
        if pair_id in labels:
            raise UdasaError(f"{source}, line {line}: pair {pair_id} is labelled a second time; keep one row")
        labels[pair_id] = _SAID[said]
    if not labels:
        raise UdasaError(f"{source} holds no label; {_ROW}")
    return labels
