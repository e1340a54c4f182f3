"""Suite `sentiment`: controlled sentiment generation, scored by a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import content_key
from udasa_eval.measures.positivity import classifier_positivity, positive_label
from udasa_eval.suites.controlled_sentiment import ControlledSentiment, ReviewOptions

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from udasa_core import ModelKind


class Sentiment(ControlledSentiment):
    """Suite `sentiment`: continue the beginnings of reviews; a classifier says how positive it becomes.

    Positivity is the softmax probability of the classifier's positive label on the continuation alone. See
    ControlledSentiment for the metrics.
    """

    class Options(ReviewOptions):
        """Which beginnings, how they are continued, and which classifier reads them."""

        classifier: str = Field(
            min_length=1,
            description="The text-classification model: hf:, pypi: or file:, with safetensors.",
        )
        positive: str = Field(
            default="",
            description='Its label that means positive, where its config.json has none called "positive".',
        )

        @property
        def named_models(self) -> dict[str, ModelKind]:
            """The classifier."""
            return {self.classifier: "classifier"}

    options: Options

    def scorer(self) -> str:
        """Return the classifier's key and label. Raises UdasaError where no label means positive."""
        classifier = self.resources.classifier(self.options.classifier)
        return content_key(classifier.key, self._label())

    def positivity(self, texts: Sequence[str]) -> NDArray[float64]:
        """Return the classifier's probabilities of its positive label."""
        classifier = self.resources.classifier(self.options.classifier)
        return classifier_positivity(classifier, texts, self._label())

    def _label(self) -> str:
        classifier = self.resources.classifier(self.options.classifier)
        return positive_label(classifier.labels, self.options.positive, self.options.classifier)
