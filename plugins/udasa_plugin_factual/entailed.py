"""Sentences of responses against texts, by the run's entailment model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from udasa_core import Abstain, Entailment, Score
from udasa_plugin_factual.claims import Over, over_sentences

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# A response's sentences, each with the (premise, hypothesis) pairs that are to be read for it.
Checks = Sequence[Sequence[tuple[str, str]]]


def entailed_scores(
    entailment: Entailment,
    groups: Sequence[Sequence[Checks | Abstain]],
    doubt: Callable[[NDArray[float64]], float],
    over: Over,
) -> tuple[tuple[Score, ...], ...]:
    """Return one score for each group's each response.

    groups: each response's checks, or why it has none. doubt: makes a figure in [0, 1] of the (n, 3)
    probabilities of a sentence's n pairs. Each distinct pair is read once, all of them in one call.
    """
    import numpy as np

    every = (checks for group in groups for checks in group if not isinstance(checks, Abstain))
    pairs = list(dict.fromkeys(pair for checks in every for sentence in checks for pair in sentence))
    rows = dict(zip(pairs, entailment.probabilities(pairs), strict=True)) if pairs else {}

    def score(checks: Checks | Abstain) -> Score:
        if isinstance(checks, Abstain):
            return checks
        return over_sentences(
            [doubt(np.stack([rows[pair] for pair in sentence])) for sentence in checks], over
        )

    return tuple(tuple(map(score, group)) for group in groups)
