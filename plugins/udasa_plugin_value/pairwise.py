"""Dimension `value.pairwise`: does a reader like the prompt's other responses better?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from udasa_core import Abstain, Column, Group, Plugin, Prompt, Score, hookimpl, preference_margins
from udasa_plugin_value.principle import Question

_GROUPS_A_CALL = 4
ALONE = Abstain("the prompt has one response, or one text of all: there is no other to compare it with")
NO_MATCH = Abstain("no other response is near enough in length: see max_length_ratio")
ALL_LENGTH = Abstain(
    'with lengths held, one comparison says nothing: sample more responses, or write length = "free"'
)


class Pairwise(Plugin):
    """One score a response in [0, 1]: 0 where the reader likes it better than every other, 1 where it likes
    every other better.

    Formula. The reader sees the prompt, two responses, and `ask`. With p_ij its probability of yes where
    response i stands first and j second, in log-odds

        x_ij = ½ (logit p_ij − logit p_ji)                           (x_ji = −x_ij)

    so that what speaks for a place (the first, the second, or yes) is in both and cancels. Under `length =
    "held"` what goes with length within the prompt is taken out, with d_ij = ln(1 + |i|) − ln(1 + |j|), |i|
    in characters, over the prompt's pairs that are compared:

        x'_ij = x_ij − b d_ij,   b = Σ x_ij d_ij / Σ d_ij²           (least squares)

    And with σ the logistic function, over the C(i) that response i is compared with,

        u_i = 1 − mean_{j ∈ C(i)} σ(x'_ij)

    Equal texts are one: they are compared with none of their like, and score alike. So K distinct responses
    cost K(K − 1) readings of the prompt and two of them. With `others` = m each is compared only with the m
    next to it in the order of sampling, a circle: K · m readings. Where all are compared, a Bradley-Terry
    model of the same σ(x'_ij) has its strengths in the order of these means; so none is fitted.

    It tells responses of one prompt apart, and says nothing of prompts: where all are compared, the mean over
    distinct responses is ½ whatever they are, before training and after, and on control prompts, too.

    What "held" costs: where a longer response of this prompt is better for what it says, that is taken out,
    too. A reader that loves length, and nothing else, gives ½ to all. `max_length_ratio` holds length in
    another way: responses that differ more are not compared.

    Source: pairwise judgements by a language model in both orders (Zheng et al. 2023, arXiv 2306.05685,
    section 3.4, who call a tie where the orders differ; here log-odds are averaged); length as a regressor to
    be taken out (Dubois et al. 2024, arXiv 2404.04475, over a benchmark; here within a prompt, so that a
    score does not hang on other prompts). Log-odds of yes: Kadavath et al. 2022, arXiv 2207.05221.

    Abstains where a prompt has one distinct response; where none is near enough in length; and where, with
    lengths held, one comparison of unequal lengths is all there is.
    """

    class Options(Plugin.Options):
        """What the reader is asked, and which responses are compared."""

        ask: Question = Field(
            default="Is the first response a better reply than the second response?",
            description="A yes/no question about two responses, called the first and the second; yes speaks "
            "for the first.",
        )
        others: int | None = Field(
            default=None,
            ge=2,
            multiple_of=2,
            description="Compare each response with this many others only, an even number. Left out: with "
            "all.",
        )
        length: Literal["held", "free"] = Field(
            default="held",
            description='"held" takes out of the verdicts what goes with length within the prompt; "free" '
            "leaves them as they are.",
        )
        max_length_ratio: float | None = Field(
            default=None,
            ge=1.0,
            description="Do not compare responses of which one has more than this many times the other's "
            "characters. Left out: no limit.",
        )

    options: Options
    needs = ("reader",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        rows: list[tuple[Score, ...]] = []
        with self.resources.progress(self.name, len(groups)) as advance:
            for start in range(0, len(groups), _GROUPS_A_CALL):
                some = groups[start : start + _GROUPS_A_CALL]
                rows += self._rows(some)
                advance(len(some))
        return Column(self.name, tuple(rows))

    def _rows(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        texts = [list(dict.fromkeys(response.text for response in group.responses)) for group in groups]
        pairs = [self._compared(distinct) for distinct in texts]
        compared = [
            (group.prompt, distinct[i], distinct[j])
            for group, distinct, found in zip(groups, texts, pairs, strict=True)
            for i, j in found
        ]
        verdicts = iter(self._verdicts(compared))
        for group, distinct, found in zip(groups, texts, pairs, strict=True):
            margins = [next(verdicts) for _ in found]
            scores = dict(zip(distinct, self._scores(distinct, found, margins), strict=True))
            yield tuple(scores[response.text] for response in group.responses)

    def _verdicts(self, compared: Sequence[tuple[Prompt, str, str]]) -> list[float]:
        """Return x_ij of two responses to a prompt, for each."""
        # Loading the reader takes long: where nothing is compared it is not asked for.
        if not compared:
            return []
        return preference_margins(self.resources.reader(), compared, self.options.ask)

    def _compared(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Return which texts are compared, i < j, each pair once."""
        count, others, ratio = len(texts), self.options.others, self.options.max_length_ratio
        reach = count if others is None else others // 2
        pairs = [
            (i, j)
            for i in range(count)
            for j in range(i + 1, count)
            # Next to each other on a circle, on which the last text stands beside the first.
            if min(j - i, count - (j - i)) <= reach
        ]
        if ratio is None:
            return pairs
        sizes = [len(text) for text in texts]
        return [(i, j) for i, j in pairs if max(sizes[i], sizes[j]) <= ratio * min(sizes[i], sizes[j])]

    def _scores(
        self, texts: Sequence[str], pairs: Sequence[tuple[int, int]], margins: Sequence[float]
    ) -> list[Score]:
        """Return each text's score from the margins x_ij of the pairs (i, j)."""
        if len(texts) == 1:
            return [ALONE]
        if self.options.length == "held":
            longer = [math.log1p(len(texts[i])) - math.log1p(len(texts[j])) for i, j in pairs]
            if len(pairs) == 1 and longer[0]:
                return [ALL_LENGTH if index in pairs[0] else NO_MATCH for index in range(len(texts))]
            margins = _held(margins, longer)
        wins: list[list[float]] = [[] for _ in texts]
        for (i, j), margin in zip(pairs, margins, strict=True):
            wins[i].append(_logistic(margin))
            wins[j].append(_logistic(-margin))
        return [1.0 - math.fsum(won) / len(won) if won else NO_MATCH for won in wins]


def _held(margins: Sequence[float], longer: Sequence[float]) -> list[float]:
    """Return margins less what goes with the differences in length, by least squares through 0."""
    spread = math.fsum(d * d for d in longer)
    if spread == 0.0:
        return list(margins)
    slope = math.fsum(x * d for x, d in zip(margins, longer, strict=True)) / spread
    return [x - slope * d for x, d in zip(margins, longer, strict=True)]


def _logistic(x: float) -> float:
    """Return 1 / (1 + e^−x), by tanh, which overflows nowhere."""
    return 0.5 * (1.0 + math.tanh(0.5 * x))
