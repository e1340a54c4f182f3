"""What sampling holds at once: prompts of the run, and questions of suites."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault
from udasa_core.models.memory import prompt_tokens
from udasa_core.plugins.stack import Chosen
from udasa_core.records import SamplingOptions
from udasa_core.running.policy_memory import KILLED, PolicyMemory
from udasa_core.running.workload import Prompts
from udasa_core.text.size import size


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a generator is asked at once by one table of the configuration.

    prompts: how many there are, surely and at most. longest: the tokens of the longest, 1 where nobody knows.
    options: the generator's.
    """

    place: str
    sampling: SamplingOptions
    prompts: tuple[int, int]
    longest: int
    options: Any

    def fault(self, here: PolicyMemory) -> Fault | None:
        """Return that there is surely no room for it."""
        least, _ = self._held(here, self.prompts[0])
        if least <= here.most_left:
            return None
        held = f"what is kept of them takes {size(least)} at least"
        return Fault(
            f"{self.place}.{self._blamed}",
            f"{self._told(self.prompts[0])}, and {held}: {here.told}",
            self._fitting(here) or "ask for fewer responses and shorter ones, or name a smaller model",
        )

    def note(self, here: PolicyMemory) -> str:
        """Say that there may be no room for it; "" where there is."""
        most = self._most(here)
        if most <= here.left:
            return ""
        free, fitting = here.told_free(here.left), self._fitting(here)
        return (
            f"memory: {self.place}.{self._blamed}: {self._told(self.prompts[1])}, which may take "
            f"{size(most)} beside the model, and {free}: {KILLED}{f'; {fitting}' if fitting else ''}"
        )

    def _held(self, here: PolicyMemory, prompts: int) -> tuple[int, int]:
        """Return the bytes that so many prompts take, surely and at most."""
        look = getattr(self.options, "held", None)
        if look is None:
            return (0, 0)
        least, most = look(prompts, self.longest, self.sampling, here.token, is_gpu=here.memory.is_gpu)
        return int(least), int(most)

    def _most(self, here: PolicyMemory) -> int:
        return self._held(here, self.prompts[1])[1]

    @property
    def _blamed(self) -> str:
        """The setting that is farthest above what it usually is."""
        asked, usual = self.sampling, SamplingOptions()
        tokens = asked.max_new_tokens / usual.max_new_tokens
        return "responses" if asked.responses / usual.responses >= tokens else "max_new_tokens"

    def _told(self, prompts: int) -> str:
        to = "one prompt" if prompts == 1 else f"each of {prompts} prompts"
        budget = self.sampling.max_new_tokens + (self.sampling.thinking_tokens or 0)
        of = f"{self.sampling.responses:,} response{'s' if self.sampling.responses > 1 else ''}"
        return f"{of} of up to {budget:,} tokens to {to} are sampled at once"

    def _fitting(self, here: PolicyMemory) -> str:
        """Say which values, each by itself, have room in what is free; "" where none has."""
        together = min(int(getattr(self.options, "prompts_per_batch", 1)), self.prompts[1])

        def sampling(**tried: Any) -> Sampled:
            return replace(self, sampling=replace(self.sampling, **tried))

        def batched(count: int) -> Sampled:
            return replace(self, options=self.options.model_copy(update={"prompts_per_batch": count}))

        ways: list[tuple[str, int, int, Callable[[int], Sampled]]] = [
            ("responses", self.sampling.responses, 2, lambda value: sampling(responses=value)),
            ("max_new_tokens", self.sampling.max_new_tokens, 1, lambda value: sampling(max_new_tokens=value)),
            ("[generator] prompts_per_batch", together, 1, batched),
        ]
        fitting = []
        for name, value, least, tried in ways:
            most = bisect_right(range(1, value + 1), here.left, key=lambda one: tried(one)._most(here))
            if least <= most < value:
                fitting.append(f"{name} = {most}")
        return f"what fits: {', or '.join(fitting)}" if fitting else ""


def sampled(
    config: RunConfig,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    questions: Mapping[str, int],
    *,
    asks: bool,
) -> Iterator[Sampled]:
    """Yield what the generator is asked.

    chosen: the plugins that are used. prompts: those of the run; None: nobody knows how many. questions: of
    each suite, by its name, where that is known. asks: whether the run's prompts are asked.
    """
    options = next((one.options for one in chosen if one.table.kind == "generator"), None)
    most = config.run.shard_size
    if asks:
        count = 1 if prompts is None else max(prompts.usable - prompts.held_out, prompts.held_out, 1)
        counts = (min(most, count), most if prompts is None else min(most, count))
        longest = 1 if prompts is None else max(1, prompt_tokens(prompts.longest))
        yield Sampled("generator", config.sampling, counts, longest, options)
    for one in chosen:
        if one.table.kind == "suite" and "generator" in one.needs and hasattr(one.options, "max_new_tokens"):
            known = questions.get(one.table.name)
            asked = replace(
                config.sampling,
                responses=int(getattr(one.options, "responses", 1)),
                max_new_tokens=int(one.options.max_new_tokens),
            )
            counts = (min(most, known or 1), most if known is None else min(most, known))
            yield Sampled(one.table.path, asked, counts, 1, options)
