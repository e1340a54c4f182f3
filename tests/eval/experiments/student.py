"""A generator whose answers a test plants, for whole experiments, and the questions that it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import pytest

from tests.canned import Canned, Strict, calls, response
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, hookimpl
from udasa_core.plugins import stack
from udasa_core.plugins.identity import source_digest
from udasa_eval.labelled.sets import Question

# A student walks out when this many more calls have been answered; empty: never.
patience: list[int] = []
_digest = cache(source_digest)


class Student(Canned):
    """Says of each prompt what `said` returns, and counts its calls."""

    class Options(Strict):
        """No options."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        if patience:
            patience[0] -= 1
            if patience[0] < 0:
                raise KeyboardInterrupt
        calls["generate"] += 1
        return [self._group(prompt, sampling, policy, seed) for prompt in prompts]

    def said(
        self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Iterable[tuple[str, bool]]:
        """Yield each response's text, and whether it was not cut off."""
        raise NotImplementedError

    def _group(self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef, seed: int) -> Group:
        responses = tuple(
            response(text, stop=stop) for text, stop in self.said(prompt, sampling, policy, seed)
        )
        return Group(prompt, tuple(prompt.messages[-1].content.encode()), responses, policy.key)


def planted_questions(**counts: int) -> tuple[Question, ...]:
    """Return so many questions of each part, whose right answer is Paris: "train-0" and so on."""
    return tuple(
        Question(
            f"{part}-{n}", f"What is thing {n} of {part}?", ("Paris",), ("Lyon", "Rome"), "d", "easy", part
        )
        for part, count in counts.items()
        for n in range(count)
    )


def begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a test: nothing was asked yet, and sources are read once, for they do not change while tests last
    and to read them anew for every run takes most of the time."""
    monkeypatch.setattr(stack, "source_digest", _digest)
    monkeypatch.setattr(stack, "mismatch", lambda offer, factory: "")
    calls.clear()
    patience.clear()
