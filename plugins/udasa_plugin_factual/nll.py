"""Dimension `factual.nll`: how unlikely did the model find its own words?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from udasa_core import Column, Group, LikelihoodOptions, Plugin, Response, Score, hookimpl


class NegativeLogLikelihood(Plugin):
    """One score a response in [0, 1): 0 where every token had probability 1, towards 1 as they grow unlikely.

    Formula, for a response of T tokens that count (the end-of-turn token included) with log-probabilities
    ln p_t under the raw distribution:

        u = 1 − exp(1/T · Σ_t ln p_t)

    One minus the geometric mean of the token probabilities: the length-normalised negative log-likelihood
    of Malinin and Gales 2021 (ICLR, arXiv 2002.07650), mapped to [0, 1) by x → 1 − exp(−x), which keeps
    its order.

    Abstains from a response without a token that counts: without reasoning, say, where `tokens` names that. A
    truncated response is scored over the tokens that it has. Cost: none beyond sampling.
    """

    Options = LikelihoodOptions
    options: LikelihoodOptions
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(map(self._score, group.responses)) for group in groups))

    def _score(self, response: Response) -> Score:
        logprobs = self.options.logprobs(response)
        if not logprobs:
            return self.options.silent
        # A log-probability of rounding may lie a hair above 0.
        return max(0.0, -math.expm1(math.fsum(logprobs) / len(logprobs)))
