"""Step `sample`: prompts → groups. The generator draws K responses a prompt from one policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from udasa_core import doors
from udasa_core.job import Job
from udasa_core.records import ModelRef
from udasa_core.store import Shards, fingerprint, versions
from udasa_core.tables import groups_table, prompts_from


def sample(job: Job, prompts: Shards, policy: ModelRef) -> Shards:
    """Return the groups of `prompts`, sampled from `policy`, a shard for each shard."""
    ingredients = {
        "generator": job.identity(job.stack.generator),
        "sampling": asdict(job.config.sampling),
        "policy": policy.key,
        "software": versions("torch", "transformers"),
    }
    payloads = [
        {
            "number": number,
            "prompts": key,
            "policy": policy.to_json(),
            "seed": (seed := job.seed("sample", prompts.split, number)),
            "output": fingerprint("sample", {**ingredients, "seed": seed, "prompts": key}),
        }
        for number, key in enumerate(prompts.fingerprints)
    ]
    # The aligned model's answers are a split of their own; they are drawn with the base policy's seeds.
    split = prompts.split if policy == job.base else f"{prompts.split}, aligned"
    return job.map("sample", split, payloads)


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
    groups = doors.check_groups(generator, prompts, sampling, policy, answer)
    job.store.write_table("sample", payload["output"], groups_table(groups))
