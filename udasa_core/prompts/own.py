"""The user's own columns of a row: what stands beside the prompt, and is nothing that udasa reads."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Collection, Mapping
from typing import Any

# What the generator `recorded` reads of the same rows: texts that are kept as responses.
_READ_ELSEWHERE = frozenset({"responses", "voters"})
# What Arrow's whole numbers hold.
_LARGEST = 2**63


def own_columns(row: Mapping[str, Any], read: Collection[str]) -> dict[str, Any]:
    """Return a row's other fields as JSON data: no field without a value, none that holds bytes.

    read: the fields that udasa reads. Lists and objects are JSON text, dates too are texts.
    """
    found = {
        name: _plain(value)
        for name, value in row.items()
        if isinstance(name, str) and name not in read and name not in _READ_ELSEWHERE
    }
    return {_encodable(name): value for name, value in found.items() if value is not None and value != ""}


def _plain(value: Any) -> bool | int | float | str | None:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list | Mapping):
        # ASCII: a lone surrogate stays written out.
        return json.dumps(value, default=str)
    return None if value is None or isinstance(value, bytes) else str(value)


def _encodable(text: str) -> str:
    """Return a text that UTF-8 can hold: lone surrogates become question marks."""
    return text.encode(errors="replace").decode()
