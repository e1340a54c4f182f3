"""Dimension `factual.nll`: how unlikely did the model find its own words?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from udasa_core import Column, Group, Plugin, Response, hookimpl


class NegativeLogLikelihood(Plugin):
    """One score a response in [0, 1): 0 where every token had probability 1, towards 1 as they grow unlikely.

    Formula, for a response of T tokens (the end-of-turn token included) with log-probabilities ln p_t under
    the raw distribution:

        u = 1 − exp(1/T · Σ_t ln p_t)

    One minus the geometric mean of the token probabilities: the length-normalised negative log-likelihood
    of Malinin and Gales 2021 (ICLR, arXiv 2002.07650), mapped to [0, 1) by x → 1 − exp(−x), which keeps
    its order.

    Never abstains. A truncated response is scored over the tokens that it has. Cost: none beyond sampling.
    """

    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(map(_uncertainty, group.responses)) for group in groups))


def _uncertainty(response: Response) -> float:
    mean_logprob = math.fsum(response.logprobs) / len(response.logprobs)
    # A log-probability of rounding may lie a hair above 0.
    return max(0.0, -math.expm1(mean_logprob))
