"""Pairing `votes`: the answer that most responses give over the one that fewest give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from udasa_core import Group, Pair, Pairing, Plugin, Response, Scores, hookimpl, same_answers
from udasa_plugin_pairing.guards import pair_each
from udasa_plugin_pairing.ungapped import UngappedGuards

SMALL_SHARE = "share of votes below min_share"
SMALL_MARGIN = "vote margin below min_margin"
EVEN = "equal votes"


class Votes(Plugin):
    """At most one pair a prompt: chosen = a response with the most voted answer, rejected = one with the
    least voted.

    Formula. With V(i) the number of the N responses and voters that give response i's final answer (itself
    included; those that were cut off while they thought have no vote),

        chosen = argmax V,   rejected = argmin V,   vote_margin = weight = (V(chosen) − V(rejected)) / N

    so the loss of a pair counts as much as the vote was clear; `weighted = false` counts all pairs alike. A
    prompt whose most voted answer has a smaller share of the votes than `min_share`, or whose margin is below
    `min_margin` or 0, gives none. Of responses with equally many votes `of_equals` names the one.

    Source: ScPO (Prasad et al. 2024, arXiv 2411.04109), where V(chosen) has a threshold, and the loss is DPO
    with a supervised term ([trainer] sft_weight) over rounds. Two answers are one here if they share their
    final words, or say the same yes or no; there, if a number or a choice is the same. It is for questions
    that have an answer: among whole texts that all differ, every vote is for itself, and the margin is 0.

    U decides nothing (only a response without one is not paired), so `gap` is None: a stage policy that goes
    by gaps drops such pairs unless told otherwise (`[stages] ungapped = "spread"`). Refusals are counted by
    reason: cut off while thinking, too few scored responses, truncated, identical responses, share of votes
    below min_share, equal votes, vote margin below min_margin, empty response, length ratio above
    max_length_ratio. The seed is not used.
    """

    class Options(UngappedGuards):
        """The guards, and how clear a vote has to be."""

        min_share: float = Field(
            default=0.0, ge=0.0, le=1.0, description="The least share of the votes for the chosen answer."
        )
        min_margin: float = Field(
            default=0.0,
            ge=0.0,
            le=1.0,
            description="The least vote margin. A margin of 0 gives no pair even at the default, as "
            "equal votes.",
        )
        weighted: bool = Field(
            default=True, description="Whether a pair's weight is its vote margin; 1 for all pairs if not."
        )
        of_equals: Literal["first", "likeliest"] = Field(
            default="first",
            description='Which of responses with equally many votes is paired: the "first" that was sampled, '
            'or the "likeliest", by mean log-probability a token of its answer.',
        )

        @property
        def weighted_by(self) -> str:
            """What a pair's weight is."""
            return "vote_margin" if self.weighted else ""

    options: Options
    label_free = True
    fills = ("chosen_U", "rejected_U", "vote_margin")

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return pair_each(groups, scores, self._pair)

    def _pair(self, group: Group, scores: Scores) -> Pair | str:
        """Return the prompt's pair, or the reason that it has none."""
        candidates = self.options.candidates(group, scores)
        if len(candidates) < 2:
            return self.options.too_few(group, scores)
        if alike := self.options.alike(group, candidates):
            return alike
        speaking = [place for place, one in enumerate(group.heard) if one.has_answer]
        same = same_answers(group)
        votes = {index: int(same[index, speaking].sum()) for index in candidates}
        preferred = sorted(candidates, key=lambda index: self._rank(group.responses[index]))
        # Both take the first of equal ones, in order of preference.
        most, least = max(preferred, key=votes.__getitem__), min(preferred, key=votes.__getitem__)
        share, margin = votes[most] / len(speaking), (votes[most] - votes[least]) / len(speaking)
        if share < self.options.min_share:
            return SMALL_SHARE
        if margin <= 0.0:
            return EVEN
        if margin < self.options.min_margin:
            return SMALL_MARGIN
        return self.options.pair(
            group,
            scores,
            group.responses[most],
            group.responses[least],
            self.name,
            weight=margin if self.options.weighted else 1.0,
            vote_margin=margin,
        )

    def _rank(self, response: Response) -> float:
        """Return what is smallest for the response to take among equals; equal ranks keep their order."""
        if self.options.of_equals == "first":
            return 0.0
        logprobs = response.logprobs_of("answer")
        return -math.fsum(logprobs) / len(logprobs) if logprobs else 0.0
