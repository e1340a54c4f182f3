"""Data inside the page: JSON, compressed, opened block by block by the page's script.

A page that was opened from a file can fetch nothing, so what it shows lies in it. Base64 holds no character
that would end an element.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from udasa_core.text.printable import printable

Item = TypeVar("Item")

# So many prompts, or items, have their texts in one block.
CHUNK = 50
# Slower levels gain little on texts.
_LEVEL = 6
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Block:
    """One block. name: letters, digits and hyphens, unique in the page. data: plain data."""

    name: str
    data: Any

    def text(self) -> str:
        """Return it as the page holds it: base64 of gzip of JSON. Equal data give equal text."""
        plain = json.dumps(_plain(self.data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        packed = gzip.compress(plain.encode("utf-8", "replace"), _LEVEL, mtime=0)
        return base64.b64encode(packed).decode("ascii")

    def element(self) -> str:
        """Return the element that holds it: a script of a kind that nothing runs."""
        return f'<script type="text/plain" id="block-{self.name}">{self.text()}</script>\n'


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield some items in lists of a size, the last of which may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _plain(value: Any) -> Any:
    """Return plain data with numbers in four decimals, NaN as None, and what hides in texts written out."""
    match value:
        case str():
            return printable(value)
        case bool() | int() | None:
            return value
        case float():
            return round(value, _DIGITS) if math.isfinite(value) else None
        case Mapping():
            return {printable(str(name)): _plain(held) for name, held in value.items()}
        case _:
            return [_plain(held) for held in value]
