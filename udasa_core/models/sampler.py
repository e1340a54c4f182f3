"""The sampling loop: one prefill a prompt, then all responses of several prompts decoded together, those that
have said the same so far as one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from udasa_core.models.held import rows_at_once
from udasa_core.models.positions import refuse_longer
from udasa_core.models.slots import Slots
from udasa_core.models.thought_budget import ThoughtBudget, ThoughtClock
from udasa_core.models.token_statistics import TokenStatistics

if TYPE_CHECKING:
    from torch import Tensor

    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.records import SamplingOptions


@dataclass(frozen=True, slots=True)
class Sample(TokenStatistics):
    """One sampled response: its T tokens with their figures in nats, whether a stop token ended it, and the
    places of the tokens that ended its thought, where that used its budget up."""

    token_ids: tuple[int, ...]
    stopped: bool
    forced: tuple[int, ...] = ()


def sample(
    lm: CausalLM,
    prompts: Sequence[Sequence[int]],
    sampling: SamplingOptions,
    seed: int,
    prompts_at_once: int,
    finished: Callable[[int], None],
    stops: Collection[int] | None = None,
) -> list[list[Sample]]:
    """Return `sampling.responses` samples for each prompt (token ids), in order.

    Each response draws from random numbers of its own, fixed by the seed and its place, and each prompt is
    prefilled by itself, on top of what all of them begin with: so neither the company that a response is
    decoded in nor `prompts_at_once` decides what it says, save through the rounding of matrix products.

    finished: told how many prompts are done since it was last told. stops: the tokens that end a response;
    None: `lm.stop_ids`.
    """
    ends = lm.stop_ids if stops is None else stops
    with torch.inference_mode():
        return _Run(lm, prompts, sampling, seed, prompts_at_once, ends).finish(finished)


class _Run:
    """One call of `sample`. Response k to prompt p has the number p · K + k. Row r of the slots decodes the
    responses self._rows[r], which have said the same so far: where they part, the row is forked."""

    def __init__(
        self,
        lm: CausalLM,
        prompts: Sequence[Sequence[int]],
        sampling: SamplingOptions,
        seed: int,
        prompts_at_once: int,
        stops: Collection[int],
    ) -> None:
        self._lm = lm
        self._prompts = prompts
        self._sampling = sampling
        self._each = sampling.responses
        # The longest prompts first: what decodes together is then of like length, and room runs out at once.
        self._waiting = deque(sorted(range(len(prompts)), key=lambda index: -len(prompts[index])))
        self._room = rows_at_once(prompts_at_once, len(prompts), self._each)
        longest = max(map(len, prompts), default=0)
        self._budget = ThoughtBudget(lm, sampling)
        most = self._budget.most
        self._slots = Slots(lm.model, rows=self._room, columns=longest + most)
        refuse_longer(lm.model, longest + most)
        self._prefill = lm.prefill(prompts)
        total = len(prompts) * self._each
        generator = torch.Generator().manual_seed(seed)
        self._uniforms = torch.rand(total, most, generator=generator).to(lm.device)
        self._stops = torch.tensor(sorted(stops), dtype=torch.long, device=lm.device)

        shape = (total, most)
        self._tokens = torch.zeros(shape, dtype=torch.long, device=lm.device)
        # (logprobs, sampling_logprobs, entropies) × response × position: all that is kept of a step.
        self._figures = torch.zeros((3, *shape), device=lm.device)
        self._lengths = [0] * total
        self._stopped = [False] * total
        self._unfinished = [self._each] * len(prompts)
        # By response, where thoughts have a budget of their own.
        self._clocks: list[ThoughtClock] = []
        if sampling.thinking_tokens is not None:
            self._clocks = [self._budget.clock(prompt) for prompt in prompts for _ in range(self._each)]

        self._rows: list[list[int]] = []

    def finish(self, finished: Callable[[int], None]) -> list[list[Sample]]:
        """Decode until nothing waits and no row is left."""
        while self._waiting or self._rows:
            # Room is kept for every response by itself: all may part at once.
            while self._waiting and sum(map(len, self._rows)) + self._each <= self._room:
                self._admit(self._waiting.popleft(), finished)
            if self._rows:
                self._decode(finished)
        return [
            [self._sample(number) for number in range(start, start + self._each)]
            for start in range(0, len(self._lengths), self._each)
        ]

    def _admit(self, prompt: int, finished: Callable[[int], None]) -> None:
        """Prefill one prompt, give it a row, and draw the first token of each of its responses."""
        cache, logits = self._prefill.read(self._prompts[prompt])
        self._slots.admit(cache, 1)
        self._rows.append(list(range(prompt * self._each, (prompt + 1) * self._each)))
        self._draw(logits, len(self._rows) - 1)
        self._part(finished)

    def _decode(self, finished: Callable[[int], None]) -> None:
        """Give every row one more token."""
        first = torch.tensor([numbers[0] for numbers in self._rows])
        last = torch.tensor([self._lengths[numbers[0]] - 1 for numbers in self._rows])
        tokens = self._tokens[first, last][:, None]
        logits = self._lm.model(tokens, use_cache=True, logits_to_keep=1, **self._slots.step()).logits[:, -1]
        self._draw(logits, 0)
        self._part(finished)

    def _draw(self, logits: Tensor, start: int) -> None:
        """Draw the next token of every response in the rows from `start` on, from their logits (rows, V)."""
        options = self._sampling
        distributions = self._lm.next_tokens(logits, options.temperature, options.top_p, options.top_k)
        drawing = self._rows[start:]
        most = max(map(len, drawing))
        # A row's last response stands in where others have more of them; drawn twice, it draws the same.
        numbers = torch.tensor([[*row, *[row[-1]] * (most - len(row))] for row in drawing])
        places = torch.tensor([self._lengths[row[0]] for row in drawing])[:, None].expand_as(numbers)
        tokens = distributions.draw(self._uniforms[numbers, places])
        written = self._written(drawing)
        for index, token in written.items():
            tokens[index] = token
        self._tokens[numbers, places] = tokens
        sampling_logprobs = distributions.sampling_logprobs(tokens)
        # Nothing was drawn there.
        sampling_logprobs[list(written)] = 0.0
        self._figures[0, numbers, places] = distributions.logprobs(tokens)
        self._figures[1, numbers, places] = sampling_logprobs
        self._figures[2, numbers, places] = distributions.entropies[:, None].expand_as(tokens)
        stopped = torch.isin(tokens, self._stops).tolist()
        for row, stops, said in zip(drawing, stopped, tokens.tolist(), strict=True):
            for number, stop, token in zip(row, stops, said, strict=False):
                self._lengths[number] += 1
                self._stopped[number] = stop
                if self._clocks:
                    self._clocks[number].add(token)

    def _written(self, drawing: Sequence[Sequence[int]]) -> dict[int, int]:
        """Return what is written in place of a drawn token, by row: its responses have said the same."""
        if not self._clocks:
            return {}
        written = {row: self._clocks[numbers[0]].writes for row, numbers in enumerate(drawing)}
        return {row: token for row, token in written.items() if token is not None}

    def _part(self, finished: Callable[[int], None]) -> None:
        """Fork rows whose responses drew different tokens, and drop those whose responses are all over."""
        forked: list[list[int]] = []
        origins: list[int] = []
        done = 0
        for row, numbers in enumerate(self._rows):
            going_on = [number for number in numbers if not self._is_over(number)]
            for number in numbers:
                self._unfinished[number // self._each] -= self._is_over(number)
            done += len(going_on) < len(numbers) and self._unfinished[numbers[0] // self._each] == 0
            places = [self._lengths[number] - 1 for number in going_on]
            said: dict[int, list[int]] = {}
            for number, token in zip(going_on, self._tokens[going_on, places].tolist(), strict=True):
                said.setdefault(token, []).append(number)
            ways = list(said.values())
            self._rows[row] = ways[0] if ways else []
            forked += ways[1:]
            origins += [row] * (len(ways) - 1)
        if forked:
            self._slots.fork(origins)
            self._rows += forked
        kept = [row for row, numbers in enumerate(self._rows) if numbers]
        if len(kept) < len(self._rows):
            self._rows = [self._rows[row] for row in self._slots.keep(kept)]
        if done:
            finished(done)

    def _is_over(self, number: int) -> bool:
        if self._clocks:
            return self._stopped[number] or self._clocks[number].is_over
        return self._stopped[number] or self._lengths[number] == self._budget.answer

    def _sample(self, number: int) -> Sample:
        length = self._lengths[number]
        logprobs, sampling_logprobs, entropies = self._figures[:, number, :length].tolist()
        return Sample(
            token_ids=tuple(self._tokens[number, :length].tolist()),
            logprobs=tuple(logprobs),
            sampling_logprobs=tuple(sampling_logprobs),
            entropies=tuple(entropies),
            stopped=self._stopped[number],
            forced=tuple(self._clocks[number].forced) if self._clocks else (),
        )
