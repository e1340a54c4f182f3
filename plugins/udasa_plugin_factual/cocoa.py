"""Dimension `factual.cocoa`: is the model unsure of its words, and do its other responses disagree?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from udasa_core import Column, ComparedOptions, Group, LikelihoodOptions, Plugin, Score, hookimpl
from udasa_plugin_factual.claims import ALONE


class CoCoA(Plugin):
    """One score a response in [0, 1): 0 where the model is sure of its words or all responses agree.

    Formula, for response i, of T tokens that count, among a prompt's N (its K responses and its voters):

        surprise      a_i = −1/T · Σ_t ln p_t                       (nats, ≥ 0)
        inconsistency b_i = 1/(N−1) · Σ_{j≠i} (1 − s_ij)            (in [0, 1])
        u_i = 1 − exp(−a_i · b_i)

    where s is the run's similarity in [0, 1]: the mean of both directions' probability of entailment where
    the run has an entailment model, else the embedder's cosine, negative ones as 0.

    Source: CoCoA (Vashurin et al. 2025, arXiv 2502.04964), u = u_model · u_consistency, in its PPL form: the
    model's own uncertainty is the length-normalised negative log-likelihood (the MSP form takes the
    unnormalised one, the MTE form the mean token entropy). The last line brings the product, which has no
    upper bound, into [0, 1) without changing its order. We differ twice: every sampled response is scored
    against the others, not the greedy one against the samples; and similarity is as said above, not a
    similarity cross-encoder's score. With on = "answer" the surprise is still that of all tokens
    that count.

    Abstains where a prompt has one response only, and from a response without a token that counts. Cost: as
    semantic.degree, whose similarities it shares.
    """

    class Options(ComparedOptions, LikelihoodOptions):
        """What is compared, and which tokens count."""

    options: Options
    needs = ("similarity",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return self.options.column(self.name, groups, self._uncertainties)

    def _uncertainties(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        matrices = self.options.matrices(self.resources, groups)
        for group, matrix in zip(groups, matrices, strict=True):
            yield self._products(group, matrix.tolist())

    def _products(self, group: Group, similarity: Sequence[Sequence[float]]) -> tuple[Score, ...]:
        """Return the K uncertainties of one prompt, given the (N, N) similarities of all that is heard."""
        others = len(similarity) - 1
        if not others:
            return (ALONE,)
        scores: list[Score] = []
        for i, (response, row) in enumerate(zip(group.responses, similarity, strict=False)):
            logprobs = self.options.logprobs(response)
            if not logprobs:
                scores.append(self.options.silent)
                continue
            # A log-probability of rounding may lie a hair above 0, and so their mean.
            surprise = max(0.0, -math.fsum(logprobs) / len(logprobs))
            inconsistency = math.fsum(1.0 - value for j, value in enumerate(row) if j != i) / others
            scores.append(-math.expm1(-surprise * inconsistency))
        return tuple(scores)
