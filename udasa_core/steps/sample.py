"""Step `sample`: prompts → groups. The generator draws K responses a prompt from one policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from udasa_core.plugins import returned
from udasa_core.records import ModelRef
from udasa_core.running.job import Job
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import groups_table, prompts_from


def sample(job: Job, prompts: Shards, policy: ModelRef) -> Shards:
    """Return the groups of `prompts`, sampled from `policy`, a shard for each shard."""
    ingredients = {
        "generator": job.identity(job.stack.generator),
        "sampling": asdict(job.config.sampling),
        "policy": policy.key,
        "software": versions(*INFERENCE),
    }
    payloads = [
        {
            "number": number,
            "prompts": key,
            "policy": policy.to_json(),
            "seed": (seed := job.seed("sample", prompts.split, number)),
            "output": job.fingerprint("sample", {**ingredients, "seed": seed, "prompts": key}),
        }
        for number, key in enumerate(prompts.fingerprints)
    ]
    # The aligned model draws with the base policy's seeds; its outputs are told apart by name.
    return job.map("sample", replace(prompts, aligned=policy != job.base), payloads)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Sample one shard."""
    prompts = prompts_from(job.store.read_table("prompts", payload["prompts"]))
    generator, sampling = job.stack.generator, job.config.sampling
    policy = ModelRef.from_json(payload["policy"])
    answer = job.stack.call(
        generator,
        "udasa_generate",
        prompts=prompts,
        sampling=sampling,
        policy=policy,
        seed=payload["seed"],
    )
    groups = returned.check_groups(generator, prompts, sampling, policy, answer)
    job.store.write_table("sample", payload["output"], groups_table(groups))
