"""The sampling loop: one prefill a prompt, then all responses of several prompts decoded together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers.cache_utils import DynamicCache

from udasa_plugin_transformers.slots import Slots

if TYPE_CHECKING:
    from torch import Tensor

    from udasa_core import CausalLM, SamplingOptions


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled response: its T tokens with their figures in nats, and whether a stop token ended it."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    sampling_logprobs: tuple[float, ...]
    entropies: tuple[float, ...]
    stopped: bool


def sample(
    lm: CausalLM,
    prompts: Sequence[Sequence[int]],
    sampling: SamplingOptions,
    seed: int,
    prompts_at_once: int,
    finished: Callable[[int], None],
) -> list[list[Sample]]:
    """Return `sampling.responses` samples for each prompt (token ids), in order.

    Each response draws from random numbers of its own, fixed by the seed and its place, and each prompt is
    prefilled alone: so neither the company that a response is decoded in nor `prompts_at_once` decides
    what it says, save through the rounding of matrix products.

    finished: told how many prompts are done since it was last told.
    """
    with torch.inference_mode():
        return _Run(lm, prompts, sampling, seed, prompts_at_once).finish(finished)


class _Run:
    """One call of `sample`. Row r of the slots decodes response number self._responses[r] = p · K + k."""

    def __init__(
        self,
        lm: CausalLM,
        prompts: Sequence[Sequence[int]],
        sampling: SamplingOptions,
        seed: int,
        prompts_at_once: int,
    ) -> None:
        self._lm = lm
        self._prompts = prompts
        self._sampling = sampling
        self._each = sampling.responses
        # The longest prompts first: what decodes together is then of like length, and room runs out at once.
        self._waiting = deque(sorted(range(len(prompts)), key=lambda index: -len(prompts[index])))
        self._room = min(prompts_at_once, len(prompts)) * self._each
        longest = max(map(len, prompts), default=0)
        self._slots = Slots(lm.model, rows=self._room, columns=longest + sampling.max_new_tokens)
        total = len(prompts) * self._each
        generator = torch.Generator().manual_seed(seed)
        self._uniforms = torch.rand(total, sampling.max_new_tokens, generator=generator).to(lm.device)
        self._stops = torch.tensor(sorted(lm.stop_ids), dtype=torch.long, device=lm.device)

        shape = (total, sampling.max_new_tokens)
        self._tokens = torch.zeros(shape, dtype=torch.long, device=lm.device)
        # (logprobs, sampling_logprobs, entropies) × response × position: all that is kept of a step.
        self._figures = torch.zeros((3, *shape), device=lm.device)
        self._lengths = [0] * total
        self._stopped = [False] * total
        self._unfinished = [self._each] * len(prompts)

        self._responses: list[int] = []

    def finish(self, finished: Callable[[int], None]) -> list[list[Sample]]:
        """Decode until nothing waits and no row is left."""
        while self._waiting or self._responses:
            while self._waiting and len(self._responses) + self._each <= self._room:
                self._admit(self._waiting.popleft(), finished)
            if self._responses:
                self._decode(finished)
        return [
            [self._sample(number) for number in range(start, start + self._each)]
            for start in range(0, len(self._lengths), self._each)
        ]

    def _admit(self, prompt: int, finished: Callable[[int], None]) -> None:
        """Prefill one prompt, give it K rows, and draw the first token of each."""
        cache = DynamicCache()
        ids = torch.tensor([list(self._prompts[prompt])], device=self._lm.device)
        logits = self._lm.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
        self._slots.admit(cache, self._each)
        numbers = list(range(prompt * self._each, (prompt + 1) * self._each))
        self._responses += numbers
        self._draw(logits, numbers)
        self._drop_finished(finished)

    def _decode(self, finished: Callable[[int], None]) -> None:
        """Give every row one more token."""
        numbers = torch.tensor(self._responses)
        last = torch.tensor([self._lengths[number] - 1 for number in self._responses])
        tokens = self._tokens[numbers, last][:, None]
        logits = self._lm.model(tokens, use_cache=True, logits_to_keep=1, **self._slots.step()).logits[:, -1]
        self._draw(logits, self._responses)
        self._drop_finished(finished)

    def _draw(self, logits: Tensor, numbers: Sequence[int]) -> None:
        """Draw the next token of responses `numbers` from logits (responses, V), or (1, V) shared by all."""
        options = self._sampling
        distributions = self._lm.next_tokens(logits, options.temperature, options.top_p, options.top_k)
        rows = torch.tensor(numbers)
        places = torch.tensor([self._lengths[number] for number in numbers])
        shape = (len(logits), -1)
        tokens = distributions.draw(self._uniforms[rows, places].reshape(shape))
        self._tokens[rows, places] = tokens.flatten()
        self._figures[0, rows, places] = distributions.logprobs(tokens).flatten()
        self._figures[1, rows, places] = distributions.sampling_logprobs(tokens).flatten()
        self._figures[2, rows, places] = distributions.entropies.expand(len(numbers))
        stopped = torch.isin(tokens.flatten(), self._stops).tolist()
        for number, stop in zip(numbers, stopped, strict=True):
            self._lengths[number] += 1
            self._stopped[number] = stop

    def _drop_finished(self, finished: Callable[[int], None]) -> None:
        budget = self._sampling.max_new_tokens
        kept, done = [], 0
        for row, number in enumerate(self._responses):
            if self._stopped[number] or self._lengths[number] == budget:
                prompt = number // self._each
                self._unfinished[prompt] -= 1
                done += self._unfinished[prompt] == 0
            else:
                kept.append(row)
        if len(kept) < len(self._responses):
            self._responses = [self._responses[row] for row in self._slots.keep(kept)]
        if done:
            finished(done)

    def _sample(self, number: int) -> Sample:
        length = self._lengths[number]
        logprobs, sampling_logprobs, entropies = self._figures[:, number, :length].tolist()
        return Sample(
            token_ids=tuple(self._tokens[number, :length].tolist()),
            logprobs=tuple(logprobs),
            sampling_logprobs=tuple(sampling_logprobs),
            entropies=tuple(entropies),
            stopped=self._stopped[number],
        )
