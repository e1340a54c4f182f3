"""Dimension `semantic.agreement`: how much of what the model would say agrees with this answer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from udasa_core import (
    Column,
    Group,
    LikelihoodOptions,
    Plugin,
    Score,
    agreements,
    answered,
    final_answers,
    hookimpl,
)
from udasa_plugin_semantic.dissent import ALONE, outvoted, votes

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class Agreement(Plugin):
    """One score a response in [0, 1]: 0 where every vote agrees with its answer, towards 1 where none does.

    A prompt's K responses and its voters vote, each with the weight of its likelihood. Formula, with a_i the
    words of text i's final answer that the question does not have, W_i its content words as a set (numbers as
    digits, Latin accents folded, plurals as singulars; hedges such as "typically" left out):

        s_ij = ½ (cos⁺(a_i, a_j) + |W_i ∩ W_j| / min(|W_i|, |W_j|)),  s_ii = 1
        w_j  = exp(1/T_j Σ_t ln p_t)         over the T_j tokens that count
        u_i  = 1 − Σ_j w_j s_ij / Σ_j w_j

    cos⁺ is the embedder's cosine, negative ones as 0; the overlap is 0 where one answer denies and the other
    does not. The overlap tells 12 from 13, which an embedder hardly does, and forgives elaboration. Where the
    question asks for yes or no, two answers that say either have s = 1 if they say the same, else 0. An
    answer that has only the question's words agrees with none but its like.

    Source: ours, a heuristic: what is sampled often is counted once for each sample, and each counts by its
    likelihood again. It joins the degree of Lin et al. 2023 (arXiv 2305.19187) with the votes by probability
    of SentSAR (Duan et al. 2023, arXiv 2307.01379). A vote's weight depends on no word of it: of two answers
    with equal likelihoods the one with more votes is never the less certain. What helps was measured on the
    dev part of the factual set: docs/signal.md.

    Made for questions that have an answer. Of a long response only the final answer is compared, most often
    its first sentence. The lists of function words and hedges are English; other languages lose only these.
    Abstains where a prompt has one response only, and from prompts whose responses are less than half answer:
    of what is left, agreement says nothing. Cost: an embedding a distinct response or voter.
    """

    class Options(LikelihoodOptions):
        """Which tokens weigh a vote; a response that has none of them is weighed by all of its own."""

    options: Options
    needs = ("embedder",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return answered(self.name, groups, self._uncertainties)

    def _uncertainties(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        import numpy as np

        texts = [text for group in groups for text in final_answers(group)]
        rows = self.resources.embedder().embed(texts).astype(np.float64)
        start = 0
        for group in groups:
            stop = start + len(group.heard)
            yield self._scores(group, rows[start:stop])
            start = stop

    def _scores(self, group: Group, rows: NDArray[float64]) -> tuple[Score, ...]:
        """Return a group's K scores from the embeddings (N, d) of its final answers."""
        import numpy as np

        voters = group.heard
        if len(voters) < 2:
            return (ALONE,)
        weights = votes([self.options.logprobs(one) or one.logprobs for one in voters])
        # einsum, not a matrix product: its sums do not depend on the group's size or order.
        similarity = agreements(group, np.clip(np.einsum("id,jd->ij", rows, rows), 0.0, 1.0))
        return tuple(outvoted(row, weights) for row in similarity[: len(group.responses)].tolist())
