"""Step `pair`: groups and scores → pairs. The strategy pairs within each group, a shard at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from udasa_core.job.job import Job
from udasa_core.plugins.returned.pairs import check_pairing
from udasa_core.records import ModelRef
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import pairs_table, read_groups, scores_from


def pair(job: Job, groups: Shards, scores: Shards, policy: ModelRef | None = None) -> Shards:
    """Return the pairs, a shard for each shard; a shard also keeps which prompts have none,
    and the count of refusals by reason.

    policy: whose responses the groups are; None: the base's. A strategy may ask it for more.
    """
    plugin = job.stack.pairing
    identity = job.identity(plugin)
    # Only a strategy that asks a model hangs on what models are run with.
    software = {"software": versions(*INFERENCE)} if plugin.needs else {}
    payloads = []
    for number, (group_key, score_key) in enumerate(
        zip(groups.fingerprints, scores.fingerprints, strict=True)
    ):
        voters = groups.blocks(number)
        seed = job.seed("pair", groups.split, groups.number(number), *groups.fresh)
        ingredients = {
            **{"pairing": identity, "seed": seed, **software},
            **{"groups": group_key, "voters": voters, "scores": score_key},
        }
        payloads.append(
            {
                "groups": group_key,
                "voters": voters,
                "scores": score_key,
                "policy": (policy or job.base).to_json(),
                "seed": seed,
                "output": job.fingerprint("pair", ingredients),
            }
        )
    pairs = job.map(groups, "pair", payloads)
    job.outputs.point_at_asked("pair", pairs.fingerprints)
    return pairs


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Pair one shard."""
    job.resources.know(ModelRef.from_json(payload["policy"]))
    groups = read_groups(job.store, payload["groups"], payload["voters"])
    scores = scores_from(job.store.read_table("aggregate", payload["scores"]))
    plugin = job.stack.pairing
    before = len(job.outputs.pointed)
    answer = job.stack.call(plugin, "udasa_pair", groups=groups, scores=scores, seed=payload["seed"])
    pairing = check_pairing(plugin, groups, scores, answer)
    told: dict[str, Any] = {
        "refused": Counter(one.reason for one in pairing.unpaired),
        "unpaired": [[one.prompt_id, one.reason] for one in pairing.unpaired],
    }
    if asked := job.outputs.pointed_since(before):
        told["asked"] = asked
    job.store.write_table("pair", payload["output"], pairs_table(pairing.pairs), told)
