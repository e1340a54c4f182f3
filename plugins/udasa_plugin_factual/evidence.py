"""Dimension `factual.evidence`: do the passages that came with the prompt bear out what the response says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import Abstain, Column, Group, Plugin, hookimpl, sentences
from udasa_plugin_factual.claims import ClaimOptions
from udasa_plugin_factual.entailed import Checks, entailed_scores

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_NO_PASSAGE = Abstain("the prompt has no passage: there is no evidence to check against")


class Evidence(Plugin):
    """One score a response in [0, 1]: 0 where some passage entails every sentence, 1 where none does.

    Formula, for sentence s of a response, with p the entailment model's probability for a passage of the
    prompt as the premise and s as the hypothesis:

        d_s = 1 − max_passages p(entailment)
        u   = mean_s d_s, or max_s d_s

    So what the passages contradict and what they do not mention count alike: neither is borne out. The
    other responses play no part.

    Source: SummaC-ZS (Laban, Schnabel, Bennett and Hearst 2022, arXiv 2111.09525), with the prompt's passages
    in the place of the document's sentences: give passages as short as they can stand alone, for the
    model cuts what is longer than it reads. The maximum over sentences is ours.

    Abstains where the prompt has no passage, and for a response without a sentence (empty, emoji). Cost:
    pairwise model calls: one a distinct pair of a passage and a sentence.
    """

    Options = ClaimOptions
    options: ClaimOptions
    needs = ("entailment",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        checks = [_checks(group) for group in groups]
        entailment = self.resources.entailment()
        return Column(self.name, entailed_scores(entailment, checks, _unsupported, self.options.over))


def _checks(group: Group) -> list[Checks | Abstain]:
    """Return each response's sentences, each against every passage of the prompt."""
    passages = group.prompt.passages
    if not passages:
        return [_NO_PASSAGE] * len(group.responses)
    return [
        [[(passage, sentence) for passage in passages] for sentence in sentences(response.text)]
        for response in group.responses
    ]


def _unsupported(probabilities: NDArray[float64]) -> float:
    """Return one minus the greatest entailment in (n, 3) probabilities."""
    return 1.0 - float(probabilities[:, 2].max())
