"""What keeps a response, or a pair, from being trained on: the guards that every strategy here shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from udasa_core import Abstain, Group, Options, Pair, Pairing, Response, Scores, Unpaired

# The reasons that refusals are counted by.
TOO_FEW = "too few scored responses"
UNSCORED = "no response has a score"
TRUNCATED = "truncated"
THINKING = "cut off while thinking"
IDENTICAL = "identical responses"
EQUAL_U = "equal U"
SMALL_GAP = "gap below min_gap"
LENGTH_RATIO = "length ratio above max_length_ratio"


class Guards(Options):
    """The guards' options, and their verdicts.

    Two kinds. A candidate guard speaks before a strategy chooses: a response without U, one that was cut off
    while it thought and so answers nothing, and under `truncated = "exclude"` or "avoid" any that was cut
    off, is not looked at, so the next best takes its place.
    A pair guard speaks after: a pair that it refuses is not replaced by the next best one, for that would
    pair other responses than the strategy names; the prompt is refused and its reason counted.
    """

    max_length_ratio: float | None = Field(
        default=None,
        ge=1.0,
        description="Refuse a pair whose longer side has more than this many times the shorter side's "
        "tokens. Left out: no limit.",
    )
    truncated: Literal["allow", "same", "avoid", "exclude"] = Field(
        default="avoid",
        description='What to do with responses that the token budget cut off: "avoid" leaves them out where '
        'a prompt has two scored responses or more that were not cut off, "exclude" never pairs them, "same" '
        'refuses a pair in which just one side was cut off, "allow" pairs them like any other.',
    )

    def candidates(self, group: Group, scores: Scores) -> tuple[int, ...]:
        """Return the indices of the responses that may be paired, in order."""
        scored = tuple(
            index
            for index, response in enumerate(group.responses)
            if response.has_answer and not isinstance(scores.U[index], Abstain)
        )
        whole = tuple(index for index in scored if group.responses[index].finish_reason != "length")
        if self.truncated == "exclude" or (self.truncated == "avoid" and len(whole) >= 2):
            return whole
        return scored

    def too_few(self, group: Group, scores: Scores) -> str:
        """Return why fewer than two candidates are left: the answers or the scores that are missing, or the
        truncation.

        Where all abstain for one reason, it is told.
        """
        if len(group.responses) > 1 and sum(one.has_answer for one in group.responses) < 2:
            return THINKING
        reasons = [u.reason for u in scores.U if isinstance(u, Abstain)]
        if len(reasons) == len(scores.U) and len(set(reasons)) == 1:
            return f"{UNSCORED}: {reasons[0]}"
        return TOO_FEW if len(scores.U) - len(reasons) < 2 else TRUNCATED

    def alike(self, group: Group, candidates: Sequence[int]) -> str | None:
        """Return that these responses are the same one over again, or None where two of them differ."""
        first, *others = (group.responses[index] for index in candidates)
        return IDENTICAL if all(identical(first, other) for other in others) else None

    def refuse(self, chosen: Response, rejected: Response) -> str | None:
        """Return why this pair may not be trained on, or None where it may."""
        if identical(chosen, rejected):
            return IDENTICAL
        # No candidate is cut off then, but a side may come from elsewhere.
        if self.truncated == "exclude" and "length" in (chosen.finish_reason, rejected.finish_reason):
            return TRUNCATED
        if self.truncated == "same" and chosen.finish_reason != rejected.finish_reason:
            return TRUNCATED
        shorter, longer = sorted((len(chosen.token_ids), len(rejected.token_ids)))
        if self.max_length_ratio is not None and longer > self.max_length_ratio * shorter:
            return LENGTH_RATIO
        return None

    def made(
        self,
        group: Group,
        chosen: Response,
        rejected: Response,
        us: tuple[float | None, float | None],
        origin: str,
        *,
        gap: float | None = None,
        weight: float = 1.0,
        vote_margin: float | None = None,
    ) -> Pair | str:
        """Return the pair of two responses, or why it may not be trained on. us: U of chosen and rejected."""
        reason = self.refuse(chosen, rejected)
        if reason is not None:
            return reason
        return Pair(
            prompt=group.prompt,
            prompt_token_ids=group.prompt_token_ids,
            chosen=chosen,
            rejected=rejected,
            gap=gap,
            chosen_U=us[0],
            rejected_U=us[1],
            origin=origin,
            weight=weight,
            vote_margin=vote_margin,
        )


def pair_each(
    groups: Sequence[Group], scores: Sequence[Scores], pair: Callable[[Group, Scores], Pair | str]
) -> Pairing:
    """Return what `pair` makes of each prompt: its pair, or the reason that it has none."""
    pairs: list[Pair] = []
    unpaired: list[Unpaired] = []
    for group, scored in zip(groups, scores, strict=True):
        made = pair(group, scored)
        if isinstance(made, Pair):
            pairs.append(made)
        else:
            unpaired.append(Unpaired(group.prompt.id, made))
    return Pairing(tuple(pairs), tuple(unpaired))


def identical(response: Response, other: Response) -> bool:
    """Say whether two responses are the same text, or the same tokens."""
    return response.text == other.text or response.token_ids == other.token_ids
