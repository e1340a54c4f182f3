"""What a dimension costs by itself: what it has models read, and seconds a response."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice

from udasa_core.plugins.stack import BuiltPlugin
from udasa_core.running.job import Job
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_from
from udasa_eval.experiments.signal_report import Cost


def costs(job: Job, groups: Shards, shards: int = 2) -> dict[str, Cost]:
    """Have each dimension score a few shards alone, with nothing remembered from others.

    One group is scored beforehand, so that models are loaded; then what was said of it is forgotten. A call
    is a text that the embedder reads, a text or a pair that a classifier reads, or a question that the reader
    reads; each distinct one counts once a shard.
    """
    keys = list(islice(groups.fingerprints, shards))
    return {plugin.name: _cost(job, plugin, keys) for plugin in job.stack.dimensions}


def _cost(job: Job, plugin: BuiltPlugin, keys: list[str]) -> Cost:
    shards = [groups_from(job.store.read_table("sample", key)) for key in keys]
    fresh = Job(job.config, job.catalog, job.resources.refs)
    alone = next(one for one in fresh.stack.dimensions if one.name == plugin.name)
    fresh.stack.call(alone, "udasa_score", groups=shards[0][:1], seed=0)
    fresh.resources.forget()
    before = Counter(fresh.resources.reads)
    start = time.perf_counter()
    for groups in shards:
        fresh.stack.call(alone, "udasa_score", groups=groups, seed=0)
    seconds = time.perf_counter() - start
    fresh.resources.release()
    count = sum(len(group.responses) for groups in shards for group in groups)
    return Cost((fresh.resources.reads - before).total() / count, seconds / count)
