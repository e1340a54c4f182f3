"""A table as aligned text: the same on a terminal, in a pipe and in a file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100
_GAP = "  "
_NARROWEST = 24
# Cells that are figures stand right; a column of them does.
_FIGURE = re.compile(r"[-−+]?\d[\d,.]*(?:e[-+]\d+)?(?: ?[%A-Za-z]{1,4})?|–|nan|\[.*\]")


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table. Columns of figures stand right; the last column wraps at `WIDTH`; notes come below."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n".join(
            [*self._head(), *self._body(), *(line for note in self.notes for line in wrap(note))]
        )

    def _head(self) -> list[str]:
        return [self.title] if self.title else []

    def _body(self) -> list[str]:
        if not self.rows:
            return []
        table = [self.header, *self.rows]
        columns = range(len(self.header))
        widths = [max(len(row[column]) for row in table) for column in columns]
        right = [
            all(_FIGURE.fullmatch(row[column]) for row in self.rows if row[column]) for column in columns
        ]
        indent = sum(widths[:-1]) + len(_GAP) * len(widths)
        room = max(_NARROWEST, WIDTH - indent)
        lines = []
        for row in table:
            cells = [
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(row[:-1], widths, right, strict=False)
            ]
            last = row[-1].rjust(widths[-1]) if right[-1] else row[-1]
            first, *rest = wrap(last, room) if len(last) > room else [last]
            lines.append(_GAP + _GAP.join([*cells, first]).rstrip())
            lines += [" " * indent + line for line in rest]
        rule = _GAP + "─" * min(WIDTH - len(_GAP), max(map(len, lines)) - len(_GAP))
        return [lines[0], rule, *lines[1:]]


def wrap(text: str, width: int = WIDTH) -> list[str]:
    """Break text at blanks; a path longer than `width` stays whole, so that it can be copied."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def figure(value: float | None, digits: int = 3) -> str:
    """Return a figure with `digits` decimals; a dash where there is none, a true minus below zero."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def size(count: float) -> str:
    """Return a number of bytes as people read it: 269 MB, 1.4 GB (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 9.95 else f"{count:.1f} {unit}"
