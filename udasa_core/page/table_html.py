"""A report's table as HTML: the same cells, written as on a terminal, with its whole values as CSV."""

from __future__ import annotations

from udasa_core.page.blocks import Block
from udasa_core.page.escape import escaped
from udasa_core.report.table import Table


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
            f'<th scope="col"{_side(at_right)}>{escaped(cell)}</th>'
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
    cells = [f'<th scope="row"{_side(first[1])}>{escaped(first[0])}</th>']
    cells += [f"<td{_side(at_right)}>{escaped(cell)}</td>" for cell, at_right in rest]
    return f"<tr>{''.join(cells)}</tr>"


def _side(is_right: bool) -> str:
    return ' class="number"' if is_right else ""


def _note(note: str) -> str:
    is_warning = note.startswith("WARNING")
    return f'<p class="{"bad" if is_warning else "note"}">{escaped(note)}</p>'
