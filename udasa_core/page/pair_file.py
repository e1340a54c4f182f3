"""What is kept beside a page: the texts that it has no room for."""

from __future__ import annotations

from pathlib import Path

from udasa_core.files.whole import whole_file
from udasa_core.store.runs import Run


def keep_pairs(run: Run, path: Path) -> Path:
    """Write all pairs of a run, with their texts, as Parquet; return the path."""
    import pyarrow.parquet as pq

    pairs = run.pairs()
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, pairs.schema) as writer:
        for batch in pairs.batches():
            writer.write_batch(batch)
    return path
