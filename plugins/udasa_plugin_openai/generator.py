"""Generator `openai`: a server samples, and this program only asks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import (
    Group,
    ModelRef,
    Plugin,
    Prompt,
    Resources,
    SamplingOptions,
    ThoughtBudget,
    UdasaError,
    hookimpl,
)
from udasa_plugin_openai.asking import Requests
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.connection import INCIDENTAL, SERVERS, SamplingServer
from udasa_plugin_openai.grouping import grouped, told_group
from udasa_plugin_openai.policies import Policies
from udasa_plugin_openai.served import FAR

if TYPE_CHECKING:
    from udasa_core import CausalLM, Outlook
    from udasa_plugin_openai.served import Logprobs

log = logging.getLogger("udasa.openai")

# Requests that find out what a server can.
_PROBES = 3


class OpenAIGenerator(Plugin):
    """Up to K responses a prompt from the server's model, which should be the policy: [model] names it here.

    Where the server gives the ids of the tokens that it sampled with their log-probabilities
    (`return_token_ids`: vLLM), and a canary shows that they are the policy's, they stand as they come, and
    nothing is read here: such responses have no entropies. The canary is a text's log-probability under the
    policy, there and here.

    Elsewhere, and under `entropies = "rescore"`, a response's tokens are the local tokenization of its text,
    control tokens that it spells read as text, with the token that ends a turn where the server says "stop",
    or the text closes with one. One teacher-forced pass of the local policy gives the figures, in nats:
    entropies, log-probabilities, and those of the distribution that was sampled from. Where the server gives
    log-probabilities of exactly these tokens, for all responses of a prompt, and they are the policy's but
    for rounding, they stand in the place of those that they are; the log says for how many prompts (-v). A
    server's log-probabilities are not the trainer's. Where they, or the prompt's length in tokens, show
    another model, quantization or chat template, or where a server does not sample, a warning says so.

    Every sampling setting is sent, those that change nothing too (top_p = 1, top_k = 0, min_p, penalties): a
    server fills in its own, or its model's, for what is left out. One that it refuses by name is left out; a
    warning, and the run's record, tell that the server's own value counts there, and figures are those of a
    neutral one. extra_body goes before what is sent.

    What the model thought before it answers is split off, whether the server gives it within the text or
    apart (`reasoning_content`, `reasoning`). A server is asked for thinking_tokens and max_new_tokens
    together: no request ends a thought, so that a longer one may leave less for the answer, or nothing.

    A server that ignores `n`, or refuses it, is asked K times with as many seeds; one probe finds out.

    The same arguments need not give the same Groups: a server does not promise that, not even with a seed.
    What was sampled is kept, so a run goes on with what it has.

    The server serves the base policy. One that the run has just trained is sampled there, too, where the
    server takes adapters (`load_adapters`) or serves it under a name of its own (`aligned_model`), once its
    canary has shown that it does; an adapter is tried by a text that it changes by five times the tolerance.
    Otherwise it is sampled on this machine, several prompts at a time, which takes longer; held_out = 0 under
    [run] spares a run that. So is any other model, such as one that a dimension compares with.

    A prompt that the server refuses ends the work with an error that names it, and what to write.
    """

    class Options(SamplingServer):
        """Which server samples, and how prompts are rendered there and here."""

        template_options: dict[str, Any] = Field(
            default_factory=dict,
            description="Passed to the chat template, here and (as chat_template_kwargs) on the server: "
            "{ enable_thinking = false }, say.",
        )
        context_length: int = Field(
            default=0,
            ge=0,
            description="Tokens that the server takes, prompt and response together, where that is less than "
            "the model can; longer prompts are set aside beforehand. 0: as the model.",
        )

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look, besides, whether a shard can be ended: what is answered is kept by shards."""
            yield from super().preflight(outlook)
            least = outlook.shard_size + _PROBES
            if 0 < self.max_requests < least:
                yield (
                    f"max_requests = {self.max_requests} would never end a shard of {outlook.shard_size} "
                    f"prompts, which are kept together: write {least} at least (times the responses a prompt "
                    "where the server gives one a request), or a smaller [run] shard_size"
                )

        @property
        def is_in_context(self) -> bool:
            return True

    options: Options
    incidental = (*INCIDENTAL, "tolerance")
    is_served = True
    also_called = SERVERS
    # Nobody here knows what the server serves.
    label_free = None

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        # By kind of thing.
        self._told: dict[str, str] = {}
        # How the server's base differs from the policy, "" where it does not; None: not tried yet.
        self._base_fault: str | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the server refuses, and how it differs from the policy."""
        refused = self._requests.remarks if "_requests" in vars(self) else ()
        return (*refused, *self._told.values())

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        lm = self.resources.causal_lm(self.resources.base)
        budget = ThoughtBudget(lm, sampling)
        return [self._refusal(lm, prompt, budget) for prompt in prompts]

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        # Canaries come first: a policy that they read is forgotten again.
        name = self._name_of(policy)
        is_told = name is not None and self._is_believed(policy)
        lm = self.resources.causal_lm(policy)
        rendered = [self._render(lm, prompt) for prompt in prompts]
        if name is None:
            return self._sample_locally(lm, prompts, rendered, sampling, seed)
        end_of_turn = lm.end_of_turn("chat", self.options.template_options)
        stops = lm.stops(self.options.template_options)
        groups: list[Group] = []
        refused: list[tuple[Prompt, UdasaError]] = []
        by_server = 0
        with self.resources.progress("sample", len(prompts)) as advance:
            found = self._requests.answers(prompts, sampling, seed, name)
            for prompt, ids, answers in zip(prompts, rendered, found, strict=True):
                advance(1)
                if answers.error is not None:
                    refused.append((prompt, answers.error))
                    continue
                self._check_prompt(prompt, ids, answers.prompt_tokens)
                taken = self._requests.taken(sampling)
                if is_told and answers.prompt_token_ids == tuple(ids):
                    told = told_group(lm, prompt, ids, answers.choices, taken, stops)
                    if told is not None:
                        by_server += 1
                        groups.append(told)
                        continue
                group, logprobs = grouped(lm, prompt, ids, answers.choices, taken, end_of_turn)
                self._check_figures(prompt, logprobs)
                by_server += bool(logprobs.by_server)
                groups.append(group)
        if refused:
            raise self._error(prompts, refused)
        log.info("%s: the server's log-probabilities for %d of %d prompts", self._who, by_server, len(groups))
        self._check_that_it_samples(groups)
        if note := lm.control_note(one.text for group in groups for one in group.responses):
            log.warning("%s: %s", self._who, note)
        return groups

    def _name_of(self, policy: ModelRef) -> str | None:
        """Return the name under which the server serves a policy; None where it is sampled here."""
        if policy.key == self.resources.base.key:
            return self.options.model
        return self._policies.name_of(policy)

    def _is_believed(self, policy: ModelRef) -> bool:
        """Say whether what the server tells of its tokens stands as it is: it tells all that is asked for,
        and a canary has shown that it serves the policy."""
        if self.options.gives_entropies or not self._requests.tells_tokens:
            return False
        if policy.key != self.resources.base.key:
            return True
        if self._base_fault is None:
            self._base_fault = self._policies.fault(policy, self.options.model)
        if self._base_fault:
            self._warn("canary", f"responses are read here, for of the base policy {self._base_fault}")
        return not self._base_fault

    def _check_prompt(self, prompt: Prompt, rendered: Sequence[int], counted: int | None) -> None:
        if counted is not None and counted != len(rendered):
            self._warn(
                "template",
                f"the server counts {counted} tokens in prompt {prompt.id}, and the policy's chat template "
                f"makes {len(rendered)}: it may serve another model, or use another template",
            )

    def _check_figures(self, prompt: Prompt, logprobs: Logprobs) -> None:
        if logprobs.distance is not None and logprobs.distance > FAR:
            self._warn(
                "model",
                f"the server's log-probabilities are {logprobs.distance:.2f} nats a token away from the "
                f"policy's on prompt {prompt.id}, and not used: it serves another model, quantization or "
                "template",
            )

    def _check_that_it_samples(self, groups: Sequence[Group]) -> None:
        several = [group for group in groups if len(group.responses) > 1]
        if len(several) > 1 and all(
            len({(response.thought, response.text) for response in group.responses}) == 1 for group in several
        ):
            self._warn(
                "sampling",
                f"all responses to each of {len(several)} prompts are the same: the server seems to answer "
                "greedily, whatever temperature it is asked for; see its settings, or extra_body",
            )

    def _warn(self, kind: str, told: str) -> None:
        """Warn once of each kind of thing."""
        if kind not in self._told:
            self._told[kind] = told
            log.warning("%s: %s", self._who, told)

    def _error(self, prompts: Sequence[Prompt], refused: Sequence[tuple[Prompt, UdasaError]]) -> UdasaError:
        error = refused[0][1]
        named = ", ".join(prompt.id for prompt, _ in refused[:10]) + (", …" if len(refused) > 10 else "")
        return UdasaError(
            f"{self._who}: the server refuses {len(refused)} of {len(prompts)} prompts ({named}). The first: "
            f"{error}\nWhere they are too long for the server, write context_length = … under [generator], "
            "so that they are set aside beforehand; where it does not like them, take them out of [prompts]"
        )

    def _sample_locally(
        self,
        lm: CausalLM,
        prompts: Sequence[Prompt],
        rendered: Sequence[Sequence[int]],
        sampling: SamplingOptions,
        seed: int,
    ) -> list[Group]:
        from udasa_plugin_openai.local import all_locally

        stops = lm.stops(self.options.template_options)
        with self.resources.progress("sample", len(prompts)) as advance:
            found = all_locally(lm, rendered, sampling, seed, stops, advance)
        return [
            Group(prompt, tuple(ids), tuple(responses), lm.ref.key)
            for prompt, ids, responses in zip(prompts, rendered, found, strict=True)
        ]

    def _render(self, lm: CausalLM, prompt: Prompt) -> list[int]:
        if not lm.tokenizer.chat_template:
            raise UdasaError(
                f"{self._who}: {lm.ref.source} has no chat template, and a server renders chats by one: "
                'choose an instruction-tuned model, or sample on this machine with template = "plain"'
            )
        if "strftime_now" in lm.tokenizer.get_chat_template() and not self._is_dated:
            self._warn(
                "date",
                f"the chat template of {lm.ref.source} writes today's date: the server its own, and this "
                "machine 26 July 2024, always. Where the template has an option for it, both write one date: "
                'template_options = { date_string = "26 Jul 2024" }, say',
            )
        return lm.render(prompt.messages, "chat", self.options.template_options)

    @property
    def _is_dated(self) -> bool:
        return any("date" in name for name in self.options.template_options)

    def _refusal(self, lm: CausalLM, prompt: Prompt, budget: ThoughtBudget) -> str:
        try:
            length = len(self._render(lm, prompt))
        except ValueError as error:
            return str(error)
        context = min(lm.context_length, self.options.context_length or lm.context_length)
        if length + budget.most <= context:
            return ""
        end = lm.context_end if context == lm.context_length else context
        return f"{length} tokens and {budget} do not fit in a context of {end}"

    @property
    def _who(self) -> str:
        return f"generator {self.name!r}"

    @cached_property
    def _client(self) -> Client:
        return Client(self.options, self._who)

    @cached_property
    def _requests(self) -> Requests:
        return Requests(self._client, self._who, self.options, self.options.template_options)

    @cached_property
    def _policies(self) -> Policies:
        return Policies(self._client, self._who, self.options, self.resources)
