"""Step `pair`: groups and scores → pairs. The strategy pairs within each group, a shard at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from udasa_core.job.job import Job
from udasa_core.plugins.returned.pairs import check_pairing
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_from, pairs_table, scores_from


def pair(job: Job, groups: Shards, scores: Shards) -> Shards:
    """Return the pairs, a shard for each shard; a shard also keeps the count of refusals by reason."""
    identity = job.identity(job.stack.pairing)
    payloads = []
    for number, (group_key, score_key) in enumerate(
        zip(groups.fingerprints, scores.fingerprints, strict=True)
    ):
        seed = job.seed("pair", groups.split, groups.number(number), *groups.fresh)
        ingredients = {"pairing": identity, "seed": seed, "groups": group_key, "scores": score_key}
        payloads.append(
            {
                "groups": group_key,
                "scores": score_key,
                "seed": seed,
                "output": job.fingerprint("pair", ingredients),
            }
        )
    return job.map(groups, "pair", payloads)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Pair one shard."""
    groups = groups_from(job.store.read_table("sample", payload["groups"]))
    scores = scores_from(job.store.read_table("aggregate", payload["scores"]))
    plugin = job.stack.pairing
    answer = job.stack.call(plugin, "udasa_pair", groups=groups, scores=scores, seed=payload["seed"])
    pairing = check_pairing(plugin, groups, scores, answer)
    refused = Counter(one.reason for one in pairing.unpaired)
    job.store.write_table("pair", payload["output"], pairs_table(pairing.pairs), {"refused": refused})
