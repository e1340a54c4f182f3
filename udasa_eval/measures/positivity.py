"""How positive a text is: by a sequence classifier, or by VADER's lexicon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import Classifier, UdasaError

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_POSITIVE = ("positive", "pos")


def positive_label(labels: Sequence[str], named: str, source: str) -> str:
    """Return the label that means positive: `named`, or the one that the model's config calls positive.

    "LABEL_1" tells nothing: raises UdasaError with the labels where `named` is none of them, where it is
    empty and no label or more than one is called positive, or where there is no other label.
    """
    told = f"the classifier {source} has the labels {', '.join(labels)}"
    if len(labels) < 2:
        raise UdasaError(f"{told}: at least two are needed. Name another classifier")
    if named:
        if named not in labels:
            raise UdasaError(f"{told}, and positive = {named!r} is none of them: write one of these")
        return named
    found = [label for label in labels if label.lower() in _POSITIVE]
    if len(found) != 1:
        raise UdasaError(f"{told}: which one means positive? For example, write positive = {labels[-1]!r}")
    return found[0]


def classifier_positivity(classifier: Classifier, texts: Sequence[str], label: str) -> NDArray[float64]:
    """Return (len(texts),) probabilities of `label` in [0, 1]: the softmax over all of the classifier's
    labels, or the label's own sigmoid where its config says that labels may hold together.

    Raises UdasaError where its head is a regression.
    """
    import numpy as np

    if classifier.problem_type == "regression":
        raise UdasaError(
            "the classifier's head is a regression, whose logits are no labels': name another one"
        )
    logits = classifier.logits([(text,) for text in texts])
    if classifier.problem_type == "multi_label_classification":
        # By tanh, which overflows nowhere.
        own: NDArray[float64] = 0.5 * (1.0 + np.tanh(0.5 * logits[:, classifier.labels.index(label)]))
        return own
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    positive: NDArray[float64] = weights[:, classifier.labels.index(label)] / weights.sum(axis=1)
    return positive


def vader_positivity(texts: Sequence[str]) -> NDArray[float64]:
    """Return (len(texts),) positivities (1 + compound) / 2 in [0, 1]: 0.5 is neutral, or no known word.

    Source: VADER (Hutto and Gilbert 2014), by the package vaderSentiment. It knows English words and some
    rules for negation and emphasis, and nothing of context. Raises UdasaError where it is not installed.
    """
    import numpy as np

    try:
        from vaderSentiment import vaderSentiment
    except ImportError as error:
        raise UdasaError(
            "VADER is not installed: pip install vaderSentiment, or score by a classifier"
        ) from error
    analyzer = vaderSentiment.SentimentIntensityAnalyzer()
    compounds = np.array([analyzer.polarity_scores(text)["compound"] for text in texts], dtype=np.float64)
    positive: NDArray[float64] = 0.5 * (1.0 + compounds)
    return positive
