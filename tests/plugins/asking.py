"""Resources whose generator says what a test plans, and whose reader likes what a test plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice

import numpy as np

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES
from udasa_core import Group, Message, ModelRef, Prompt, Response, SamplingOptions
from udasa_core.testing.planted import sample_response

# What is said to a conversation; None where the generator does not take it.
Says = Callable[[Sequence[Message]], str | None]


class PlannedReader:
    """Says yes with the log-odds that `margin` gives for (first, second)."""

    def __init__(self, margin: Callable[[str, str], float]) -> None:
        self.margin = margin
        self.asked: list[tuple[str, str]] = []

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        rows = []
        for conversation in conversations:
            head, _, second = conversation[-1].content.partition("\n\nThe second response:\n")
            first = head.removeprefix("\nThe first response:\n")
            self.asked.append((first, second))
            rows.append([1.0 / (1.0 + math.exp(-self.margin(first, second)))] * len(questions))
        return np.array(rows)


class PlannedResources(FakeResources):
    """A planned generator and reader; `asked` is what the generator was asked, in order.

    Its responses have a byte a token and the sampling log-probabilities `drawn`, again and again.
    """

    def __init__(
        self,
        says: Says = lambda messages: "said",
        base: ModelRef = RESOURCES.base,
        *,
        drawn: Sequence[float] = (0.0,),
        margin: Callable[[str, str], float] = lambda first, second: 0.0,
        cut: bool = False,
    ) -> None:
        super().__init__(base)
        self.says = says
        self.drawn = drawn
        self.cut = cut
        self.planned = PlannedReader(margin)
        self.asked: list[tuple[Prompt, SamplingOptions, ModelRef, int]] = []

    def reader(self) -> PlannedReader:  # type: ignore[override]  # stands in for the fake one
        return self.planned

    def generator(self) -> Callable[..., list[Group | None]]:
        return self._generate

    def _generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group | None]:
        self.asked += [(prompt, sampling, policy, seed) for prompt in prompts]
        return [self._group(prompt, policy) for prompt in prompts]

    def _group(self, prompt: Prompt, policy: ModelRef) -> Group | None:
        text = self.says(prompt.messages)
        if text is None:
            return None
        return Group(prompt, (5, 6), (self._response(text),), policy.key)

    def _response(self, text: str) -> Response:
        said = sample_response(text, finish="length" if self.cut else "stop")
        drawn = tuple(islice(cycle(self.drawn), len(said.token_ids)))
        return replace(said, sampling_logprobs=drawn)
