"""A report's table as HTML: the same cells, written as on a terminal, with its whole values as CSV."""

from __future__ import annotations

import re

from udasa_core.page.blocks import Block
from udasa_core.page.escape import escaped
from udasa_core.report.table import Table

# A cell of so many letters, or with such a word, is broken into lines; a shorter one stays whole.
_LONG, _LONG_WORD = 40, 24
# Where a name may be broken: behind what joins its parts.
_JOINT = re.compile(r"(?<=[A-Za-z][._/])(?=[A-Za-z])")


def table_html(table: Table, name: str) -> str:
    """Return a table as a figure, with a button for its CSV. name: of the figure, unique in the page."""
    notes = "".join(_note(note) for note in table.notes)
    title = f"<figcaption>{escaped(table.title)}</figcaption>" if table.title else ""
    if not table.rows:
        return f'<figure class="table">{title}{notes}</figure>'
    right = table.numeric()
    head = ""
    if any(table.names()):
        cells = "".join(
            f'<th scope="col"{_side(at_right)}>{_broken(cell)}</th>'
            for cell, at_right in zip(table.names(), right, strict=True)
        )
        head = f"<thead><tr>{cells}</tr></thead>"
    body = "".join(_row(row, right) for row in table.written())
    csv = Block(f"csv-{name}", table.csv())
    return (
        f'<figure class="table">{title}<div class="wide" tabindex="0" role="region" '
        f'aria-label="{escaped(table.title or name)}"><table>{head}<tbody>{body}</tbody></table></div>{notes}'
        f'<button type="button" class="csv" data-csv="{name}">CSV</button>\n'
        f"{csv.element()}</figure>"
    )


def _row(row: list[str], right: list[bool]) -> str:
    first, *rest = zip(row, right, strict=True)
    cells = [f'<th scope="row"{_side(first[1])}>{_broken(first[0])}</th>']
    cells += [f"<td{_side(at_right, cell)}>{_broken(cell)}</td>" for cell, at_right in rest]
    return f"<tr>{''.join(cells)}</tr>"


def _side(is_right: bool, cell: str = "") -> str:
    if is_right:
        return ' class="number"'
    is_long = len(cell) > _LONG or any(len(word) > _LONG_WORD for word in cell.split())
    return ' class="long"' if is_long else ""


def _broken(cell: str) -> str:
    """Return a cell's text that is broken where a name's parts meet, and nowhere within them."""
    return _JOINT.sub("<wbr>", escaped(cell))


def _note(note: str) -> str:
    is_warning = note.startswith("WARNING")
    return f'<p class="{"bad" if is_warning else "note"}">{escaped(note)}</p>'
