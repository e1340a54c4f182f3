"""Dimension `factual.cocoa`: is the model unsure of its words, and do its other responses disagree?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Abstain, Column, Group, Resources, Score, hookimpl

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


class CoCoA:
    """One score a response in [0, 1): 0 where the model is sure of its words or all responses agree.

    Formula, for response i of K with T tokens:

        surprise      a_i = −1/T · Σ_t ln p_t                              (nats, ≥ 0)
        inconsistency b_i = 1/(K−1) · Σ_{j≠i} (1 − clip(cos(e_i, e_j), 0, 1))     (in [0, 1])
        u_i = 1 − exp(−a_i · b_i)

    Source: CoCoA (Vashurin et al. 2025, arXiv 2502.04964), u = u_model · u_consistency, in its PPL form: the
    model's own uncertainty is the length-normalised negative log-likelihood (the MSP form takes the
    unnormalised one, the MTE form the mean token entropy). The last line brings the product, which has no
    upper bound, into [0, 1) without changing its order. We differ twice: every sampled response is scored
    against the others, not the greedy one against the samples; and similarity is the embedder's cosine,
    not a cross-encoder's score.

    Abstains where a prompt has one response only. Cost: one embedding a distinct response (shared with
    every dimension that embeds), then K² products a prompt.
    """

    class Options(BaseModel):
        """`factual.cocoa` has no options."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ("embedder",)
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        texts = [response.text for group in groups for response in group.responses]
        embeddings = self._resources.embedder().embed(texts)
        columns: list[tuple[Score, ...]] = []
        start = 0
        for group in groups:
            stop = start + len(group.responses)
            columns.append(_products(group, embeddings[start:stop]))
            start = stop
        return Column(self.name, tuple(columns))


def _products(group: Group, embeddings: NDArray[float32]) -> tuple[Score, ...]:
    """Return the K uncertainties of one prompt, given its responses' (K, d) unit embeddings."""
    import numpy as np

    count = len(group.responses)
    if count < 2:
        return (Abstain("the prompt has one response: there is no other to compare it with"),) * count
    rows = embeddings.astype(np.float64)
    dissimilarity = 1.0 - np.clip(rows @ rows.T, 0.0, 1.0)
    np.fill_diagonal(dissimilarity, 0.0)
    inconsistencies = dissimilarity.sum(axis=1) / (count - 1)
    scores: list[Score] = []
    for response, inconsistency in zip(group.responses, inconsistencies.tolist(), strict=True):
        # A log-probability of rounding may lie a hair above 0, and so their mean.
        surprise = max(0.0, -math.fsum(response.logprobs) / len(response.logprobs))
        scores.append(-math.expm1(-surprise * inconsistency))
    return tuple(scores)
