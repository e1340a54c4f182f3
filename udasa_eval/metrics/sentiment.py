"""Positivity of texts as metrics of the library `evaluate`: by a classifier, and by VADER's lexicon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import evaluate

from udasa_core import load_classifier, resolve_encoder
from udasa_eval.measures.positivity import classifier_positivity, positive_label, vader_positivity

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_RETURNS = """
Returns:
    positivity: the mean over texts, in [0, 1].
    positive_share: the share of texts above 0.5.
    positivities: each text's.
"""
_CLASSIFIER = f"""
Args:
    predictions: the texts.
    classifier: the source of a transformers text-classification model ("hf:owner/name", "file:folder").
    positive: its label that means positive, where its config.json has none called so.
{_RETURNS}"""
_VADER = f"""
Args:
    predictions: the texts.
{_RETURNS}"""


class ClassifierPositivity(evaluate.Metric):  # type: ignore[misc]
    """The probability of a classifier's positive label."""

    def _info(self) -> Any:
        return _info("Positivity of texts by a sequence classifier.", _CLASSIFIER)

    def _compute(self, predictions: Sequence[str], classifier: str, positive: str = "") -> dict[str, Any]:
        read = load_classifier(resolve_encoder(classifier, root=Path.cwd(), dtype="float32"))
        return _summary(
            classifier_positivity(read, predictions, positive_label(read.labels, positive, classifier))
        )


class VaderPositivity(evaluate.Metric):  # type: ignore[misc]
    """(1 + compound) / 2 of VADER's lexicon (Hutto and Gilbert 2014); needs vaderSentiment."""

    def _info(self) -> Any:
        return _info("Positivity of texts by VADER's lexicon.", _VADER)

    def _compute(self, predictions: Sequence[str]) -> dict[str, Any]:
        return _summary(vader_positivity(predictions))


def _info(description: str, inputs: str) -> Any:
    return evaluate.MetricInfo(
        description=description,
        citation="",
        inputs_description=inputs,
        features=datasets.Features({"predictions": datasets.Value("string")}),
    )


def _summary(positivities: NDArray[float64]) -> dict[str, Any]:
    return {
        "positivity": float(positivities.mean()),
        "positive_share": float((positivities > 0.5).mean()),
        "positivities": positivities.tolist(),
    }
