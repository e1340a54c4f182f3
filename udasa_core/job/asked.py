"""What suites asked of the run's generator and judge, kept in the store: asked the same again, it is read.

What is not there is made like the shards of a step, by the engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from udasa_core.errors import PluginError
from udasa_core.job.outputs import Outputs
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.returned.evaluation import check_grades
from udasa_core.plugins.returned.groups import check_groups, check_refusals
from udasa_core.plugins.stack import Stack
from udasa_core.progress import Advance
from udasa_core.records import Grade, Group, Message, ModelRef, Prompt, SamplingOptions, content_key
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, versions
from udasa_core.store.tables import groups_from, groups_table, remarked

if TYPE_CHECKING:
    from udasa_core.resources.shared import SharedResources

log = logging.getLogger("udasa")

# Has shards of a step made, and yields the place of each one that is done.
_Mapped = Callable[[str, Sequence[Mapping[str, Any]]], Iterator[int]]


class _Telling(Protocol):
    """What tells of a long task: the job's resources."""

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]: ...


class KeptResponses:
    """The run's generator: one shard of responses after the other is kept as soon as it is sampled."""

    def __init__(
        self,
        stack: Stack,
        outputs: Outputs,
        telling: _Telling,
        identity: Mapping[str, Any],
        mapped: _Mapped,
        shard_size: int,
        thinking_tokens: int | None,
    ) -> None:
        """identity: the generator's, with that of its resources. mapped: has shards made. thinking_tokens: as
        the run has it; suites say only how long an answer may be."""
        self._stack = stack
        self._outputs = outputs
        self._telling = telling
        self._identity = identity
        self._mapped = mapped
        self._shard_size = shard_size
        self._thinking_tokens = thinking_tokens
        # What was not taken is the same for every model: asked once, and told once.
        self._admitted_of: dict[str, list[bool]] = {}

    def __call__(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Sequence[Group | None]:
        """Return one Group a prompt, in order; None where the generator does not take the prompt."""
        outputs, size = self._outputs, self._shard_size
        sampling = replace(sampling, thinking_tokens=self._thinking_tokens)
        admitted = self._admitted(prompts, sampling)
        taken = [prompt for prompt, is_taken in zip(prompts, admitted, strict=True) if is_taken]
        shards = [taken[start : start + size] for start in range(0, len(taken), size)]
        ingredients = {
            "generator": self._identity,
            "sampling": sampling.to_json(),
            "policy": policy.key,
            "software": versions(*INFERENCE),
        }
        # A shard draws with its own seed: it is the same whatever else was asked.
        keys = [
            outputs.fingerprint("answer", {**ingredients, "seed": seed, "prompts": list(map(asdict, shard))})
            for shard in shards
        ]
        asked = content_key(keys)
        outputs.point(Output("answer", instance=asked), f"answers {asked}", keys)
        todo: list[Mapping[str, Any]] = [
            {
                "prompts": list(map(asdict, shard)),
                "sampling": sampling.to_json(),
                "policy": policy.to_json(),
                "seed": int(content_key(seed, key, length=8), 16),
                "output": key,
            }
            for shard, key in zip(shards, keys, strict=True)
            if not outputs.is_whole("answer", key)
        ]
        with self._telling.progress("answer", len(taken)) as advance:
            advance(len(taken) - sum(len(one["prompts"]) for one in todo))
            for place in self._mapped("answer", todo) if todo else ():
                outputs.made += 1
                advance(len(todo[place]["prompts"]))
        groups: list[Group] = []
        for key in keys:
            groups += groups_from(outputs.store.read_table("answer", key))
            outputs.remarks.update(outputs.store.read_metadata("answer", key).get("remarks", ()))
        answered = iter(groups)
        return [next(answered) if is_taken else None for is_taken in admitted]

    def _admitted(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[bool]:
        generator = self._stack.generator
        if not self._stack.implements(generator, "udasa_admit"):
            return [True] * len(prompts)
        asked = content_key(sampling.to_json(), [asdict(prompt) for prompt in prompts])
        if asked in self._admitted_of:
            return self._admitted_of[asked]
        answer = self._stack.call(generator, "udasa_admit", prompts=prompts, sampling=sampling)
        refusals = check_refusals(generator, prompts, answer)
        for prompt, refusal in zip(prompts, refusals, strict=True):
            if refusal:
                log.warning("prompt %s is not asked: %s", prompt.id, refusal)
        self._admitted_of[asked] = [not refusal for refusal in refusals]
        return self._admitted_of[asked]


class KeptGrades:
    """The run's judge: one grade after the other is kept as soon as the judge gives it."""

    def __init__(
        self,
        judge: BuiltPlugin,
        outputs: Outputs,
        telling: _Telling,
        identity: Mapping[str, Any],
        mapped: _Mapped,
        parts: Callable[[], int],
    ) -> None:
        """identity: the judge's, with that of its resources. mapped: has shards made. parts: into how many
        shards what is asked is parted: a judge has its own ways to grade much at once."""
        self._judge = judge
        self._outputs = outputs
        self._telling = telling
        self._identity = identity
        self._mapped = mapped
        self._parts = parts

    @property
    def model(self) -> str:
        """What the judge's plugin says that its model is, by its `model`; "" where it does not say."""
        return str(attribute(self._judge.instance, "model"))

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> Sequence[Grade]:
        """Return one Grade a prompt, in order; equal ones are graded once."""
        outputs = self._outputs
        judge = {"judge": self._identity, "seed": seed}
        keys = [
            outputs.fingerprint(
                "grade", {**judge, "messages": [asdict(message) for message in prompt.messages]}
            )
            for prompt in prompts
        ]
        asked = content_key(keys)
        outputs.point(Output("grade", instance=asked), f"grades {asked}", keys)
        missing = {
            key: prompt
            for key, prompt in zip(keys, prompts, strict=True)
            if not outputs.is_whole("grade", key)
        }
        todo: list[Mapping[str, Any]] = [
            {
                "prompts": [asdict(missing[key]) for key in part],
                "seed": seed,
                "outputs": {key: key for key in part},
            }
            for part in _parted(list(missing), self._parts())
        ]
        for place in self._mapped("grade", todo) if todo else ():
            outputs.made += len(todo[place]["prompts"])
        return [self._read(key) for key in keys]

    def _read(self, key: str) -> Grade:
        plain = self._outputs.store.read_json("grade", key)
        self._outputs.remarks.update(plain.pop("remarks", ()))
        return Grade(**plain)


def _parted(keys: Sequence[str], parts: int) -> list[Sequence[str]]:
    """Return at most so many parts of about one size, none of them empty."""
    size = -(-len(keys) // parts) or 1
    return [keys[start : start + size] for start in range(0, len(keys), size)]


class _Job(Protocol):
    """What is needed of a job where shards are made."""

    stack: Stack
    outputs: Outputs
    resources: SharedResources


def work(job: _Job, payload: Mapping[str, Any]) -> None:
    """Answer one shard of prompts, or have the judge grade some."""
    prompts = tuple(map(_prompt, payload["prompts"]))
    (_answer if payload["step"] == "answer" else _grade)(job, prompts, payload)


def _prompt(plain: Mapping[str, Any]) -> Prompt:
    messages = tuple(Message(**message) for message in plain["messages"])
    return Prompt(plain["id"], messages, tuple(plain["passages"]))


def _answer(job: _Job, prompts: Sequence[Prompt], payload: Mapping[str, Any]) -> None:
    generator, sampling = job.stack.generator, SamplingOptions(**payload["sampling"])
    policy = ModelRef.from_json(payload["policy"])
    asked = {"prompts": prompts, "sampling": sampling, "policy": policy, "seed": payload["seed"]}
    answer = job.stack.call(generator, "udasa_generate", **asked)
    groups = check_groups(generator, prompts, sampling, policy, answer)
    job.outputs.store.write_table(
        "answer", payload["output"], groups_table(groups), remarked(generator.remarks())
    )


def _grade(job: _Job, prompts: Sequence[Prompt], payload: Mapping[str, Any]) -> None:
    judge, outputs = job.stack.judge, job.outputs
    if judge is None:
        raise PluginError('there is no judge: add [judge] with use = "…"')
    # What was graded before a worker was lost is there.
    missing = {
        key: prompt
        for key, prompt in zip(payload["outputs"], prompts, strict=True)
        if not outputs.is_whole("grade", key)
    }
    with job.resources.progress("grade", len(missing)) as advance:
        asked = {"prompts": tuple(missing.values()), "seed": payload["seed"]}
        answer = job.stack.call(judge, "udasa_judge", **asked)
        for key, grade in zip(missing, check_grades(judge, len(missing), answer), strict=True):
            remarks = remarked(judge.remarks()) or {}
            outputs.store.write_json("grade", key, {**asdict(grade), **remarks})
            advance(1)
