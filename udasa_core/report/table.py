"""Tables of values, and their renderings: aligned text, Markdown, CSV.

A cell holds a value, not a text: the column says how its numbers are written. So the same table is read on a
terminal, in a model card and in a spreadsheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from udasa_core.report.written import ABSENT, WIDTH, number, share, short, wrap
from udasa_core.text.printable import printable
from udasa_core.text.size import size

if TYPE_CHECKING:
    from udasa_core.records import Metric

_GAP = "  "
_NARROWEST = 24


class Interval(NamedTuple):
    """The bounds of an interval, as a cell: [0.801, 0.880]."""

    low: float
    high: float


class Change(NamedTuple):
    """A value before and after, as a cell: 0.693 → 0.512. None where one was not measured."""

    before: float | None
    after: float | None


# None, and a number that is NaN, is a value that is absent; "" is a cell that has none to show.
Cell: TypeAlias = "str | int | float | Interval | Change | Metric | None"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column's name, and how its numbers are written.

    unit: "" as they are, "%" shares as percentages, "B" numbers of bytes with a suitable unit.
    digits: decimals of what is no whole number, by default 3, of percentages 0; "short": six digits that
    count, thousands set apart, for a column of unlike numbers.
    """

    name: str
    digits: int | Literal["short"] | None = None
    unit: Literal["", "%", "B"] = ""

    def written(self, cell: Cell) -> str:
        """Return a cell as people read it."""
        match cell:
            case str():
                return cell
            case Interval(low, high):
                return f"[{self._number(low)}, {self._number(high)}]"
            case Change(before, after):
                told = f"{self._number(before)} → {self._number(after)}"
                return ABSENT if ABSENT in told else told
            case None | int() | float():
                return self._number(cell)
            case metric:
                told = self._number(metric.value)
                return told if told == ABSENT else f"{told} {self.written(Interval(metric.low, metric.high))}"

    def _number(self, value: float | None) -> str:
        if value is None or value != value:
            return ABSENT
        if self.unit == "B":
            return size(value)
        if self.digits == "short":
            return short(value)
        if self.unit == "%":
            return share(value, self.digits or 0)
        if isinstance(value, int):
            return str(value).replace("-", "−")
        return number(value, 3 if self.digits is None else self.digits)


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table with notes. `columns` are names, or `TableColumn`s where numbers are written otherwise.

    A row has one cell a column: a text, a number, an `Interval`, a `Change` or a `Metric`; None where a value
    is absent. Raises ValueError where a row has more cells, or fewer.
    """

    title: str
    columns: Sequence[str | TableColumn]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells for {len(self.columns)} columns in {self.title!r}: {row}")

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Return it as aligned text: the same on a terminal, in a pipe and in a file.

        What a terminal would act on is written out, whatever texts its cells hold.
        Columns of numbers stand right; the last column wraps at 100 characters, and so do title and notes.
        """
        title = wrap(printable(self.title)) if self.title else []
        notes = (line for note in self.notes for line in wrap(printable(note)))
        return "\n".join([*title, *self._lines(), *notes])

    def markdown(self) -> str:
        """Return it as Markdown: the title as a heading of the second level, the table, the notes."""
        head = [f"## {_inline(self.title)}"] if self.title else []
        body = []
        if self.rows:
            lines = [self.names(), ["---:" if right else "---" for right in self.numeric()], *self.written()]
            body = ["\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)]
        return "\n\n".join([*head, *body, *map(_inline, self.notes)])

    def csv(self) -> str:
        """Return it as CSV with whole values, an absent one empty; an interval's bounds have own columns."""
        import csv
        import io

        file = io.StringIO()
        parts = [_parts(column) for column in self._cells()]
        names = zip(self.names(), parts, strict=True)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"{name} {part}".strip() for name, own in names for part in own])
        for row in self.rows:
            cells = zip(row, parts, strict=True)
            writer.writerow([_plain(cell).get(part, "") for cell, own in cells for part in own])
        return file.getvalue()

    def _columns(self) -> list[TableColumn]:
        return [column if isinstance(column, TableColumn) else TableColumn(column) for column in self.columns]

    def names(self) -> list[str]:
        """Return the columns' names."""
        return [column.name for column in self._columns()]

    def _shown(self) -> list[list[str]]:
        """Return the rows as a terminal shows them, a line a cell."""
        return [[_line(cell) for cell in row] for row in self.written()]

    def _cells(self) -> list[list[Cell]]:
        """Return the cells column by column."""
        return [[row[number] for row in self.rows] for number in range(len(self.columns))]

    def written(self) -> list[list[str]]:
        """Return the cells of each row as people read them."""
        columns = self._columns()
        return [
            [column.written(cell) for column, cell in zip(columns, row, strict=True)] for row in self.rows
        ]

    def numeric(self) -> list[bool]:
        """Say of each column whether it holds nothing but numbers."""
        return [all(not isinstance(cell, str) or not cell for cell in cells) for cells in self._cells()]

    def _lines(self) -> list[str]:
        if not self.rows:
            return []
        names, rows = [_line(name) for name in self.names()], self._shown()
        headed = [names] if any(names) else []
        widths = [max(map(len, column)) for column in zip(*headed, *rows, strict=True)]
        right = self.numeric()
        lines = [line for row in [*headed, *rows] for line in _aligned(row, widths, right)]
        if not headed:
            return lines
        rule = _GAP + "─" * min(WIDTH - len(_GAP), max(map(len, lines)) - len(_GAP))
        return [lines[0], rule, *lines[1:]]


def _aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    """Yield the lines of one row: further ones where the last cell wraps."""
    cells = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(row, widths, right, strict=True)
    ]
    indent = sum(widths[:-1]) + len(_GAP) * len(widths)
    room = max(_NARROWEST, WIDTH - indent)
    first, *rest = [cells[-1]] if len(row[-1]) <= room else wrap(row[-1], room)
    yield _GAP + _GAP.join([*cells[:-1], first]).rstrip()
    yield from (" " * indent + line for line in rest)


def _line(cell: str) -> str:
    return re.sub(r"[\n\t]+", " ", printable(cell))


def _inline(text: str) -> str:
    # "<" would begin markup of its own where a page shows it, and a line end a heading.
    return " ".join(printable(text).split()).replace("<", "\\<")


def _escaped(cell: str) -> str:
    return _inline(cell).replace("|", "\\|")


def _plain(cell: Cell) -> dict[str, str | float]:
    """Return a cell's values by what they are called beside the column's name."""
    match cell:
        case Interval() | Change():
            named: dict[str, str | float | None] = dict(cell._asdict())
        case None | str() | int() | float():
            named = {"": cell}
        case metric:
            named = {"": metric.value, "low": metric.low, "high": metric.high}
    return {name: value for name, value in named.items() if value is not None and value == value}


def _parts(cells: Sequence[Cell]) -> list[str]:
    """Return the columns that a column of cells has in CSV, the value's own first."""
    found = {name for cell in cells for name in _plain(cell)}
    return [name for name in ("", "low", "high", "before", "after") if name in found] or [""]
