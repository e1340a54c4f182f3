"""Aggregation `noisy-or`: U is the probability that at least one dimension's alarm is true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from udasa_core import Plugin, Score, hookimpl
from udasa_plugin_aggregation.voices import Voice, combine_each


class NoisyOr(Plugin):
    """U in [0, 1] for each response: 0 where every dimension is certain, 1 where any one is most uncertain.

    Formula, over the dimensions d that did not abstain for this response, W being the sum of all positive
    weights and W′ that of these:

        U = 1 − Π_d (1 − u_d)^{e_d},   e_d = (w_d / max w) · (W / W′)

    With equal weights and no abstention that is the noisy-or of independent causes, 1 − Π (1 − u_d): several
    moderate doubts add up. The heaviest dimension counts in full, a lighter one as a fraction of a cause; a
    dimension with weight 0 never counts. The others stand in for one that abstained, in proportion to their
    weights: or else having been left unread would make a response more certain. Abstains, with the
    dimensions' reasons, where all abstained.

    Source: Pearl (1988), Probabilistic Reasoning in Intelligent Systems, section 4.3.2; the exponents are
    ours. The dimensions are correlated in truth, so the level of U is too high; without abstentions its order
    is that of the weighted geometric mean of 1 − u_d.
    """

    label_free = True

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        counted = [weights[name] for name in columns if weights[name] > 0]
        heaviest, total = max(counted), math.fsum(counted)
        return combine_each(columns, weights, lambda voices: _noisy_or(voices, heaviest, total))


def _noisy_or(voices: Sequence[Voice], heaviest: float, total: float) -> float:
    if any(u == 1.0 for _, u in voices):
        return 1.0
    spoken = math.fsum(w for w, _ in voices)
    # In logarithms, where small scores keep their digits and fsum makes the order of dimensions indifferent.
    logarithm = math.fsum((w / heaviest) * (total / spoken) * math.log1p(-u) for w, u in voices)
    return -math.expm1(logarithm)
