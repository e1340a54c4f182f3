"""A page's charts as files for papers."""

from __future__ import annotations

from pathlib import Path

from udasa_core.page.chart import Chart
from udasa_core.page.parts import Page


def keep_figures(page: Page, folder: Path) -> list[Path]:
    """Write each chart as SVG, PDF and CSV into a folder, which is made, and return where they lie.

    Raises StoreError where one cannot be written.
    """
    return [
        path
        for section in page.sections
        for part in section.parts
        if isinstance(part, Chart)
        for path in part.keep(folder)
    ]
