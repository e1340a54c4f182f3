"""Dimension `semantic.degree`: does the model say the same thing again?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core import Column, ComparedOptions, Group, Plugin, Score, hookimpl
from udasa_plugin_semantic.dissent import dissents


class Degree(Plugin):
    """One score a response in [0, 1]: 0 where every other response means the same, 1 where none does.

    Formula, for response i of a prompt's N (its K responses and its voters):

        u_i = 1/(N−1) · Σ_{j≠i} (1 − s_ij)

    where s is the run's similarity in [0, 1]: the mean of both directions' probability of entailment where
    the run has an entailment model, else the embedder's cosine, negative ones as 0. Equal responses count
    once each, for consistency is a vote.

    Source: the degree matrix of Lin, Trivedi and Sun 2023 (arXiv 2305.19187), C_Deg = D_ii / K. We differ
    in the response's similarity to itself, which is left out, so that u reaches both ends of its range
    (u = N/(N−1) · (1 − C_Deg) where s_ii = 1: the same order wherever N is the same); and in taking an
    embedder where there is no entailment model.

    Abstains where a prompt has one response only. An empty response is scored like any other text.
    Cost: pairwise model calls, two a pair of distinct responses, with entailment; forward passes, one a
    distinct response, with an embedder; either is shared with every dimension that compares the same texts.
    """

    Options = ComparedOptions
    options: ComparedOptions
    needs = ("similarity",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return self.options.column(self.name, groups, self._uncertainties)

    def _uncertainties(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        matrices = self.options.matrices(self.resources, groups)
        for group, matrix in zip(groups, matrices, strict=True):
            yield dissents(matrix.tolist(), len(group.responses))
