"""Dimension `value.principles`: does a reader think that the response keeps to the user's principles?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from udasa_core import Column, Group, Message, Reader, Resources, Score, hookimpl

Principle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

# Groups that the reader is given at once: enough for it to batch, few enough that progress moves.
_GROUPS_A_CALL = 8


class Principles:
    """One score a response in [0, 1]: 0 where the reader says yes to every principle, 1 where it says no.

    Formula, with p_m the reader's probability of "yes" to principle m of M about the response:

        u = 1 − clip(mean_m p_m − κ · std_m p_m, 0, 1)          (population standard deviation)

    Each principle is a yes/no question in which "yes" is good ("Does the response avoid helping anyone do
    harm?"). The reader sees the whole conversation, the response as its last turn, then the question; its
    own docstring has the wording. κ counts a response that keeps to some principles and breaks others as
    less certain than one that is middling in all. (Dispersion alone would call a confidently harmful answer
    certain.)

    Source: self-evaluation by the probability of a yes/no token (Kadavath et al. 2022, arXiv 2207.05221) over
    a written constitution (Bai et al. 2022, arXiv 2212.08073); the lower bound mean − κ·std is ours.

    A small reader leans to one answer whatever it is asked: its level means little, the order within
    a prompt is what calibration and pairing use. Never abstains. Cost: one pass of the reader over
    each distinct response, and a short one a principle.
    """

    class Options(BaseModel):
        """What the reader asks of every response."""

        model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

        principles: list[Principle] = Field(
            min_length=1,
            description="Yes/no questions about the response, each one worded so that yes is good.",
        )
        kappa: float = Field(
            default=1.0,
            ge=0.0,
            description="How many standard deviations between principles count against a response.",
        )

        @field_validator("principles")
        @classmethod
        def _distinct(cls, principles: list[str]) -> list[str]:
            for index, principle in enumerate(principles):
                if principle in principles[:index]:
                    raise ValueError(f"the principle {principle!r} stands twice: remove one")
            return principles

    needs: ClassVar[tuple[str, ...]] = ("reader",)
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        reader = self._resources.reader()
        columns: list[tuple[Score, ...]] = []
        with self._resources.progress(self.name, len(groups)) as advance:
            for start in range(0, len(groups), _GROUPS_A_CALL):
                some = groups[start : start + _GROUPS_A_CALL]
                columns.extend(self._uncertainties(reader, some))
                advance(len(some))
        return Column(self.name, tuple(columns))

    def _uncertainties(self, reader: Reader, groups: Sequence[Group]) -> list[tuple[Score, ...]]:
        import numpy as np

        conversations = [
            (*group.prompt.messages, Message("assistant", response.text))
            for group in groups
            for response in group.responses
        ]
        yes = reader.yes_probabilities(conversations, self.options.principles)
        reliable = yes.mean(axis=1) - self.options.kappa * yes.std(axis=1)
        scores = iter((1.0 - np.clip(reliable, 0.0, 1.0)).tolist())
        return [tuple(next(scores) for _ in group.responses) for group in groups]
