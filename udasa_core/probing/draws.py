"""Whether two draws of the same prompts make the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core.records import Pair, Response
from udasa_core.text.answer import answer_to


@dataclass(frozen=True, slots=True)
class Draws:
    """Two draws' pairs of the same prompts, compared by their answers (`Answer.same_as`).

    both: prompts that gave a pair in both draws; one: in one of them only. chosen_flips, rejected_flips: how
    many of `both` have another answer chosen, or rejected, in the second draw. inverted: how many choose what
    the other draw rejects, and reject what it chooses, or do one of the two.
    """

    both: int
    one: int
    chosen_flips: int
    rejected_flips: int
    inverted: int


def compare(first: Sequence[Pair], second: Sequence[Pair]) -> Draws:
    """Compare two draws' pairs, at most one a prompt, of prompts that have answers to compare."""
    others = {pair.prompt.id: pair for pair in second}
    both = [(pair, others[pair.prompt.id]) for pair in first if pair.prompt.id in others]
    return Draws(
        both=len(both),
        one=len(first) + len(second) - 2 * len(both),
        chosen_flips=sum(not _same(one, one.chosen, other.chosen) for one, other in both),
        rejected_flips=sum(not _same(one, one.rejected, other.rejected) for one, other in both),
        inverted=sum(
            (_same(one, one.chosen, other.rejected) or _same(one, one.rejected, other.chosen))
            and not _same(one, one.chosen, other.chosen)
            for one, other in both
        ),
    )


def _same(pair: Pair, one: Response, other: Response) -> bool:
    question = pair.prompt.messages[-1].content
    return one.text == other.text or answer_to(question, one.text).same_as(answer_to(question, other.text))
