"""Prompts that somebody types, each answered by the policies of a run, and scored as the run scores.

Steps and plugins are the run's own, over a store that goes with the chat: nothing is written to the run's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from udasa_core.chatting.answer import Answer
from udasa_core.chatting.configuration import answering, differences
from udasa_core.errors import ConfigError, UdasaError
from udasa_core.job.job import Job
from udasa_core.models.hardware import best_device, device_fault
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.records import Group, Message, ModelRef, Prompt, SamplingOptions, content_key
from udasa_core.running.conduct import built_observers
from udasa_core.running.preflight import preflight
from udasa_core.steps.aggregate import Calibration, aggregate, places_taken
from udasa_core.steps.agree import agree
from udasa_core.steps.pair import pair
from udasa_core.steps.score import score
from udasa_core.store.agreed import agreed_from, counted
from udasa_core.store.output import BASE, TRAINING, Output
from udasa_core.store.runs import Run
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_table, pairs_from, scores_from

_SPLIT = "chat"
# The likeliest token each time. A server that knows no top_k goes by the temperature.
_GREEDY, _NEARLY_0 = 1, 0.01


@dataclass(frozen=True, slots=True)
class Asking:
    """How a prompt is answered: K responses a policy. temperature: 0 is greedy; None: greedy for a single
    response, and as the run's for several. max_new_tokens: None: as the run's. system: a system message; ""
    for none."""

    responses: int = 1
    temperature: float | None = None
    max_new_tokens: int | None = None
    system: str = ""

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is taken each time."""
        return not self.temperature and (self.temperature == 0 or self.responses == 1)

    def sampling(self, of_run: SamplingOptions) -> SamplingOptions:
        """Return the sampling options. of_run: those of the run, or of a block of its voters."""
        found = replace(of_run, max_new_tokens=self.max_new_tokens or of_run.max_new_tokens)
        if self.is_greedy:
            return replace(found, temperature=_NEARLY_0, top_k=_GREEDY)
        return replace(found, temperature=self.temperature or of_run.temperature)


_ONE = Asking()


class Chat:
    """A run's policies, loaded once, and the prompts that they are asked one after the other."""

    def __init__(self, run: Run, job: Job, policies: Mapping[str, ModelRef], asking: Asking) -> None:
        self._run = run
        self._job = job
        self.asking = asking
        self._turn = 0
        self.policies = policies
        self.notes = tuple(differences(run, job, scores=asking.responses > 1))
        job.resources.keep_all()

    @property
    def sampling(self) -> SamplingOptions:
        """How responses are drawn."""
        return replace(self.asking.sampling(self._job.config.sampling), responses=self.asking.responses)

    def ask(self, text: str) -> Iterator[Answer]:
        """Yield the answer of each policy to one prompt, which stands by itself: nothing that was asked
        before is sent with it. Raises UdasaError where a policy cannot answer."""
        self._turn += 1
        system = (Message("system", self.asking.system),) if self.asking.system else ()
        prompt = Prompt(str(self._turn), (*system, Message("user", text)))
        for label, policy in self.policies.items():
            yield self._answer(label, policy, prompt)

    def _answer(self, label: str, policy: ModelRef, prompt: Prompt) -> Answer:
        group = self._drawn(prompt, self.sampling, policy)
        if group is None:
            return Answer(label, prompt, told="the generator does not take this prompt")
        answer = Answer(label, prompt, group.responses)
        if self.asking.responses == 1:
            return answer
        try:
            blocks = map(self.asking.sampling, self._job.config.blocks[1:])
            voters = [self._drawn(prompt, block, policy) for block in blocks]
            return self._scored(answer, policy, [one for one in (group, *voters) if one is not None])
        except UdasaError as error:  # what was answered is worth reading without U
            return replace(answer, told=f"no U: {error}")

    def _drawn(self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef) -> Group | None:
        return self._job.resources.generator()([prompt], sampling, policy, self._job.config.run.seed)[0]

    def _scored(self, answer: Answer, policy: ModelRef, groups: Sequence[Group]) -> Answer:
        """Return an answer with the U of its responses, and what the pairing would make of them."""
        job, calibration = self._job, self._calibration
        keys = [content_key(answer.prompt.id, policy.key, block) for block in range(len(groups))]
        for key, group in zip(keys, groups, strict=True):
            job.store.write_table("sample", key, groups_table([group]))
        drawn, *voters = keys
        shards = Shards(
            "sample",
            _SPLIT,
            (drawn,),
            voters=tuple((key,) for key in voters),
            numbers=(self._turn,),
            policy=answer.policy,
        )
        agreed = agree(job, shards)
        scores = aggregate(job, shards, score(job, shards), calibration, agreed)
        found = scores_from(job.store.read_table("aggregate", scores.fingerprints[0]))[0]
        return self._paired(replace(answer, U=found.U), shards, scores, policy)

    def _paired(self, answer: Answer, shards: Shards, scores: Shards, policy: ModelRef) -> Answer:
        (key,) = pair(self._job, shards, scores, policy).fingerprints
        pairs = pairs_from(self._job.store.read_table("pair", key))
        if not pairs:
            reasons = self._job.store.read_metadata("pair", key)["refused"]
            return replace(answer, told=f"no pair: {', '.join(reasons)}")
        drawn = [one.token_ids for one in answer.responses]
        chosen, rejected = [one.chosen for one in pairs], [one.rejected for one in pairs]
        own = [one.text for one in (*chosen, *rejected) if one.token_ids not in drawn]
        return replace(
            answer,
            chosen=tuple(drawn.index(one.token_ids) for one in chosen if one.token_ids in drawn),
            rejected=tuple(drawn.index(one.token_ids) for one in rejected if one.token_ids in drawn),
            told=f"written for the pair, and none of these: {' | '.join(own)}" if own else "",
        )

    @cached_property
    def _calibration(self) -> Calibration:
        """What the run has fitted and frozen. Raises UdasaError where it has not come that far."""
        run, store = self._run, self._job.store
        states: dict[str, str] = {}
        for plugin in self._job.stack.dimensions:
            keys = run.keys(Output("fit", TRAINING, instance=plugin.name))
            if not keys:
                raise UdasaError(
                    f"run {run.name} has fitted no calibration of {plugin.name} (status: {run.status})"
                )
            states[plugin.name] = keys[0]
            store.write_json("fit", keys[0], run.store.read_json("fit", keys[0]))
        agreed = (
            one
            for key in run.keys(Output("agree", TRAINING))
            for one in agreed_from(run.store.read_table("agree", key))
        )
        return Calibration(states, places_taken(self._job, counted(agreed)))


@contextmanager
def open_chat(
    run: Run,
    policies: Mapping[str, ModelRef],
    asking: Asking = _ONE,
    *,
    generator: str = "",
    catalog: Catalog | None = None,
) -> Iterator[Chat]:
    """Open a run for prompts that somebody types. Nothing is written to it, or to its store.

    policies: those that answer, by label. generator: another one than the run's. A model that ran on a device
    which is not here runs on what is. Raises ConfigError, UsageError or UdasaError where the run's plugins or
    models cannot be had.
    """
    catalog = catalog or read_catalog()
    config = answering(run, catalog, generator)
    if BASE in policies:  # what was trained is sampled here, whoever serves the base
        chosen, kinds = chosen_plugins(config, catalog), ("generator",)
        if faults := preflight(config, catalog, chosen, kinds=kinds, uses=kinds)[0]:
            raise ConfigError(faults, config.origin)
    refs = {role: ModelRef.from_json(ref) for role, ref in run.manifest.plain["models"].items()}
    if asking.responses > 1:
        refs = {role: run.unchanged(ref) for role, ref in refs.items()}
    refs = {role: _here(ref) for role, ref in refs.items()}
    policies = {label: _here(ref) for label, ref in policies.items()}
    with TemporaryDirectory(prefix="udasa-chat-") as folder:
        observers = built_observers(config, catalog)
        job = Job(config, catalog, refs, observers=observers, store=Path(folder), alone=True)
        try:
            yield Chat(run, job, policies, asking)
        finally:
            job.close()


def _here(ref: ModelRef) -> ModelRef:
    """Return the same model on a device of this machine."""
    return replace(ref, device=best_device()) if device_fault(ref.device) else ref
