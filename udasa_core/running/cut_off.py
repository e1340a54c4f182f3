"""A warning, before anything is trained, where many responses were cut off."""

from __future__ import annotations

from udasa_core.job.job import Job, log
from udasa_core.report.cut_off import cut_off_warning
from udasa_core.store.store import Shards


def warn_of_cut_off(job: Job, groups: Shards) -> None:
    """Warn where the token budget cut off many of the responses that are to be paired. One column is read."""
    import pyarrow.compute as pc

    cut = count = 0
    for key in groups.fingerprints:
        ends = pc.list_flatten(
            job.store.read_table("sample", key, ["responses.list.element.finish_reason"])["responses"]
        )
        count += len(ends)
        cut += pc.sum(pc.equal(pc.struct_field(ends, "finish_reason"), "length")).as_py() or 0
    if told := cut_off_warning(cut, count, job.config.sampling.max_new_tokens):
        log.warning("%s", told)
