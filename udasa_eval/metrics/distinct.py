"""Distinct-n as a metric of the library `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

from udasa_eval.measures.distinct import distinct

_INPUTS = """
Args:
    predictions: the texts.
    orders: the n of the n-grams, (1, 2, 3) by default.
Returns:
    distinct_n for each n: different n-grams over all n-grams of all texts, in (0, 1]; 1 repeats nothing.
"""


class Distinct(evaluate.Metric):  # type: ignore[misc]
    """How many of the n-grams of texts differ (Li et al. 2016, arXiv 1510.03055)."""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description="Distinct-n: different n-grams of words over all of them.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: Sequence[str], orders: Sequence[int] = (1, 2, 3)) -> dict[str, float]:
        return {f"distinct_{n}": distinct(predictions, n) for n in orders}
