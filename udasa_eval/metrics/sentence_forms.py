"""Forms of sentences as a metric of the library `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

from udasa_eval.measures.sentence_forms import form_shares

_INPUTS = """
Args:
    predictions: the texts, in English.
Returns:
    questions, imperatives, passives, subordinate_clauses, list_items: shares of all sentences, in [0, 1];
    sentence_words: words in a sentence, on average.
"""


class SentenceForms(evaluate.Metric):  # type: ignore[misc]
    """Which share of the sentences of texts are questions, orders, passives, have clauses, or list."""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description="Shares of sentences by form, by rules for English.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: Sequence[str]) -> dict[str, float]:
        return form_shares(predictions)
