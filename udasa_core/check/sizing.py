"""Which batch, in how many bits, recomputed or not: the plainest settings that fit a model into a room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from udasa_core.check.room import Room
from udasa_core.models.memory import (
    BYTES,
    bytes_of_sampling,
    bytes_of_training,
    bytes_of_weights,
    prompt_tokens,
)
from udasa_core.models.model_size import ModelSize

# What an estimate of training may fall short of.
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be sized: characters of each prompt, tokens of a response, responses to a prompt that decode
    together, prompts that do, pairs at once at most, pairs of an optimizer step, the adapter's rank."""

    characters: Sequence[int]
    budget: int
    rows: int
    together: int
    batch: int
    pairs: int
    rank: int


@dataclass(frozen=True, slots=True)
class Sizing:
    """Settings, and the bytes that they come to: weights; sampling; training, which may be twice that.

    length: tokens of the longest response with its prompt that is trained on; is_cut: longer ones are there.
    """

    quantization: Literal["none", "4bit"]
    batch: int
    is_recomputed: bool
    together: int
    length: int
    is_cut: bool
    weights: float
    sampling: int
    training: int

    @property
    def needed(self) -> float:
        """The most bytes at one time, with the margin."""
        return self.weights + max(self.sampling, _MARGIN * self.training)


def sizings(model: ModelSize, work: Work, room: Room) -> Iterator[Sizing]:
    """Yield settings from the plainest, which takes most, to the one that takes least.

    16 bits come before 4, activations that are kept before recomputed ones, large batches before small ones;
    and all of that before the longest pairs are left out, of half of the prompts at most.
    """
    lengths = sorted(prompt_tokens(characters) for characters in work.characters) or [0]
    longest, median = (lengths[place] + work.budget for place in (-1, len(lengths) // 2))
    width = BYTES[room.dtype]
    quantizations: tuple[Literal["none", "4bit"], ...] = ("none", "4bit") if room.is_gpu else ("none",)
    batches = [batch for batch in range(work.batch, 0, -1) if work.pairs % batch == 0]
    together = [count for count in (work.together, work.together // 2, work.together // 4, 1) if count]
    for length in _down(longest, median):
        for quantization, is_recomputed, batch in product(quantizations, (False, True), batches):
            weights = bytes_of_weights(model, room.dtype, "cpu", quantization)
            training = bytes_of_training(
                model, width, length, batch, work.rank * model.linear_sides, is_recomputed=is_recomputed
            )
            samplings = [
                (count, bytes_of_sampling(model, width, longest, count * work.rows)) for count in together
            ]
            fitting = [one for one in samplings if weights + one[1] <= room.counted]
            count, sampling = (fitting or samplings[-1:])[0]
            yield Sizing(
                quantization,
                batch,
                is_recomputed,
                count,
                length,
                length < longest,
                weights,
                sampling,
                training,
            )


def _down(longest: int, median: int) -> Iterator[int]:
    """Yield lengths from the longest down by halves, as long as half of the prompts are within them."""
    length = longest
    while length > median:
        yield length
        length //= 2
    yield median
