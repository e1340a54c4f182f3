"""Step `take`: groups → smaller groups. The first K responses of each prompt are as good a draw as any K."""

from __future__ import annotations

from dataclasses import replace

from udasa_core.job import Job
from udasa_core.store import Shards
from udasa_core.tables import groups_from, groups_table


def take(job: Job, groups: Shards, responses: int) -> Shards:
    """Return groups of the first `responses` of each prompt's responses, a shard for each shard.

    So that several K, or several policies' shares, are measured on one set of samples.
    """
    keys = [job.fingerprint("sample", {"first": responses, "groups": key}) for key in groups.fingerprints]
    name = f"take {responses} {groups}"
    job.point(name, "sample", keys)
    todo = sum(not job.store.has("sample", key) for key in keys)
    with job.step(name, len(keys), todo) as advance:
        for whole, key in zip(groups.fingerprints, keys, strict=True):
            if not job.store.has("sample", key):
                read = groups_from(job.store.read_table("sample", whole))
                first = [replace(group, responses=group.responses[:responses]) for group in read]
                job.store.write_table("sample", key, groups_table(first))
                advance()
    # A split of its own: what is scored of it must not stand in the manifest in the place of the whole.
    return replace(groups, split=f"{groups.split}, first {responses}", fingerprints=tuple(keys))
