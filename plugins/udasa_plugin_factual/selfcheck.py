"""Dimension `factual.selfcheck`: do the other responses contradict what this one says?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import Abstain, Column, Group, Plugin, hookimpl, sentences
from udasa_plugin_factual.claims import ALONE, ClaimOptions
from udasa_plugin_factual.entailed import Checks, entailed_scores

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class SelfCheck(Plugin):
    """One score a response in [0, 1]: 0 where the other responses bear out every sentence, 1 where they
    contradict.

    Formula, for sentence s of response i among a prompt's N (its K responses and its voters), with p the
    entailment model's probabilities for the premise "response j" and the hypothesis s:

        d_s = 1/(N−1) · Σ_{j≠i} p_j(contradiction) / (p_j(contradiction) + p_j(entailment))
        u_i = mean_s d_s, or max_s d_s

    (½ where both probabilities are 0.) Equal responses count once each.

    Source: SelfCheckGPT with NLI (Manakul, Liusie and Gales 2023, arXiv 2303.08896, section 5.4, and the
    mean over sentences as their passage score). The paper puts the sample first and the sentence second, as
    here; the authors' package feeds them the other way round. The maximum over sentences is ours.

    Abstains where a prompt has one response only, and for a response without a sentence (empty, emoji): it
    says nothing that could be checked. Such a response still counts among the others.
    Cost: pairwise model calls: one a distinct pair of a response and a sentence of another.
    """

    Options = ClaimOptions
    options: ClaimOptions
    needs = ("entailment",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        checks = [_checks(group) for group in groups]
        entailment = self.resources.entailment()
        return Column(self.name, entailed_scores(entailment, checks, _contradiction, self.options.over))


def _checks(group: Group) -> list[Checks | Abstain]:
    """Return each response's sentences, each against every other response and voter."""
    texts = [response.text for response in group.heard]
    if len(texts) < 2:
        return [ALONE]
    return [
        [[(other, sentence) for j, other in enumerate(texts) if j != i] for sentence in sentences(text)]
        for i, text in enumerate(texts[: len(group.responses)])
    ]


def _contradiction(probabilities: NDArray[float64]) -> float:
    """Return the mean share of contradiction against entailment in (n, 3) probabilities."""
    shares = [
        contradiction / (contradiction + entailment) if contradiction + entailment > 0.0 else 0.5
        for contradiction, _, entailment in probabilities.tolist()
    ]
    return math.fsum(shares) / len(shares)
