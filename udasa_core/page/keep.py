"""What is kept beside a page: its charts as files, and texts that it has no room for."""

from __future__ import annotations

from pathlib import Path

from udasa_core.files.whole import whole_file
from udasa_core.page.chart import Chart
from udasa_core.page.parts import Page
from udasa_core.store.runs import Run


def keep_figures(page: Page, folder: Path) -> list[Path]:
    """Write each chart of a page as SVG, PDF and CSV into a folder, which is made; return where they lie."""
    charts = [part for section in page.sections for part in section.parts if isinstance(part, Chart)]
    return [path for chart in charts for path in chart.keep(folder)]


def keep_pairs(run: Run, path: Path) -> Path:
    """Write all pairs of a run, with their texts, as Parquet; return the path."""
    import pyarrow.parquet as pq

    pairs = run.pairs()
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, pairs.schema) as writer:
        for batch in pairs.batches():
            writer.write_batch(batch)
    return path
