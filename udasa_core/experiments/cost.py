"""What a dimension costs by itself: what it has models read, and seconds a response."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core.job.job import Job
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.records import Group
from udasa_core.store.store import Shards
from udasa_core.store.tables import read_groups


@dataclass(frozen=True, slots=True)
class Cost:
    """What a response's score costs in one dimension: calls of a model, and seconds."""

    calls: float
    seconds: float


def costs(job: Job, groups: Shards, shards: int) -> dict[str, Cost]:
    """Have each dimension score the first shards alone, with nothing remembered from others."""
    read = [
        read_groups(job.store, key, groups.blocks(number))
        for number, key in enumerate(groups.fingerprints[:shards])
    ]
    return {plugin.name: _cost(job, plugin, read) for plugin in job.stack.dimensions}


def _cost(job: Job, plugin: BuiltPlugin, shards: Sequence[Sequence[Group]]) -> Cost:
    fresh = Job(job.config, job.catalog, job.resources.refs, alone=True)
    alone = next(one for one in fresh.stack.dimensions if one.name == plugin.name)
    # One group beforehand, so that models are loaded; then what was said of it is forgotten.
    fresh.stack.call(alone, "udasa_score", groups=shards[0][:1], seed=0)
    fresh.resources.forget()
    before = Counter(fresh.resources.reads)
    start = time.perf_counter()
    for groups in shards:
        fresh.stack.call(alone, "udasa_score", groups=groups, seed=0)
    seconds = time.perf_counter() - start
    fresh.close()
    count = sum(len(group.responses) for groups in shards for group in groups)
    return Cost((fresh.resources.reads - before).total() / count, seconds / count)
