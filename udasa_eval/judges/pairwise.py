"""Which of two answers a judge prefers, asked in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Grade, Judge, Prompt
from udasa_eval.judges.repeats import Judgements, check_unparsed, judged
from udasa_eval.judges.verdicts import parse_verdict

FORM = "verdict [[A]], [[B]] or [[C]]"


@dataclass(frozen=True, slots=True)
class PairVerdicts:
    """A judge's verdicts on n pairs of answers, R times in each order.

    first: the model's answer stood as A; swapped: as B. Values are 1 for the model, 0 for the baseline, 0.5
    for a tie, NaN where a verdict could not be parsed.
    """

    first: Judgements
    swapped: Judgements

    @property
    def preferences(self) -> NDArray[float64]:
        """Preferences (n, R): 1 a win, 0 a loss where both orders agree, otherwise 0.5, a tie (FastChat,
        llm_judge/show_result.py); NaN where either order was not parsed."""
        first, other = self.first.values, self.swapped.values
        preferences = np.where(first == other, first, 0.5)
        return np.where(np.isnan(first) | np.isnan(other), np.nan, preferences)

    @property
    def mean_preferences(self) -> NDArray[float64]:
        """The mean preference of each pair over the repeats that were parsed, (n,), NaN where none was."""
        values = self.preferences
        there = np.isfinite(values)
        count = there.sum(axis=1)
        sums = np.where(there, values, 0.0).sum(axis=1)
        result: NDArray[float64] = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
        return result

    @property
    def consistent(self) -> NDArray[float64]:
        """The share of each pair's repeats in which both orders say the same, (n,), NaN where none did
        parse."""
        there = np.isfinite(self.preferences)
        same = (self.first.values == self.swapped.values) & there
        count = there.sum(axis=1)
        result: NDArray[float64] = np.where(count > 0, same.sum(axis=1) / np.maximum(count, 1), np.nan)
        return result

    @property
    def both(self) -> Judgements:
        """All judgements of both orders: 2n items, the swapped ones behind the others."""
        values = np.concatenate([self.first.values, self.swapped.values])
        return Judgements(values, self.first.raws + self.swapped.raws, self.first.seeds)


def judge_pairs(
    suite: str,
    judge: Judge,
    first: Sequence[Prompt],
    swapped: Sequence[Prompt],
    seed: int,
    repeats: int,
    max_unparsed: float,
) -> PairVerdicts:
    """Ask a judge about every pair in both orders. Raises UdasaError where more than `max_unparsed` of its
    texts hold no verdict."""
    asked = judged(judge, [*first, *swapped], seed, repeats, _of_a)
    check_unparsed(suite, asked, max_unparsed, FORM)
    middle = len(first)
    back = 1.0 - asked.values[middle:]
    return PairVerdicts(
        Judgements(asked.values[:middle], asked.raws[:middle], asked.seeds),
        Judgements(back, asked.raws[middle:], asked.seeds),
    )


def _of_a(grade: Grade) -> float | None:
    """Return how far a judgement prefers the answer that stood as A."""
    verdict = parse_verdict(grade.raw)
    return None if verdict is None else {"A": 1.0, "tie": 0.5, "B": 0.0}[verdict]
