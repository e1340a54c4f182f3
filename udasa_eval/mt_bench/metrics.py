"""Figures over MT-Bench's turns: a question's two turns are one cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.mt_bench.answers import TURNS, BenchAnswers


def turn_table(
    items: Sequence[tuple[int, int]], values: NDArray[float64], questions: int
) -> NDArray[float64]:
    """Return (questions, 2) values by question and turn, NaN where there is none."""
    table = np.full((questions, len(TURNS)), np.nan)
    for (place, turn), value in zip(items, values, strict=True):
        table[place, turn - 1] = value
    return table


def turn_mean(resamples: Resamples, name: str, table: NDArray[float64]) -> Metric:
    """Return the mean over all turns that have a value; n counts turns, intervals are over questions."""
    there = np.isfinite(table)
    over, under = np.where(there, table, 0.0).sum(axis=1), there.sum(axis=1)
    return resamples.ratio(name, over, under, int(under.sum()))


def answer_metrics(answers: Sequence[BenchAnswers], resamples: Resamples) -> list[Metric]:
    """Return truncated, and not_asked where a turn was not."""
    cut = np.array([sum(answer.truncated) for answer in answers])
    there = np.array([len(answer.texts) for answer in answers])
    metrics = [resamples.ratio("truncated", cut, there, int(there.sum()))]
    if (there < len(TURNS)).any():
        whole = np.full(len(answers), len(TURNS))
        metrics.append(resamples.ratio("not_asked", len(TURNS) - there, whole, int(whole.sum())))
    return metrics
