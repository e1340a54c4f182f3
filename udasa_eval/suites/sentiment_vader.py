"""Suite `sentiment.vader`: controlled sentiment generation, scored by a lexicon; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_eval.measures.positivity import vader_positivity
from udasa_eval.suites.controlled_sentiment import ControlledSentiment, ReviewOptions

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class VaderSentiment(ControlledSentiment):
    """Suite `sentiment.vader`: continue the beginnings of reviews; VADER says how positive it becomes.

    Positivity is (1 + compound) / 2: above 0.5 where the known words weigh towards the positive. Needs the
    extra `sentiment`. A lexicon is a coarse reader: 71.5% right on 200 IMDb reviews. See ControlledSentiment
    for the metrics.
    """

    class Options(ReviewOptions):
        """Which beginnings, and how they are continued."""

    def scorer(self) -> str:
        """Return the lexicon's version. Raises UdasaError where vaderSentiment is not installed."""
        from importlib.metadata import version

        vader_positivity([""])
        return f"vaderSentiment {version('vaderSentiment')}"

    def positivity(self, texts: Sequence[str]) -> NDArray[float64]:
        """Return the lexicon's positivities."""
        return vader_positivity(texts)
