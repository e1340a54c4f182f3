"""Test parts that nobody reads before the design of what is measured on them is committed.

They lie compressed beside the labelled sets, so that neither an eye nor a search falls on them by accident.
One command opens them, at the end of a campaign; a test holds every other module away from here.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core import parse_json

FOLDER = Path(__file__).parent
_ENDING = ".sealed.jsonl.xz"


def seal(name: str, rows: Sequence[Mapping[str, Any]], folder: Path = FOLDER) -> Path:
    """Write a set's sealed part, the same bytes for the same rows; return its path."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = folder / f"{name}{_ENDING}"
    path.write_bytes(lzma.compress(text.encode(), preset=9))
    return path


def unseal(name: str, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Yield the rows of a set's sealed part."""
    for line in lzma.decompress((folder / f"{name}{_ENDING}").read_bytes()).decode().splitlines():
        yield parse_json(line)
