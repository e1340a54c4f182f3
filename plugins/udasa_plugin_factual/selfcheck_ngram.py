"""Dimension `factual.selfcheck-ngram`: does this response use words that the others do not?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from udasa_core import Column, Group, Plugin, Score, hookimpl, sentences, words
from udasa_plugin_factual.claims import ALONE, SILENT, ClaimOptions, Over, combined


class SelfCheckNgram(Plugin):
    """One score a response in [0, 1): lower the more its words are those that all responses use.

    Formula, with n(w) the number of times that word w stands in the prompt's responses and voters, N their
    number of words together, and w_1 … w_J the words of sentence s:

        d_s = −1/J · Σ_j ln (n(w_j) / N), or max_j −ln (n(w_j) / N)        (nats, ≥ 0)
        u   = 1 − exp(−mean_s d_s), or 1 − exp(−max_s d_s)

    The unigram model counts the others and the response itself, which adds one to the count of
    each of its words: that is the paper's smoothing, and no word has probability 0. So one model serves all
    responses of a prompt.

    Source: SelfCheckGPT with n-grams, n = 1 (Manakul, Liusie and Gales 2023, arXiv 2303.08896, section 5.3).
    We differ: the last line maps to [0, 1) by x → 1 − exp(−x), which keeps the order; words are lower-cased
    runs of letters and digits in any script (a kana or Chinese character each), without the punctuation
    that spaCy's tokens include; the mean over sentences is the mean of their d_s, where the authors' package
    averages all tokens of the text. The maximum over sentences is ours.

    Even where all agree, u is well above 0, as no word has all the probability: compare within a prompt.
    Abstains where a prompt has one response only, and for a response without a sentence (empty, emoji).
    Cost: free with sampling: no model is called.
    """

    class Options(ClaimOptions):
        """How words make a sentence's figure, and sentences one score."""

        words: Over = Field(
            default="mean",
            description="How words make a sentence's figure: their `mean` surprise, or the `max`, that of "
            "the rarest word.",
        )

    options: Options
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(map(self._uncertainties, groups)))

    def _uncertainties(self, group: Group) -> tuple[Score, ...]:
        if len(group.heard) < 2:
            return (ALONE,)
        told = [[words(sentence) for sentence in sentences(response.text)] for response in group.heard]
        counts = Counter(word for some in told for sentence in some for word in sentence)
        return tuple(self._uncertainty(some, counts) for some in told[: len(group.responses)])

    def _uncertainty(self, told: Sequence[Sequence[str]], counts: Counter[str]) -> Score:
        """Return one response's score from its sentences' words and the counts of all responses' words."""
        if not told:
            return SILENT
        total = counts.total()
        figures = [
            combined([math.log(total / counts[word]) for word in sentence], self.options.words)
            for sentence in told
        ]
        return -math.expm1(-combined(figures, self.options.over))
