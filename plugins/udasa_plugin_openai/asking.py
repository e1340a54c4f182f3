"""The requests that a shard of prompts is sampled by, and how K choices a prompt come together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from udasa_core import Message, Prompt, SamplingOptions, content_key
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.completion import Choice, Completion
from udasa_plugin_openai.connection import ConnectionOptions
from udasa_plugin_openai.failures import GarbledError, RefusedError, ServerError
from udasa_plugin_openai.settings import Settings
from udasa_plugin_openai.window import in_order

# With these a server refuses this request: the prompt, or a field of it.
REFUSALS = frozenset({400, 413, 422})
_UNFINISHED = frozenset({"content_filter", "tool_calls", "function_call"})
_PROBE = (Message("user", "Say a word."),)
# Seeds beyond are not taken everywhere.
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server does with `n` (several choices a request), `logprobs` and `return_token_ids`, as a probe
    found out."""

    several: bool
    logprobs: bool
    token_ids: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What a server gave for one prompt: choices, or the error that stands for all of them.

    prompt_tokens: the prompt's length as the server counted it, None where it does not say.
    prompt_token_ids: its tokens, likewise.
    """

    choices: tuple[Choice, ...]
    prompt_tokens: int | None = None
    error: ServerError | None = None
    prompt_token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """`count` choices for one prompt, the first of which is its choice number `first`."""

    prompt: Prompt
    first: int
    count: int


class Requests:
    """Sampling from one server, `concurrency` requests at a time."""

    def __init__(
        self, client: Client, who: str, options: ConnectionOptions, template_options: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._settings = Settings(client, who, options.extra_body)
        self._options = options
        self._template = {"chat_template_kwargs": dict(template_options)} if template_options else {}

    def answers(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, seed: int, model: str
    ) -> Iterator[Answers]:
        """Yield what the server gives for each prompt, in order: at most K usable choices, at least one, or
        the RefusedError of a prompt that it refuses. Raises what else `Client.complete` raises.

        model: which of the server's models is asked.
        """
        # A server without `n` is asked K times, each time by itself: all of them may be in flight.
        each = sampling.responses if prompts and self._abilities.several else 1
        requests = [
            _Request(prompt, first, each)
            for prompt in prompts
            for first in range(0, sampling.responses, each)
        ]
        parts: list[Answers] = []
        for part in in_order(
            lambda request, stop: self._ask(request, sampling, seed, model, stop),
            requests,
            self._options.concurrency,
        ):
            parts.append(part)
            if len(parts) * each >= sampling.responses:
                yield _joined(parts, sampling.responses)
                parts = []

    def taken(self, sampling: SamplingOptions) -> SamplingOptions:
        """Return what the server is known to sample with: neutral, where it refused a setting."""
        neutral: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0, "top_k": 0}
        refused = {name: value for name, value in neutral.items() if name in self._settings.refused}
        return replace(sampling, **refused) if refused else sampling

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which settings the server took only under its own values, in sentences."""
        return self._settings.remarks

    @property
    def tells_tokens(self) -> bool:
        """Whether the server gives the sampled tokens' ids and each one's log-probability."""
        return self._abilities.token_ids and self._abilities.logprobs

    @cached_property
    def _abilities(self) -> Abilities:
        """Ask once: these fields are ignored by some servers and refused by others."""
        all_of_them = self._probe(n=2, logprobs=True, return_token_ids=True)
        if all_of_them is not None:
            return all_of_them
        several, logprobs = self._probe(n=2), self._probe(logprobs=True)
        return Abilities(several is not None and several.several, logprobs is not None and logprobs.logprobs)

    def _probe(self, **fields: Any) -> Abilities | None:
        """Return what the server does with the fields, None where it refuses them."""
        asked = {self._options.token_limit: 1, **fields}
        try:
            completion = self._client.complete(_PROBE, threading.Event(), **asked)
        except RefusedError as error:
            if error.status not in REFUSALS:
                raise
            return None
        return Abilities(
            len(completion.choices) >= 2,
            all(choice.tokens is not None for choice in completion.choices),
            all(choice.token_ids is not None for choice in completion.choices),
        )

    def _ask(
        self, request: _Request, sampling: SamplingOptions, seed: int, model: str, stop: threading.Event
    ) -> Answers:
        """Ask for choices, and one by one for those that a server leaves out."""
        choices: list[Choice] = []
        counted, ids = None, None
        try:
            for number in range(request.first, request.first + request.count):
                # A second round asks with a seed of its own.
                asked = request.count if number == request.first else 1
                completion = self._complete(request.prompt, number, asked, sampling, seed, model, stop)
                choices += [choice for choice in completion.choices if is_usable(choice)]
                counted = completion.prompt_tokens if counted is None else counted
                ids = completion.prompt_token_ids if ids is None else ids
                if len(choices) >= request.count:
                    break
        except RefusedError as error:
            if error.status not in REFUSALS:
                raise
            return Answers(tuple(choices), counted, error)
        except GarbledError as error:
            return Answers(tuple(choices), counted, error)
        return Answers(tuple(choices[: request.count]), counted, prompt_token_ids=ids)

    def _complete(
        self,
        prompt: Prompt,
        number: int,
        count: int,
        sampling: SamplingOptions,
        seed: int,
        model: str,
        stop: threading.Event,
    ) -> Completion:
        fields: dict[str, Any] = {
            self._options.token_limit: sampling.max_new_tokens + (sampling.thinking_tokens or 0),
            "seed": int(content_key(seed, prompt.id, number, length=8), 16) % _SEEDS,
            **self._template,
            "model": model,
        }
        if count > 1:
            fields["n"] = count
        if self._abilities.logprobs:
            fields["logprobs"] = True
        if self._abilities.token_ids:
            fields["return_token_ids"] = True
        settings = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
        }
        return self._settings.complete(prompt.messages, stop, _lack, settings, **fields)


def is_usable(choice: Choice) -> bool:
    """Say whether a choice is a whole response of one token or more; that it ends at once is one."""
    if choice.finish_reason in _UNFINISHED:
        return False
    if choice.thought and not choice.text:
        # Over, or cut off, while it thought: a response all the same, without an answer.
        return choice.finish_reason in ("stop", "length")
    if choice.text is None:
        return False
    return choice.text != "" or choice.finish_reason == "stop"


def _lack(completion: Completion) -> str:
    if any(map(is_usable, completion.choices)):
        return ""
    reasons = ", ".join(sorted({choice.finish_reason or "none given" for choice in completion.choices}))
    return (
        f"no choice has a text to train on (finish reason: {reasons}); a model that thinks first may have "
        "spent max_new_tokens on it"
    )


def _joined(parts: Sequence[Answers], count: int) -> Answers:
    """Return a prompt's parts as one. Fewer choices than K will do; with none, raises what is no refusal."""
    choices = tuple(choice for part in parts for choice in part.choices)[:count]
    errors = [part.error for part in parts if part.error is not None]
    if choices or not errors:
        return Answers(choices, parts[0].prompt_tokens, prompt_token_ids=parts[0].prompt_token_ids)
    refusal = next((error for error in errors if isinstance(error, RefusedError)), None)
    if refusal is None:
        raise errors[0]
    return Answers((), None, refusal)
