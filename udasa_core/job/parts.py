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
    import pyarrow as pa

    names = [content_key(key, number, length=32) for number in range(len(parts))]
    job.make(label, step, [{**part, "output": name} for part, name in zip(parts, names, strict=True)])
    tables = [job.store.read_table(step, name) for name in names]
    # A figure that no row of a part has is no column there.
    job.store.write_table(step, key, pa.concat_tables(tables, promote_options="default").combine_chunks())
    return key
