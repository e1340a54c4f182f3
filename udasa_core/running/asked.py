"""What suites asked of the run's generator and judge, kept in the store: asked the same again, it is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from udasa_core.plugins import returned
from udasa_core.records import Grade, Group, ModelRef, Prompt, SamplingOptions, content_key
from udasa_core.store.store import INFERENCE, versions
from udasa_core.store.tables import groups_from, groups_table

if TYPE_CHECKING:
    from udasa_core.plugins.stack import BuiltPlugin
    from udasa_core.running.job import Job

log = logging.getLogger("udasa")


class KeptResponses:
    """The run's generator: one shard of responses after the other is kept as soon as it is sampled."""

    def __init__(self, job: Job) -> None:
        self._job = job
        # What was not taken is the same for every model: asked once, and told once.
        self._admitted_of: dict[str, list[bool]] = {}

    def __call__(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Sequence[Group | None]:
        """Return one Group a prompt, in order; None where the generator does not take the prompt."""
        job = self._job
        admitted = self._admitted(prompts, sampling)
        taken = [prompt for prompt, is_taken in zip(prompts, admitted, strict=True) if is_taken]
        size = job.config.run.shard_size
        shards = [taken[start : start + size] for start in range(0, len(taken), size)]
        ingredients = {
            "generator": job.identity(job.stack.generator),
            "sampling": asdict(sampling),
            "policy": policy.key,
            "software": versions(*INFERENCE),
        }
        # A shard draws with its own seed: it is the same whatever else was asked.
        keys = [
            job.fingerprint("answer", {**ingredients, "seed": seed, "prompts": list(map(asdict, shard))})
            for shard in shards
        ]
        job.point(f"answers {content_key(keys)}", "answer", keys)
        groups: list[Group] = []
        with job.resources.progress("answer", len(taken)) as advance:
            for shard, key in zip(shards, keys, strict=True):
                if not job.store.has("answer", key):
                    self._sample(shard, sampling, policy, int(content_key(seed, key, length=8), 16), key)
                groups += groups_from(job.store.read_table("answer", key))
                advance(len(shard))
        answered = iter(groups)
        return [next(answered) if is_taken else None for is_taken in admitted]

    def _admitted(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[bool]:
        job, generator = self._job, self._job.stack.generator
        if not job.stack.implements(generator, "udasa_admit"):
            return [True] * len(prompts)
        asked = content_key(asdict(sampling), [asdict(one) for one in prompts])
        if asked in self._admitted_of:
            return self._admitted_of[asked]
        answer = job.stack.call(generator, "udasa_admit", prompts=prompts, sampling=sampling)
        refusals = returned.check_refusals(generator, prompts, answer)
        for prompt, refusal in zip(prompts, refusals, strict=True):
            if refusal:
                log.warning("prompt %s is not asked: %s", prompt.id, refusal)
        self._admitted_of[asked] = [not refusal for refusal in refusals]
        return self._admitted_of[asked]

    def _sample(
        self, shard: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int, key: str
    ) -> None:
        job, generator = self._job, self._job.stack.generator
        asked = {"prompts": tuple(shard), "sampling": sampling, "policy": policy, "seed": seed}
        answer = job.stack.call(generator, "udasa_generate", **asked)
        groups = returned.check_groups(generator, tuple(shard), sampling, policy, answer)
        job.store.write_table("answer", key, groups_table(groups))
        job.made += 1


class KeptGrades:
    """The run's judge: one grade after the other is kept as soon as the judge gives it."""

    def __init__(self, job: Job, judge: BuiltPlugin) -> None:
        self._job = job
        self._judge = judge

    @property
    def model(self) -> str:
        """What the judge's plugin says that its model is, by its `model`; "" where it does not say."""
        return str(getattr(self._judge.instance, "model", ""))

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> Sequence[Grade]:
        """Return one Grade a prompt, in order; equal ones are graded once."""
        job = self._job
        judge = {"judge": job.identity(self._judge), "seed": seed}
        keys = [
            job.fingerprint("grade", {**judge, "messages": [asdict(one) for one in prompt.messages]})
            for prompt in prompts
        ]
        job.point(f"grades {content_key(keys)}", "grade", keys)
        missing = {
            key: prompt
            for key, prompt in zip(keys, prompts, strict=True)
            if not job.store.has("grade", key, ".json")
        }
        if missing:
            with job.resources.progress("grade", len(missing)) as advance:
                asked = tuple(missing.values())
                answer = job.stack.call(self._judge, "udasa_judge", prompts=asked, seed=seed)
                grades = returned.check_grades(self._judge, len(asked), answer)
                for key, grade in zip(missing, grades, strict=True):
                    job.store.write_json("grade", key, asdict(grade))
                    job.made += 1
                    advance(1)
        return [Grade(**job.store.read_json("grade", key)) for key in keys]
