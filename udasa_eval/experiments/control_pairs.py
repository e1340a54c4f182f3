"""Pairing strategies that udasa must beat, or cannot: the controls of the premise experiment.

Used as `use = "udasa_eval.experiments.control_pairs:Reversed"`. Each makes at most one pair a prompt; its gap
is None, for no gap made it (`[stages] ungapped = "spread"` trains on such pairs).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from udasa_core import Abstain, Group, Pair, Pairing, Plugin, Resources, Scores, Unpaired, hookimpl
from udasa_eval.labelled.sets import factual, questions

NO_PAIR = "no two responses that differ so"


class ControlPairs(Plugin):
    """What the controls have in common: (chosen, rejected) by index, or no pair."""

    label_free = True

    @abstractmethod
    def choose(self, group: Group, us: Sequence[float]) -> tuple[int, int] | None:
        """Return the chosen and the rejected index among the K responses, whose U are `us`."""

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        """Pair each group whose responses are all scored."""
        pairs: list[Pair] = []
        unpaired: list[Unpaired] = []
        for group, one in zip(groups, scores, strict=True):
            us = [u for u in one.U if not isinstance(u, Abstain)]
            chosen = self.choose(group, us) if len(us) == len(group.responses) else None
            if chosen is None or _same(group, *chosen):
                unpaired.append(Unpaired(group.prompt.id, NO_PAIR))
            else:
                pairs.append(self._pair(group, us, *chosen))
        return Pairing(tuple(pairs), tuple(unpaired))

    def _pair(self, group: Group, us: Sequence[float], chosen: int, rejected: int) -> Pair:
        return Pair(
            prompt=group.prompt,
            prompt_token_ids=group.prompt_token_ids,
            chosen=group.responses[chosen],
            rejected=group.responses[rejected],
            gap=None,
            chosen_U=us[chosen],
            rejected_U=us[rejected],
            origin=self.name,
        )


class Reversed(ControlPairs):
    """The least reliable response over the most reliable one: if U means anything, this does harm."""

    def choose(self, group: Group, us: Sequence[float]) -> tuple[int, int] | None:
        """Return argmax U over argmin U."""
        return _at(us, max(us)), _at(us, min(us))


class Shorter(ControlPairs):
    """The shortest response over the longest one, in tokens: is U more than length?"""

    def choose(self, group: Group, us: Sequence[float]) -> tuple[int, int] | None:
        """Return the shortest over the longest; no pair where all are as long."""
        lengths = [len(response.token_ids) for response in group.responses]
        if min(lengths) == max(lengths):
            return None
        return _at(lengths, min(lengths)), _at(lengths, max(lengths))


class Finished(ControlPairs):
    """The first finished response over the first that was cut off: is U more than finishing?"""

    def choose(self, group: Group, us: Sequence[float]) -> tuple[int, int] | None:
        """Return a finished over a cut-off response; no pair where there are not both."""
        reasons = [response.finish_reason for response in group.responses]
        if set(reasons) != {"stop", "length"}:
            return None
        return reasons.index("stop"), reasons.index("length")


class Oracle(ControlPairs):
    """A right response over a wrong one, by the labels of the bundled sets of short questions: the ceiling.

    Of the right ones the most reliable, of the wrong ones the least reliable. Not label-free.
    """

    label_free = False

    def __init__(self, options: ControlPairs.Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._questions = {one.id: one for one in (*factual(), *questions("graded"))}

    def choose(self, group: Group, us: Sequence[float]) -> tuple[int, int] | None:
        """Return a right over a wrong response; no pair where all are alike."""
        question = self._questions[group.prompt.id]
        right = [question.is_right(response.text) for response in group.responses]
        if len(set(right)) == 1:
            return None
        numbers = range(len(us))
        chosen = min((k for k in numbers if right[k]), key=us.__getitem__)
        rejected = max((k for k in numbers if not right[k]), key=us.__getitem__)
        return chosen, rejected


def _at(values: Sequence[float], value: float) -> int:
    return list(values).index(value)


def _same(group: Group, one: int, other: int) -> bool:
    a, b = group.responses[one], group.responses[other]
    return a.text == b.text or a.token_ids == b.token_ids
