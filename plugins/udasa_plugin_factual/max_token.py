"""Dimension `factual.max-token`: how unlikely was the least likely word?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from udasa_core import Column, Group, LikelihoodOptions, Plugin, Response, Score, hookimpl


class MaxToken(Plugin):
    """One score a response in [0, 1]: 0 where every token had probability 1, towards 1 as one grows unlikely.

    Formula, for a response of T tokens that count (the end-of-turn token included) with probabilities p_t
    under the raw distribution:

        u = 1 − min_t p_t

    Source: Max(−log p) of Manakul, Liusie and Gales 2023 (SelfCheckGPT, arXiv 2303.08896), over the whole
    response, mapped to [0, 1] by x → 1 − exp(−x), which keeps its order. Longer responses have more tokens to
    stumble over: u rises with length.

    Abstains from a response without a token that counts: without reasoning, say, where `tokens` names that.
    Cost: free with sampling.
    """

    Options = LikelihoodOptions
    options: LikelihoodOptions
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(map(self._score, group.responses)) for group in groups))

    def _score(self, response: Response) -> Score:
        logprobs = self.options.logprobs(response)
        # A log-probability of rounding may lie a hair above 0.
        return max(0.0, -math.expm1(min(logprobs))) if logprobs else self.options.silent
