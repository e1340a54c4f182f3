"""One table that is made in parts, as shards are: each part by whichever worker is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core.job.job import Job
from udasa_core.job.making import Payload
from udasa_core.records import content_key
from udasa_core.store.output import Output


def made_in_parts(
    job: Job, output: Output, label: str, ingredients: Mapping[str, Any], parts: Sequence[Payload]
) -> str:
    """Return the fingerprint of a table that is in the store afterwards: the rows of its parts, in order.

    label: what people read. parts: what the step's `work` makes each of them from, one at least. Where there
    are several they stay in the store as well, and no run points at them: `udasa clean` removes them.
    """
    step, key = output.step, job.fingerprint(output.step, ingredients)
    job.outputs.point(output, label, [key])
    if len(parts) == 1 or job.outputs.is_whole(step, key):
        job.make(label, step, [{**parts[0], "output": key}])
        return key
    names = [content_key(key, number, length=32) for number in range(len(parts))]
    job.make(label, step, [{**part, "output": name} for part, name in zip(parts, names, strict=True)])
    _join(job, step, names, key)
    return key


def _join(job: Job, step: str, names: Sequence[str], key: str) -> None:
    """Write one table of several, of which no two are in memory at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A figure that no row of a part has is no column there.
    schema = pa.unify_schemas([job.store.read_table(step, name).schema for name in names])
    with (
        job.store.writing(step, key) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for name in names:
            parts = [schema.empty_table(), job.store.read_table(step, name)]
            writer.write_table(pa.concat_tables(parts, promote_options="default"))
