"""The page of an experiment: its tables, and the pictures that it drew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from udasa_core.export.places import Places
from udasa_core.page.parts import Page, Part, Picture, Section
from udasa_core.page.places import without
from udasa_core.page.run_page import made_now
from udasa_core.report.table import Table


def tables_page(title: str, tables: Sequence[Table], pictures: Sequence[Path], folder: Path) -> Page:
    """Return a page of tables, in which no place on this machine is named. pictures: SVG or PNG files, shown
    after them. folder: where the tables were made."""
    places = Places(folder.absolute())
    parts: list[Part] = [without(table, places) for table in tables]
    parts += [Picture(path.stem, _kind(path), path.read_bytes()) for path in pictures]
    return Page(title, made_now(), [Section("result", "Result", parts)])


def _kind(path: Path) -> str:
    return "image/svg+xml" if path.suffix == ".svg" else "image/png"
