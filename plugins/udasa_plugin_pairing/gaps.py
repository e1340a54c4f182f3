"""Pairs by U: the candidates in order, and the pair that two of them make."""

from __future__ import annotations

from pydantic import Field

from udasa_core import Abstain, Group, Pair, Scores
from udasa_plugin_pairing.guards import EQUAL_U, SMALL_GAP, Guards


class GapGuards(Guards):
    """The guards of strategies that go by U: those of `Guards`, and one on the gap."""

    min_gap: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Refuse a pair whose gap is smaller. A gap of 0 is refused at the default, too.",
    )

    def ranked(self, group: Group, scores: Scores) -> dict[int, float]:
        """Return U by index of the responses that may be paired, the lowest U first; of equal ones the
        earlier."""
        us = {
            index: u
            for index in self.candidates(group, scores)
            if not isinstance(u := scores.U[index], Abstain)
        }
        # The sort is stable: equal ones stay in order of index.
        return dict(sorted(us.items(), key=lambda item: item[1]))

    def untold(self, group: Group, us: dict[int, float]) -> str | None:
        """Return why U tells no two of these responses apart: they are one text, or have one U; None where it
        tells some apart. us: U by index, not empty."""
        return self.alike(group, tuple(us)) or (EQUAL_U if len(set(us.values())) == 1 else None)

    def pair(self, group: Group, us: dict[int, float], low: int, high: int, origin: str) -> Pair | str:
        """Return the pair of response `low` over response `high`, or why it may not be trained on.

        us: U by index. A pair whose gap is not positive is never made.
        """
        if low == high:
            return SMALL_GAP
        chosen, rejected = group.responses[low], group.responses[high]
        gap = us[high] - us[low]
        made = self.made(group, chosen, rejected, (us[low], us[high]), origin, gap=gap)
        if isinstance(made, Pair) and gap <= 0.0:
            return EQUAL_U
        return SMALL_GAP if isinstance(made, Pair) and gap < self.min_gap else made
