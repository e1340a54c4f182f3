"""Dimension `semantic.lexical`: do the other responses use the same words in the same order?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from udasa_core import Column, ComparedOptions, Group, Plugin, Score, hookimpl, words, yes_and_no
from udasa_plugin_semantic.dissent import dissents


class Lexical(Plugin):
    """One score a response in [0, 1]: 0 where every other response has the same words, 1 where none has any.

    Formula, for response i of a prompt's N (its K responses and its voters), with lcs the length of the
    longest common subsequence of words and n_i the number of words of response i:

        ROUGE-L F1(i, j) = 2 · lcs(i, j) / (n_i + n_j)
        u_i = 1/(N−1) · Σ_{j≠i} (1 − ROUGE-L F1(i, j))

    Source: ROUGE-L (Lin 2004, ACL W04-1013) as lexical similarity among samples (Fomicheva et al. 2020,
    arXiv 2005.10608); the mean of u over the responses is 1 − the prompt's lexical similarity. Words are
    lower-cased runs of letters and digits in any script, not stemmed: for ASCII text the tokens of
    rouge-score, whose [a-z0-9] leaves nothing of other scripts. A kana or Chinese character is a word; where
    a text has no word, its characters are. Two texts without either are equal.

    Abstains where a prompt has one response only. Cost: free with sampling: no model is called.
    """

    Options = ComparedOptions
    options: ComparedOptions
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return self.options.column(self.name, groups, lambda some: map(self._uncertainties, some))

    def _uncertainties(self, group: Group) -> tuple[Score, ...]:
        import numpy as np

        similarities = _similarities(self.options.compared(group))
        if self.options.on == "answer":
            similarities = yes_and_no(group, np.array(similarities)).tolist()
        return dissents(similarities, len(group.responses))


def _similarities(texts: Sequence[str]) -> list[list[float]]:
    """Return the (N, N) ROUGE-L F1 of N texts."""
    spelt = [words(text) for text in texts]
    rows = [[1.0] * len(texts) for _ in texts]
    for i, j in combinations(range(len(texts)), 2):
        rows[i][j] = rows[j][i] = _rouge_l(spelt[i], spelt[j])
    return rows


def _rouge_l(first: Sequence[str], other: Sequence[str]) -> float:
    """Return ROUGE-L F1 in [0, 1] of two lists of words."""
    if first == other:
        return 1.0
    return 2.0 * _common(first, other) / (len(first) + len(other))


def _common(first: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    One row of the usual table is an integer's bits (Hyyrö 2004): bit n is 0 where the row rises at word n of
    `first`. So a long text costs as many steps as it has words, not their square.
    """
    positions: dict[str, int] = {}
    for index, word in enumerate(first):
        positions[word] = positions.get(word, 0) | 1 << index
    every = (1 << len(first)) - 1
    row = every
    for word in other:
        rises = row & positions.get(word, 0)
        row = ((row + rises) | (row - rises)) & every
    return len(first) - row.bit_count()
