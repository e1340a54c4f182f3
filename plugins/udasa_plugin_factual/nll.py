"""Dimension `factual.nll`: how unlikely did the model find its own words?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Column, Group, Resources, Response, hookimpl


class NegativeLogLikelihood:
    """One score a response in [0, 1): 0 where every token had probability 1, towards 1 as they grow unlikely.

    Formula, for a response of T tokens (the end-of-turn token included) with log-probabilities ln p_t under
    the raw distribution:

        u = 1 − exp(1/T · Σ_t ln p_t)

    One minus the geometric mean of the token probabilities: the length-normalised negative log-likelihood
    of Malinin and Gales 2021 (ICLR, arXiv 2002.07650), mapped to [0, 1) by x → 1 − exp(−x), which keeps
    its order.

    Never abstains. A truncated response is scored over the tokens that it has. Cost: none beyond sampling.
    """

    class Options(BaseModel):
        """`factual.nll` has no options."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(map(_uncertainty, group.responses)) for group in groups))


def _uncertainty(response: Response) -> float:
    mean_logprob = math.fsum(response.logprobs) / len(response.logprobs)
    # A log-probability of rounding may lie a hair above 0.
    return max(0.0, -math.expm1(mean_logprob))
