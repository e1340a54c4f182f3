"""Dimension `semantic.agreement`: how much of what the model would say agrees with this answer?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import Column, Group, Plugin, Score, final_answer, hookimpl
from udasa_plugin_semantic.content_words import content_words
from udasa_plugin_semantic.dissent import ALONE

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# A vote counts this little at least, whatever it says, and if it says nothing new.
_LEAST = 0.05


class Agreement(Plugin):
    """One score a response in [0, 1]: 0 where every vote agrees with its answer, towards 1 where none does.

    The K responses vote, each with the weight of a sure answer to the question at hand. Formula, with a_i the
    words of response i's final answer that the question does not have, W_i these words as a set (stemmed,
    numbers as digits, hedges such as "typically" left out; all of the answer's words where the question has
    them all), f_i the final answer whole, q the question:

        s_ij = ½ (cos⁺(a_i, a_j) + |W_i ∩ W_j| / min(|W_i|, |W_j|)),  s_ii = 1
        w_j  = exp(1/T_j Σ_t ln p_t) · max(cos(q, f_j), 0.05) · (1 if W_j says something new, else 0.05)
        u_i  = 1 − Σ_j w_j s_ij / Σ_j w_j

    cos⁺ is the embedder's cosine, negative ones as 0; the overlap is 0 where one answer denies and the other
    does not, and 1 between two answers without words. The overlap tells 12 from 13, which an embedder hardly
    does, and forgives elaboration.

    Source: ours. It joins the degree of Lin et al. 2023 (arXiv 2305.19187) with the votes by probability of
    SentSAR and its attention to relevance (Duan et al. 2023, arXiv 2307.01379), where relevance is to the
    question. Which parts help was measured on the dev part of the factual set: docs/signal.md.

    Made for questions that have an answer. Of a long response only the final answer is compared, most often
    its first sentence. The lists of function words and hedges are English; other languages lose only these.
    Abstains where a prompt has one response only. Cost: two embeddings a distinct response and one a prompt.
    """

    needs = ("embedder",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        import numpy as np

        texts = [text for group in groups for text in _texts(group)]
        rows = self.resources.embedder().embed(texts).astype(np.float64)
        columns: list[tuple[Score, ...]] = []
        start = 0
        for group in groups:
            stop = start + 1 + 2 * len(group.responses)
            columns.append(_uncertainties(group, rows[start:stop]))
            start = stop
        return Column(self.name, tuple(columns))


def _texts(group: Group) -> list[str]:
    """Return what is embedded of a group: the question, the K final answers whole, and their new words."""
    question = group.prompt.messages[-1].content
    whole = [final_answer(response.text) or response.text for response in group.responses]
    new = [final_answer(response.text, question) or response.text for response in group.responses]
    return [question, *whole, *new]


def _uncertainties(group: Group, rows: NDArray[float64]) -> tuple[Score, ...]:
    """Return a group's K scores from the embeddings (1 + 2K, d) of its `_texts`."""
    import numpy as np

    count = len(group.responses)
    if count < 2:
        return (ALONE,) * count
    question = group.prompt.messages[-1].content
    words = [content_words(response.text, question) for response in group.responses]
    # einsum, not a matrix product: its sums do not depend on the group's size or order.
    relevance = np.einsum("jd,d->j", rows[1 : count + 1], rows[0])
    new = rows[count + 1 :]
    cosines = np.clip(np.einsum("id,jd->ij", new, new), 0.0, 1.0)
    weights = [
        math.exp(min(0.0, math.fsum(response.logprobs) / len(response.logprobs)))
        * max(float(relevance[j]), _LEAST)
        * (1.0 if words[j].new else _LEAST)
        for j, response in enumerate(group.responses)
    ]
    total = math.fsum(weights)
    if total <= 0.0:  # every response is so unlikely that its probability is 0 in floating point
        weights, total = [1.0] * count, float(count)
    scores = []
    for i in range(count):
        dissent = math.fsum(
            weights[j] * (1.0 - (float(cosines[i, j]) + words[i].overlap(words[j])) / 2.0)
            for j in range(count)
            if group.responses[i].text != group.responses[j].text
        )
        scores.append(min(1.0, max(0.0, dissent / total)))
    return tuple(scores)
