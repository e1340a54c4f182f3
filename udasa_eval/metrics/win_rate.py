"""The win rate, plain and length-controlled, as metrics of the library `evaluate`.

    from udasa_eval.metrics.win_rate import WinRate
    WinRate().compute(predictions=[1.0, 0.5, 0.0, 1.0])      # {"win_rate": 0.625}

Importing this takes as long as importing `evaluate`: seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from udasa_eval.judges.win_rate import length_controlled_win_rate, win_rate

_PREFERENCES = """
Args:
    predictions: a preference an item, in [0, 1]: 1 where the model beats the baseline, 0.5 for a tie.
"""
_LENGTHS = """    lengths, baseline_lengths: the lengths of the two answers to each item, in one unit.
"""
_RETURNS = """Returns:
    length_controlled_win_rate: in [0, 1], 0.5 is on a par; NaN where it cannot be told.
"""
_CITATION = """\
@article{dubois2024length,
  title = {Length-Controlled {AlpacaEval}: A Simple Way to Debias Automatic Evaluators},
  author = {Dubois, Yann and Galambosi, Balázs and Liang, Percy and Hashimoto, Tatsunori B.},
  journal = {arXiv:2404.04475},
  year = {2024}
}"""


class WinRate(evaluate.Metric):  # type: ignore[misc]
    """The mean preference over items, ties counting half."""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description="Win rate against a baseline, ties counting half.",
            citation="",
            inputs_description=f"{_PREFERENCES}Returns:\n    win_rate: in [0, 1], 0.5 is on a par.\n",
            features=datasets.Features({"predictions": datasets.Value("float64")}),
        )

    def _compute(self, predictions: Sequence[float]) -> dict[str, float]:
        return {"win_rate": win_rate(np.asarray(predictions, dtype=np.float64))}


class LengthControlledWinRate(evaluate.Metric):  # type: ignore[misc]
    """The win rate that a logistic regression on the difference of lengths tells for equal lengths."""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description="Win rate at equal length, by logistic regression on the difference of lengths.",
            citation=_CITATION,
            inputs_description=f"{_PREFERENCES}{_LENGTHS}{_RETURNS}",
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "lengths": datasets.Value("float64"),
                    "baseline_lengths": datasets.Value("float64"),
                }
            ),
        )

    def _compute(
        self, predictions: Sequence[float], lengths: Sequence[float], baseline_lengths: Sequence[float]
    ) -> dict[str, float]:
        columns = (
            np.asarray(values, dtype=np.float64) for values in (predictions, lengths, baseline_lengths)
        )
        return {"length_controlled_win_rate": length_controlled_win_rate(*columns)}
