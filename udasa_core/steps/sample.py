"""Step `sample`: prompts → groups. The generator draws K responses a prompt from one policy, and voters.

Voters are further responses that the K are compared with. They come in blocks, each a call of the generator
with a seed of its own and an output of its own: more of them leave all that was drawn as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from udasa_core.job.job import Job
from udasa_core.plugins.built import without_versions
from udasa_core.plugins.returned.groups import check_groups
from udasa_core.records import ModelRef, SamplingOptions
from udasa_core.store.store import INFERENCE, Shards, fingerprint, versions
from udasa_core.store.tables import groups_table, prompts_from, remarked


def sample(job: Job, prompts: Shards, policy: ModelRef) -> Shards:
    """Return the groups of `prompts`, sampled from `policy`, a shard for each shard, with their voters."""
    groups, *voters = (_block(job, prompts, policy, sampling) for sampling in job.config.blocks)
    return replace(groups, voters=tuple(block.fingerprints for block in voters))


def sample_voters(job: Job, prompts: Shards, policy: ModelRef) -> tuple[Shards, ...]:
    """Return the blocks of voters alone that `policy` gives to `prompts`, as `sample` would sample them."""
    return tuple(_block(job, prompts, policy, sampling) for sampling in job.config.blocks[1:])


def _block(job: Job, prompts: Shards, policy: ModelRef, sampling: SamplingOptions) -> Shards:
    generator = job.identity(job.stack.generator)
    name = (f"voters {sampling.block}",) if sampling.block else ()
    asked = {"sampling": sampling.to_json(), "policy": policy.key}
    drawn = _told_apart(job, prompts, policy)
    payloads = []
    for number, key in enumerate(prompts.fingerprints):
        seed = job.seed("sample", prompts.split, prompts.number(number), *prompts.fresh, *name)
        shard = {**asked, "seed": seed, "prompts": key}
        software = versions(*INFERENCE)
        payloads.append(
            {
                "prompts": key,
                "policy": policy.to_json(),
                "seed": seed,
                "block": sampling.block,
                "output": job.fingerprint("sample", {**shard, "generator": generator, "software": software}),
                "basis": fingerprint("sample", {**shard, "generator": without_versions(generator)}),
            }
        )
    return job.map(drawn, "sample", job.adopted(drawn, payloads, *name), *name)


def _told_apart(job: Job, prompts: Shards, policy: ModelRef) -> Shards:
    """Return prompts whose outputs under a policy are told from the base's, where no round or label does it:
    it draws, and is scored, with the base's seeds."""
    if prompts.round or prompts.policy or policy == job.base:
        return prompts
    # No round: training prompts have other seeds in a second one, and each policy has outputs of its own.
    return replace(prompts, policy=policy.key)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Sample one shard."""
    prompts = prompts_from(job.store.read_table("prompts", payload["prompts"]))
    generator, sampling = job.stack.generator, job.config.blocks[payload["block"]]
    policy = ModelRef.from_json(payload["policy"])
    answer = job.stack.call(
        generator,
        "udasa_generate",
        prompts=prompts,
        sampling=sampling,
        policy=policy,
        seed=payload["seed"],
    )
    groups = check_groups(generator, prompts, sampling, policy, answer)
    remarks = generator.remarks()
    job.store.write_table("sample", payload["output"], groups_table(groups), remarked(remarks))
