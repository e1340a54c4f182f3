"""Dimension `factual.selfcheck-embedder`: do the other responses have a sentence like each of this one's?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import Column, Group, Plugin, Score, hookimpl, sentences
from udasa_plugin_factual.claims import ALONE, SILENT, ClaimOptions, Over, over_sentences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import float32
    from numpy.typing import NDArray


class SelfCheckEmbedder(Plugin):
    """One score a response in [0, 1]: 0 where every other response has each of its sentences, 1 where none
    has one like them.

    Formula, for sentence s of response i among a prompt's N (its K responses and its voters), with e the
    run's embedder:

        d_s = 1/(N−1) · Σ_{j≠i} (1 − max_{s' in j} clip(cos(e_s, e_s'), 0, 1))
        u_i = mean_s d_s, or max_s d_s

    Source: SelfCheckGPT with BERTScore (Manakul, Liusie and Gales 2023, arXiv 2303.08896, section 5.1),
    d_s = 1 − 1/N Σ_j max_s' BERTScore(s, s'). The form is theirs; two sentences are compared by the cosine of
    their sentence embeddings, once each, where BERTScore matches their tokens' embeddings and rescales.
    Short sentences of the others are kept, which the authors' package leaves out. The maximum over
    sentences is ours. A sentence that contradicts another is often close to it: only factual.selfcheck
    tells them apart.

    Abstains where a prompt has one response only, and for a response without a sentence (empty, emoji); among
    the others such a response stands with its whole text. Cost: forward passes, one a distinct sentence.
    """

    Options = ClaimOptions
    options: ClaimOptions
    needs = ("embedder",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        told = [_sentences(group) for group in groups]
        distinct = list(dict.fromkeys(sentence for group in told for some in group for sentence in some))
        rows = dict(zip(distinct, self.resources.embedder().embed(distinct), strict=True)) if distinct else {}
        columns: list[tuple[Score, ...]] = []
        for group, some in zip(groups, told, strict=True):
            if not some:
                columns.append((ALONE,))
                continue
            silent = [not sentences(response.text) for response in group.responses]
            scores = _uncertainties(some, rows, len(group.responses), self.options.over)
            columns.append(
                tuple(SILENT if mute else score for mute, score in zip(silent, scores, strict=True))
            )
        return Column(self.name, tuple(columns))


def _sentences(group: Group) -> list[list[str]]:
    """Return the sentences of each response and voter, its whole text where it has none; nothing where
    there is only one."""
    if len(group.heard) < 2:
        return []
    return [sentences(response.text) or [response.text] for response in group.heard]


def _uncertainties(
    told: Sequence[Sequence[str]], embeddings: Mapping[str, NDArray[float32]], count: int, over: Over
) -> list[Score]:
    """Return the uncertainties of the first `count`, given all sentences and their unit rows."""
    import numpy as np

    distinct = list(dict.fromkeys(sentence for some in told for sentence in some))
    index = {sentence: number for number, sentence in enumerate(distinct)}
    rows = np.stack([embeddings[sentence] for sentence in distinct]).astype(np.float64)
    # einsum, not a matrix product: its sums do not depend on how many sentences there are.
    similarity = np.clip(np.einsum("id,jd->ij", rows, rows), 0.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    # (sentences, N): how near the nearest sentence of each response is.
    nearest = np.stack([similarity[:, [index[s] for s in some]].max(axis=1) for some in told], axis=1)
    doubts: list[list[float]] = (1.0 - nearest).tolist()

    def doubt(sentence: str, own: int) -> float:
        others = (value for j, value in enumerate(doubts[index[sentence]]) if j != own)
        return math.fsum(others) / (len(told) - 1)

    return [
        over_sentences([doubt(sentence, i) for sentence in some], over) for i, some in enumerate(told[:count])
    ]
