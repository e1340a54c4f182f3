"""Responses by a worker: K a prompt in one call and, where thoughts have a budget, what each goes on with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from udasa_core import ThoughtBudget, ThoughtClock, UdasaError, content_key

if TYPE_CHECKING:
    from udasa_core import CausalLM, SamplingOptions
    from udasa_plugin_vllm.workers import Workers

# Seeds beyond are not taken by every generator of random numbers.
_SEEDS = 2**63


@dataclass(slots=True)
class Sample:
    """One response in the making: T tokens, and each one's log-probability under the raw distribution.

    prompt: which one it answers. clock: what it may still take, where thoughts have a budget.
    """

    prompt: int
    clock: ThoughtClock | None = None
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False

    @property
    def forced(self) -> tuple[int, ...]:
        """The places of the tokens that were written, and not drawn."""
        return tuple(self.clock.forced) if self.clock else ()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to draw: what is drawn without a clock is drawn at once."""
        return self.stopped or self.clock is None or self.clock.is_over

    def take(self, drawn: dict[str, Any], stops: Collection[int]) -> None:
        """Take the tokens that were drawn for it, up to where it ends or its thought is to be ended."""
        for token, logprob in zip(drawn["ids"], drawn["logprobs"], strict=True):
            self.token_ids.append(token)
            self.logprobs.append(logprob)
            self.stopped = token in stops
            if self.clock is not None:
                self.clock.add(token)
                if self.stopped or self.clock.is_over or self.clock.writes is not None:
                    return


class Sampler:
    """Samples one shard from the policy that some workers serve."""

    def __init__(
        self,
        workers: Workers,
        lm: CausalLM,
        sampling: SamplingOptions,
        seed: int,
        stops: Collection[int],
        adapter: Mapping[str, Any] | None,
        seconds: float,
    ) -> None:
        """lm: for its tokenizer. stops: the tokens that end a response. adapter: as the worker is told of it.
        seconds: that one call may take."""
        self._workers = workers
        self._lm = lm
        self._sampling = sampling
        self._budget = ThoughtBudget(lm, sampling)
        self._seed = seed
        self._stops = stops
        self._adapter = adapter
        self._seconds = seconds
        self._calls = 0

    def sample(self, prompts: Sequence[Sequence[int]]) -> list[list[Sample]]:
        """Return K samples for each prompt (token ids), in order.

        Each prompt draws with a seed of its own, fixed by the shard's and its place. Raises UdasaError where
        the workers fail.
        """
        each = self._sampling.responses
        bounded = self._sampling.thinking_tokens is not None
        groups = [
            [Sample(place, self._budget.clock(prompt) if bounded else None) for _ in range(each)]
            for place, prompt in enumerate(prompts)
        ]
        if not bounded or all(group[0].clock.room for group in groups if group[0].clock):
            # What has no clock is over once it is drawn; the others go on.
            self._draw(prompts, groups)
        open_ones = [one for group in groups for one in group if not one.is_over]
        while open_ones:
            self._write(prompts, [one for one in open_ones if one.clock and one.clock.writes is not None])
            drawing = [one for one in open_ones if one.clock and not one.is_over and one.clock.writes is None]
            self._draw([self._so_far(prompts, one) for one in drawing], [[one] for one in drawing])
            open_ones = [one for one in open_ones if not one.is_over]
        return groups

    def _so_far(self, prompts: Sequence[Sequence[int]], one: Sample) -> list[int]:
        return [*prompts[one.prompt], *one.token_ids]

    def _draw(self, beginnings: Sequence[Sequence[int]], groups: Sequence[Sequence[Sample]]) -> None:
        """Draw one continuation a sample: all of a group's go on from the same beginning."""
        if not groups:
            return
        each = len(groups[0])
        clocks = [group[0].clock for group in groups]
        longest = [clock.room if clock else self._sampling.max_new_tokens for clock in clocks]
        lists: dict[str, Sequence[Any]] = {
            "prompts": list(map(list, beginnings)),
            "seeds": [self._seed_of(place) for place in range(len(groups))],
            "most": longest,
        }
        told = {
            "each": each,
            "stops": sorted(self._stops),
            "temperature": self._sampling.temperature,
            "top_p": self._sampling.top_p,
            "top_k": self._sampling.top_k,
            "fresh": self._calls == 0,
            "adapter": self._adapter,
        }
        self._calls += 1
        found = self._workers.dealt("sample", lists, told, "samples", self._seconds)
        for group, drawn, most in zip(groups, found, longest, strict=True):
            self._check(drawn, each, most)
            for one, continuation in zip(group, drawn, strict=True):
                one.take(continuation, self._stops)

    def _check(self, drawn: Any, each: int, most: int) -> None:
        """Raise UdasaError where something else was drawn than was asked for."""
        size = self._lm.vocabulary
        fault = "" if isinstance(drawn, list) and len(drawn) == each else f"not {each} responses to a prompt"
        for one in drawn if not fault else ():
            ids, logprobs = one["ids"], one["logprobs"]
            ended = bool(ids) and (ids[-1] in self._stops or len(ids) == most)
            if len(ids) != len(logprobs) or not 0 < len(ids) <= most or not ended:
                fault = f"{len(ids)} tokens with {len(logprobs)} log-probabilities, of {most} at most"
            elif not all(isinstance(token, int) and 0 <= token < size for token in ids):
                fault = f"a token that is none of the model's {size}"
            elif any(token in self._stops for token in ids[:-1]):
                fault = "a response that goes on behind its end"
        if fault:
            self._workers.end()
            raise UdasaError(f"vLLM's process gave {fault}")

    def _write(self, prompts: Sequence[Sequence[int]], ending: Sequence[Sample]) -> None:
        """Write into responses what ends their thoughts, token by token, with what each is worth there."""
        waiting = list(ending)
        while waiting:
            clocks = [one.clock for one in waiting if one.clock]
            token = clocks[0].writes
            now = [one for one in waiting if one.clock and one.clock.writes == token]
            lists: dict[str, Sequence[Any]] = {"prompts": [self._so_far(prompts, one) for one in now]}
            told = {"token": token, "adapter": self._adapter}
            found = self._workers.dealt("force", lists, told, "logprobs", self._seconds)
            for one, logprob in zip(now, found, strict=True):
                one.take({"ids": [token], "logprobs": [logprob]}, ())
            waiting = [one for one in waiting if one.clock and one.clock.writes is not None]

    def _seed_of(self, place: int) -> int:
        return int(content_key(self._seed, self._calls, place, length=16), 16) % _SEEDS
