"""Pairs that U did not choose: without a gap."""

from __future__ import annotations

from udasa_core import Abstain, Group, Pair, Response, Scores
from udasa_plugin_pairing.guards import THINKING, Guards

EMPTY = "empty response"
UNSCORED_SIDE = "a side has no score"


class UngappedGuards(Guards):
    """The guards of strategies that do not go by U: those of `Guards`, and none on the gap, which is None."""

    def pair(
        self,
        group: Group,
        scores: Scores,
        chosen: Response,
        rejected: Response,
        origin: str,
        *,
        weight: float = 1.0,
        vote_margin: float | None = None,
    ) -> Pair | str:
        """Return the pair of two responses, or why it may not be trained on.

        Either may be one that the group does not have. Its gap is None; U is told of a side where that was
        aggregated.
        """
        for side in (chosen, rejected):
            if not side.has_answer:
                return THINKING
            if not side.text.strip():
                return EMPTY
        us: list[float | None] = []
        for side in (chosen, rejected):
            asked = list(zip(group.responses, scores.U, strict=True))
            given = [u for one, u in asked if one is side]
            given = given or [u for one, u in asked if one.token_ids == side.token_ids]
            scored = [u for u in given if not isinstance(u, Abstain)]
            if given and not scored:
                return UNSCORED_SIDE
            us.append(scored[0] if scored else None)
        both = (us[0], us[1])
        return self.made(group, chosen, rejected, both, origin, weight=weight, vote_margin=vote_margin)
