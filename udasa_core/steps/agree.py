"""Step `agree`: groups → how far each prompt's responses and voters give one answer, a shard at a time.

Where all give one, whatever compares them is blind: it orders nothing (arXiv 2603.24124).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udasa_core.job.job import Job
from udasa_core.plugins.compared import is_answered, same_answers
from udasa_core.records import Group
from udasa_core.store.agreed import Agreed, agreed_table
from udasa_core.store.store import Shards
from udasa_core.store.tables import read_groups


def agree(job: Job, groups: Shards) -> Shards:
    """Return each prompt's `Agreed`, a shard for each shard."""
    payloads: list[dict[str, Any]] = []
    for number, key in enumerate(groups.fingerprints):
        made_of = {"groups": key, "voters": groups.blocks(number)}
        payloads.append({**made_of, "output": job.fingerprint("agree", made_of)})
    return job.map(groups, "agree", payloads)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Compare the answers of one shard."""
    groups = read_groups(job.store, payload["groups"], payload["voters"])
    job.store.write_table("agree", payload["output"], agreed_table(map(agreed, groups)))


def agreed(group: Group) -> Agreed:
    """Return how far a group's responses and voters give one answer."""
    count = len(group.heard)
    if count < 2 or not is_answered(group):
        return Agreed(group.prompt.id, None, None)
    same = same_answers(group)
    pairs = (int(same.sum()) - count) / (count * (count - 1))
    return Agreed(group.prompt.id, pairs, int(same.sum(axis=1).max()) / count)
