"""A run's figures and its manifest as they may leave the machine: without its folders and its hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from udasa_core.export.places import Places
from udasa_core.report.figures import figures
from udasa_core.report.table import Cell, Table, TableColumn
from udasa_core.store.runs import Run


def told_of(run: Run) -> dict[str, Any]:
    """Return what `figures` does, and no place of this machine in it."""
    found: dict[str, Any] = places_of(run).plain(figures(run))
    return found


def manifest_of(run: Run) -> dict[str, Any]:
    """Return a run's manifest as plain data, and no place of this machine in it."""
    found: dict[str, Any] = places_of(run).plain(run.manifest.plain)
    return found


def without(table: Table, places: Places) -> Table:
    """Return a table that names none of some places."""
    told = replace(table, rows=[[_cell(cell, places) for cell in row] for row in table.rows])
    columns = [_column(column, places) for column in table.columns]
    return replace(told, columns=columns, notes=[places.text(note) for note in table.notes])


def _cell(cell: Cell, places: Places) -> Cell:
    return places.plain(cell) if isinstance(cell, str) else cell


def _column(column: str | TableColumn, places: Places) -> str | TableColumn:
    if isinstance(column, str):
        return places.text(column)
    return replace(column, name=places.text(column.name))


def places_of(run: Run) -> Places:
    """Return the places of this machine that a run knows of."""
    plain = run.manifest.plain
    folders = [ref["folder"] for ref in plain["models"].values() if ref.get("folder")]
    return Places(run.folder.absolute(), run.store.root, plain.get("root", ""), *folders)
